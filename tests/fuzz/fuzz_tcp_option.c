/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_tcp_option - the option list of one segment, and what is written of what was read.
 *
 * Input: a flags byte, then the option bytes (padded to words with end-of-list, 40 at most).
 * Invariants: what is taken obeys its bounds; what is written from it reads the same again; the
 * payload is what follows the header.
 */
#include <stdlib.h>

#include "tcp/tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPTION_BYTES_MAX = 40, PAYLOAD_BYTES = 5 };

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
check_same(const struct mr_tcp_segment *a, const struct mr_tcp_segment *b)
{
	check(a->flags == b->flags && a->seq == b->seq && a->ack == b->ack && a->wnd == b->wnd);
	check(a->mss == b->mss && a->wscale == b->wscale);
	check(a->sack_permitted == b->sack_permitted && a->has_ts == b->has_ts);
	check(!a->has_ts || (a->tsval == b->tsval && a->tsecr == b->tsecr));
	check(a->sack_count == b->sack_count);
	for (uint32_t i = 0; i < a->sack_count; i++)
		check(a->sacks[i].left == b->sacks[i].left &&
		      a->sacks[i].right == b->sacks[i].right);
}

/* fits: what was read of a hostile list need not fit into a list of ours. */
static bool
fits(const struct mr_tcp_segment *s)
{
	return (s->mss ? 4 : 0) + (s->wscale != MR_TCP_WSCALE_NONE ? 4 : 0) +
		       (s->sack_permitted ? 4 : 0) + (s->has_ts ? 12 : 0) +
		       (s->sack_count ? 4 + 8 * s->sack_count : 0) <=
	       OPTION_BYTES_MAX;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[MR_TCP_HEADER_MAX_BYTES + PAYLOAD_BYTES] = { 0 };
	uint32_t option_bytes, header_bytes, written;
	struct mr_tcp_segment seg, again;

	if (size == 0)
		return 0;
	option_bytes = (uint32_t)MR_MIN(size - 1, (size_t)OPTION_BYTES_MAX);
	header_bytes = MR_TCP_HEADER_BYTES + (option_bytes + 3) / 4 * 4;
	memcpy(bytes + MR_TCP_HEADER_BYTES, data + 1, option_bytes);
	bytes[12] = (uint8_t)(header_bytes / 4 << 4);
	bytes[13] = data[0];
	memset(bytes + header_bytes, 'p', PAYLOAD_BYTES);
	check(mr_tcp_segment_parse(bytes, header_bytes + PAYLOAD_BYTES, &seg));
	check(seg.payload == bytes + header_bytes && seg.payload_bytes == PAYLOAD_BYTES);
	check(seg.flags == data[0]);
	check(seg.wscale <= 14 || seg.wscale == MR_TCP_WSCALE_NONE);
	check(seg.sack_count <= MR_TCP_SACK_MAX);
	/* a header that ends before its list, or is shorter than a header, is refused */
	check(!mr_tcp_segment_parse(bytes, header_bytes - 1, &again));
	if (!fits(&seg))
		return 0;
	written = mr_tcp_segment_write(&seg, bytes);
	check(written <= MR_TCP_HEADER_MAX_BYTES);
	check(mr_tcp_segment_parse(bytes, written, &again) && !again.options_broken);
	check_same(&seg, &again);
	return 0;
}
