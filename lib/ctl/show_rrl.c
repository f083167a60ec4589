/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/show_rrl - the shares of the rate limits, and who is limited.
 */
#include "ctl/ctl_int.h"

void
ctl_rrl_tick(struct mr_ctl *self)
{
	struct mr_worker_group *group = self->box.group;
	struct mr_dns_rrl *workers[MR_WORKER_MAX];
	unsigned count = 0;

	for (uint16_t i = 0; i < group->worker_count; i++)
		if (group->workers[i])
			workers[count++] = mr_worker_rrl(group->workers[i]);
	if (count)
		mr_dns_rrl_rebalance(workers, count);
}

static json_t *
seen_json(const struct mr_dns_rrl_seen *seen, uint16_t worker, uint64_t now_ns)
{
	char prefix[MR_PREFIX_TEXT_BYTES];

	return json_pack("{ss ss si sI sI sI}", "prefix", mr_prefix_format(&seen->prefix, prefix),
			 "class", mr_dns_rrl_class_name(seen->rrl_class), "worker", (int)worker,
			 "limited", (json_int_t)seen->limited, "since_ns",
			 (json_int_t)(now_ns - MR_MIN(seen->first_ns, now_ns)), "last_ns",
			 (json_int_t)(now_ns - MR_MIN(seen->last_ns, now_ns)));
}

json_t *
command_show_rrl(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	static const char *const modes[] = { "off", "log", "on" };
	const struct mr_worker_group *group = self->box.group;
	uint64_t now_ns = mr_clock_now_ns();
	json_t *list = json_array();

	(void)call;
	(void)error;
	for (uint16_t i = 0; i < group->worker_count; i++) {
		struct mr_dns_rrl_seen seen[MR_DNS_RRL_SEEN];
		unsigned count = 0;

		if (group->workers[i])
			count = mr_dns_rrl_list(mr_worker_rrl(group->workers[i]), seen,
						MR_DNS_RRL_SEEN);
		for (unsigned j = 0; j < count; j++)
			json_array_append_new(list, seen_json(&seen[j], i, now_ns));
	}
	return json_pack("{ss so}", "mode", modes[self->worlds.running->dns.rrl.mode], "prefixes",
			 list);
}
