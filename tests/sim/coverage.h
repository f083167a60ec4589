/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/coverage - what a run of seeds has met, so that nobody believes in what was never tried.
 *
 * A feature is a row of SIM_FEATURES (what the simulator made, or saw inside a TCB) or a counter of
 * lib/tcp. A seed has a feature or has it not; the table says how many seeds had each. With --cover
 * a feature that no seed had fails the run, but for the few that coverage.c excuses.
 */
#ifndef SIM_COVERAGE_H
#define SIM_COVERAGE_H

#include "tcp/tcp.h"

/* X(name, what it says about a seed) */
#define SIM_FEATURES(X)                                                   \
	X(strict, "nobody misbehaves: all must end well")                 \
	X(ipv6, "over IPv6")                                              \
	X(many_clients, "more than three clients")                        \
	X(many_connections, "more than eight connections")                \
	X(small_pools, "a host with pools too small for its work")        \
	X(cookie_ecn, "ECN agreed through a cookie")                      \
	X(cookies_only, "a server that answers every SYN by a cookie")    \
	X(no_sack, "a host without SACK")                                 \
	X(no_timestamps, "a host without timestamps")                     \
	X(no_window_scale, "a host without window scale")                 \
	X(no_ecn, "a host without ECN")                                   \
	X(newreno, "a host with NewReno")                                 \
	X(cubic, "a host with CUBIC")                                     \
	X(sequence_wrap, "sequence numbers wrap")                         \
	X(timestamp_wrap, "timestamps wrap")                              \
	X(link_loss, "a frame was lost")                                  \
	X(link_burst_loss, "losses come in bursts")                       \
	X(link_full, "a queue was full")                                  \
	X(link_burst, "frames were taken as a burst")                     \
	X(link_duplicate, "a frame came twice")                           \
	X(link_reorder, "a frame was overtaken")                          \
	X(link_corrupt, "a frame had a wrong bit")                        \
	X(link_mark, "a frame was marked CE")                             \
	X(link_urgent, "somebody on the way set URG")                     \
	X(link_too_big, "a frame did not fit the path")                   \
	X(link_mtu_down, "the path's MTU went down")                      \
	X(link_mtu_up, "the path's MTU went up again")                    \
	X(link_delay_jump, "the path's delay jumped")                     \
	X(path_change, "a host was reached by another path")              \
	X(path_lie, "a frame seemed to have come by another path")        \
	X(link_refused, "the port had no room for a segment")             \
	X(icmp_silent, "routers that do not say too big")                 \
	X(write_own, "OWN extents")                                       \
	X(write_ref, "REF extents")                                       \
	X(write_gen, "GEN extents")                                       \
	X(write_mixed, "extents of all kinds in one stream")              \
	X(write_bytes, "writes of one byte")                              \
	X(write_nothing, "a side that sends nothing")                     \
	X(write_large, "more than a million bytes from one side")         \
	X(nodelay, "Nagle's algorithm off")                               \
	X(nagle, "Nagle's algorithm on")                                  \
	X(read_slow, "a slow reader")                                     \
	X(half_close, "data after the peer's FIN")                        \
	X(close_early, "a close that does not wait for the peer")         \
	X(app_abort, "an abort in the middle")                            \
	X(app_lazy, "an application that begins late")                    \
	X(four_tuple_again, "a four-tuple used again at once")            \
	X(open_simultaneous, "both sides send SYN")                       \
	X(peer_dead, "a host that vanishes")                              \
	X(peer_reneges, "a receiver that drops what it has SACKed")       \
	X(forged_rst, "a forged RST near or in the window")               \
	X(forged_rst_exact, "a forged RST in the exact place")            \
	X(forged_syn, "a forged SYN")                                     \
	X(forged_ack, "a forged ACK of what was never sent, or long ago") \
	X(forged_data, "forged data with a wrong ACK")                    \
	X(forged_garbage, "a forged segment without sense")               \
	X(forged_icmp, "a forged ICMP error")                             \
	X(icmp_error, "an ICMP error that is true")                       \
	X(state_syn_sent, "SYN-SENT")                                     \
	X(state_syn_received, "SYN-RECEIVED")                             \
	X(state_established, "ESTABLISHED")                               \
	X(state_fin_wait_1, "FIN-WAIT-1")                                 \
	X(state_fin_wait_2, "FIN-WAIT-2")                                 \
	X(state_close_wait, "CLOSE-WAIT")                                 \
	X(state_closing, "CLOSING: FINs crossed")                         \
	X(state_last_ack, "LAST-ACK")                                     \
	X(state_time_wait, "TIME-WAIT with a slow reader")                \
	X(timer_tlp, "a tail loss probe was planned")                     \
	X(timer_reorder, "RACK's reordering timer ran")                   \
	X(timer_persist, "the persist timer ran")                         \
	X(timer_pace, "output was tried again later")                     \
	X(phase_recovery, "fast recovery (PRR)")                          \
	X(phase_loss, "recovery after a timeout")                         \
	X(phase_cwr, "a window reduced by ECE")                           \
	X(rack_reordering, "RACK saw reordering")                         \
	X(rack_window, "RACK widened its window on a DSACK")              \
	X(frto_undecided, "F-RTO waited for its second ACK")              \
	X(slow_start_left, "slow start ended by HyStart++ or a loss")     \
	X(zero_window, "the peer shut its window")                        \
	X(backoff, "a timer backed off more than twice")

enum sim_feature {
#define SIM_FEATURE_ID(name, help) SIM_F_##name,
	SIM_FEATURES(SIM_FEATURE_ID) SIM_F_OWN_COUNT
};

enum { SIM_FEATURE_COUNT = SIM_F_OWN_COUNT + MR_TCP_METRIC_COUNT };

/* sim_features_print writes the table and returns how many features no seed had. */
uint32_t sim_features_print(const uint64_t counts[SIM_FEATURE_COUNT], uint64_t seed_count);

#endif
