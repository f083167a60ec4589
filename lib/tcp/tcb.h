/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/tcb - the objects of a connection, as they lie in their pools. Private to lib/tcp.
 *
 * Owner:  the worker; of line 0 other threads read generation, flow, state, app and opened_ms.
 * Thread: its worker; others read line 0 by relaxed loads under its generation (mr_tcp_view).
 * Memory: pools; pointer-free. Sizes are asserted below.
 * Spec:   RFC 9293 3.3.1 (the variables of a TCB), and what each field names.
 * Layout: MR_TCP_LAYOUT_VERSION goes up with every change here: a successor process maps the pools.
 */
#ifndef MR_TCP_TCB_H
#define MR_TCP_TCB_H

#include "tcp/tcp.h"

enum {
	MR_TCP_LAYOUT_VERSION = 4,
	TCP_BUCKET_FILL = 6, /* entries per bucket at which the table grows */
};

/* flags of a TCB */
enum tcp_flag {
	TCP_TS = 1u << 0,              /* both sides sent the timestamps option */
	TCP_SACK = 1u << 1,            /* the peer permits SACK */
	TCP_WSCALE = 1u << 2,          /* both sides sent the window scale option */
	TCP_ECN = 1u << 3,             /* both sides are ECN-capable */
	TCP_NODELAY = 1u << 4,         /* Nagle's algorithm off */
	TCP_KEEPALIVE = 1u << 5,       /* probe when idle */
	TCP_ACTIVE = 1u << 6,          /* we sent the first SYN */
	TCP_FIN_QUEUED = 1u << 7,      /* the application closed: FIN stands at snd_end */
	TCP_FIN_SENT = 1u << 8,        /* it has been sent: snd_nxt is snd_end + 1 */
	TCP_FIN_RCVD = 1u << 9,        /* the peer's FIN is in rcv_nxt */
	TCP_FIN_TOLD = 1u << 10,       /* peer_closed has been called */
	TCP_READ_CLOSED = 1u << 11,    /* mr_tcp_close: what comes is answered by RST */
	TCP_ACK_NOW = 1u << 12,        /* an ACK leaves at the end of this entry */
	TCP_ACK_LATER = 1u << 13,      /* delack_at_us is armed */
	TCP_ECE = 1u << 14,            /* CE was seen: echo until CWR */
	TCP_CWR = 1u << 15,            /* say so on the next new data */
	TCP_TOLD = 1u << 16,           /* accepted has been called: closed must be */
	TCP_BUSY = 1u << 17,           /* inside an entry on this connection: settle comes later */
	TCP_ENDED = 1u << 18,          /* no longer in the table; freed when no longer busy */
	TCP_CWND_LIMITED = 1u << 19,   /* cwnd stopped the sender within the last window */
	TCP_SYN_AGAIN = 1u << 20,      /* SYN was retransmitted: RFC 6298 5.7, RFC 6928 2 */
	TCP_DEADLINE = 1u << 21,       /* deadline_ms is the application's */
	TCP_FIN_WAIT_TIMED = 1u << 22, /* deadline_ms is fin_wait or TIME_WAIT in the TCB */
	TCP_REORDERING = 1u << 23,     /* RACK.reordering_seen */
	TCP_READING = 1u << 24,        /* inside `readable`: no second one */
	TCP_RCV_FULL = 1u << 25,       /* the window advertised last was zero */
	TCP_ACK_BURST = 1u << 26,      /* an ACK leaves at the end of this burst of segments */
	TCP_LISTED = 1u << 27,         /* counted in half_open */
};

/* what xmit_at_us is for */
enum tcp_timer {
	TCP_TIMER_NONE,
	TCP_TIMER_RTO,     /* RFC 6298; also SYN and SYN+ACK */
	TCP_TIMER_TLP,     /* RFC 8985 7 */
	TCP_TIMER_REORDER, /* RFC 8985 6.2 step 5 */
	TCP_TIMER_PERSIST, /* RFC 9293 3.8.6.1 */
	TCP_TIMER_PACE,    /* go on sending */
};

/* loss recovery */
enum tcp_phase {
	TCP_PHASE_OPEN,
	TCP_PHASE_CWR,      /* reduced by ECE until recovery_point */
	TCP_PHASE_RECOVERY, /* fast recovery until recovery_point */
	TCP_PHASE_LOSS,     /* after a retransmission timeout until recovery_point */
};

struct tcp_tcb {
	/* ---- line 0. owner: worker; reader: any, under generation, up to app_word ---- */
	uint16_t receive_kib; /* how far the receive window may open now. This word is the pool's */
	uint16_t drs_ms;      /* link while the TCB is free: no other thread reads it. */
	uint32_t generation;  /* odd: free, or this line is being written; 2 more at each open */
	struct mr_tcp_flow flow;
	uint8_t state; /* enum mr_tcp_state */
	uint8_t app;
	uint16_t mss_max; /* by the peer's MSS option, options taken off; owner only */
	uint32_t opened_ms;
	uint64_t app_word; /* owner only */

	/* ---- line 1. every segment ---- */
	uint32_t snd_una, snd_nxt;
	uint32_t snd_end;          /* the sequence number after the last queued byte */
	uint32_t snd_wnd, snd_wl1; /* SND.WL2 is not needed: see input_window */
	uint32_t rcv_nxt;
	uint32_t rcv_adv;       /* the right edge of the window as the peer knows it */
	uint32_t last_ack_sent; /* Last.ACK.sent of RFC 7323 4.3 */
	uint32_t ts_recent;
	uint32_t flags;       /* enum tcp_flag */
	uint16_t snd_mss;     /* payload bytes of a full segment, options taken off */
	uint16_t snd_wnd_max; /* the largest SEG.WND seen, not scaled */
	uint8_t snd_wscale : 4, rcv_wscale : 4;
	uint8_t rto_kept;  /* doublings of the RTO that stay until the next sample: RFC 6298 5 */
	uint8_t ack_count; /* low 6 bits: quick ACKs left; high 2: full segments not yet ACKed */
	uint8_t phase;     /* enum tcp_phase */
	uint32_t tx, rx;   /* handles; 0: nothing queued or in flight, nothing kept */
	uint32_t xmit_at_us;
	uint32_t ts_offset; /* added to our clock in TSval (RFC 7323 7.1) */

	/* ---- line 2. ACKs of new data, transmissions ---- */
	uint32_t srtt_us, rttvar_us; /* srtt times 8, rttvar times 4; 0: no sample yet */
	uint32_t min_rtt_us;
	struct mr_tcp_cc cc;
	uint32_t delack_at_us;
	uint32_t deadline_ms;
	uint32_t last_rx_ms; /* any acceptable segment: keep-alive, age of ts_recent */
	uint32_t drs_seq;    /* receive autotuning: rcv_nxt when the measurement began at drs_ms */
	uint16_t rcv_mss;    /* the largest payload seen: what a full segment is to the peer */
	uint8_t timer;       /* enum tcp_timer: what xmit_at_us is for */
	uint8_t backoff;     /* timeouts since SND.UNA moved; or persist probes */
	uint8_t probes;      /* keep-alive or persist probes unanswered */
	uint8_t reo;         /* RACK: low 4 bits reo_wnd_mult, high 4 reo_wnd_persist */
	uint8_t challenge_s;
	uint8_t challenge_count; /* low 4 bits; high 4: not before this epoch of tcp/pmtu */
};

static_assert(sizeof(struct tcp_tcb) == 3 * MR_CACHE_LINE, "a TCB is three cache lines");
/* The table's share is at most a line for FILL entries, and an eighth of that for overflow. */
static_assert(sizeof(struct tcp_tcb) + sizeof(struct mr_wheel_node) +
			      (MR_CACHE_LINE + MR_CACHE_LINE / 8 + TCP_BUCKET_FILL - 1) /
				      TCP_BUCKET_FILL <=
		      256,
	      "all that an idle connection costs");
static_assert(offsetof(struct tcp_tcb, snd_una) == MR_CACHE_LINE, "line 1");
static_assert(offsetof(struct tcp_tcb, srtt_us) == 2 * MR_CACHE_LINE, "line 2");

/* A run: bytes [seq .. end) that left together and share their fate. 24 bytes. */
enum tcp_run_flag { TCP_RUN_SACKED = 1, TCP_RUN_LOST = 2, TCP_RUN_AGAIN = 4 };

struct tcp_run {
	uint32_t next;
	uint32_t seq, end; /* end counts the FIN */
	uint32_t sent_us;
	uint8_t flags; /* LOST goes when the run is sent again, and AGAIN comes for good */
	uint8_t times; /* how often it was sent again, saturating */
	uint16_t unused;
	uint32_t unused_word; /* for delivery-rate samples */
};

static_assert(sizeof(struct tcp_run) == 24, "layout");

/* An extent of the send queue. 32 bytes. */
enum tcp_extent_kind { TCP_EXTENT_OWN, TCP_EXTENT_REF, TCP_EXTENT_GEN };

struct tcp_extent {
	uint32_t next;
	uint32_t seq;         /* of its first byte that is not acknowledged */
	uint32_t bytes;       /* from seq on; of a generator: what is planned */
	uint32_t cut;         /* bytes acknowledged and gone from its front */
	uint8_t kind, source; /* source: region or gen */
	uint8_t open;         /* a generator may plan more */
	uint8_t unused;
	uint32_t chunk_or_pin;
	uint64_t where; /* OWN: offset in the chunk; REF: offset in the region; GEN: cookie */
};

static_assert(sizeof(struct tcp_extent) == 32, "layout");

/* Send state: queue, board, recovery. Three lines, held while something is queued or in flight. */
struct tcp_tx {
	uint32_t extent_head, extent_tail;
	uint32_t run_head, run_tail;
	uint16_t extent_count, run_count;
	uint32_t own_bytes;
	uint32_t sacked_bytes, lost_bytes;
	uint32_t recovery_point; /* snd_nxt when the phase began */
	uint32_t prr_delivered, prr_out, recover_fs;
	uint32_t rack_sent_us, rack_end, rack_rtt_us, rack_fack;
	uint32_t dsack_round;
	uint32_t tlp_end;
	uint32_t rtt_seq;                    /* an ACK above this gives the next RTT sample */
	uint32_t prior_cwnd, prior_ssthresh; /* before this episode: tcp/undo, F-RTO */
	uint32_t last_sent_us;
	uint32_t limited_seq; /* cwnd was the limit up to here */
	uint32_t persist_since_ms;
	uint32_t pace_at_us;
	uint8_t dupacks;
	uint8_t tlp;                   /* 0 none, 1 probe of new data, 2 probe by retransmission */
	uint8_t frto;                  /* 0 off, 1 first ACK awaited, 2 second ACK awaited */
	uint8_t bits;                  /* enum tcp_tx_bit */
	uint32_t open_count;           /* generators that may plan more */
	uint32_t undo_seq, undo_tsval; /* of the episode's first retransmission */
	uint32_t undo_bytes;           /* sent again, and not reported as duplicates */
	uint32_t probe_end;            /* tcp/pmtu: of the probe in flight; 0: none */
	uint16_t probe_mss, probe_limit;    /* its size; what is known not to fit, 0: nothing */
	uint32_t conn;                      /* whose this is; 0: free */
	uint32_t advanced_ms;               /* SND.UNA moved, or sending began */
	uint32_t progress_ms, progress_una; /* where the present period of tcp_progress began */
	uint32_t spare[12];
};

enum tcp_tx_bit {
	TCP_TX_RACK_VALID = 1,  /* rack_* hold a sample */
	TCP_TX_DSACK_ROUND = 2, /* dsack_round is running */
	TCP_TX_SAW_DSACK = 4,   /* on the present ACK */
	TCP_TX_HEAD_AGAIN = 8,  /* fast retransmit: send the first lost run whatever cwnd says */
	TCP_TX_PERSIST = 16,    /* persist_since_ms is running */
	TCP_TX_UNDO = 32,       /* prior_* hold what to go back to */
	TCP_TX_RACK_AGAIN = 64, /* rack_* are of a retransmission */
	TCP_TX_UNDO_SENT = 128, /* and undo_* what has been sent again */
};

static_assert(sizeof(struct tcp_tx) == 3 * MR_CACHE_LINE, "three lines");

/* A chunk of bytes: kept input, or the bytes of OWN extents. */
struct tcp_chunk {
	uint32_t next;
	uint32_t seq;          /* of bytes[begin] (input) */
	uint16_t begin, bytes; /* input: what is unread; OWN: begin is unused, bytes is the fill */
	uint32_t unused;
	uint8_t data[MR_TCP_CHUNK_BYTES];
};

static_assert(sizeof(struct tcp_chunk) == 2048, "layout");

/* Kept input: unread in-order bytes [read_seq .. rcv_nxt), then out-of-order chunks. */
struct tcp_rx {
	uint32_t head; /* chunks in order of sequence numbers */
	uint32_t hint; /* the chunk written last: where a search begins */
	uint32_t chunk_count;
	uint32_t byte_count; /* kept in all */
	uint32_t read_seq;   /* the first byte that the application has not taken */
	uint32_t fin_seq;    /* where the peer's FIN stands, if has_fin */
	uint8_t has_fin, recent_count;
	uint16_t unused;
	uint32_t recent[MR_TCP_SACK_MAX];   /* a number inside each range reported lately, latest
					     first */
	uint32_t conn;                      /* whose this is; 0: free */
	uint32_t advanced_ms;               /* RCV.NXT moved, or keeping began */
	uint32_t latest_left, latest_right; /* the range of recent[0], found without a walk; equal:
					       not known */
	uint32_t spare[1];
};

static_assert(sizeof(struct tcp_rx) == MR_CACHE_LINE, "one line");

#endif
