/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/congestion - how much may be in flight: NewReno and CUBIC behind one const table of
 * functions.
 *
 * Owner:  the state is a part of the TCB.
 * Thread: its worker.
 * Memory: 28 bytes, no allocation.
 * Spec:   RFC 5681 (slow start, avoidance, restart), RFC 3465 (byte counting, L = 8),
 *         RFC 6928 (IW10), RFC 9406 (HyStart++), RFC 9438 (CUBIC).
 *
 * Loss recovery (tcp/recovery) decides when a loss has happened and drives cwnd inside a recovery
 * (PRR); a controller is told of acknowledged bytes outside recovery, of the start of each
 * reduction and of an idle restart.
 *
 * Phase                       word[] holds        next                           [function]
 *   slow start (ssthresh max) HyStart++ rounds    CSS when the RTT grows         [hystart_acked]
 *   CSS                       HyStart++ rounds    slow start when it was jitter,
 *                                                 avoidance after 5 rounds       [hystart_acked]
 *   slow start (later)        avoidance's         avoidance at ssthresh          [slow_start]
 *   avoidance                 NewReno or CUBIC    any reduction -> recovery      [*_acked]
 */
#ifndef MR_TCP_CONGESTION_H
#define MR_TCP_CONGESTION_H

#include "base/base.h"

enum { MR_TCP_CC_WORDS = 5 };
#define MR_TCP_SSTHRESH_MAX UINT32_MAX

struct mr_tcp_cc {
	uint32_t cwnd, ssthresh; /* bytes */
	uint32_t word[MR_TCP_CC_WORDS];
};

/* What a controller may look at; filled per call. */
struct mr_tcp_cc_env {
	uint32_t now_us; /* wraps */
	uint32_t mss;    /* bytes of payload in a full segment */
	uint32_t snd_una, snd_nxt;
	uint32_t acked_bytes;  /* newly acknowledged, cumulatively */
	uint32_t flight_bytes; /* in flight before this ACK */
	uint32_t rtt_us;       /* this ACK's sample; 0: none */
	uint32_t srtt_us, min_rtt_us;
	bool cwnd_limited; /* the window, not the application, has been the limit */
};

enum mr_tcp_cc_cause {
	MR_TCP_CC_FAST,    /* loss found by RACK or three duplicates */
	MR_TCP_CC_TIMEOUT, /* retransmission timeout: the caller sets cwnd to one segment */
	MR_TCP_CC_ECN,     /* ECE */
};

struct mr_tcp_cc_ops {
	const char *name;
	void (*acked)(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env);
	/* reduce sets ssthresh for what comes after the recovery that begins; cwnd is the caller's
	 */
	void (*reduce)(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env,
		       enum mr_tcp_cc_cause cause);
	/* restart: nothing was in flight for longer than the RTO (RFC 5681 4.1) */
	void (*restart)(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env);
	/* undone: cwnd and ssthresh are what they were before the last reduction, which was
	 * spurious. NULL: nothing else is to be done. */
	void (*undone)(struct mr_tcp_cc *self);
	/* pace returns bytes per second, or 0: as fast as cwnd allows. NULL is 0. */
	uint64_t (*pace)(const struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env);
};

extern const struct mr_tcp_cc_ops mr_tcp_cc_newreno;
extern const struct mr_tcp_cc_ops mr_tcp_cc_cubic;

/* mr_tcp_cc_initial_window returns IW10 for mss, in bytes (RFC 6928 2). */
uint32_t mr_tcp_cc_initial_window(uint32_t mss);

/* mr_tcp_cc_init sets the initial window and HyStart++'s first round. */
void mr_tcp_cc_init(struct mr_tcp_cc *self, uint32_t mss, uint32_t snd_nxt);

#endif
