/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/watch - links, announcements, neighbours, heartbeats.
 */
#include "ctl/watch.h"

#include <string.h>

MR_METRIC_DEFINE("watch", mr_watch_metric_table, WATCH_METRICS);

enum { FRAME_BYTES = 256, NOTES_PER_TICK = 64 };

void
mr_watch_start(struct mr_watch *self, struct mr_worker_group *group)
{
	memset(self, 0, sizeof(*self));
	self->group = group;
	self->metrics = mr_metric_attach(group->metrics, &mr_watch_metric_table, "control");
}

static void
announce_begin(struct mr_watch *self, uint16_t port, uint64_t now_ns)
{
	self->announces[port] =
		(struct mr_watch_announce){ .due_ns = now_ns, .rounds_left = MR_WATCH_ROUNDS };
}

static void
watch_links(struct mr_watch *self, uint64_t now_ns)
{
	for (uint16_t i = 0; i < self->group->port_count; i++) {
		struct mr_port *port = self->group->ports[i];
		bool was = port->link_up;

		if (!mr_port_poll_link(port))
			continue;
		mr_metric_add(self->metrics,
			      port->link_up == was ? MR_WATCH_link_moved
			      : port->link_up      ? MR_WATCH_link_up
						   : MR_WATCH_link_down,
			      1);
		if (port->link_up != was)
			mr_log(MR_LOG_NOTICE, "port %s: link %s", port->config.name,
			       port->link_up ? "up" : "down");
		if (port->link_up)
			announce_begin(self, i, now_ns);
	}
}

/* announce_step moves to the next (vlan, vip) of a round, or to the next round. */
static void
announce_step(struct mr_watch_announce *announce, uint32_t vip_count, uint16_t vlan_count,
	      uint64_t now_ns)
{
	if (++announce->vip < vip_count)
		return;
	announce->vip = 0;
	if (++announce->vlan_index < vlan_count)
		return;
	announce->vlan_index = 0;
	announce->rounds_left--;
	announce->due_ns = now_ns + MR_WATCH_ROUND_NS;
}

static void
watch_announces(struct mr_watch *self, const struct mr_net_snapshot *snapshot, uint64_t now_ns)
{
	uint32_t vip_count = mr_net_snapshot_vip_count(snapshot);
	uint32_t budget = MR_WATCH_FRAMES_PER_TICK;

	for (uint16_t i = 0; i < self->group->port_count; i++) {
		struct mr_watch_announce *announce = &self->announces[i];
		uint16_t vlan_count = mr_net_snapshot_vlan_count(snapshot, i);

		while (announce->rounds_left && announce->due_ns <= now_ns && vip_count &&
		       budget > 0 && self->group->ports[i]->link_up) {
			uint8_t frame[FRAME_BYTES];
			uint16_t bytes =
				mr_net_announce(snapshot, i, announce->vlan_index,
						(uint16_t)announce->vip, frame, sizeof(frame));

			if (bytes && mr_worker_send(self->group, i, frame, bytes)) {
				mr_metric_add(self->metrics, MR_WATCH_send_full, 1);
				return; /* the same again at the next tick */
			}
			mr_metric_add(self->metrics, MR_WATCH_announce, bytes != 0);
			announce_step(announce, vip_count, vlan_count, now_ns);
			budget--;
		}
	}
}

static void
watch_neighbours(struct mr_watch *self, const struct mr_net_snapshot *snapshot, uint64_t now_ns)
{
	struct mr_worker_note notes[NOTES_PER_TICK];
	uint8_t frame[FRAME_BYTES];
	uint16_t bytes, interface;

	for (uint16_t i = 0; i < self->group->worker_count; i++) {
		uint32_t count = mr_worker_notes(self->group->workers[i], notes, NOTES_PER_TICK);

		for (uint32_t n = 0; n < count; n++)
			mr_net_neighbours_learn(self->group->neighbours, &notes[n].hop,
						&notes[n].mac, now_ns);
		mr_metric_add(self->metrics, MR_WATCH_neighbour_learn, count);
	}
	for (int n = 0; n < MR_NET_NEXT_HOP_MAX; n++) {
		bytes = mr_net_neighbours_due(self->group->neighbours, snapshot, now_ns, frame,
					      sizeof(frame), &interface);
		if (!bytes)
			break;
		if (mr_worker_send(self->group, interface, frame, bytes))
			mr_metric_add(self->metrics, MR_WATCH_send_full, 1);
		mr_metric_add(self->metrics, MR_WATCH_neighbour_ask, 1);
	}
}

static void
watch_workers(struct mr_watch *self, uint64_t now_ns)
{
	for (uint16_t i = 0; i < self->group->worker_count; i++) {
		struct mr_worker_view view;
		bool stalled;

		mr_worker_view(self->group->workers[i], &view);
		stalled = view.running && !view.asleep &&
			  view.heartbeat_ns + MR_WATCH_STALL_NS < now_ns;
		if (stalled && !self->stalled[i]) {
			mr_metric_add(self->metrics, MR_WATCH_worker_stall, 1);
			mr_log(MR_LOG_ERROR, "worker %u on CPU %u has not turned for %llu ms", i,
			       view.cpu,
			       (unsigned long long)((now_ns - view.heartbeat_ns) / MR_NS_PER_MS));
		}
		if (!stalled && self->stalled[i])
			mr_log(MR_LOG_NOTICE, "worker %u turns again", i);
		self->stalled[i] = stalled;
	}
}

void
mr_watch_tick(struct mr_watch *self, uint64_t now_ns)
{
	/* The control thread is the only one that publishes, so what it loads stays until it
	 * publishes again. */
	const struct mr_net_snapshot *snapshot = mr_rcu_load(self->group->world)->net;

	mr_worker_clock_tick(self->group);
	watch_links(self, now_ns);
	if (snapshot != self->announced) {
		self->announced = snapshot;
		for (uint16_t i = 0; i < self->group->port_count; i++)
			announce_begin(self, i, now_ns);
	}
	watch_announces(self, snapshot, now_ns);
	watch_neighbours(self, snapshot, now_ns);
	watch_workers(self, now_ns);
}
