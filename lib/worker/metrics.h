/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/metrics - the counters of the run-to-completion loop. Add rows, never rename.
 *
 * Owner:  struct mr_worker. Thread: its thread writes, any reads (relaxed).
 * Memory: of the registry (metric/metric.h).
 */
#ifndef MR_WORKER_METRICS_H
#define MR_WORKER_METRICS_H

/* X(name, kind, unit, help) */
#define WORKER_METRICS(X)                                                                         \
	X(turn, COUNTER, TURNS, "Turns of the loop")                                              \
	X(turn_empty, COUNTER, TURNS, "Turns that found nothing to do")                           \
	X(sleep, COUNTER, EVENTS, "Times that an idle worker slept")                              \
	X(busy_time, COUNTER, NANOSECONDS, "Time spent in turns that did something")              \
	X(turn_long, COUNTER, TURNS, "Turns longer than 50 us: show turns has the worst")         \
	X(turn_timed, COUNTER, TURNS,                                                             \
	  "Turns whose stages were timed: one in 1,024, and after a "                             \
	  "long one the next 64")                                                                 \
	X(stage_rx_time, COUNTER, NANOSECONDS, "Timed turns: taking packets from ports")          \
	X(stage_net_time, COUNTER, NANOSECONDS, "Timed turns: link, network, UDP")                \
	X(stage_tcp_time, COUNTER, NANOSECONDS, "Timed turns: TCP segments and what they ask")    \
	X(stage_dns_time, COUNTER, NANOSECONDS, "Timed turns: answering datagrams")               \
	X(stage_tx_time, COUNTER, NANOSECONDS, "Timed turns: giving packets to ports")            \
	X(stage_jobs_time, COUNTER, NANOSECONDS, "Timed turns: job completions")                  \
	X(stage_timers_time, COUNTER, NANOSECONDS, "Timed turns: timers, TCP's and others")       \
	X(rx, COUNTER, PACKETS, "Packets taken from ports")                                       \
	X(tx, COUNTER, PACKETS, "Packets given to ports")                                         \
	X(tx_full, COUNTER, PACKETS, "Dropped: the port took no more, and no room to wait")       \
	X(dispatch_out, COUNTER, PACKETS, "Packets handed to another worker")                     \
	X(dispatch_in, COUNTER, PACKETS,                                                          \
	  "Packets taken from other workers and the control thread")                              \
	X(dispatch_full, COUNTER, PACKETS, "Dropped: the other worker's ring was full")           \
	X(linearise_fail, COUNTER, PACKETS, "Dropped: a chained packet too large for one buffer") \
	X(punt, COUNTER, PACKETS, "Packets given to the kernel")                                  \
	X(punt_full, COUNTER, PACKETS, "Dropped: the ring to the kernel was full")                \
	X(punt_out, COUNTER, PACKETS, "Packets sent for the kernel")                              \
	X(dns_defer_lost, COUNTER, PACKETS, "Dropped: a deferred answer with no job free")        \
	X(note_lost, COUNTER, EVENTS, "Notes to the control thread lost: ring full")              \
	X(job_submit, COUNTER, EVENTS, "Jobs given to helper threads")                            \
	X(job_refused, COUNTER, EVENTS, "Jobs refused: none free, or the ring was full")          \
	X(job_done, COUNTER, EVENTS, "Job completions taken")                                     \
	X(job_stale, COUNTER, EVENTS, "Job completions ignored: their generation is over")        \
	X(tcp_unserved, COUNTER, PACKETS, "Dropped: TCP, and connections are switched off")       \
	X(tcp_way_full, COUNTER, PACKETS, "Dropped: segments of a new peer, all ways back taken") \
	X(tcp_put_off, COUNTER, PACKETS, "Segments put off: the port took no more")               \
	X(tcp_no_buffer, COUNTER, PACKETS, "Segments put off: no packet buffer")                  \
	X(timer_fired, COUNTER, EVENTS, "Timers fired")                                           \
	X(timer_refused, COUNTER, EVENTS, "Timers refused: all taken")

#endif
