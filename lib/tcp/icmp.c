/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/icmp - errors about segments that we sent, and how little they may do.
 *
 * Spec: RFC 5927 (a sequence number must be in flight; hard errors are soft once established),
 *       RFC 9293 3.9.2.2, RFC 1191 and 8201 (path MTU), RFC 1122 4.2.3.9.
 */
#include "tcp/tcp_int.h"

static void
too_big(struct mr_tcp *self, struct tcp_tcb *t, uint32_t mtu)
{
	bool v4 = mr_addr_is_v4(&t->flow.local);
	uint32_t floor = v4 ? MR_TCP_PMTU_MIN_V4 : MR_TCP_PMTU_MIN_V6;
	uint32_t headers = (v4 ? 40 : 60) + (t->flags & TCP_TS ? 12 : 0);
	uint32_t mss = MR_MAX(mtu, floor) - headers;
	struct tcp_tx *tx = tcp_tx(self, t);

	if (mtu >= self->config.mtu || mss >= t->snd_mss) {
		if (tcp_pmtu_told(self, t, mss))
			return;
		tcp_count(self, MR_TCP_icmp_ignored);
		return;
	}
	tcp_count(self, MR_TCP_pmtu_lowered);
	tcp_pmtu_lower(self, t, mss);
	/* RFC 1191 6.5: sent again at once, and no sign of congestion */
	if (tx && tx->run_head && tcp_state_synchronized(t->state) &&
	    !(tcp_run(self, tx->run_head)->flags & TCP_RUN_SACKED))
		tcp_send_again(self, t, tx, tcp_run(self, tx->run_head), UINT32_MAX);
}

void
mr_tcp_icmp(struct mr_tcp *self, const struct mr_tcp_flow *flow, uint32_t seq,
	    enum mr_tcp_icmp kind, uint8_t icmp_type, uint8_t icmp_code, uint32_t mtu)
{
	uint32_t slot = tcp_table_find(self, tcp_flow_hash(self, flow), flow);
	const struct mr_tcp_app *app;
	struct tcp_tcb *t;
	bool entered;

	if (slot == 0 || slot & TCP_SLOT_TIME_WAIT) {
		tcp_count(self, MR_TCP_icmp_ignored);
		return;
	}
	t = tcp_tcb(self, slot);
	if (seq_lt(seq, t->snd_una) || seq_geq(seq, t->snd_nxt)) { /* RFC 5927 4.1 */
		tcp_count(self, MR_TCP_icmp_ignored);
		return;
	}
	entered = tcp_enter(t);
	app = tcp_app(self, t);
	if (kind == MR_TCP_ICMP_TOO_BIG) {
		too_big(self, t, mtu);
	} else if (kind == MR_TCP_ICMP_HARD && t->state == MR_TCP_SYN_SENT) {
		tcp_conn_end(self, t, MR_TCP_END_UNREACHABLE);
	} else {
		tcp_count(self, MR_TCP_icmp_soft);
		if (app->ops->error && t->flags & (TCP_TOLD | TCP_ACTIVE))
			app->ops->error(app->context, self, slot, icmp_type, icmp_code);
	}
	tcp_leave(self, t, entered);
}
