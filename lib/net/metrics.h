/* SPDX-License-Identifier: Apache-2.0
 *
 * net/metrics - the counters of lib/net. Add rows, never rename.
 */
#ifndef MR_NET_METRICS_H
#define MR_NET_METRICS_H

/* X(name, kind, unit, help) */
#define NET_METRICS(X) X(rx_frame, COUNTER, FRAMES, "Frames received")

#endif
