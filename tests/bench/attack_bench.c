/* SPDX-License-Identifier: Apache-2.0
 *
 * attack_bench - what a segment of each attack costs the stack, beside a plain one, in one run.
 *
 *   attack_bench [--rounds N]
 *
 * lib/tcp alone, in process, in virtual time. An attack's segments come in bursts of BURST, a turn
 * before each; the median burst counts, so what the machine takes away in between does not. One
 * JSON line per attack: cycles per segment, how many times a plain segment's (an ACK of an
 * established connection that brings nothing new), and the bound on that. Exit 1 when one is
 * beyond its bound, when an attack was not met by the counter that tcp/tcp.h names for it, or when
 * a pool has more in use than its limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "../../lib/tcp/tcp_int.h"

enum {
	BURST = 32,
	CONNECTIONS = 2048, /* established, that attacks go to */
	ANSWER_BYTES = 48000,
	PLAIN_PORT = 80,
	ANSWER_PORT = 81, /* sends ANSWER_BYTES when asked */
	TIMER_BUDGET = 64,
	WND = 64240,
	SACKS = 4,
	TURN_NS = 50000,
};

struct rig {
	struct mr_arena arena;
	struct mr_tcp *tcp;
	uint64_t metrics[MR_TCP_METRIC_COUNT];
	uint64_t now_ns;
	struct mr_rng rng;
	uint32_t iss[2 * CONNECTIONS]; /* ours, of each established connection */
	uint32_t last_iss, sent;
	uint8_t bytes[BURST][128];
	struct mr_tcp_in ins[BURST];
	uint32_t in_count;
};

static struct rig rig;
static uint8_t answer[ANSWER_BYTES];

static bool
output(void *context, const struct mr_tcp_out *out)
{
	struct rig *r = context;

	r->last_iss = mr_load_be32(out->header + 4);
	r->sent++;
	return true;
}

static uint32_t
on_answer(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes, uint32_t count)
{
	(void)context;
	(void)bytes;
	(void)!mr_tcp_send(tcp, conn, answer, sizeof(answer));
	return count;
}

static const struct mr_tcp_app_ops plain_ops = { .name = "plain" };
static const struct mr_tcp_app_ops answer_ops = { .name = "answer", .readable = on_answer };

static void
start(struct rig *r)
{
	struct mr_tcp_app apps[] = { { .ops = &plain_ops }, { .ops = &answer_ops } };
	struct mr_tcp_config config = { .conn_limit = 4 * CONNECTIONS,
					.time_wait_limit = 1024,
					.tx_limit = CONNECTIONS,
					.rx_limit = CONNECTIONS,
					.extent_limit = 8192,
					.run_limit = 65536,
					.chunk_limit = 65536,
					.half_open_limit = 1024,
					.output = output,
					.output_context = r,
					.metrics = r->metrics };
	struct mr_error error = { 0 };

	mr_rng_secret(&config.table_key, sizeof(config.table_key));
	mr_rng_secret(&config.cookie_key, sizeof(config.cookie_key));
	mr_rng_seed(&r->rng, 1);
	r->now_ns = MR_NS_PER_S;
	if (mr_arena_create(&r->arena, "attack", 1ull << 30, false, &error) ||
	    mr_tcp_create(&r->tcp, &config, &r->arena, r->now_ns, &error)) {
		fprintf(stderr, "attack_bench: %s\n", error.text);
		exit(1);
	}
	mr_tcp_app_set(r->tcp, 0, &apps[0]);
	mr_tcp_app_set(r->tcp, 1, &apps[1]);
}

/* ---- segments ---- */

static struct mr_tcp_flow
flow_of(uint32_t client)
{
	uint32_t host = __builtin_bswap32(0x0a000000u + (client >> 8));

	return (struct mr_tcp_flow){ .local = mr_addr_from_v4("\xc0\x00\x02\x01"),
				     .remote = mr_addr_from_v4(&host),
				     .local_port = client < CONNECTIONS ? PLAIN_PORT : ANSWER_PORT,
				     .remote_port = (uint16_t)(1024 + (client & 255)) };
}

static void
add(struct rig *r, const struct mr_tcp_flow *flow, struct mr_tcp_segment *seg, uint16_t payload)
{
	uint8_t *bytes = r->bytes[r->in_count];
	uint8_t header_bytes;

	seg->src_port = flow->remote_port;
	seg->dst_port = flow->local_port;
	header_bytes = mr_tcp_segment_write(seg, bytes);
	memset(bytes + header_bytes, 'q', payload);
	r->ins[r->in_count++] =
		(struct mr_tcp_in){ .bytes = bytes,
				    .byte_count = (uint16_t)(header_bytes + payload),
				    .app = flow->local_port == ANSWER_PORT,
				    .flow = *flow };
}

static struct mr_tcp_segment
segment(uint8_t flags, uint32_t seq, uint32_t ack)
{
	bool syn = flags & MR_TCP_SYN;

	return (struct mr_tcp_segment){ .seq = seq,
					.ack = ack,
					.flags = flags,
					.wnd = WND,
					.mss = syn ? 1460 : 0,
					.sack_permitted = syn,
					.wscale = MR_TCP_WSCALE_NONE };
}

static uint64_t
input(struct rig *r)
{
	uint64_t begin = __rdtsc();

	mr_tcp_input_burst(r->tcp, r->ins, r->in_count);
	r->in_count = 0;
	return __rdtsc() - begin;
}

static void
establish(struct rig *r, uint32_t client)
{
	struct mr_tcp_flow flow = flow_of(client);
	struct mr_tcp_segment seg = segment(MR_TCP_SYN, 1000, 0);

	add(r, &flow, &seg, 0);
	input(r);
	r->iss[client] = r->last_iss;
	seg = segment(MR_TCP_ACK, 1001, r->iss[client] + 1);
	add(r, &flow, &seg, 0);
	input(r);
}

/* ---- attacks: each adds one segment of the burst ---- */

static uint32_t
any(struct rig *r, uint32_t below)
{
	return (uint32_t)mr_rng_below(&r->rng, below);
}

static void
plain(struct rig *r)
{
	uint32_t client = any(r, CONNECTIONS);
	struct mr_tcp_flow flow = flow_of(client);
	struct mr_tcp_segment seg = segment(MR_TCP_ACK, 1001, r->iss[client] + 1);

	add(r, &flow, &seg, 0);
}

static void
stranger(struct rig *r, uint8_t flags)
{
	struct mr_tcp_flow flow = flow_of(1 << 20 | any(r, 1 << 30));
	struct mr_tcp_segment seg =
		segment(flags, (uint32_t)mr_rng_next(&r->rng), (uint32_t)mr_rng_next(&r->rng));

	flow.local_port = PLAIN_PORT;
	add(r, &flow, &seg, 0);
}

static void
syn_flood(struct rig *r)
{
	stranger(r, MR_TCP_SYN);
}

static void
bad_cookie(struct rig *r)
{
	stranger(r, MR_TCP_ACK);
}

static void
injected(struct rig *r, uint8_t flags, uint32_t seq, uint32_t ack_off)
{
	uint32_t client = any(r, CONNECTIONS);
	struct mr_tcp_flow flow = flow_of(client);
	struct mr_tcp_segment seg = segment(flags, seq, r->iss[client] + 1 + ack_off);

	add(r, &flow, &seg, flags & MR_TCP_PSH ? 8 : 0);
}

static void
reset_in_window(struct rig *r)
{
	injected(r, MR_TCP_RST, 1002 + any(r, 30000), 0);
}

static void
syn_in_connection(struct rig *r)
{
	injected(r, MR_TCP_SYN, 1002 + any(r, 30000), 0);
}

static void
ack_of_nothing(struct rig *r)
{
	injected(r, MR_TCP_ACK | MR_TCP_PSH, 1001, 5000 + any(r, 1 << 20));
}

static void
holes(struct rig *r)
{
	uint32_t client = any(r, 64);
	struct mr_tcp_flow flow = flow_of(client);
	struct mr_tcp_segment seg =
		segment(MR_TCP_ACK, 1003 + 2 * any(r, 30000), r->iss[client] + 1);

	add(r, &flow, &seg, 1);
}

static uint32_t
asker(struct rig *r, struct mr_tcp_flow *flow)
{
	uint32_t client = CONNECTIONS + any(r, 64);

	*flow = flow_of(client);
	return client;
}

/* sacks: single bytes of what is in flight, four in each segment. */
static void
sacks(struct rig *r)
{
	struct mr_tcp_flow flow;
	uint32_t client = asker(r, &flow);
	struct mr_tcp_segment seg = segment(MR_TCP_ACK, 1051, r->iss[client] + 1);

	for (seg.sack_count = 0; seg.sack_count < SACKS; seg.sack_count++) {
		uint32_t left = r->iss[client] + 3 + 2 * any(r, 6000);

		seg.sacks[seg.sack_count].left = left;
		seg.sacks[seg.sack_count].right = left + 1;
	}
	add(r, &flow, &seg, 0);
}

static void
shut_window(struct rig *r)
{
	struct mr_tcp_flow flow;
	uint32_t client = asker(r, &flow);
	struct mr_tcp_segment seg = segment(MR_TCP_ACK, 1051, r->iss[client] + 1);

	seg.wnd = 0;
	add(r, &flow, &seg, 0);
}

/* icmp goes another way than segments do: it is timed by itself. */
static void
icmp(struct rig *r)
{
	struct mr_tcp_flow flow = flow_of(any(r, CONNECTIONS));

	mr_tcp_icmp(r->tcp, &flow, (uint32_t)mr_rng_next(&r->rng), MR_TCP_ICMP_HARD, 3, 3, 0);
}

static const struct attack {
	const char *name;
	void (*one)(struct rig *r);
	int counter;  /* goes up; -1: none must */
	double times; /* a plain segment's cost, at most */
} attacks[] = {
	{ "plain", plain, -1, 1 },
	{ "syn flood", syn_flood, MR_TCP_cookie_tx, 5 },
	{ "bad cookie", bad_cookie, MR_TCP_cookie_bad, 5 },
	{ "rst in window", reset_in_window, MR_TCP_challenge_ack_limited, 5 },
	{ "syn in connection", syn_in_connection, MR_TCP_challenge_ack_limited, 5 },
	{ "ack of nothing", ack_of_nothing, MR_TCP_drop_ack, 5 },
	{ "icmp", icmp, MR_TCP_icmp_ignored, 5 },
	{ "out of order", holes, MR_TCP_out_of_order, 40 },
	{ "shut window", shut_window, -1, 10 },
	{ "sack bomb", sacks, MR_TCP_retransmit, 80 },
};

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double
cycles_of(struct rig *r, const struct attack *attack, uint32_t rounds)
{
	uint64_t *spent = calloc(rounds, sizeof(*spent));
	double median;

	if (spent == NULL)
		exit(1);
	for (uint32_t round = 0; round < rounds; round++) {
		uint64_t begin;

		r->now_ns += TURN_NS;
		begin = __rdtsc();
		mr_tcp_turn(r->tcp, r->now_ns, TIMER_BUDGET);
		if (attack->one == icmp)
			for (int i = 0; i < BURST; i++)
				attack->one(r);
		spent[round] = __rdtsc() - begin;
		if (attack->one == icmp)
			continue;
		for (int i = 0; i < BURST; i++)
			attack->one(r);
		spent[round] += input(r);
	}
	qsort(spent, rounds, sizeof(*spent), compare);
	median = (double)spent[rounds / 2] / BURST;
	free(spent);
	return median;
}

static bool
within_limits(const struct rig *r)
{
	for (enum mr_tcp_class i = 0; i < MR_TCP_CLASSES; i++) {
		struct mr_tcp_usage usage;

		mr_tcp_memory(r->tcp, i, &usage);
		if (usage.used > usage.limit || usage.peak > usage.limit)
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	uint32_t rounds = argc == 3 && strcmp(argv[1], "--rounds") == 0
				  ? (uint32_t)strtoul(argv[2], NULL, 10)
				  : 4000;
	struct rig *r = &rig;
	double usual = 0;
	int status = 0;

	start(r);
	for (uint32_t client = 0; client < CONNECTIONS + 64; client++)
		establish(r, client);
	for (uint32_t client = CONNECTIONS; client < CONNECTIONS + 64; client++) {
		struct mr_tcp_flow flow = flow_of(client);
		struct mr_tcp_segment seg =
			segment(MR_TCP_ACK | MR_TCP_PSH, 1001, r->iss[client] + 1);

		add(r, &flow, &seg, 50);
		input(r);
	}
	for (size_t i = 0; i < MR_ARRAY_COUNT(attacks); i++) {
		const struct attack *attack = &attacks[i];
		uint64_t before = attack->counter < 0 ? 0 : r->metrics[attack->counter];
		double cycles = cycles_of(r, attack, MR_MAX(rounds, 1u));
		uint64_t met = attack->counter < 0 ? 1 : r->metrics[attack->counter] - before;
		bool good;

		usual = i ? usual : cycles;
		good = cycles <= attack->times * usual && met && within_limits(r);
		status |= !good;
		printf("{\"bench\":\"attack\",\"case\":\"%s\",\"cycles\":%.0f,\"times\":%.2f,"
		       "\"bound\":%.0f,\"counted\":%llu,\"good\":%s}\n",
		       attack->name, cycles, cycles / usual, attack->times, (unsigned long long)met,
		       good ? "true" : "false");
	}
	mr_tcp_destroy(r->tcp);
	mr_arena_destroy(&r->arena);
	return status;
}
