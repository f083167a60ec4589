/* SPDX-License-Identifier: Apache-2.0
 *
 * script - one TCP stack under a script: segments put in, segments expected, calls, virtual time.
 *
 * A file holds scenarios. `scenario NAME: REQUIREMENTS: what it shows` begins one; `#` begins a
 * comment. Sequence numbers are relative: the peer's SYN is 0 on its side, ours is 0 on ours.
 *
 *   set KEY VALUE          a member of struct mr_tcp_config, before anything else; `set v6 1`;
 *                          `set cc paced` is NewReno at 100,000 bytes a second
 *   established [OPT..]    a handshake of 20 ms, begun by the peer; OPT: ts nosack plain ecn win N
 *                          mss N
 *   connected [OPT..]      a handshake that we began
 *   < FLAGS seq N ack N [win N] [len N] [mss N] [ws N] [sackok] [ts VAL [ECR]] [sack A-B ..] [ce]
 *     [path N] [opt HEX]
 *                          a segment arrives; FLAGS of S F R P U E C and . for ACK; - for none;
 *                          ECR is `old` (what we sent first) or, by default, what we sent last;
 *                          opt: more bytes of options, behind the others
 *   > FLAGS [seq N] [ack N] [win N] [len N] [mss N] [ws N] [sackok] [sack A-B ..] [nosack]
 *     [tsecr N] [nots] [ect] [notect] [path N] [at MS]
 *                          the next segment that left is so; P is not compared unless asked for;
 *                          `at` is its time since the last `mark` (or the start), within 2 ms
 *   hold, release          segments that arrive in between are taken as one burst
 *   none                   nothing else has left
 *   drain                  forget what has left
 *   +MS                    virtual time passes
 *   mark                   `at` counts from here
 *   connect                an active open towards the peer
 *   send N, ref N, gen N   queue bytes;  shutdown, close, abort, deadline MS
 *   read pause, read all   the application stops taking bytes, and goes on
 *   icmp toobig|hard|soft seq N [mtu N]
 *   state NAME             the connection is there (`none`: no TCB)
 *   event NAME [REASON]    the next event is so: accepted peer_closed closed deadline error
 *   noevent                there is none
 *   got N                  the application has been given N bytes in all, every one right
 *   acked N                and of its own N bytes have been acknowledged
 *   cwnd N, ssthresh N     in bytes;  metric NAME N
 *   bytes NAME N           objects in use of a pool: tx rx runs extents chunks pins gens
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "../../lib/tcp/tcp_int.h"

enum {
	SCRIPT_OUT_MAX = 512,
	SCRIPT_EVENT_MAX = 64,
	SCRIPT_HELD_MAX = 16, /* segments of a burst, and their bytes */
	SCRIPT_HELD_BYTES = 32768,
	SCRIPT_WORDS = 40,
	SCRIPT_OPT_MAX = 20,
	SCRIPT_PATTERN = 65521,
	SCRIPT_PEER_ISS = 1000000,
	SCRIPT_LOCAL_PORT = 80,
	SCRIPT_PEER_PORT = 1000,
};

struct script_out {
	struct mr_tcp_segment seg; /* payload is not kept */
	uint8_t ecn;
	uint16_t path;
	bool payload_right;
	uint64_t at_ns;
};

struct script_event {
	char name[16];
	char reason[16];
};

struct script {
	const char *file;
	uint32_t line;
	char scenario[64];
	bool failed, running, v6;
	struct mr_tcp_config config;
	struct mr_tcp_app app;
	struct mr_arena arena;
	struct mr_tcp *tcp;
	uint64_t metrics[MR_TCP_METRIC_COUNT];
	uint64_t start_ns, now_ns, mark_ns;
	struct mr_tcp_flow flow;
	uint32_t iss, peer_iss; /* ours, once it has been seen; the peer's */
	bool iss_known, ts, refuse_output;
	uint32_t first_tsval, last_tsval, peer_tsval;
	uint32_t conn;
	bool paused;
	uint64_t got, acked, queued;
	uint32_t pins, gens;
	struct script_out outs[SCRIPT_OUT_MAX];
	uint32_t out_head, out_tail;
	struct script_event events[SCRIPT_EVENT_MAX];
	uint32_t event_head, event_tail;
	uint8_t opt[SCRIPT_OPT_MAX]; /* of the segment that is being put in */
	uint32_t opt_count;
	bool hold;
	struct mr_tcp_in held[SCRIPT_HELD_MAX];
	uint8_t held_bytes[SCRIPT_HELD_BYTES];
	uint32_t held_count, held_byte_count;
};

struct words {
	char *at[SCRIPT_WORDS];
	uint32_t count, next;
};

extern uint8_t script_pattern[2 * SCRIPT_PATTERN];

void script_fail(struct script *s, const char *format, ...) MR_PRINTF(2, 3);

/* ---- script_segment.c: the words of a line; segments put in and expected ---- */
const char *script_word(struct words *w);
bool script_take(struct words *w, const char *what);
uint32_t script_number(struct script *s, struct words *w);
void script_expect(struct script *s, const char *what, uint32_t is, uint32_t wanted);
void script_do_input(struct script *s, struct words *w);
void script_do_expect(struct script *s, struct words *w);
void script_do_none(struct script *s);

/* ---- script_world.c: the stack and its application ---- */
void script_begin(struct script *s);
void script_end(struct script *s);
void script_pass(struct script *s, uint64_t ns);
void script_input(struct script *s, struct mr_tcp_segment *seg, uint8_t ecn, uint16_t path);
void script_release(struct script *s);
struct script_out *script_next_out(struct script *s);
const struct script_event *script_next_event(struct script *s);
void script_connect(struct script *s);
bool script_gen(struct script *s, uint32_t count);
bool script_ref(struct script *s, uint32_t count);
uint32_t script_send(struct script *s, uint32_t count);

#endif
