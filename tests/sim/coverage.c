/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/coverage - the table of what a run has met.
 */
#include <stdio.h>

#include "coverage.h"

#define FEATURE_NAME(name, help) #name,
#define FEATURE_HELP(name, help) help,
static const char *const names[] = { SIM_FEATURES(FEATURE_NAME) };
static const char *const helps[] = { SIM_FEATURES(FEATURE_HELP) };

/* excused: counters that cannot move here, each for a reason. */
static bool
excused(uint32_t metric)
{
	switch (metric) {
	case MR_TCP_timer_late:      /* sim_run turns until nothing is due */
	case MR_TCP_connection_open: /* gauges are zero again at the end */
	case MR_TCP_connection_half_open:
	case MR_TCP_connection_time_wait:
	case MR_TCP_connect_no_port: /* all of 32 ports taken: no scenario opens so many */
	case MR_TCP_close_slow:      /* bounds that no scenario sets: test_defence */
	case MR_TCP_drop_prefix:
	case MR_TCP_walk_shed:
		return true;
	default:
		return false;
	}
}

uint32_t
sim_features_print(const uint64_t counts[SIM_FEATURE_COUNT], uint64_t seed_count)
{
	uint32_t missing = 0;

	printf("%-28s %9s %7s\n", "feature", "seeds", "%");
	for (uint32_t i = 0; i < SIM_FEATURE_COUNT; i++) {
		bool own = i < SIM_F_OWN_COUNT;
		uint32_t metric = i - SIM_F_OWN_COUNT;
		bool absent = counts[i] == 0 && (own || !excused(metric));

		printf("%-28s %9llu %7.2f  %s%s\n",
		       own ? names[i] : mr_tcp_metric_table.defs[metric].name,
		       (unsigned long long)counts[i],
		       100.0 * (double)counts[i] / (double)seed_count,
		       own ? helps[i] : mr_tcp_metric_table.defs[metric].help,
		       absent ? "  <-- never" : "");
		missing += absent;
	}
	return missing;
}
