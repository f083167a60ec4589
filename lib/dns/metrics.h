/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/metrics - the counters of lib/dns. Add rows, never rename.
 */
#ifndef MR_DNS_METRICS_H
#define MR_DNS_METRICS_H

/* X(name, kind, unit, help) */
#define DNS_METRICS(X) X(query, COUNTER, QUERIES, "Queries received")

#endif
