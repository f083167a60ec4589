/* SPDX-License-Identifier: Apache-2.0
 *
 * afxdp/rules - puts rules into the steering program's maps.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "afxdp/afxdp_int.h"

static int
rules_put(int table, const struct steer_key *key, const struct steer_value *value)
{
	return bpf_map_update_elem(table, key, value, BPF_ANY) ? -errno : 0;
}

static int
rules_put_address(int table, const struct mr_addr *address, enum steer_kind kind)
{
	struct steer_value none = { 0 };
	struct steer_key key = { .kind = (uint8_t)kind };

	memcpy(key.address, address->bytes, sizeof(key.address));
	return rules_put(table, &key, &none);
}

static int
rules_put_vlan(int table, uint32_t vlan)
{
	struct steer_value none = { 0 };
	struct steer_key key = { .kind = STEER_VLAN };

	mr_store_be32(key.address, vlan);
	return rules_put(table, &key, &none);
}

/* rules_put_rule adds the rule's range to its key's ranges; joined with one that it touches. */
static int
rules_put_rule(int table, const struct mr_port_steer_rule *rule)
{
	bool icmp = rule->protocol == IPPROTO_ICMP || rule->protocol == IPPROTO_ICMPV6;
	struct steer_key key = { .kind = STEER_RULE, .protocol = rule->protocol };
	struct steer_value value = { 0 };
	uint32_t i;

	memcpy(key.address, rule->addr.bytes, sizeof(key.address));
	if (bpf_map_lookup_elem(table, &key, &value) != 0)
		memset(&value, 0, sizeof(value));
	for (i = 0; i < value.range_count; i++)
		if (rule->port_low <= (uint32_t)value.ranges[i].high + 1 &&
		    (uint32_t)rule->port_high + 1 >= value.ranges[i].low)
			break;
	if (i == STEER_RANGES_MAX)
		return -E2BIG;
	if (i == value.range_count) {
		value.range_count++;
		value.ranges[i].low = icmp ? 0 : rule->port_low;
		value.ranges[i].high = icmp ? UINT16_MAX : rule->port_high;
	} else {
		value.ranges[i].low = MR_MIN(value.ranges[i].low, rule->port_low);
		value.ranges[i].high = MR_MAX(value.ranges[i].high, rule->port_high);
	}
	return rules_put(table, &key, &value);
}

static int
rules_empty(int table)
{
	struct steer_key key;

	/* Bounded by the table: each turn removes its first key. */
	for (uint32_t i = 0; i <= STEER_ENTRIES_MAX; i++) {
		if (bpf_map_get_next_key(table, NULL, &key) != 0)
			return errno == ENOENT ? 0 : -errno;
		if (bpf_map_delete_elem(table, &key) != 0)
			return -errno;
	}
	return -EBUSY;
}

/* rules_fill writes steer into an empty table. */
static int
rules_fill(const struct mr_port *port, int table, const struct mr_port_steer *steer,
	   struct mr_error *error)
{
	char text[MR_ADDR_TEXT_BYTES];
	int code = 0;

	for (size_t i = 0; i < steer->rule_count; i++) {
		const struct mr_port_steer_rule *rule = &steer->rules[i];

		if (rule->port_low > rule->port_high)
			return mr_error_set(error, -EINVAL, "port %s: ports %u..%u of %s",
					    port->config.name, rule->port_low, rule->port_high,
					    mr_addr_format(&rule->addr, text));
		code = rules_put_rule(table, rule);
		if (code == -E2BIG)
			return mr_error_set(error, code,
					    "port %s: %s has more than %d port ranges for protocol "
					    "%u",
					    port->config.name, mr_addr_format(&rule->addr, text),
					    STEER_RANGES_MAX, rule->protocol);
		if (!code)
			code = rules_put_address(table, &rule->addr, STEER_VIP);
		if (code)
			break;
	}
	for (size_t i = 0; i < steer->next_hop_count && !code; i++)
		code = rules_put_address(table, &steer->next_hops[i], STEER_HOP);
	for (size_t i = 0; i < steer->vlan_count && !code; i++)
		code = rules_put_vlan(table, steer->vlans[i]);
	if (!code && steer->vlan_count == 0)
		code = rules_put_vlan(table, 0);
	if (code)
		return mr_error_set(error, code,
				    "port %s: the steering table takes no more (%s; at most %d "
				    "addresses and protocols)",
				    port->config.name, strerror(-code), STEER_ENTRIES_MAX);
	return 0;
}

int
afxdp_steer(struct mr_port *port, const struct mr_port_steer *steer, struct mr_error *error)
{
	struct afxdp *self = port->driver_state;
	uint32_t next = !self->active, slot = STEER_SLOT_ACTIVE;
	int code = rules_empty(self->table_fds[next]);

	if (code)
		return mr_error_set(error, code, "port %s: cannot empty a steering table: %s",
				    port->config.name, strerror(-code));
	code = rules_fill(port, self->table_fds[next], steer, error);
	if (code)
		return code;
	/* One pointer store in the kernel, which then waits for every CPU to leave the old table.
	 */
	if (bpf_map_update_elem(self->tables_fd, &slot, &self->table_fds[next], BPF_ANY) != 0)
		return mr_error_set(error, -errno,
				    "port %s: cannot exchange the steering tables: %s",
				    port->config.name, strerror(errno));
	self->active = next;
	return 0;
}

static const struct {
	const char *name, *help;
} rules_reasons[STEER_REASON_COUNT] = {
#define RULES_REASON(name, help) [STEER_##name] = { #name, help },
	STEER_REASONS(RULES_REASON)
};

size_t
mr_afxdp_counts(const struct mr_port *port, struct mr_afxdp_count *out, size_t room)
{
	const struct afxdp *self = port->driver_state;
	int cpu_count = libbpf_num_possible_cpus();
	uint64_t *values;
	size_t count = 0;

	if (port->driver != &mr_afxdp_driver || !self || self->counts_fd < 0 || cpu_count <= 0)
		return 0;
	values = calloc((size_t)cpu_count, sizeof(*values));
	if (!values)
		return 0;
	for (uint32_t i = 0; i < STEER_REASON_COUNT && count < room; i++) {
		if (bpf_map_lookup_elem(self->counts_fd, &i, values) != 0)
			break;
		out[count] =
			(struct mr_afxdp_count){ rules_reasons[i].name, rules_reasons[i].help, 0 };
		for (int cpu = 0; cpu < cpu_count; cpu++)
			out[count].frames += values[cpu];
		count++;
	}
	free(values);
	return count;
}
