/* SPDX-License-Identifier: Apache-2.0
 *
 * script_world - the stack under a script, its peer's wire and its application.
 */
#include <stdio.h>

#include "script.h"

uint8_t script_pattern[2 * SCRIPT_PATTERN];

/* ---- the wire ---- */

static bool
output(void *context, const struct mr_tcp_out *out)
{
	struct script *s = context;
	struct script_out *o = &s->outs[s->out_tail % SCRIPT_OUT_MAX];
	uint8_t bytes[9300];
	uint32_t count = out->header_bytes;

	if (s->refuse_output)
		return false;
	memcpy(bytes, out->header, out->header_bytes);
	for (int i = 0; i < out->piece_count; i++) {
		memcpy(bytes + count, out->pieces[i].bytes, out->pieces[i].byte_count);
		count += out->pieces[i].byte_count;
	}
	if (!mr_tcp_segment_parse(bytes, count, &o->seg) || o->seg.options_broken)
		script_fail(s, "a broken segment left");
	if (!s->running)
		return true;
	if (!mr_addr_equal(&out->flow.local, &s->flow.local) ||
	    !mr_addr_equal(&out->flow.remote, &s->flow.remote))
		script_fail(s, "a segment left from or to another address");
	if (s->out_tail - s->out_head == SCRIPT_OUT_MAX)
		script_fail(s, "too many segments left unread");
	s->out_tail++;
	o->ecn = out->ecn;
	o->path = out->flow.path;
	o->at_ns = s->now_ns;
	if (o->seg.flags & MR_TCP_SYN) {
		s->iss = o->seg.seq;
		s->iss_known = true;
	}
	o->payload_right = true;
	for (uint32_t i = 0; i < o->seg.payload_bytes; i++)
		if (o->seg.payload[i] !=
		    script_pattern[(o->seg.seq - s->iss - 1 + i) % SCRIPT_PATTERN])
			o->payload_right = false;
	if (o->seg.has_ts) {
		if (s->first_tsval == 0)
			s->first_tsval = o->seg.tsval;
		s->last_tsval = o->seg.tsval;
	}
	return true;
}

struct script_out *
script_next_out(struct script *s)
{
	return s->out_head == s->out_tail ? NULL : &s->outs[s->out_head++ % SCRIPT_OUT_MAX];
}

void
script_input(struct script *s, struct mr_tcp_segment *seg, uint8_t ecn, uint16_t path)
{
	uint8_t bytes[MR_TCP_HEADER_MAX_BYTES + 65536];
	uint32_t offset = seg->seq - s->peer_iss - !(seg->flags & MR_TCP_SYN), header_bytes;
	struct mr_tcp_in in = { .bytes = bytes, .ecn = ecn, .flow = s->flow };

	in.flow.path = path;
	seg->src_port = s->flow.remote_port;
	seg->dst_port = s->flow.local_port;
	header_bytes = mr_tcp_segment_write(seg, bytes);
	if (s->opt_count) {
		memset(bytes + header_bytes, 0, SCRIPT_OPT_MAX); /* the rest of a word: no more */
		memcpy(bytes + header_bytes, s->opt, s->opt_count);
		header_bytes += (s->opt_count + 3) / 4 * 4;
		bytes[12] = (uint8_t)(header_bytes / 4 << 4);
		s->opt_count = 0;
	}
	for (uint32_t i = 0; i < seg->payload_bytes; i++)
		bytes[header_bytes + i] = script_pattern[(offset + i) % SCRIPT_PATTERN];
	in.byte_count = (uint16_t)(header_bytes + seg->payload_bytes);
	in.app = s->flow.local_port == SCRIPT_LOCAL_PORT ? 0 : MR_TCP_APP_NONE;
	if (!s->hold) {
		mr_tcp_input(s->tcp, &in);
		return;
	}
	if (s->held_count == SCRIPT_HELD_MAX ||
	    s->held_byte_count + in.byte_count > SCRIPT_HELD_BYTES) {
		script_fail(s, "too much for one burst");
		return;
	}
	in.bytes = memcpy(s->held_bytes + s->held_byte_count, bytes, in.byte_count);
	s->held_byte_count += in.byte_count;
	s->held[s->held_count++] = in;
}

void
script_release(struct script *s)
{
	mr_tcp_input_burst(s->tcp, s->held, s->held_count);
	s->hold = false;
	s->held_count = s->held_byte_count = 0;
}

/* ---- the application ---- */

static void
note(struct script *s, const char *name, const char *reason)
{
	struct script_event *e = &s->events[s->event_tail % SCRIPT_EVENT_MAX];

	if (!s->running)
		return;
	if (s->event_tail - s->event_head == SCRIPT_EVENT_MAX) {
		script_fail(s, "too many events left unread");
		return;
	}
	s->event_tail++;
	snprintf(e->name, sizeof(e->name), "%s", name);
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
}

static void
on_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct script *s = context;

	(void)tcp;
	s->conn = conn;
	note(s, "accepted", "");
}

static uint32_t
on_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes, uint32_t count)
{
	struct script *s = context;

	(void)tcp;
	(void)conn;
	if (s->paused)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		if (bytes[i] != script_pattern[(s->got + i) % SCRIPT_PATTERN])
			script_fail(s, "wrong byte at %llu", (unsigned long long)s->got + i);
	s->got += count;
	return count;
}

static void
on_acked(void *context, struct mr_tcp *tcp, uint32_t conn, uint32_t bytes)
{
	struct script *s = context;

	(void)tcp;
	(void)conn;
	s->acked += bytes;
}

static void
on_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	(void)tcp;
	(void)conn;
	note(context, "peer_closed", "");
}

static void
on_deadline(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	(void)tcp;
	(void)conn;
	note(context, "deadline", "");
}

static void
on_error(void *context, struct mr_tcp *tcp, uint32_t conn, uint8_t type, uint8_t code)
{
	(void)tcp;
	(void)conn;
	(void)type;
	(void)code;
	note(context, "error", "");
}

static void
on_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct script *s = context;

	(void)tcp;
	if (conn == s->conn)
		s->conn = 0;
	note(s, "closed", mr_tcp_reason_name(reason));
}

static const struct mr_tcp_app_ops app_ops = {
	.name = "script",
	.accepted = on_accepted,
	.readable = on_readable,
	.acked = on_acked,
	.peer_closed = on_peer_closed,
	.deadline = on_deadline,
	.error = on_error,
	.closed = on_closed,
};

const struct script_event *
script_next_event(struct script *s)
{
	return s->event_head == s->event_tail ? NULL
					      : &s->events[s->event_head++ % SCRIPT_EVENT_MAX];
}

/* ---- sources: the pattern, by stream offset; a generator's cookie is start << 32 | total ---- */

static uint32_t
gen_plan(void *context, uint64_t cookie, uint32_t offset, uint32_t room_bytes, bool *end)
{
	uint32_t n = MR_MIN(room_bytes, (uint32_t)cookie - offset);

	(void)context;
	*end = offset + n == (uint32_t)cookie;
	return n;
}

static void
gen_fill(void *context, uint64_t cookie, uint32_t offset, uint8_t *out, uint32_t count)
{
	(void)context;
	for (uint32_t i = 0; i < count; i++)
		out[i] = script_pattern[((cookie >> 32) + offset + i) % SCRIPT_PATTERN];
}

static void
gen_acked(void *context, uint64_t cookie, uint32_t offset)
{
	(void)context;
	(void)cookie;
	(void)offset;
}

static void
gen_release(void *context, uint64_t cookie)
{
	struct script *s = context;

	(void)cookie;
	s->gens--;
}

static void
unpin(void *context, uint32_t pin)
{
	struct script *s = context;

	(void)pin;
	s->pins--;
}

bool
script_gen(struct script *s, uint32_t count)
{
	uint64_t cookie = s->queued << 32 | count;

	s->gens++;
	s->queued += count;
	return mr_tcp_send_gen(s->tcp, s->conn, 0, cookie);
}

bool
script_ref(struct script *s, uint32_t count)
{
	s->pins++;
	s->queued += count;
	return mr_tcp_send_ref(s->tcp, s->conn, 0, (s->queued - count) % SCRIPT_PATTERN, count, 1);
}

uint32_t
script_send(struct script *s, uint32_t count)
{
	uint32_t taken =
		mr_tcp_send(s->tcp, s->conn, script_pattern + s->queued % SCRIPT_PATTERN, count);

	s->queued += taken;
	return taken;
}

/* ---- begin, end, time ---- */

void
script_begin(struct script *s)
{
	static const struct mr_tcp_gen_ops gen_ops = { gen_plan, gen_fill, gen_acked, gen_release };
	struct mr_tcp_region region = { script_pattern, sizeof(script_pattern), unpin, s };
	struct mr_tcp_gen gen = { &gen_ops, s };
	struct mr_error error = { 0 };
	uint8_t ours[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
		theirs[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 };
	const uint8_t ours_v4[4] = { 192, 0, 2, 1 }, theirs_v4[4] = { 192, 0, 2, 2 };

	s->now_ns = s->start_ns = s->mark_ns = 1000 * MR_NS_PER_S;
	s->config.output = output;
	s->config.output_context = s;
	s->config.metrics = s->metrics;
	s->app.ops = &app_ops;
	s->app.context = s;
	if (mr_arena_create(&s->arena, "script", 64 << 20, false, &error) != 0 ||
	    mr_tcp_create(&s->tcp, &s->config, &s->arena, s->now_ns, &error) != 0) {
		script_fail(s, "no stack: %s", error.text);
		return;
	}
	mr_tcp_app_set(s->tcp, 0, &s->app);
	mr_tcp_region_set(s->tcp, 0, &region);
	mr_tcp_gen_set(s->tcp, 0, &gen);
	s->peer_iss = SCRIPT_PEER_ISS;
	s->flow = (struct mr_tcp_flow){
		.local = s->v6 ? mr_addr_from_v6(ours) : mr_addr_from_v4(ours_v4),
		.remote = s->v6 ? mr_addr_from_v6(theirs) : mr_addr_from_v4(theirs_v4),
		.local_port = SCRIPT_LOCAL_PORT,
		.remote_port = SCRIPT_PEER_PORT,
	};
	s->running = true;
}

void
script_end(struct script *s)
{
	if (s->tcp == NULL)
		return;
	s->running = false;
	mr_tcp_destroy(s->tcp);
	mr_arena_destroy(&s->arena);
	if (s->pins || s->gens)
		script_fail(s, "%u pins and %u generators are left", s->pins, s->gens);
}

void
script_connect(struct script *s)
{
	struct mr_tcp_flow flow = s->flow;

	flow.local_port = 0;
	flow.remote_port = SCRIPT_LOCAL_PORT;
	s->conn = mr_tcp_connect(s->tcp, &flow, 0, 0);
	if (s->conn == 0) {
		script_fail(s, "connect refused");
		return;
	}
	s->flow = tcp_tcb(s->tcp, s->conn)->flow;
}

/* script_pass lets time go by, from one timer to the next. */
void
script_pass(struct script *s, uint64_t ns)
{
	uint64_t end_ns = s->now_ns + ns;

	for (int i = 0; i < 1000000; i++) {
		uint64_t next_ns = MR_MAX(mr_tcp_next_ns(s->tcp), s->now_ns + 100000);

		if (next_ns >= end_ns)
			break;
		s->now_ns = next_ns;
		mr_tcp_turn(s->tcp, s->now_ns, 1000);
	}
	s->now_ns = end_ns;
	mr_tcp_turn(s->tcp, s->now_ns, 1000);
}
