/* SPDX-License-Identifier: Apache-2.0
 *
 * net/path - the way out for segments of a connection.
 */
#include "net/net_int.h"

void
mr_net_path_of(const struct mr_net_packet *packet, struct mr_net_path *path)
{
	*path = (struct mr_net_path){
		.local = packet->dst,
		.remote = packet->src,
		.vlan = packet->vlan,
		.interface = (uint8_t)packet->interface,
		.family = packet->family,
		.tagged = packet->l3_offset != ETH_BYTES,
	};
	memcpy(&path->mac, packet->bytes + MR_MAC_BYTES, MR_MAC_BYTES);
}

/* path_mac finds the MAC to send to now: the snapshot may be newer than the path. */
static bool
path_mac(const struct mr_net *self, const struct mr_net_path *path, struct mr_mac *out)
{
	const struct net_interface *interface = &self->snapshot->interfaces[path->interface];
	static const struct mr_mac nobody;
	bool on_link = path->remote.bytes[0] == 0xfe && (path->remote.bytes[1] & 0xc0) == 0x80;

	for (uint16_t i = 0; i < interface->vlan_count && !on_link; i++) {
		uint8_t hop = interface->hops[i][path->family == 6];

		if (interface->vlans[i] == path->vlan && hop != HOP_NONE)
			return net_neighbour_mac(self->neighbours, self->snapshot->hops[hop].key,
						 out);
	}
	*out = path->mac;
	return memcmp(out, &nobody, MR_MAC_BYTES);
}

uint16_t
mr_net_path_write(struct mr_net *self, const struct mr_net_path *path, uint8_t protocol,
		  uint8_t ecn, uint16_t l4_bytes, uint8_t *frame)
{
	uint16_t at = 2 * MR_MAC_BYTES;

	if (mr_unlikely(!path_mac(self, path, (struct mr_mac *)frame))) {
		self->tally[MR_NET_tx_unresolved]++;
		return 0;
	}
	memcpy(frame + MR_MAC_BYTES, &self->snapshot->interfaces[path->interface].mac,
	       MR_MAC_BYTES);
	if (path->tagged)
		at += net_tags_write(frame + at, path->vlan);
	mr_store_be16(frame + at, path->family == 4 ? ETH_TYPE_V4 : ETH_TYPE_V6);
	at += 2;
	self->tally[MR_NET_path_tx]++;
	return at + net_ip_write(frame + at, path->family, &path->local, &path->remote, protocol,
				 ecn, MR_NET_TTL, l4_bytes);
}

uint16_t
mr_net_path_l4_room(const struct mr_net *self, const struct mr_net_path *path)
{
	uint16_t mtu = net_mtu(self->snapshot, path->interface, path->vlan);

	return mtu - MR_MIN(net_ip_bytes(path->family), mtu);
}
