/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/capture - reads a capture file by libpcap.
 */
#include "capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

enum { CAPTURE_FRAME_MAX_BYTES = 2048, CAPTURE_ETHERNET = 1 };

struct capture_room {
	size_t frames, bytes, used_bytes;
};

/* capture_append keeps one frame; both arrays grow by doubling. */
static int
capture_append(struct gen_capture *self, struct capture_room *room, uint64_t time_ns,
	       const uint8_t *frame, uint32_t frame_bytes)
{
	if (self->count == room->frames) {
		size_t wanted = room->frames ? 2 * room->frames : 1024;
		void *grown = realloc(self->frames, wanted * sizeof(*self->frames));

		if (!grown)
			return -ENOMEM;
		self->frames = grown;
		room->frames = wanted;
	}
	if (room->used_bytes + frame_bytes > room->bytes) {
		size_t wanted = room->bytes ? 2 * room->bytes : 1 << 20;
		void *grown = realloc(self->bytes, wanted);

		if (!grown)
			return -ENOMEM;
		self->bytes = grown;
		room->bytes = wanted;
	}
	memcpy(self->bytes + room->used_bytes, frame, frame_bytes);
	self->frames[self->count].offset = room->used_bytes;
	self->frames[self->count].time_ns = time_ns;
	self->frames[self->count].frame_bytes = frame_bytes;
	self->count++;
	room->used_bytes += frame_bytes;
	return 0;
}

int
gen_capture_read(struct gen_capture *self, const char *path, struct mr_error *error)
{
	char reason[PCAP_ERRBUF_SIZE] = "";
	struct capture_room room = { 0 };
	struct pcap_pkthdr *header;
	const uint8_t *frame;
	uint64_t first_ns = 0;
	int code = 0, got;
	pcap_t *file;

	memset(self, 0, sizeof(*self));
	file = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, reason);
	if (!file)
		return mr_error_set(error, -EINVAL, "%s", reason);
	if (pcap_datalink(file) != CAPTURE_ETHERNET)
		code = mr_error_set(error, -EINVAL, "%s: not a capture of Ethernet frames", path);
	while (!code && (got = pcap_next_ex(file, &header, &frame)) == 1) {
		uint64_t time_ns =
			(uint64_t)header->ts.tv_sec * MR_NS_PER_S + (uint64_t)header->ts.tv_usec;

		if (header->caplen != header->len || header->len > CAPTURE_FRAME_MAX_BYTES ||
		    header->len < 14) {
			code = mr_error_set(
				error, -EINVAL,
				"%s: frame %zu was cut, is shorter than 14 or longer than "
				"%d bytes",
				path, self->count + 1, CAPTURE_FRAME_MAX_BYTES);
			break;
		}
		if (!self->count)
			first_ns = time_ns;
		code = capture_append(self, &room, time_ns > first_ns ? time_ns - first_ns : 0,
				      frame, header->len);
		if (code)
			mr_error_set(error, code, "%s: no memory for frame %zu", path,
				     self->count + 1);
	}
	if (!code && got == PCAP_ERROR)
		code = mr_error_set(error, -EINVAL, "%s: %s", path, pcap_geterr(file));
	if (!code && !self->count)
		code = mr_error_set(error, -EINVAL, "%s: no frames", path);
	pcap_close(file);
	if (code)
		gen_capture_free(self);
	return code;
}

void
gen_capture_free(struct gen_capture *self)
{
	free(self->frames);
	free(self->bytes);
	memset(self, 0, sizeof(*self));
}
