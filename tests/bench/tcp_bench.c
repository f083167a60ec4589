/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp_bench - lib/tcp alone, in process, in virtual time: what a connection costs.
 *
 *   tcp_bench [--idle N] [--rounds N] [--burst N] [--time-wait MS] [--huge]
 *   tcp_bench --turns RUNS [--idle N] [--burst N] [--huge]
 *
 * open     N connections are established and stay idle: cycles each, and bytes each
 * lookup   segments (a repeated ACK, which changes nothing) of random connections among 1,000 and
 *          among all N: cycles each
 * connect  SYN, ACK, request of 150 bytes, answer of 128 with FIN, FIN, TIME_WAIT, expired: cycles
 *          each connection by stage, beside the N idle ones
 * timers   all N fall due together: turns, the longest, and that none is lost
 *
 * With --turns the longest turn of a worker is looked for: N connections open, so that the table
 * grows; then all their idle deadlines fall due together, and each is closed by both sides. A turn
 * is mr_tcp_turn with a worker's budget, and a burst. All is done RUNS times in the very same way,
 * and of each turn the shortest time counts: a turn that is long by its work is long every time,
 * what the machine takes from it it takes now here, now there. Exit 1 when one takes more than
 * 50 us or a deadline is lost.
 *
 * Only the stack's own work is timed: segments are made before, and what it sends is copied out as
 * a port would. One JSON line per case.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "../../lib/tcp/tcp_int.h"

enum {
	BURST = MR_TCP_BURST_MAX,
	FRAME_BYTES = 256,
	REQUEST_BYTES = 150,
	ANSWER_BYTES = 128,
	CLIENT_WND = 64240,
	PORTS = 50000,     /* of one client address */
	TIMER_BUDGET = 64, /* as a worker's */
	TURN_MAX_US = 50,
	CONNECT_PORT = 80, /* the service that answers and closes */
	IDLE_PORT = 81,
	VIRTUAL_NS_PER_CONNECTION = 2500, /* 400,000 a second */
	IDLE_MS = 600000,
};
#define CLIENTS_BASE 0x0a000001u

struct sent {
	uint32_t seq, ack, tsval;
	uint16_t payload_bytes;
	uint32_t client;
	uint8_t flags;
};

/* Of each turn the least that it took in any run, in cycles. */
struct turns {
	uint32_t *least;
	uint32_t count, limit;
	uint64_t longest; /* of any run */
};

struct bench {
	struct mr_arena arena;
	struct mr_tcp *tcp;
	uint64_t metrics[MR_TCP_METRIC_COUNT];
	uint64_t now_ns;
	struct sent sent[4 * BURST];
	uint32_t sent_count;
	uint8_t frame[2048];
	uint8_t bytes[BURST][FRAME_BYTES];
	struct mr_tcp_in ins[BURST];
	uint32_t *idle_iss; /* ours, of each idle connection */
	uint32_t fired;
	bool closing; /* idle connections are closed when their time has come */
	struct turns opening, expiring;
	uint32_t burst, idle, rounds, time_wait_ms;
	double cycles_per_ns;
};

static const uint8_t answer[ANSWER_BYTES] = "answer";
static struct bench bench;

/* client_of is flow_of turned round. */
static uint32_t
client_of(const struct mr_tcp_flow *flow)
{
	return (__builtin_bswap32(flow->remote.words[3]) - CLIENTS_BASE) * PORTS +
	       flow->remote_port - 1024;
}

static bool
output(void *context, const struct mr_tcp_out *out)
{
	struct bench *b = context;
	struct sent *s = &b->sent[b->sent_count % MR_ARRAY_COUNT(b->sent)];
	const uint8_t *h = out->header;
	uint8_t *at = b->frame;

	memcpy(at, out->header, out->header_bytes);
	at += out->header_bytes;
	for (unsigned i = 0; i < out->piece_count; i++) {
		memcpy(at, out->pieces[i].bytes, out->pieces[i].byte_count);
		at += out->pieces[i].byte_count;
	}
	*s = (struct sent){ .payload_bytes = out->payload_bytes,
			    .flags = h[13],
			    .client = client_of(&out->flow) };
	memcpy(&s->seq, h + 4, 4);
	s->seq = __builtin_bswap32(s->seq);
	b->sent_count++;
	return true;
}

static uint32_t
on_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes, uint32_t count)
{
	(void)context;
	(void)bytes;
	if (mr_tcp_send(tcp, conn, answer, sizeof(answer)) == sizeof(answer))
		mr_tcp_close(tcp, conn);
	return count;
}

static void
on_idle_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	(void)context;
	mr_tcp_deadline(tcp, conn, IDLE_MS);
}

static void
on_idle_deadline(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct bench *b = context;

	b->fired++;
	if (b->closing)
		mr_tcp_close(tcp, conn);
	else
		mr_tcp_deadline(tcp, conn, IDLE_MS);
}

static const struct mr_tcp_app_ops connect_ops = { .name = "connect", .readable = on_readable };
static const struct mr_tcp_app_ops idle_ops = { .name = "idle",
						.accepted = on_idle_accepted,
						.deadline = on_idle_deadline };

static uint32_t
power_of_two(uint64_t count)
{
	uint32_t power = 1024;

	while (power < count)
		power *= 2;
	return power;
}

static void
start(struct bench *b, bool huge)
{
	uint64_t live = (uint64_t)b->time_wait_ms * MR_NS_PER_MS / VIRTUAL_NS_PER_CONNECTION;
	struct mr_tcp_app apps[] = { { .ops = &connect_ops, .context = b, .nodelay = true },
				     { .ops = &idle_ops, .context = b } };
	struct mr_tcp_config config = { .conn_limit = b->idle + 8192,
					.time_wait_limit = power_of_two(live + live / 8),
					.tx_limit = 8192,
					.rx_limit = 4096,
					.extent_limit = 8192,
					.run_limit = 8192,
					.chunk_limit = 8192,
					.half_open_limit = 1024,
					.time_wait_ms = b->time_wait_ms,
					.output = output,
					.output_context = b,
					.metrics = b->metrics };
	struct mr_error error = { 0 };
	uint64_t begin_ns = mr_clock_now_ns(), begin = __rdtsc();

	if (!b->opening.limit) /* else each run is like the other */
		mr_rng_secret(&config.table_key, sizeof(config.table_key));
	memset(b->metrics, 0, sizeof(b->metrics));
	b->now_ns = MR_NS_PER_S;
	b->idle_iss = calloc(b->idle + 1u, sizeof(*b->idle_iss));
	if (b->idle_iss == NULL ||
	    mr_arena_create(&b->arena, "tcp_bench", 16ull << 30, huge, &error) ||
	    mr_tcp_create(&b->tcp, &config, &b->arena, b->now_ns, &error)) {
		fprintf(stderr, "tcp_bench: %s\n", error.text);
		exit(1);
	}
	mr_tcp_app_set(b->tcp, 0, &apps[0]);
	mr_tcp_app_set(b->tcp, 1, &apps[1]);
	while (mr_clock_now_ns() - begin_ns < 100 * MR_NS_PER_MS) {
	}
	b->cycles_per_ns = (double)(__rdtsc() - begin) / (double)(mr_clock_now_ns() - begin_ns);
}

/* ---- segments ---- */

static struct mr_tcp_flow
flow_of(uint32_t client, uint16_t port)
{
	uint32_t host = __builtin_bswap32(CLIENTS_BASE + client / PORTS);

	return (struct mr_tcp_flow){ .local = mr_addr_from_v4("\xc0\x00\x02\x01"),
				     .remote = mr_addr_from_v4(&host),
				     .local_port = port,
				     .remote_port = (uint16_t)(1024 + client % PORTS) };
}

static void
make(struct bench *b, uint32_t i, uint32_t client, uint16_t port, uint8_t flags, uint32_t seq,
     uint32_t ack, uint16_t payload_bytes)
{
	struct mr_tcp_flow flow = flow_of(client, port);
	bool syn = flags & MR_TCP_SYN;
	struct mr_tcp_segment seg = { .src_port = flow.remote_port,
				      .dst_port = port,
				      .seq = seq,
				      .ack = ack,
				      .flags = flags,
				      .wnd = syn ? CLIENT_WND : 502,
				      .mss = syn ? 1460 : 0,
				      .sack_permitted = syn,
				      .wscale = syn ? 7 : MR_TCP_WSCALE_NONE,
				      .has_ts = true,
				      .tsval = (uint32_t)(b->now_ns / MR_NS_PER_MS) };
	uint8_t header_bytes = mr_tcp_segment_write(&seg, b->bytes[i]);

	memset(b->bytes[i] + header_bytes, 'q', payload_bytes);
	b->ins[i] = (struct mr_tcp_in){ .bytes = b->bytes[i],
					.byte_count = (uint16_t)(header_bytes + payload_bytes),
					.app = port == IDLE_PORT,
					.flow = flow };
}

static uint64_t
input(struct bench *b, uint32_t count)
{
	uint64_t begin;

	b->sent_count = 0;
	begin = __rdtsc();
	mr_tcp_input_burst(b->tcp, b->ins, count);
	return __rdtsc() - begin;
}

static uint64_t
turn(struct bench *b)
{
	uint64_t begin = __rdtsc();

	mr_tcp_turn(b->tcp, b->now_ns, TIMER_BUDGET);
	return __rdtsc() - begin;
}

static void
expect(const struct bench *b, uint32_t count, uint8_t flags, const char *what)
{
	bool good = b->sent_count == count;

	for (uint32_t i = 0; good && i < count; i++)
		good = (b->sent[i].flags & flags) == flags;
	if (!good) {
		fprintf(stderr, "tcp_bench: %s: %u of %u segments, flags %x\n", what, b->sent_count,
			count, b->sent[0].flags);
		exit(1);
	}
}

/* ---- cases ---- */

static void
open_idle(struct bench *b)
{
	uint64_t cycles = 0, worst = 0;

	for (uint32_t at = 0; at < b->idle; at += b->burst) {
		uint32_t count = MR_MIN(b->burst, b->idle - at);
		uint64_t spent = 0;

		b->now_ns += count * (uint64_t)VIRTUAL_NS_PER_CONNECTION;
		spent += turn(b);
		for (uint32_t i = 0; i < count; i++)
			make(b, i, at + i, IDLE_PORT, MR_TCP_SYN, 1000, 0, 0);
		spent += input(b, count);
		expect(b, count, MR_TCP_SYN | MR_TCP_ACK, "open");
		for (uint32_t i = 0; i < count; i++) {
			b->idle_iss[at + i] = b->sent[i].seq;
			make(b, i, at + i, IDLE_PORT, MR_TCP_ACK, 1001, b->sent[i].seq + 1, 0);
		}
		spent += input(b, count);
		cycles += spent;
		worst = MR_MAX(worst, spent);
	}
	if (b->metrics[MR_TCP_accept] != b->idle) {
		fprintf(stderr, "tcp_bench: %llu of %u opened\n",
			(unsigned long long)b->metrics[MR_TCP_accept], b->idle);
		exit(1);
	}
	printf("{\"bench\":\"tcp\",\"case\":\"open\",\"connections\":%u,\"cycles\":%.0f,"
	       "\"worst_burst_us\":%.1f,\"bytes_each\":%.1f,\"buckets\":%u}\n",
	       b->idle, (double)cycles / b->idle, (double)worst / b->cycles_per_ns / 1000,
	       (double)(sizeof(struct tcp_tcb) + sizeof(struct mr_wheel_node)) +
		       (double)tcp_table_bytes(b->tcp->config.conn_limit) /
			       b->tcp->config.conn_limit,
	       b->tcp->table.count);
}

static void
lookup(struct bench *b, uint32_t among)
{
	uint32_t rounds = 1u << 15;
	uint64_t cycles = 0;
	struct mr_rng rng;

	mr_rng_seed(&rng, 1);
	for (uint32_t round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < b->burst; i++) {
			uint32_t client = (uint32_t)mr_rng_below(&rng, among);

			make(b, i, client, IDLE_PORT, MR_TCP_ACK, 1001, b->idle_iss[client] + 1, 0);
		}
		cycles += input(b, b->burst);
	}
	printf("{\"bench\":\"tcp\",\"case\":\"lookup\",\"among\":%u,\"cycles\":%.0f,"
	       "\"mega_per_s\":%.2f}\n",
	       among, (double)cycles / ((double)rounds * b->burst),
	       (double)rounds * b->burst * b->cycles_per_ns * 1000 / (double)cycles);
}

enum stage { STAGE_TURN, STAGE_SYN, STAGE_ACK, STAGE_REQUEST, STAGE_FIN, STAGES };

static void
connections(struct bench *b)
{
	static const char *const names[STAGES] = { "turn", "syn", "ack", "request", "fin" };
	uint64_t cycles[STAGES] = { 0 }, all = 0, worst = 0;
	uint64_t count = (uint64_t)b->rounds * b->burst;
	uint32_t client = 0, iss[BURST];

	for (uint32_t round = 0; round < b->rounds; round++, client += b->burst) {
		uint64_t before;

		b->now_ns += b->burst * (uint64_t)VIRTUAL_NS_PER_CONNECTION;
		before = turn(b);
		worst = MR_MAX(worst, before);
		cycles[STAGE_TURN] += before;
		for (uint32_t i = 0; i < b->burst; i++)
			make(b, i, client + i, CONNECT_PORT, MR_TCP_SYN, client + i, 0, 0);
		cycles[STAGE_SYN] += input(b, b->burst);
		expect(b, b->burst, MR_TCP_SYN | MR_TCP_ACK, "syn");
		for (uint32_t i = 0; i < b->burst; i++) {
			iss[i] = b->sent[i].seq;
			make(b, i, client + i, CONNECT_PORT, MR_TCP_ACK, client + i + 1, iss[i] + 1,
			     0);
		}
		cycles[STAGE_ACK] += input(b, b->burst);
		expect(b, 0, 0, "ack");
		for (uint32_t i = 0; i < b->burst; i++)
			make(b, i, client + i, CONNECT_PORT, MR_TCP_ACK | MR_TCP_PSH,
			     client + i + 1, iss[i] + 1, REQUEST_BYTES);
		cycles[STAGE_REQUEST] += input(b, b->burst);
		expect(b, b->burst, MR_TCP_FIN | MR_TCP_ACK, "request");
		for (uint32_t i = 0; i < b->burst; i++)
			make(b, i, client + i, CONNECT_PORT, MR_TCP_ACK | MR_TCP_FIN,
			     client + i + 1 + REQUEST_BYTES, iss[i] + 2 + ANSWER_BYTES, 0);
		cycles[STAGE_FIN] += input(b, b->burst);
		expect(b, b->burst, MR_TCP_ACK, "fin");
	}
	for (int i = 0; i < STAGES; i++)
		all += cycles[i];
	printf("{\"bench\":\"tcp\",\"case\":\"connect\",\"idle\":%u,\"count\":%llu,"
	       "\"time_wait\":%llu,\"cycles\":%.0f,\"kilo_per_s\":%.0f,\"worst_turn_us\":%.1f",
	       b->idle, (unsigned long long)count,
	       (unsigned long long)b->metrics[MR_TCP_connection_time_wait],
	       (double)all / (double)count, (double)count * b->cycles_per_ns * 1e6 / (double)all,
	       (double)worst / b->cycles_per_ns / 1000);
	for (int i = 0; i < STAGES; i++)
		printf(",\"%s\":%.0f", names[i], (double)cycles[i] / (double)count);
	printf("}\n");
	if (b->metrics[MR_TCP_close_ok] != count) {
		fprintf(stderr, "tcp_bench: %llu of %llu closed in order\n",
			(unsigned long long)b->metrics[MR_TCP_close_ok], (unsigned long long)count);
		exit(1);
	}
}

/* timers lets the deadlines of all idle connections pass at one moment. */
static void
timers(struct bench *b)
{
	uint64_t turns = 0, cycles = 0, worst = 0;
	uint32_t before = b->fired;

	for (uint32_t i = 0; i < 100; i++) { /* what else is due goes first */
		b->now_ns += MR_NS_PER_S;
		for (uint32_t k = 0; k < 100; k++)
			turn(b);
	}
	b->now_ns += (uint64_t)IDLE_MS * MR_NS_PER_MS;
	while (b->fired - before < b->idle && turns < 10ull * b->idle) {
		uint64_t spent = turn(b);

		worst = MR_MAX(worst, spent);
		cycles += spent;
		turns++;
		b->now_ns += MR_NS_PER_US;
	}
	printf("{\"bench\":\"tcp\",\"case\":\"timers\",\"timers\":%u,\"fired\":%u,\"turns\":%llu,"
	       "\"cycles\":%.0f,\"worst_turn_us\":%.1f}\n",
	       b->idle, b->fired - before, (unsigned long long)turns, (double)cycles / b->idle,
	       (double)worst / b->cycles_per_ns / 1000);
	if (b->fired - before != b->idle)
		exit(1);
}

/* ---- the longest turn ---- */

static void
turns_make(struct turns *self, uint32_t limit)
{
	self->limit = limit;
	self->least = malloc(limit * sizeof(*self->least));
	if (self->least == NULL)
		exit(1);
	memset(self->least, 0xff, limit * sizeof(*self->least));
}

static void
turns_add(struct turns *self, uint64_t cycles)
{
	if (self->count == self->limit)
		exit(1);
	self->longest = MR_MAX(self->longest, cycles);
	self->least[self->count] = (uint32_t)MR_MIN(self->least[self->count], cycles);
	self->count++;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool
turns_tell(const struct bench *b, struct turns *self, const char *what)
{
	double us = 1 / b->cycles_per_ns / 1000, longest;
	uint32_t at = 0, beyond = 0;

	for (uint32_t i = 0; i < self->count; i++) {
		at = self->least[i] > self->least[at] ? i : at;
		beyond += self->least[i] * us > TURN_MAX_US;
	}
	longest = self->least[at] * us;
	qsort(self->least, self->count, sizeof(*self->least), compare);
	printf("{\"bench\":\"turns\",\"case\":\"%s\",\"connections\":%u,\"turns\":%u,"
	       "\"p50_us\":%.2f,\"p9999_us\":%.2f,\"longest_us\":%.2f,\"longest_at\":%u,"
	       "\"beyond\":%u,\"longest_disturbed_us\":%.1f}\n",
	       what, b->idle, self->count, self->least[self->count / 2] * us,
	       self->least[(uint64_t)self->count * 9999 / 10000] * us, longest, at, beyond,
	       (double)self->longest * us);
	free(self->least);
	return longest <= TURN_MAX_US;
}

static void
opening(struct bench *b)
{
	b->opening.count = 0;
	for (uint32_t at = 0; at < b->idle; at += b->burst) {
		uint32_t count = MR_MIN(b->burst, b->idle - at);
		uint64_t spent;

		b->now_ns += count * (uint64_t)VIRTUAL_NS_PER_CONNECTION;
		for (uint32_t i = 0; i < count; i++)
			make(b, i, at + i, IDLE_PORT, MR_TCP_SYN, 1000, 0, 0);
		spent = turn(b);
		spent += input(b, count);
		turns_add(&b->opening, spent);
		expect(b, count, MR_TCP_SYN | MR_TCP_ACK, "open");
		for (uint32_t i = 0; i < count; i++) {
			b->idle_iss[at + i] = b->sent[i].seq;
			make(b, i, at + i, IDLE_PORT, MR_TCP_ACK, 1001, b->sent[i].seq + 1, 0);
		}
		spent = turn(b);
		spent += input(b, count);
		turns_add(&b->opening, spent);
	}
}

/* expiring: all deadlines have passed at one moment. What the stack sends is answered in the next
 * turn by the peer's own FIN. */
static void
expiring(struct bench *b)
{
	struct sent waiting[4 * BURST];
	uint32_t waiting_count = 0;

	b->expiring.count = b->fired = 0;
	b->closing = true;
	b->now_ns += (uint64_t)IDLE_MS * MR_NS_PER_MS;
	while (b->metrics[MR_TCP_close_ok] < b->idle && b->expiring.count < b->expiring.limit) {
		uint32_t count = MR_MIN(waiting_count, (uint32_t)BURST);
		uint64_t spent;

		for (uint32_t i = 0; i < count; i++) {
			const struct sent *s = &waiting[--waiting_count];

			make(b, i, s->client, IDLE_PORT, MR_TCP_ACK | MR_TCP_FIN, 1001, s->seq + 1,
			     0);
		}
		b->sent_count = 0;
		spent = turn(b);
		for (uint32_t i = 0; i < b->sent_count; i++)
			if (b->sent[i].flags & MR_TCP_FIN)
				waiting[waiting_count++] = b->sent[i];
		spent += input(b, count);
		turns_add(&b->expiring, spent);
		/* A worker that has more than it can do in a turn begins the next at once; a FIN
		 * that waits here is not late there. */
		b->now_ns += MR_NS_PER_US;
		while (waiting_count > 2 * BURST) {
			for (uint32_t i = 0; i < BURST; i++) {
				const struct sent *s = &waiting[--waiting_count];

				make(b, i, s->client, IDLE_PORT, MR_TCP_ACK | MR_TCP_FIN, 1001,
				     s->seq + 1, 0);
			}
			turns_add(&b->expiring, input(b, BURST));
		}
	}
}

static int
longest_turns(struct bench *b, uint32_t runs, bool huge)
{
	bool good = true;

	b->burst = BURST;
	turns_make(&b->opening, 2 * (b->idle / b->burst + 1));
	turns_make(&b->expiring, 16 * (b->idle / b->burst + 1000));
	for (uint32_t run = 0; run < runs; run++) {
		start(b, huge);
		b->closing = false;
		opening(b);
		expiring(b);
		good = good && b->fired == b->idle && b->metrics[MR_TCP_close_ok] == b->idle;
		if (!good)
			fprintf(stderr, "tcp_bench: %u of %u fell due, %llu closed in order\n",
				b->fired, b->idle, (unsigned long long)b->metrics[MR_TCP_close_ok]);
		mr_tcp_destroy(b->tcp);
		mr_arena_destroy(&b->arena);
		free(b->idle_iss);
	}
	good &= turns_tell(b, &b->opening, "table grows");
	good &= turns_tell(b, &b->expiring, "all due together");
	return good ? 0 : 1;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "idle", required_argument, NULL, 'i' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "burst", required_argument, NULL, 'b' },
		{ "time-wait", required_argument, NULL, 't' },
		{ "turns", required_argument, NULL, 'n' },
		{ "huge", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct bench *b = &bench;
	uint32_t runs = 0;
	bool huge = false;
	int option;

	b->burst = 32;
	b->idle = 100000;
	b->rounds = 20000;
	b->time_wait_ms = 1000;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint32_t number = optarg ? (uint32_t)strtoul(optarg, NULL, 10) : 0;

		switch (option) {
		case 'i':
			b->idle = MR_MAX(number, 1000u);
			break;
		case 'r':
			b->rounds = MR_MAX(number, 1u);
			break;
		case 'b':
			b->burst = MR_MIN(MR_MAX(number, 1u), (uint32_t)BURST);
			break;
		case 't':
			b->time_wait_ms = MR_MAX(number, 1u);
			break;
		case 'n':
			runs = number;
			break;
		case 'h':
			huge = true;
			break;
		default:
			fprintf(stderr, "usage: tcp_bench [--idle N] [--rounds N] [--burst N] "
					"[--time-wait MS] [--turns RUNS] [--huge]\n");
			return 2;
		}
	}
	if (runs)
		return longest_turns(b, runs, huge);
	start(b, huge);
	open_idle(b);
	lookup(b, 1000);
	lookup(b, b->idle);
	connections(b);
	timers(b);
	return 0;
}
