/* SPDX-License-Identifier: Apache-2.0
 *
 * test_script - runs scenarios (script.h) from the files named; `--table` lists what each shows.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "script.h"

void
script_fail(struct script *s, const char *format, ...)
{
	va_list args;

	if (!s->failed) {
		printf("%s:%u: %s: ", s->file, s->line, s->scenario);
		va_start(args, format);
		vprintf(format, args);
		va_end(args);
		putchar('\n');
	}
	s->failed = true;
}

/* ---- handshakes ---- */

static void
handshake(struct script *s, struct words *w, bool active)
{
	struct mr_tcp_segment syn = {
		.flags = MR_TCP_SYN, .wnd = 65535, .mss = 1460, .wscale = 7, .sack_permitted = true
	};
	struct mr_tcp_segment ack = { .flags = MR_TCP_ACK,
				      .wnd = 512,
				      .wscale = MR_TCP_WSCALE_NONE };
	const struct script_event *e;

	while (w->next < w->count && !s->failed) {
		if (script_take(w, "ts")) {
			s->ts = syn.has_ts = ack.has_ts = true;
			syn.tsval = ack.tsval = s->peer_tsval = 5000;
		} else if (script_take(w, "nosack")) {
			syn.sack_permitted = false;
		} else if (script_take(w, "plain")) {
			syn.sack_permitted = false;
			syn.wscale = MR_TCP_WSCALE_NONE;
			ack.wnd = 65535;
		} else if (script_take(w, "ecn")) {
			syn.flags |= active ? MR_TCP_ECE : MR_TCP_ECE | MR_TCP_CWR;
		} else if (script_take(w, "win")) {
			ack.wnd = (uint16_t)script_number(s, w);
		} else if (script_take(w, "mss")) {
			syn.mss = (uint16_t)script_number(s, w);
		} else {
			script_fail(s, "what is '%s' in a handshake?", script_word(w));
		}
	}
	syn.seq = s->peer_iss;
	if (active) {
		script_connect(s);
		syn.flags |= MR_TCP_ACK;
		syn.ack = s->iss + 1;
		syn.tsecr = s->last_tsval;
		script_input(s, &syn, 0, 0);
		ack = (struct mr_tcp_segment){ 0 };
		s->out_head = s->out_tail;
		if (s->config.mtu != 0xffff) { /* the window of a SYN is not scaled: say it again */
			ack.flags = MR_TCP_ACK;
			ack.wnd = syn.wscale == 7 ? 512 : 65535;
			ack.wscale = MR_TCP_WSCALE_NONE;
			ack.has_ts = syn.has_ts;
			ack.tsval = syn.tsval;
		}
	} else {
		script_input(s, &syn, 0, 0);
		script_pass(s, 20 * MR_NS_PER_MS); /* the round trip */
	}
	ack.seq = s->peer_iss + 1;
	ack.ack = s->iss + 1;
	ack.tsecr = s->last_tsval;
	script_input(s, &ack, 0, 0);
	e = script_next_event(s);
	if (e == NULL || strcmp(e->name, "accepted") != 0)
		script_fail(s, "the handshake did not establish anything");
	s->out_head = s->out_tail;
}

/* ---- checks ---- */

static void
do_state(struct script *s, struct words *w)
{
	const char *wanted = script_word(w);
	uint32_t slot = tcp_table_find(s->tcp, tcp_flow_hash(s->tcp, &s->flow), &s->flow);
	const char *is = slot == 0 ? "none"
			 : slot & TCP_SLOT_TIME_WAIT
				 ? "TIME-WAIT"
				 : mr_tcp_state_name(tcp_tcb(s->tcp, slot)->state);

	if (strcmp(is, wanted) != 0)
		script_fail(s, "the state is %s, not %s", is, wanted);
}

static void
do_event(struct script *s, struct words *w)
{
	const struct script_event *e = script_next_event(s);
	const char *name = script_word(w), *reason = script_word(w);

	if (e == NULL)
		script_fail(s, "no event, but %s is expected", name);
	else if (strcmp(e->name, name) != 0 || (*reason && strcmp(e->reason, reason) != 0))
		script_fail(s, "event %s %s, not %s %s", e->name, e->reason, name, reason);
}

static void
do_metric(struct script *s, struct words *w)
{
	const char *name = script_word(w);

	for (unsigned i = 0; i < mr_tcp_metric_table.count; i++)
		if (strcmp(mr_tcp_metric_table.defs[i].name, name) == 0) {
			script_expect(s, name, (uint32_t)s->metrics[i], script_number(s, w));
			return;
		}
	script_fail(s, "no metric %s", name);
}

static void
do_bytes(struct script *s, struct words *w)
{
	const char *name = script_word(w);
	const struct {
		const char *name;
		uint32_t used;
	} pools[] = { { "tcbs", s->tcp->tcbs.used },
		      { "tx", s->tcp->txs.used },
		      { "rx", s->tcp->rxs.used },
		      { "runs", s->tcp->runs.used },
		      { "extents", s->tcp->extents.used },
		      { "chunks", s->tcp->chunks.used },
		      { "pins", s->pins },
		      { "gens", s->gens } };

	for (size_t i = 0; i < MR_ARRAY_COUNT(pools); i++)
		if (strcmp(pools[i].name, name) == 0) {
			script_expect(s, name, pools[i].used, script_number(s, w));
			return;
		}
	script_fail(s, "no pool %s", name);
}

static const struct tcp_tcb *
tcb_of(struct script *s)
{
	static const struct tcp_tcb none;

	if (s->conn == 0)
		script_fail(s, "there is no connection");
	return s->conn ? tcp_tcb(s->tcp, s->conn) : &none;
}

static void
do_icmp(struct script *s, struct words *w)
{
	const char *kind = script_word(w);
	uint32_t seq = 0, mtu = 0;

	while (w->next < w->count) {
		if (script_take(w, "seq"))
			seq = script_number(s, w);
		else if (script_take(w, "mtu"))
			mtu = script_number(s, w);
		else
			script_fail(s, "what is '%s' in icmp?", script_word(w));
	}
	mr_tcp_icmp(s->tcp, &s->flow, s->iss + seq,
		    strcmp(kind, "toobig") == 0 ? MR_TCP_ICMP_TOO_BIG
		    : strcmp(kind, "hard") == 0 ? MR_TCP_ICMP_HARD
						: MR_TCP_ICMP_SOFT,
		    3, 1, mtu);
}

/* ---- settings ---- */

/* paced is NewReno that lets 100,000 bytes leave in a second. */
static uint64_t
pace(const struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env)
{
	(void)self;
	(void)env;
	return 100000;
}

static const struct mr_tcp_cc_ops *
paced(void)
{
	static struct mr_tcp_cc_ops ops;

	ops = mr_tcp_cc_newreno;
	ops.pace = pace;
	return &ops;
}

static void
do_set(struct script *s, struct words *w)
{
	struct mr_tcp_config *c = &s->config;
	const char *key = script_word(w);
	const char *name = w->next < w->count ? w->at[w->next] : "";
	const struct {
		const char *key;
		void *at;
		size_t size;
	} keys[] = {
#define KEY(field) { #field, &c->field, sizeof(c->field) }
		KEY(conn_limit),
		KEY(half_open_limit),
		KEY(tx_limit),
		KEY(rx_limit),
		KEY(run_limit),
		KEY(chunk_limit),
		KEY(extent_limit),
		KEY(mtu),
		KEY(receive_initial_bytes),
		KEY(receive_max_bytes),
		KEY(send_max_bytes),
		KEY(rto_initial_ms),
		KEY(rto_min_ms),
		KEY(rto_max_ms),
		KEY(delayed_ack_ms),
		KEY(time_wait_ms),
		KEY(fin_wait_ms),
		KEY(persist_limit_ms),
		KEY(pmtu_raise_ms),
		KEY(keepalive_idle_ms),
		KEY(keepalive_interval_ms),
		KEY(keepalive_probes),
		KEY(syn_retries),
		KEY(synack_retries),
		KEY(data_retries),
		KEY(no_sack),
		KEY(no_timestamps),
		KEY(no_window_scale),
		KEY(no_ecn),
		KEY(time_wait_limit),
		{ "v6", &s->v6, sizeof(s->v6) },
		{ "nodelay", &s->app.nodelay, sizeof(bool) },
		{ "keepalive", &s->app.keepalive, sizeof(bool) },
#undef KEY
	};

	if (strcmp(key, "cc") == 0) {
		c->cc = strcmp(name, "newreno") == 0 ? &mr_tcp_cc_newreno
			: strcmp(name, "paced") == 0 ? paced()
						     : &mr_tcp_cc_cubic;
		return;
	}
	for (size_t i = 0; i < MR_ARRAY_COUNT(keys); i++)
		if (strcmp(keys[i].key, key) == 0) {
			uint32_t value = script_number(s, w);

			memcpy(keys[i].at, &value, keys[i].size); /* little-endian */
			return;
		}
	script_fail(s, "no setting %s", key);
}

/* ---- lines ---- */

static void
do_send(struct script *s, struct words *w)
{
	uint32_t n = script_number(s, w), taken = script_send(s, n);

	if (w->next < w->count)
		script_expect(s, "the number of bytes taken", taken, script_number(s, w));
	else
		script_expect(s, "the number of bytes taken", taken, n);
}

static bool
do_call(struct script *s, const char *verb, struct words *w)
{
	if (strcmp(verb, "connect") == 0) {
		script_connect(s);
	} else if (strcmp(verb, "send") == 0) {
		do_send(s, w);
	} else if (strcmp(verb, "ref") == 0) {
		if (!script_ref(s, script_number(s, w)))
			script_fail(s, "ref refused");
	} else if (strcmp(verb, "gen") == 0) {
		if (!script_gen(s, script_number(s, w)))
			script_fail(s, "gen refused");
	} else if (strcmp(verb, "shutdown") == 0) {
		mr_tcp_shutdown(s->tcp, s->conn);
	} else if (strcmp(verb, "close") == 0) {
		mr_tcp_close(s->tcp, s->conn);
	} else if (strcmp(verb, "abort") == 0) {
		mr_tcp_abort(s->tcp, s->conn);
	} else if (strcmp(verb, "deadline") == 0) {
		mr_tcp_deadline(s->tcp, s->conn, script_number(s, w));
	} else if (strcmp(verb, "read") == 0) {
		s->paused = script_take(w, "pause");
		if (!s->paused)
			mr_tcp_resume(s->tcp, s->conn);
	} else if (strcmp(verb, "refuse") == 0) {
		s->refuse_output = script_take(w, "on");
	} else if (strcmp(verb, "icmp") == 0) {
		do_icmp(s, w);
	} else {
		return false;
	}
	return true;
}

static bool
do_check(struct script *s, const char *verb, struct words *w)
{
	if (strcmp(verb, "state") == 0)
		do_state(s, w);
	else if (strcmp(verb, "event") == 0)
		do_event(s, w);
	else if (strcmp(verb, "noevent") == 0)
		script_expect(s, "the number of events", s->event_tail - s->event_head, 0);
	else if (strcmp(verb, "got") == 0)
		script_expect(s, "got", (uint32_t)s->got, script_number(s, w));
	else if (strcmp(verb, "acked") == 0)
		script_expect(s, "acked", (uint32_t)s->acked, script_number(s, w));
	else if (strcmp(verb, "cwnd") == 0)
		script_expect(s, "cwnd", tcb_of(s)->cc.cwnd, script_number(s, w));
	else if (strcmp(verb, "ssthresh") == 0)
		script_expect(s, "ssthresh", tcb_of(s)->cc.ssthresh, script_number(s, w));
	else if (strcmp(verb, "metric") == 0)
		do_metric(s, w);
	else if (strcmp(verb, "bytes") == 0)
		do_bytes(s, w);
	else
		return false;
	return true;
}

static void
do_line(struct script *s, struct words *w)
{
	const char *verb = script_word(w);

	if (strcmp(verb, "set") == 0) {
		do_set(s, w);
		return;
	}
	if (!s->running)
		script_begin(s);
	if (strcmp(verb, "<") == 0)
		script_do_input(s, w);
	else if (strcmp(verb, ">") == 0)
		script_do_expect(s, w);
	else if (strcmp(verb, "none") == 0)
		script_do_none(s);
	else if (strcmp(verb, "drain") == 0)
		s->out_head = s->out_tail;
	else if (strcmp(verb, "hold") == 0)
		s->hold = true;
	else if (strcmp(verb, "release") == 0)
		script_release(s);
	else if (strcmp(verb, "mark") == 0)
		s->mark_ns = s->now_ns;
	else if (*verb == '+')
		script_pass(s, (uint64_t)(strtod(verb + 1, NULL) * 1e6));
	else if (strcmp(verb, "established") == 0 || strcmp(verb, "connected") == 0)
		handshake(s, w, *verb == 'c');
	else if (!do_call(s, verb, w) && !do_check(s, verb, w))
		script_fail(s, "what is '%s'?", verb);
}

static void
scenario_begin(struct script *s, const char *file, const char *title)
{
	*s = (struct script){ .file = file,
			      .config = { .conn_limit = 16,
					  .time_wait_limit = 16,
					  .tx_limit = 16,
					  .rx_limit = 16,
					  .extent_limit = 512,
					  .run_limit = 1024,
					  .chunk_limit = 512,
					  .half_open_limit = 8,
					  .table_key = { 1, 2 },
					  .isn_key = { 3, 4 },
					  .cookie_key = { 5, 6 } } };
	snprintf(s->scenario, sizeof(s->scenario), "%.*s", (int)strcspn(title, ":"), title);
}

static bool
scenario_end(struct script *s)
{
	script_end(s);
	return !s->failed;
}

static void
split(char *line, struct words *w)
{
	char *save = NULL;

	*w = (struct words){ 0 };
	for (char *at = strtok_r(line, " \t\n", &save); at && w->count < SCRIPT_WORDS;
	     at = strtok_r(NULL, " \t\n", &save))
		w->at[w->count++] = at;
}

static int
run_file(const char *file, bool table, uint32_t *passed, uint32_t *failed)
{
	static struct script s;
	FILE *in = fopen(file, "r");
	char line[512];
	bool open = false;
	uint32_t number_of_line = 0;

	if (in == NULL) {
		perror(file);
		return 2;
	}
	while (fgets(line, sizeof(line), in)) {
		struct words w;

		number_of_line++;
		line[strcspn(line, "#\n")] = 0;
		if (strncmp(line, "scenario ", 9) == 0) {
			if (open)
				*(scenario_end(&s) ? passed : failed) += 1;
			scenario_begin(&s, file, line + 9);
			open = !table;
			if (table)
				printf("%s\n", line + 9);
			continue;
		}
		split(line, &w);
		s.line = number_of_line;
		if (w.count && !table && !s.failed)
			do_line(&s, &w);
	}
	if (open)
		*(scenario_end(&s) ? passed : failed) += 1;
	fclose(in);
	return 0;
}

int
main(int argc, char **argv)
{
	uint32_t passed = 0, failed = 0;
	bool table = argc > 1 && strcmp(argv[1], "--table") == 0;

	for (uint32_t i = 0; i < SCRIPT_PATTERN; i++)
		script_pattern[i] = script_pattern[i + SCRIPT_PATTERN] =
			(uint8_t)(i * 2654435761u >> 24 ^ i);
	for (int i = 1 + table; i < argc; i++)
		if (run_file(argv[i], table, &passed, &failed) != 0)
			return 2;
	if (!table)
		printf("%u scenarios passed, %u failed\n", passed, failed);
	return failed || (!table && passed == 0);
}
