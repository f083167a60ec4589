/* SPDX-License-Identifier: Apache-2.0
 *
 * net/input - Ethernet, 802.1Q and 802.1ad: is the frame for us, and who reads on.
 */
#include "net/net_int.h"

MR_METRIC_DEFINE("net", mr_net_metric_table, NET_METRICS);

#define NET_EVENTS(X)                \
	X(address_conflict, WARNING, \
	  "{addr} is ours, but {mac} claims it too, in a frame from {mac}; ours is {mac}")
#define EVENT_ID(name, ...) EVENT_##name,
enum { NET_EVENTS(EVENT_ID) };
MR_EVLOG_DEFINE("net", net_event_table, NET_EVENTS);

#define CONFLICT_EVENT_INTERVAL_NS MR_NS_PER_S

bool
net_own_mac(const struct mr_net_snapshot *self, const uint8_t *mac)
{
	for (uint16_t i = 0; i < self->interface_count; i++)
		if (self->interfaces[i].vlan_count &&
		    net_mac_load(&self->interfaces[i].mac) == net_mac_load(mac))
			return true;
	return false;
}

/* The group addresses that a host with only VIPs listens to: broadcast (ARP), all-nodes and
 * solicited-node (RFC 2464 7: 33:33 and the last four bytes of the IPv6 address). */
static bool
eth_group_wanted(const uint8_t *mac)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };

	return !memcmp(mac, broadcast, 6) || !memcmp(mac, all_nodes, 6) ||
	       (mac[0] == 0x33 && mac[1] == 0x33 && mac[2] == 0xff);
}

/* eth_address_check says whether the frame is to be read; false leaves the verdict in *verdict. */
static inline bool
eth_address_check(struct mr_net *self, struct mr_net_packet *packet,
		  const struct net_interface *interface, enum mr_net_verdict *verdict)
{
	const uint8_t *eth = packet->bytes;
	uint64_t src = net_mac_load(eth + MR_MAC_BYTES), own = net_mac_load(&interface->mac);

	if (mr_unlikely(!net_mac_is_host(src))) {
		*verdict = net_drop(self, MR_NET_eth_source);
		return false;
	}
	if (mr_unlikely(src == own)) {
		*verdict = net_drop(self, MR_NET_eth_loop);
		return false;
	}
	packet->link_group = eth[0] & 1;
	if (mr_likely(net_mac_load(eth) == own))
		return true;
	if (!packet->link_group) {
		*verdict = net_drop(self, MR_NET_eth_foreign);
		return false;
	}
	if (eth_group_wanted(eth))
		return true;
	*verdict = net_punt(self, packet, MR_NET_eth_foreign);
	return false;
}

static inline bool
eth_is_tag(uint16_t type)
{
	return type == ETH_TYPE_VLAN || type == ETH_TYPE_SERVICE_VLAN || type == ETH_TYPE_OLD_STACK;
}

/* vlan_drop is vlan_read's way to say what was wrong. */
MR_COLD static bool
vlan_drop(struct mr_net *self, enum mr_net_metric reason, enum mr_net_verdict *verdict)
{
	*verdict = net_drop(self, reason);
	return false;
}

/* vlan_read reads the tag, or the pair, that *type begins; *type is the packet's own afterwards. */
static bool
vlan_read(struct mr_net *self, struct mr_net_packet *packet, const struct net_interface *interface,
	  uint16_t *type, enum mr_net_verdict *verdict)
{
	uint8_t *tag = packet->bytes + ETH_BYTES;
	bool pair = *type != ETH_TYPE_VLAN;

	if (packet->frame_bytes < ETH_BYTES + MR_NET_TAG_BYTES)
		return vlan_drop(self, MR_NET_vlan_truncated, verdict);
	packet->vlan = mr_load_be16(tag) & VLAN_ID_MASK;
	packet->l3_offset = ETH_BYTES + MR_NET_TAG_BYTES;
	if (interface->retypes_tags && !pair && mr_load_be16(tag + 2) == ETH_TYPE_VLAN) {
		*type = ETH_TYPE_SERVICE_VLAN;
		mr_store_be16(tag - 2, ETH_TYPE_SERVICE_VLAN); /* the answer has it from here */
		pair = true;
	}
	if (pair) {
		if (*type != ETH_TYPE_SERVICE_VLAN || mr_load_be16(tag + 2) != ETH_TYPE_VLAN)
			return vlan_drop(self, MR_NET_vlan_stack, verdict);
		tag += MR_NET_TAG_BYTES;
		if (packet->frame_bytes < ETH_BYTES + 2 * MR_NET_TAG_BYTES)
			return vlan_drop(self, MR_NET_vlan_truncated, verdict);
		packet->vlan =
			mr_vlan_pair((uint16_t)packet->vlan, mr_load_be16(tag) & VLAN_ID_MASK);
		packet->l3_offset = ETH_BYTES + 2 * MR_NET_TAG_BYTES;
		if (!mr_vlan_outer(packet->vlan)) /* a priority tag alone makes no service VLAN */
			return vlan_drop(self, MR_NET_vlan_stack, verdict);
	}
	*type = mr_load_be16(tag + 2);
	return !eth_is_tag(*type) || vlan_drop(self, MR_NET_vlan_stack, verdict);
}

/* vlan_check reads the tags if there are any and finds their place in the interface's list. */
static inline bool
vlan_check(struct mr_net *self, struct mr_net_packet *packet, const struct net_interface *interface,
	   uint16_t *type, enum mr_net_verdict *verdict)
{
	packet->vlan = 0;
	packet->l3_offset = ETH_BYTES;
	if (mr_unlikely(eth_is_tag(*type)) && !vlan_read(self, packet, interface, type, verdict))
		return false;
	for (uint16_t i = 0; i < interface->vlan_count; i++)
		if (interface->vlans[i] == packet->vlan) {
			packet->vlan_index = (uint8_t)i;
			return true;
		}
	*verdict = net_punt(self, packet, MR_NET_vlan_unknown);
	return false;
}

enum mr_net_verdict
mr_net_input(struct mr_net *self, struct mr_net_packet *packet, bool rx_checksum_good,
	     uint64_t now_ns)
{
	const struct net_interface *interface;
	enum mr_net_verdict verdict;
	uint16_t type;

	MR_ASSERT_SLOW(packet->interface < MR_NET_IF_MAX);
	MR_ASSERT_SLOW(packet->frame_bytes <= packet->room_bytes);
	self->tally[MR_NET_rx_frame]++;
	if (mr_unlikely(packet->frame_bytes < ETH_BYTES))
		return net_drop(self, MR_NET_eth_runt);
	interface = &self->snapshot->interfaces[packet->interface];
	type = mr_load_be16(packet->bytes + 12);
	if (!eth_address_check(self, packet, interface, &verdict))
		return verdict;
	if (!vlan_check(self, packet, interface, &type, &verdict))
		return verdict;
	packet->app = MR_NET_APP_NONE;
	packet->vip = UINT16_MAX;
	if (mr_likely(type == ETH_TYPE_V4))
		return ipv4_input(self, packet, rx_checksum_good, now_ns);
	if (type == ETH_TYPE_V6)
		return ipv6_input(self, packet, rx_checksum_good, now_ns);
	if (type == ETH_TYPE_ARP)
		return arp_input(self, packet, now_ns);
	return net_punt(self, packet, MR_NET_eth_type);
}

void
mr_net_flush(struct mr_net *self)
{
	mr_metric_flush(self->metrics, self->tally, MR_NET_METRIC_COUNT);
	memset(self->tally, 0, sizeof(self->tally));
}

void
net_conflict_event(struct mr_net *self, const struct mr_addr *addr, const uint8_t *mac,
		   const struct mr_net_packet *packet, uint64_t now_ns)
{
	struct mr_evlog_record record = { .now_ns = now_ns, .table = &net_event_table };

	if (!self->evlog || now_ns < self->conflict_event_ns)
		return;
	self->conflict_event_ns = now_ns + CONFLICT_EVENT_INTERVAL_NS;
	record.kind = EVENT_address_conflict;
	memcpy(&record.arguments[0], addr, sizeof(*addr));
	memcpy(&record.arguments[2], mac, MR_MAC_BYTES);
	memcpy(&record.arguments[3], packet->bytes + MR_MAC_BYTES, MR_MAC_BYTES);
	memcpy(&record.arguments[4], &self->snapshot->interfaces[packet->interface].mac,
	       MR_MAC_BYTES);
	mr_evlog_post(self->evlog, &record);
}
