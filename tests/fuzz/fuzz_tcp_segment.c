/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_tcp_segment - a connection in some state, then a row of segments, calls and pauses.
 *
 * Input: one byte of options, one that says which state the connection is in (every one of RFC 9293
 * 3.3.2, and the compact TIME-WAIT), then steps:
 *   {op, ...}  op & 3: 0 a segment {flags, seq offset 16, ack offset 16, window 16, payload 8 x 8,
 *                       option bytes 8, options...}, its numbers counted from RCV.NXT and SND.UNA
 *                      1 raw bytes {count 8, bytes...} as a segment
 *                      2 time {2^(value % 24) us}
 *                      3 a call {which, count 8 x 16}
 * Invariants: tcp_check after every entry (fuzz builds have the slow checks);
 * closed comes once; at the end nothing is left in any pool, no generator, no pin.
 */
#include <stdlib.h>

#include "../../lib/tcp/tcp_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATTERN_BYTES = 65536 };

struct rig {
	struct mr_tcp *tcp;
	struct mr_tcp_flow flow;
	uint64_t now_ns, metrics[MR_TCP_METRIC_COUNT];
	uint32_t conn, live, gens, pins, take;
	bool opening; /* conn is ours, and not established yet */
};

static uint8_t pattern[PATTERN_BYTES];
static struct mr_arena arena;

static bool
output(void *context, const struct mr_tcp_out *out)
{
	struct rig *r = context;
	struct mr_tcp_segment seg;
	uint32_t payload = 0;

	for (int i = 0; i < out->piece_count; i++)
		payload += out->pieces[i].byte_count;
	if (!mr_tcp_segment_parse(out->header, out->header_bytes, &seg) || seg.options_broken ||
	    payload != out->payload_bytes)
		abort();
	return (r->take & 7) != 7;
}

static void
on_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct rig *r = context;

	(void)tcp;
	if (r->opening && conn == r->conn) { /* counted when it was opened */
		r->opening = false;
		return;
	}
	r->conn = conn;
	r->live++;
}

static uint32_t
on_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes, uint32_t count)
{
	struct rig *r = context;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += bytes[i]; /* the sanitizer looks at each */
	(void)tcp;
	(void)conn;
	r->take += sum & 1;
	return r->take & 16 ? count : r->take & 32 ? 0 : count / 2;
}

static void
on_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct rig *r = context;

	(void)tcp;
	(void)reason;
	if (conn == r->conn) {
		r->conn = 0;
		r->opening = false;
	}
	r->live--;
}

static uint32_t
gen_plan(void *context, uint64_t cookie, uint32_t offset, uint32_t room_bytes, bool *end)
{
	struct rig *r = context;
	uint32_t n = MR_MIN(room_bytes, (uint32_t)cookie - offset);

	if (r->take & 8)
		n /= 2;
	*end = offset + n == cookie;
	return n;
}

static void
gen_fill(void *context, uint64_t cookie, uint32_t offset, uint8_t *out, uint32_t count)
{
	(void)context;
	if (offset + count > cookie)
		abort();
	memset(out, (int)offset, count);
}

static void
gen_acked(void *context, uint64_t cookie, uint32_t offset)
{
	(void)context;
	if (offset > cookie)
		abort();
}

static void
gen_release(void *context, uint64_t cookie)
{
	(void)cookie;
	((struct rig *)context)->gens--;
}

static void
unpin(void *context, uint32_t pin)
{
	(void)pin;
	((struct rig *)context)->pins--;
}

static const struct mr_tcp_app_ops ops = {
	.name = "fuzz", .accepted = on_accepted, .readable = on_readable, .closed = on_closed
};
static const struct mr_tcp_gen_ops gen_ops = { gen_plan, gen_fill, gen_acked, gen_release };

static void
rig_begin(struct rig *r, uint8_t options)
{
	struct mr_tcp_config c = { .conn_limit = 4,
				   .time_wait_limit = 2,
				   .tx_limit = 2,
				   .rx_limit = 2,
				   .extent_limit = 32,
				   .run_limit = 24,
				   .chunk_limit = 16,
				   .half_open_limit = options & 1 ? 0 : 4,
				   .receive_initial_bytes = 8192,
				   .receive_max_bytes = 65536,
				   .no_sack = options & 2,
				   .no_timestamps = options & 4,
				   .no_window_scale = options & 8,
				   .no_ecn = options & 16,
				   .keepalive_idle_ms = 60000,
				   .output = output,
				   .output_context = r,
				   .metrics = r->metrics };
	struct mr_tcp_app app = {
		.ops = &ops, .context = r, .nodelay = options & 32, .keepalive = options & 64
	};
	struct mr_tcp_region region = { pattern, sizeof(pattern), unpin, r };
	struct mr_tcp_gen gen = { &gen_ops, r };
	struct mr_error error = { 0 };

	*r = (struct rig){ .now_ns = MR_NS_PER_S, .take = 16 };
	r->flow = (struct mr_tcp_flow){ .local = mr_addr_from_v4("\x0a\x00\x00\x01"),
					.remote = mr_addr_from_v4("\x0a\x00\x00\x02"),
					.local_port = 80,
					.remote_port = 1000 };
	if (arena.base == NULL && mr_arena_create(&arena, "fuzz", 4 << 20, false, &error) != 0)
		abort();
	/* one arena for all runs, zeroed as a new one is: else mapping pages is all that happens */
	if (arena.taken_bytes > MR_CACHE_LINE)
		memset(arena.base + MR_CACHE_LINE, 0, arena.taken_bytes - MR_CACHE_LINE);
	arena.taken_bytes = MR_CACHE_LINE;
	if (mr_tcp_create(&r->tcp, &c, &arena, r->now_ns, &error) != 0)
		abort();
	mr_tcp_app_set(r->tcp, 0, &app);
	mr_tcp_region_set(r->tcp, 0, &region);
	mr_tcp_gen_set(r->tcp, 0, &gen);
}

static void
put(struct rig *r, const uint8_t *bytes, uint32_t byte_count, uint8_t ecn)
{
	struct mr_tcp_in in = {
		.bytes = bytes, .byte_count = (uint16_t)byte_count, .ecn = ecn, .flow = r->flow
	};

	mr_tcp_input(r->tcp, &in);
}

static const struct tcp_tcb *
tcb(const struct rig *r)
{
	static const struct tcp_tcb none;
	uint32_t slot = tcp_table_find(r->tcp, tcp_flow_hash(r->tcp, &r->flow), &r->flow);

	return slot && !(slot & TCP_SLOT_TIME_WAIT) ? tcp_tcb(r->tcp, slot) : &none;
}

static void
segment(struct rig *r, struct mr_cursor *c)
{
	struct mr_tcp_segment seg = { .flags = mr_cursor_u8(c), .wscale = MR_TCP_WSCALE_NONE };
	static uint8_t bytes[MR_TCP_HEADER_MAX_BYTES + 256 * 8];
	uint32_t payload, option_bytes;
	const uint8_t *options;

	seg.src_port = 1000;
	seg.dst_port = 80;
	seg.seq = tcb(r)->rcv_nxt + (uint32_t)(int16_t)mr_cursor_be16(c);
	seg.ack = tcb(r)->snd_una + (uint32_t)(int16_t)mr_cursor_be16(c);
	seg.wnd = mr_cursor_be16(c);
	payload = mr_cursor_u8(c) * 8u;
	option_bytes = mr_cursor_u8(c) % 11 * 4u;
	options = mr_cursor_take(c, option_bytes);
	if (options == NULL)
		return;
	mr_tcp_segment_write(&seg, bytes);
	bytes[12] = (uint8_t)((MR_TCP_HEADER_BYTES + option_bytes) / 4 << 4);
	memcpy(bytes + MR_TCP_HEADER_BYTES, options, option_bytes);
	memset(bytes + MR_TCP_HEADER_BYTES + option_bytes, 'x', payload);
	put(r, bytes, MR_TCP_HEADER_BYTES + option_bytes + payload, seg.wnd & 3);
}

/* answer sends what the peer would: a segment without data, with the flags given and ACK. */
static void
answer(struct rig *r, uint8_t flags, uint32_t ack)
{
	struct mr_tcp_segment seg = { .src_port = 1000,
				      .dst_port = 80,
				      .flags = flags | MR_TCP_ACK,
				      .seq = tcb(r)->rcv_nxt,
				      .ack = ack,
				      .wnd = 8000,
				      .wscale = MR_TCP_WSCALE_NONE,
				      .has_ts = true,
				      .tsval = 3 };
	uint8_t bytes[MR_TCP_HEADER_MAX_BYTES];

	put(r, bytes, mr_tcp_segment_write(&seg, bytes), 0);
}

/* closing takes an established connection on into one of the states of its end. */
static void
closing(struct rig *r, uint8_t which)
{
	bool ours_first = which == 1 || which == 2 || which == 5 || which == 6;

	if (r->conn == 0 || which == 0 || which > 6)
		return; /* ESTABLISHED */
	if (ours_first)
		mr_tcp_shutdown(r->tcp, r->conn); /* FIN-WAIT-1 */
	if (which == 2 || which == 6)
		answer(r, 0, tcb(r)->snd_nxt); /* FIN-WAIT-2 */
	if (which >= 3)                        /* CLOSE-WAIT; CLOSING; TIME-WAIT */
		answer(r, MR_TCP_FIN, which == 5 ? tcb(r)->snd_una : tcb(r)->snd_nxt);
	if (which == 4 && r->conn)
		mr_tcp_shutdown(r->tcp, r->conn); /* LAST-ACK */
}

static void
handshake(struct rig *r, uint8_t how)
{
	struct mr_tcp_segment seg = { .src_port = 1000,
				      .dst_port = 80,
				      .flags = MR_TCP_SYN,
				      .seq = how & 128 ? 0xfffffff0 : 1000,
				      .wnd = 8000,
				      .mss = 536,
				      .wscale = 2,
				      .sack_permitted = true,
				      .has_ts = true,
				      .tsval = 1 };
	uint8_t bytes[MR_TCP_HEADER_MAX_BYTES];

	if ((how & 3) == 0) {
		if (how & 64) { /* SYN-SENT */
			r->conn = mr_tcp_connect(r->tcp, &r->flow, 0, 0);
			r->opening = r->conn != 0;
			r->live += r->opening;
		}
		return;
	}
	put(r, bytes, mr_tcp_segment_write(&seg, bytes), 0);
	if ((how & 3) == 1 || tcb(r)->state != MR_TCP_SYN_RECEIVED)
		return;
	seg = (struct mr_tcp_segment){ .src_port = 1000,
				       .dst_port = 80,
				       .flags = MR_TCP_ACK,
				       .seq = seg.seq + 1,
				       .ack = tcb(r)->snd_nxt,
				       .wnd = 8000,
				       .wscale = MR_TCP_WSCALE_NONE,
				       .has_ts = true,
				       .tsval = 2 };
	put(r, bytes, mr_tcp_segment_write(&seg, bytes), 0);
	closing(r, how >> 2 & 7);
}

static void
call(struct rig *r, struct mr_cursor *c)
{
	uint8_t which = mr_cursor_u8(c), out[64];
	uint32_t count = mr_cursor_u8(c) * 16u;

	r->take = which;
	if (r->conn == 0) {
		struct mr_tcp_flow flow = r->flow;

		flow.remote_port = (uint16_t)(2000 + which % 4);
		if (which & 128) {
			r->conn = mr_tcp_connect(r->tcp, &flow, 0, 0);
			r->live += r->conn != 0;
			if (r->conn) /* `accepted` comes later: it is one and the same */
				mr_tcp_abort(r->tcp, r->conn);
		}
		return;
	}
	switch (which % 10) {
	case 0:
		(void)!mr_tcp_send(r->tcp, r->conn, pattern, count);
		break;
	case 1:
		r->pins++;
		if (!mr_tcp_send_ref(r->tcp, r->conn, 0, count, count, 1))
			r->pins--;
		break;
	case 2:
		r->gens++;
		if (!mr_tcp_send_gen(r->tcp, r->conn, 0, count))
			r->gens--;
		break;
	case 3:
		mr_tcp_resume(r->tcp, r->conn);
		break;
	case 4:
		mr_tcp_shutdown(r->tcp, r->conn);
		break;
	case 5:
		mr_tcp_close(r->tcp, r->conn);
		break;
	case 6:
		mr_tcp_peek(r->tcp, r->conn, count, out, sizeof(out));
		break;
	case 7:
		mr_tcp_deadline(r->tcp, r->conn, count);
		break;
	case 8:
		mr_tcp_icmp(r->tcp, &r->flow, tcb(r)->snd_una, (enum mr_tcp_icmp)(count / 16 % 3),
			    3, 4, count);
		break;
	case 9:
		if (count == 16)
			mr_tcp_abort(r->tcp, r->conn);
		break;
	}
}

static void
step(struct rig *r, struct mr_cursor *c)
{
	const uint8_t *bytes;
	uint8_t count;

	switch (mr_cursor_u8(c) & 3) {
	case 0:
		segment(r, c);
		break;
	case 1:
		count = mr_cursor_u8(c);
		bytes = mr_cursor_take(c, count);
		if (bytes)
			put(r, bytes, count, 0);
		break;
	case 2:
		r->now_ns += 1000ull << mr_cursor_u8(c) % 24;
		mr_tcp_turn(r->tcp, r->now_ns, 100);
		break;
	case 3:
		call(r, c);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mr_cursor c = mr_cursor_over(data, size);
	static struct rig r;
	uint8_t options = mr_cursor_u8(&c), how = mr_cursor_u8(&c);

	rig_begin(&r, options);
	handshake(&r, how);
	for (int i = 0; i < 200 && mr_cursor_left(&c); i++)
		step(&r, &c);
	for (uint32_t conn = 1; conn < r.tcp->tcbs.fresh; conn++)
		if (!(tcp_tcb(r.tcp, conn)->generation & 1))
			mr_tcp_abort(r.tcp, conn);
	if (r.live || r.gens || r.pins || r.tcp->tcbs.used || r.tcp->txs.used || r.tcp->rxs.used ||
	    r.tcp->runs.used || r.tcp->extents.used || r.tcp->chunks.used || r.tcp->wheel.count)
		abort();
	mr_tcp_destroy(r.tcp);
	return 0;
}
