/* SPDX-License-Identifier: Apache-2.0
 *
 * port - packet ports: every kind is a DPDK ethdev, and nothing above this room knows which.
 *
 * A kind is a struct mr_port_driver (drivers/<kind>), registered by the application. It turns a
 * line of configuration into a device, says what the device can do, and may steer (choose which
 * packets leave the kernel). What a device lacks is done in software; without MR_PORT_CAP_CHAINED a
 * chain is linearised before tx.
 *
 * Owner:  the control thread opens, steers, watches and closes; queue q of a port belongs to one
 *         worker.
 * Thread: mr_port_rx/_tx by the queue's worker; everything else by the control thread.
 * Memory: mbufs from the pool of the queue's worker. EAL is started here once, and never seen
 *         elsewhere.
 *
 * State    next                                                  [function]
 *   CLOSED -> OPEN    device probed, queues set up, steering on   [mr_port_open]
 *   OPEN   -> UP      link seen up: the caller announces again    [mr_port_poll_link]
 *   UP     -> OPEN    link lost; queues stay, rx gives nothing    [mr_port_poll_link]
 *   OPEN, UP -> CLOSED                                            [mr_port_close]
 */
#ifndef MR_PORT_PORT_H
#define MR_PORT_PORT_H

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/base.h"

/* ---- EAL ---- */

struct mr_port_eal_config {
	bool huge;             /* false: --no-huge, for the lab; costs TLB misses on every packet */
	uint64_t memory_bytes; /* for mbufs and rings; rounded up to whole MiB */
	uint16_t control_cpu;  /* main lcore */
	uint16_t worker_count;
	uint16_t worker_cpus[MR_WORKER_MAX]; /* lcore i + 1 runs worker i */
	uint16_t pci_count;                  /* cards that ports of kind pci will take */
	const char *pci[MR_PORT_MAX];        /* their addresses; others are not looked at */
};

/* mr_port_eal_start makes EAL's arguments and starts it: --in-memory --single-file-segments (or
 * --no-huge), no PCI scan. Once per process, before any port. */
MR_MUST_USE int mr_port_eal_start(const struct mr_port_eal_config *config, struct mr_error *error);
void mr_port_eal_stop(void);

/* ---- configuration and drivers ---- */

enum mr_port_cap {
	MR_PORT_CAP_CHAINED = 1 << 0,  /* transmits multi-segment mbufs */
	MR_PORT_CAP_EXTERNAL = 1 << 1, /* transmits external buffers */
	MR_PORT_CAP_TX_CHECKSUM = 1 << 2,
	MR_PORT_CAP_RX_CHECKSUM = 1 << 3,
	MR_PORT_CAP_RSS = 1 << 4, /* gives a flow hash that can be trusted */
	MR_PORT_CAP_MULTI_QUEUE = 1 << 5,
	MR_PORT_CAP_ZERO_COPY = 1 << 6,
	MR_PORT_CAP_STEER = 1 << 7,        /* shares its device with the kernel by steering rules */
	MR_PORT_CAP_MEMBER = 1 << 9,       /* may be in a bond (drivers/bond) */
	MR_PORT_CAP_RETYPES_TAGS = 1 << 8, /* gives an 802.1ad pair's first tag as 0x8100 */
};

enum { MR_PORT_TARGET_BYTES = 108, MR_PORT_VLAN_MAX = 16, MR_PORT_MEMBER_MAX = 4 };

/* A device: of a port, or of a bond. */
struct mr_port_member {
	char kind[MR_NAME_MAX]; /* "afxdp", "afpacket", "memif", "pcap", … */
	/* what the kind names: interface, socket path, file, PCI address; of a bond: its name */
	char target[MR_PORT_TARGET_BYTES];
};

enum mr_port_bond_mode {
	MR_PORT_BOND_ACTIVE_BACKUP,
	MR_PORT_BOND_BALANCE_XOR,
	MR_PORT_BOND_802_3AD,
};

/* What chooses the member that sends a frame: addresses of Ethernet, IP too, ports too. */
enum mr_port_bond_policy { MR_PORT_BOND_LAYER34, MR_PORT_BOND_LAYER23, MR_PORT_BOND_LAYER2 };

struct mr_port_bond {
	struct mr_port_member *members; /* borrowed while the port is opened */
	size_t member_count;
	int mode, policy; /* the enums above */
};

struct mr_port_config {
	char name[MR_NAME_MAX];
	union {
		struct {
			char kind[MR_NAME_MAX];
			char target[MR_PORT_TARGET_BYTES];
		};
		struct mr_port_member device;
	};
	struct mr_port_bond bond;            /* kind bond only */
	char pcap_out[MR_PORT_TARGET_BYTES]; /* pcap only: file for what is sent; empty discards */
	bool memif_server;    /* memif, vhost, virtio-user: role, who makes the socket */
	bool virtio_packed;   /* virtio-user only: packed rings instead of split ones */
	bool memif_zero_copy; /* memif client only: the peer maps all our packet memory */
	bool has_mac;
	struct mr_mac mac;    /* memif, pcap, bond: the address to use; others have their own */
	uint16_t queue_count; /* 0: as many as there are workers, at most what the device has */
	uint16_t rx_descriptors, tx_descriptors; /* 0: the kind's default */
	uint16_t mtu;                            /* 0: the device's */
};

struct mr_port;

struct mr_port_steer_rule {
	struct mr_addr addr; /* a VIP */
	/* IPPROTO_UDP, _TCP, _ICMP (v4) / _ICMPV6 (v6); ranges are ignored for ICMP */
	uint8_t protocol;
	/* host order, inclusive; destination ports of packets to addr */
	uint16_t port_low, port_high;
};

struct mr_port_steer {
	const struct mr_port_steer_rule *rules;
	size_t rule_count;
	const struct mr_addr *next_hops; /* whose ARP and ND answers are for us too */
	size_t next_hop_count;
	const uint32_t *vlans; /* whose frames are looked into (base/addr); 0 is untagged */
	size_t vlan_count;
};

enum { MR_PORT_DEVICE_NAME_BYTES = 64, MR_PORT_ARGUMENTS_BYTES = 512 };

/* What prepare decides about the DPDK devices behind one port: as a rule one device with all
 * queues. A kind whose PMD gives one queue per device asks for as many devices as queues. */
struct mr_port_plan {
	uint16_t queue_count;  /* in: wanted; prepare may lower it to what the device has */
	uint16_t device_count; /* in: 1; out: 1 or queue_count */
	uint16_t rx_descriptors, tx_descriptors; /* in: configured or 0; out: what to set up */
};

/* A port kind. All calls on the control thread. */
struct mr_port_driver {
	const char *kind;
	const char *help; /* one line for --help and errors */
	const char *bus;  /* of DPDK; NULL: vdev */
	uint32_t caps;
	/* prepare checks the target, cleans what a crashed run left, and refuses what belongs to
	 * another program. */
	int (*prepare)(struct mr_port *port, struct mr_port_plan *plan, struct mr_error *error);
	/* describe writes the name and the arguments of device number `unit` for EAL. */
	int (*describe)(struct mr_port *port, uint16_t unit, char name[MR_PORT_DEVICE_NAME_BYTES],
			char arguments[MR_PORT_ARGUMENTS_BYTES], struct mr_error *error);
	/* joined runs after the queues of device number `unit` are set up, before it is started;
	 * may be NULL. */
	int (*joined)(struct mr_port *port, uint16_t unit, struct mr_error *error);
	/* started runs after all devices are started; may be NULL. */
	int (*started)(struct mr_port *port, struct mr_error *error);
	/* steer replaces the whole rule set without losing a packet of a rule that stays; NULL
	 * without CAP_STEER. */
	int (*steer)(struct mr_port *port, const struct mr_port_steer *steer,
		     struct mr_error *error);
	/* link says whether the link is up, for kinds whose PMD does not know; may be NULL. It sets
	 * port->moved when the link is up by another way than before. */
	bool (*link)(struct mr_port *port);
	/* stopping runs before the devices are stopped, with no worker on the queues; may be NULL.
	 */
	void (*stopping)(struct mr_port *port);
	/* stopped runs after the devices are closed, also after a failed open: undo prepare and
	 * started. It must bear a prepare that failed half-way (driver_state may be NULL). */
	void (*stopped)(struct mr_port *port);
};

/* mr_port_driver_register adds a kind; the application calls it at boot for each driver that it
 * links. */
void mr_port_driver_register(const struct mr_port_driver *driver);
/* mr_port_driver_find returns NULL for an unknown kind; mr_port_driver_at walks them (NULL at the
 * end). */
const struct mr_port_driver *mr_port_driver_find(const char *kind);
const struct mr_port_driver *mr_port_driver_at(size_t index);

/* What stands between the workers and the queues of one port (drivers/impair): set right after
 * mr_port_open, before a worker is on the port. It reaches the device by mr_port_device_rx and
 * _tx. */
struct mr_port_hook {
	/* rx and tx as mr_port_rx and mr_port_tx, on the queue's worker. */
	uint16_t (*rx)(const struct mr_port *port, uint16_t queue, struct rte_mbuf **pkts,
		       uint16_t count);
	uint16_t (*tx)(const struct mr_port *port, uint16_t queue, struct rte_mbuf **pkts,
		       uint16_t count);
	/* lost is how many frames it has swallowed. Any thread. */
	uint64_t (*lost)(const struct mr_port *port);
	/* closing gives back all that it holds; no worker is on the port any more. */
	void (*closing)(struct mr_port *port);
};

/* The kernel behind a port that DPDK owns whole (drivers/tap): what is not for us goes there, and
 * what the kernel sends comes from there. Workers meet it in rings only. */
enum { MR_PUNT_RING = 512 /* frames waiting each way, for each queue */, MR_PUNT_BURST = 32 };

struct mr_port_punt {
	/* const after attach */
	struct rte_ring **to_kernel;  /* [queue_count]: from the queue's worker */
	struct rte_ring *from_kernel; /* to the worker of queue 0 */
	/* closing frees it; no worker is on the port any more. */
	void (*closing)(struct mr_port *port);
	/* owner: the punt thread; reader: any, relaxed */
	uint64_t to_kernel_frames, from_kernel_frames;
	uint64_t dropped; /* the kernel did not take it, or the port was too slow for the kernel */
};

/* ---- a port ---- */

/* One rx and tx queue pair. */
struct mr_port_queue {
	/* const after open */
	uint16_t device; /* DPDK port id */
	uint16_t id;     /* queue of that device */
	struct rte_mempool *pool;
	/* owner: the queue's worker; reader: any, relaxed */
	uint32_t inside;        /* 1 while the worker is in the PMD; only on gated ports */
	uint64_t tx_copied;     /* frames made flat for a device that needs it */
	uint64_t tx_unsendable; /* frames dropped: too long to be made flat, or no mbuf for it */
} MR_LINE_ALIGNED;

struct mr_port {
	/* const after open */
	struct mr_port_config config;
	const struct mr_port_driver *driver;
	struct mr_port_queue *queues;   /* [queue_count] */
	uint16_t index;                 /* place in the process's list of ports */
	uint16_t devices[MR_QUEUE_MAX]; /* DPDK port ids */
	uint16_t device_count;
	uint16_t queue_count; /* rx and tx queues, one pair per worker that serves this port */
	uint16_t mtu;
	uint32_t caps;
	bool gated; /* the PMD may pull its memory away: see mr_port_gate_close */
	struct mr_mac mac;
	void *driver_state;
	const struct mr_port_hook *hook; /* NULL: none */
	void *hook_state;
	struct mr_port_punt *punt; /* NULL: there is no kernel behind it */
	/* What changes keeps a line's distance from what is const, before and behind: no
	 * alignment, so that a port may lie in any memory. */
	uint8_t apart[MR_CACHE_LINE];
	/* owner: the control thread, from link to mr_port_poll_link */
	bool moved;
	/* shared: relaxed, written by the control thread */
	bool link_up;
	/* shared: written by the driver, under the gate's fences */
	bool gate_open;
	uint8_t apart_too[MR_CACHE_LINE];
};
static_assert(offsetof(struct mr_port, moved) - offsetof(struct mr_port, punt) >= MR_CACHE_LINE,
	      "the workers' const fields share no line with what is written");

/* mr_port_open probes the device named by config, sets up queue_count queues (config's, else
 * worker_count, at most the device's) with pools[q] for queue q, and starts it. On failure nothing
 * is left. Everything that needs privileges happens here. */
MR_MUST_USE int mr_port_open(struct mr_port *self, uint16_t index,
			     const struct mr_port_config *config, uint16_t worker_count,
			     struct rte_mempool *const *pools, struct mr_error *error);
/* mr_port_socket_clean removes the socket file that a dead process left; it refuses one that
 * somebody serves, and what is no socket. For drivers; type is SOCK_STREAM or SOCK_SEQPACKET. */
MR_MUST_USE int mr_port_socket_clean(const struct mr_port *self, const char *path, int type,
				     struct mr_error *error);

/* mr_port_probe makes device number `unit` of a prepared port known to DPDK, by its driver's
 * describe. For drivers with members. */
MR_MUST_USE int mr_port_probe(struct mr_port *self, uint16_t unit, struct mr_error *error);

/* mr_port_close undoes mr_port_open; no worker may be on the port's queues any more. A closed or
 * never opened (zeroed) port is left alone. */
void mr_port_close(struct mr_port *self);

/* mr_port_steer hands rules to the driver; 0 when the kind does not steer. */
MR_MUST_USE int mr_port_steer(struct mr_port *self, const struct mr_port_steer *steer,
			      struct mr_error *error);

/* mr_port_poll_link reads the link once and returns true when it changed since the last call, or
 * when the same port is reached another way (a bond's other member): link_up tells which. */
bool mr_port_poll_link(struct mr_port *self);

/* mr_port_mbuf_pool_create makes the mbuf pool of one worker. */
MR_MUST_USE struct rte_mempool *mr_port_mbuf_pool_create(uint16_t worker, uint32_t mbuf_count,
							 struct mr_error *error);

struct mr_port_stats {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes, rx_missed, rx_errors, tx_errors,
		rx_no_mbuf, tx_copied, tx_unsendable;
	uint64_t impaired; /* swallowed on purpose, by a hook */
	uint64_t punt_to_kernel, punt_from_kernel, punt_dropped;
};
void mr_port_stats(const struct mr_port *self, struct mr_port_stats *out);

/* ---- data path: the queue's worker only ---- */

/* A gated port's PMD unmaps memory on a thread of its own when the peer goes. Its driver learns of
 * that first, closes the gate, waits for the workers to leave, and only then lets the PMD know.
 * Entering costs one locked instruction per burst; other kinds pay one predicted branch. */
static inline bool
mr_port_gate_enter(const struct mr_port *self, struct mr_port_queue *queue)
{
	__atomic_store_n(&queue->inside, 1, __ATOMIC_RELAXED);
	/* The store of `inside` must be seen before the load of gate_open is done: the closer
	 * stores and loads them in the other order. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (mr_likely(__atomic_load_n(&self->gate_open, __ATOMIC_ACQUIRE)))
		return true;
	__atomic_store_n(&queue->inside, 0, __ATOMIC_RELEASE);
	return false;
}

static inline void
mr_port_gate_leave(struct mr_port_queue *queue)
{
	/* Release: every access to the PMD's memory comes before it. */
	__atomic_store_n(&queue->inside, 0, __ATOMIC_RELEASE);
}

/* For drivers: mr_port_gate_close returns when no worker is in the PMD, and none will enter before
 * mr_port_gate_open. Any thread but workers. */
void mr_port_gate_open(struct mr_port *self);
void mr_port_gate_close(struct mr_port *self);

/* mr_port_punt_give takes one frame that came by this queue and hands it to the kernel; false, and
 * the frame freed, when there is none behind the port or its ring is full. */
bool mr_port_punt_give(const struct mr_port *self, uint16_t queue, struct rte_mbuf *pkt);

/* mr_port_punt_take gives what the kernel wants sent out of this port by this queue. */
static inline uint16_t
mr_port_punt_take(const struct mr_port *self, uint16_t queue, struct rte_mbuf **pkts,
		  uint16_t count)
{
	if (mr_likely(!self->punt) || queue)
		return 0;
	return (uint16_t)rte_ring_sc_dequeue_burst(self->punt->from_kernel, (void **)pkts, count,
						   NULL);
}

/* mr_port_device_rx and _tx are mr_port_rx and _tx without the hook: for hooks. */
static inline uint16_t
mr_port_device_rx(const struct mr_port *self, uint16_t queue, struct rte_mbuf **pkts,
		  uint16_t count)
{
	struct mr_port_queue *q = &self->queues[queue];
	uint16_t taken;

	if (mr_likely(!self->gated))
		return rte_eth_rx_burst(q->device, q->id, pkts, count);
	if (!mr_port_gate_enter(self, q))
		return 0;
	taken = rte_eth_rx_burst(q->device, q->id, pkts, count);
	mr_port_gate_leave(q);
	return taken;
}

uint16_t mr_port_device_tx(const struct mr_port *self, uint16_t queue, struct rte_mbuf **pkts,
			   uint16_t count);

/* mr_port_rx takes at most count frames from one queue. */
static inline uint16_t
mr_port_rx(const struct mr_port *self, uint16_t queue, struct rte_mbuf **pkts, uint16_t count)
{
	if (mr_unlikely(self->hook))
		return self->hook->rx(self, queue, pkts, count);
	return mr_port_device_rx(self, queue, pkts, count);
}

/* mr_port_tx gives frames to one queue and returns how many were taken (the rest stay the
 * caller's, in place). A frame that the device cannot send as it is (chained, or not in a buffer of
 * its own pool) is made flat first, where it lies in pkts; one that cannot be made flat is dropped
 * and counted in tx_unsendable, and counts as taken. */
static inline uint16_t
mr_port_tx(const struct mr_port *self, uint16_t queue, struct rte_mbuf **pkts, uint16_t count)
{
	if (mr_unlikely(self->hook))
		return self->hook->tx(self, queue, pkts, count);
	return mr_port_device_tx(self, queue, pkts, count);
}

#endif
