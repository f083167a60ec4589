/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/pcapfile - the file header, the record headers.
 */
#include "pcapfile.h"

#include <errno.h>
#include <string.h>

enum { PCAP_MAGIC_NS = (int)0xa1b23c4d, PCAP_SNAP_BYTES = 65535, PCAP_ETHERNET = 1 };

FILE *
gen_pcap_create(const char *path, struct mr_error *error)
{
	const uint32_t header[6] = { (uint32_t)PCAP_MAGIC_NS, 2 | 4 << 16,  0, 0,
				     PCAP_SNAP_BYTES,         PCAP_ETHERNET };
	FILE *file = fopen(path, "we");

	if (!file) {
		mr_error_set(error, -errno, "%s: %s", path, strerror(errno));
		return NULL;
	}
	fwrite(header, sizeof(header), 1, file);
	return file;
}

void
gen_pcap_write(FILE *file, uint64_t time_ns, const uint8_t *frame, uint32_t frame_bytes)
{
	const uint32_t header[4] = { (uint32_t)(time_ns / MR_NS_PER_S),
				     (uint32_t)(time_ns % MR_NS_PER_S), frame_bytes, frame_bytes };

	fwrite(header, sizeof(header), 1, file);
	fwrite(frame, frame_bytes, 1, file);
}

int
gen_pcap_close(FILE *file, const char *path, struct mr_error *error)
{
	int failed = ferror(file);

	failed |= fclose(file);
	return failed ? mr_error_set(error, -EIO, "%s: cannot write", path) : 0;
}
