/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/metrics - the counters of lib/tcp. Add rows, never rename.
 *
 * Owner:  the array is who made the stack's (mr_tcp_config.metrics), its one writer the worker.
 * Thread: relaxed stores by the worker; any thread may read.
 * Memory: MR_TCP_METRIC_COUNT words of the caller's, for the life of the stack.
 * Spec:   none; each drop_* is a verdict on a segment, each close_* a reason (enum mr_tcp_reason).
 */
#ifndef MR_TCP_METRICS_H
#define MR_TCP_METRICS_H

/* X(name, kind, unit, help) */
#define TCP_METRICS(X)                                                                            \
	X(segment_rx, COUNTER, SEGMENTS, "Segments received")                                     \
	X(segment_tx, COUNTER, SEGMENTS, "Segments sent")                                         \
	X(segment_tx_refused, COUNTER, SEGMENTS, "Segments that the output had no room for")      \
	X(byte_rx, COUNTER, BYTES, "Payload bytes accepted, in order")                            \
	X(byte_tx, COUNTER, BYTES, "Payload bytes sent, retransmissions included")                \
	X(retransmit, COUNTER, SEGMENTS, "Segments sent again")                                   \
	X(retransmit_fast, COUNTER, EVENTS, "Fast recoveries entered")                            \
	X(retransmit_timeout, COUNTER, EVENTS, "Retransmission timeouts")                         \
	X(tail_loss_probe, COUNTER, EVENTS, "Tail loss probes sent")                              \
	X(spurious_timeout, COUNTER, EVENTS, "Timeouts found spurious by F-RTO and undone")       \
	X(spurious_eifel, COUNTER, EVENTS, "Recoveries undone: the timestamp was the original's") \
	X(spurious_dsack, COUNTER, EVENTS, "Recoveries undone: all was reported as duplicate")    \
	X(sack_reneged, COUNTER, EVENTS, "Peers that dropped data they had SACKed")               \
	X(dsack_rx, COUNTER, EVENTS, "Duplicate SACK blocks received")                            \
	X(connection_open, GAUGE, CONNECTIONS, "Connections that have a TCB")                     \
	X(connection_half_open, GAUGE, CONNECTIONS, "Connections in SYN-RECEIVED")                \
	X(connection_time_wait, GAUGE, CONNECTIONS, "Connections in the TIME-WAIT table")         \
	X(accept, COUNTER, CONNECTIONS, "Connections established by a peer's SYN")                \
	X(connect, COUNTER, CONNECTIONS, "Connections established by our SYN")                    \
	X(connect_no_port, COUNTER, EVENTS, "Active opens refused: no source port was free")      \
	X(close_ok, COUNTER, CONNECTIONS, "Closed in order")                                      \
	X(close_reset, COUNTER, CONNECTIONS, "Closed by the peer's RST")                          \
	X(close_refused, COUNTER, CONNECTIONS, "Our SYN was refused")                             \
	X(close_timeout, COUNTER, CONNECTIONS, "Given up after unanswered retransmissions")       \
	X(close_keepalive, COUNTER, CONNECTIONS, "Given up after unanswered keep-alive probes")   \
	X(close_persist, COUNTER, CONNECTIONS, "Given up on a peer that kept its window shut")    \
	X(close_unreachable, COUNTER, CONNECTIONS, "Our SYN met an ICMP hard error")              \
	X(close_abort, COUNTER, CONNECTIONS, "Aborted by the application")                        \
	X(close_fin_wait, COUNTER, CONNECTIONS, "Given up waiting for the peer's FIN")            \
	X(close_slow, COUNTER, CONNECTIONS, "Given up on a peer that reads too slowly")           \
	X(close_shed, COUNTER, CONNECTIONS, "Reset to make room for others")                      \
	X(cookie_tx, COUNTER, SEGMENTS, "SYN cookies sent")                                       \
	X(cookie_accept, COUNTER, CONNECTIONS, "Connections made from a SYN cookie")              \
	X(cookie_bad, COUNTER, SEGMENTS, "ACKs that bore no valid cookie while cookies were out") \
	X(time_wait_reused, COUNTER, CONNECTIONS, "TIME-WAIT entries taken over by a new SYN")    \
	X(time_wait_shed, COUNTER, CONNECTIONS, "TIME-WAIT entries dropped early: table full")    \
	X(rst_tx, COUNTER, SEGMENTS, "RST segments sent")                                         \
	X(challenge_ack, COUNTER, SEGMENTS, "Challenge ACKs sent")                                \
	X(challenge_ack_limited, COUNTER, SEGMENTS, "Challenge ACKs not sent: limit reached")     \
	X(drop_short, COUNTER, SEGMENTS, "Dropped: shorter than its header")                      \
	X(drop_flags, COUNTER, SEGMENTS, "Dropped: flags that no state accepts")                  \
	X(drop_closed, COUNTER, SEGMENTS, "Dropped: no connection and no listener")               \
	X(drop_window, COUNTER, SEGMENTS, "Dropped: outside the receive window")                  \
	X(drop_paws, COUNTER, SEGMENTS, "Dropped: timestamp too old")                             \
	X(drop_no_timestamp, COUNTER, SEGMENTS, "Dropped: the agreed timestamp is missing")       \
	X(drop_ack, COUNTER, SEGMENTS, "Dropped: acknowledges what was never sent, or too old")   \
	X(drop_no_ack, COUNTER, SEGMENTS, "Dropped: neither ACK, SYN nor RST")                    \
	X(drop_no_connection, COUNTER, SEGMENTS, "Dropped: no TCB left for a new connection")     \
	X(drop_prefix, COUNTER, SEGMENTS, "Dropped: the source prefix has all it may have")       \
	X(walk_shed, COUNTER, EVENTS, "SACKs and data ignored: a turn's walking was used up")     \
	X(drop_no_chunk, COUNTER, SEGMENTS, "Dropped: no room to keep the data")                  \
	X(drop_fin_wait, COUNTER, SEGMENTS, "Refused: data for a closed reader")                  \
	X(option_broken, COUNTER, SEGMENTS, "Segments with a broken option list")                 \
	X(urgent, COUNTER, SEGMENTS, "Segments with URG; the pointer is ignored")                 \
	X(out_of_order, COUNTER, SEGMENTS, "Segments kept out of order")                          \
	X(duplicate, COUNTER, SEGMENTS, "Segments that brought nothing new")                      \
	X(path_changed, COUNTER, EVENTS, "Unanswered for long: the path before was tried")        \
	X(icmp_ignored, COUNTER, EVENTS, "ICMP errors for no connection or out of window")        \
	X(icmp_soft, COUNTER, EVENTS, "ICMP errors reported as soft")                             \
	X(pmtu_lowered, COUNTER, EVENTS, "Path MTU lowered by ICMP")                              \
	X(pmtu_probe, COUNTER, EVENTS, "Probes for a larger path MTU sent")                       \
	X(pmtu_probe_lost, COUNTER, EVENTS, "Probes for a larger path MTU lost")                  \
	X(pmtu_raised, COUNTER, EVENTS, "Path MTU raised by a probe that arrived")                \
	X(black_hole, COUNTER, EVENTS, "Segment size lowered because large ones vanish")          \
	X(ecn_reduced, COUNTER, EVENTS, "Window reductions by ECE")                               \
	X(no_tx, COUNTER, EVENTS, "Sends refused: no send state left")                            \
	X(no_run, COUNTER, EVENTS, "Sends delayed: retransmission board full")                    \
	X(timer_late, COUNTER, EVENTS, "Turns that ran out of their timer budget")

#endif
