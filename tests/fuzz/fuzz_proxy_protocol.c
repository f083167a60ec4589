/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_proxy_protocol - any octets at the start of a connection: the verdict does not depend on how
 * they come, and what is read can be written and read back.
 */
#include <stdlib.h>
#include <string.h>

#include "../../lib/proxy/proxy_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

static void
write_again(const struct mr_proxy_header *header,
	    void (*put)(struct mr_writer *out, const struct mr_proxy_header *header))
{
	uint8_t bytes[MR_PROXY_HEADER_WRITE_BYTES];
	struct mr_writer out = mr_writer_over(bytes, sizeof(bytes));
	struct mr_proxy_header again;

	put(&out, header);
	MR_ASSERT(!out.failed);
	MR_ASSERT(mr_proxy_header_read(bytes, (size_t)(out.at - bytes), &again) ==
		  MR_PROXY_HEADER_DONE);
	MR_ASSERT(again.local == header->local);
	MR_ASSERT(header->local || (mr_addr_equal(&again.source, &header->source) &&
				    again.destination_port == header->destination_port));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
	struct mr_proxy_header header, part;
	enum mr_proxy_header_verdict verdict,
		whole = mr_proxy_header_read(bytes, byte_count, &header);

	for (size_t i = 0; i < byte_count; i++) {
		uint8_t *exact = malloc(i + 1); /* so that reading beyond is seen */

		memcpy(exact, bytes, i);
		verdict = mr_proxy_header_read(exact, i, &part);
		free(exact);
		if (verdict != MR_PROXY_HEADER_MORE) {
			MR_ASSERT(verdict == whole);
			break;
		}
		MR_ASSERT(i < MR_PROXY_HEADER_BYTES);
	}
	if (whole != MR_PROXY_HEADER_DONE)
		return 0;
	MR_ASSERT(header.byte_count <= byte_count);
	write_again(&header, mr_proxy_header_write_v1);
	write_again(&header, mr_proxy_header_write_v2);
	return 0;
}
