/* SPDX-License-Identifier: Apache-2.0
 *
 * net/neighbour - which MAC a next hop has, and asking for it.
 *
 * A slot is a key (hash of address, interface, VLAN) and a word (state and MAC). The writer clears
 * the word before it changes the key and sets the word before it sets the key; a reader takes the
 * word only between two readings of the same key. So a slot can be given to another next hop while
 * workers read.
 *
 * Spec: RFC 826, RFC 1122 2.3.2.1 (ARP cache validation), RFC 4861 7.3 (unreachability detection).
 */
#include <stdlib.h>

#include "net/net_int.h"

enum neighbour_state { NEIGHBOUR_INCOMPLETE, NEIGHBOUR_REACHABLE, NEIGHBOUR_PROBE };

enum { PROBE_MAX = 3, BACKOFF_MAX_SHIFT = 5, STATE_SHIFT = 48 };

#define REACHABLE_NS (30 * MR_NS_PER_S) /* RFC 4861 10: REACHABLE_TIME */
#define RETRANS_NS   (1 * MR_NS_PER_S)  /* RFC 4861 10: RETRANS_TIMER */

struct neighbour_line {
	/* owner: ctl; reader: any */
	uint64_t key; /* 0: free */
	uint64_t word;
};

struct neighbour_entry {
	/* owner: ctl */
	struct mr_net_next_hop hop;
	uint64_t since_ns; /* confirmed or, before that, first asked; 0: not asked yet */
	uint64_t due_ns;   /* when the next question, or the doubt, is due */
	uint32_t asked;    /* questions in this state */
	uint32_t conflicts;
	bool used;
};

struct mr_net_neighbours {
	MR_LINE_ALIGNED struct neighbour_line lines[NEIGHBOUR_SLOTS];
	struct neighbour_entry entries[NEIGHBOUR_SLOTS];
};

static uint64_t
word_make(enum neighbour_state state, const struct mr_mac *mac)
{
	uint64_t word = (uint64_t)state << STATE_SHIFT;

	memcpy(&word, mac, MR_MAC_BYTES);
	return word;
}

static enum neighbour_state
word_state(uint64_t word)
{
	return (enum neighbour_state)(word >> STATE_SHIFT);
}

bool
net_neighbour_mac(const struct mr_net_neighbours *self, uint64_t key, struct mr_mac *out)
{
	for (uint32_t i = 0; self && i < NEIGHBOUR_SLOTS; i++) {
		const struct neighbour_line *line = &self->lines[(key + i) % NEIGHBOUR_SLOTS];
		uint64_t word;

		if (__atomic_load_n(&line->key, __ATOMIC_ACQUIRE) != key)
			continue;
		/* Acquire: the second reading of the key is not done before the word's. */
		word = __atomic_load_n(&line->word, __ATOMIC_ACQUIRE);
		if (__atomic_load_n(&line->key, __ATOMIC_RELAXED) != key ||
		    word_state(word) == NEIGHBOUR_INCOMPLETE)
			return false;
		memcpy(out, &word, MR_MAC_BYTES);
		return true;
	}
	return false;
}

struct mr_net_neighbours *
mr_net_neighbours_create(void)
{
	struct mr_net_neighbours *self = aligned_alloc(MR_CACHE_LINE, sizeof(*self));

	if (self)
		memset(self, 0, sizeof(*self));
	return self;
}

void
mr_net_neighbours_destroy(struct mr_net_neighbours *self)
{
	free(self);
}

static void
slot_word(struct mr_net_neighbours *self, uint32_t slot, enum neighbour_state state,
	  const struct mr_mac *mac)
{
	__atomic_store_n(&self->lines[slot].word, word_make(state, mac), __ATOMIC_RELEASE);
}

static void
slot_free(struct mr_net_neighbours *self, uint32_t slot)
{
	__atomic_store_n(&self->lines[slot].word, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&self->lines[slot].key, 0, __ATOMIC_RELEASE);
	self->entries[slot].used = false;
}

static bool
hop_equal(const struct mr_net_next_hop *a, const struct mr_net_next_hop *b)
{
	return mr_addr_equal(&a->addr, &b->addr) && a->interface == b->interface &&
	       a->vlan == b->vlan;
}

/* slot_find returns the slot of hop, or NEIGHBOUR_SLOTS. */
static uint32_t
slot_find(const struct mr_net_neighbours *self, const struct mr_net_next_hop *hop)
{
	uint32_t slot;

	for (slot = 0; slot < NEIGHBOUR_SLOTS; slot++)
		if (self->entries[slot].used && hop_equal(&self->entries[slot].hop, hop))
			break;
	return slot;
}

static void
slot_add(struct mr_net_neighbours *self, const struct mr_net_next_hop *hop)
{
	uint64_t key = net_hop_key(hop);

	for (uint32_t i = 0; i < NEIGHBOUR_SLOTS; i++) {
		uint32_t slot = (uint32_t)((key + i) % NEIGHBOUR_SLOTS);

		if (self->entries[slot].used)
			continue;
		self->entries[slot] = (struct neighbour_entry){ .hop = *hop, .used = true };
		__atomic_store_n(&self->lines[slot].word, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&self->lines[slot].key, key, __ATOMIC_RELEASE);
		return;
	}
}

void
mr_net_neighbours_set(struct mr_net_neighbours *self, const struct mr_net_next_hop *hops,
		      size_t count)
{
	MR_ASSERT(count <= MR_NET_NEXT_HOP_MAX);
	for (uint32_t slot = 0; slot < NEIGHBOUR_SLOTS; slot++) {
		bool stays = false;

		for (size_t i = 0; i < count; i++)
			stays |= hop_equal(&self->entries[slot].hop, &hops[i]);
		if (self->entries[slot].used && !stays)
			slot_free(self, slot);
	}
	for (size_t i = 0; i < count; i++)
		if (slot_find(self, &hops[i]) == NEIGHBOUR_SLOTS)
			slot_add(self, &hops[i]);
}

void
mr_net_neighbours_learn(struct mr_net_neighbours *self, const struct mr_net_next_hop *hop,
			const struct mr_mac *mac, uint64_t now_ns)
{
	uint32_t slot = slot_find(self, hop);
	struct neighbour_entry *entry;
	uint64_t word;

	if (slot == NEIGHBOUR_SLOTS || (mac->bytes[0] & 1))
		return;
	entry = &self->entries[slot];
	word = self->lines[slot].word;
	/* Another MAC while the old one was alive: fail-over, or a liar. The newer one is used. */
	if (word_state(word) == NEIGHBOUR_REACHABLE && memcmp(&word, mac, MR_MAC_BYTES))
		entry->conflicts++;
	entry->since_ns = now_ns;
	entry->due_ns = now_ns + REACHABLE_NS;
	entry->asked = 0;
	slot_word(self, slot, NEIGHBOUR_REACHABLE, mac);
}

/* slot_ask moves the slot's state on when it is due; true when a question is to be sent now, by
 * unicast to *mac or, with *mac all zero, to everybody. */
static bool
slot_ask(struct mr_net_neighbours *self, uint32_t slot, uint64_t now_ns, struct mr_mac *mac)
{
	struct neighbour_entry *entry = &self->entries[slot];
	uint64_t word = self->lines[slot].word;
	static const struct mr_mac nobody;

	if (!entry->used || now_ns < entry->due_ns)
		return false;
	if (!entry->since_ns)
		entry->since_ns = now_ns;
	memcpy(mac, &word, MR_MAC_BYTES);
	switch (word_state(word)) {
	case NEIGHBOUR_REACHABLE:
		entry->asked = 0;
		slot_word(self, slot, NEIGHBOUR_PROBE, mac);
		break;
	case NEIGHBOUR_PROBE:
		if (entry->asked < PROBE_MAX)
			break;
		*mac = nobody;
		entry->asked = 0;
		slot_word(self, slot, NEIGHBOUR_INCOMPLETE, mac);
		break;
	case NEIGHBOUR_INCOMPLETE:
		break;
	}
	entry->due_ns = now_ns + RETRANS_NS;
	if (word_state(self->lines[slot].word) == NEIGHBOUR_INCOMPLETE)
		entry->due_ns = now_ns + (RETRANS_NS << MR_MIN(entry->asked, BACKOFF_MAX_SHIFT));
	entry->asked++;
	return true;
}

uint16_t
mr_net_neighbours_due(struct mr_net_neighbours *self, const struct mr_net_snapshot *snapshot,
		      uint64_t now_ns, uint8_t *out, uint16_t room_bytes, uint16_t *interface)
{
	struct mr_mac mac;

	for (uint32_t slot = 0; slot < NEIGHBOUR_SLOTS; slot++) {
		const struct mr_net_next_hop *hop = &self->entries[slot].hop;
		uint16_t bytes;

		if (!slot_ask(self, slot, now_ns, &mac))
			continue;
		bytes = net_ask_write(snapshot, hop, &mac, out, room_bytes);
		if (!bytes)
			continue; /* none of our addresses can ask, or the interface is gone */
		*interface = hop->interface;
		return bytes;
	}
	return 0;
}

size_t
mr_net_neighbours_list(const struct mr_net_neighbours *self, uint64_t now_ns,
		       struct mr_net_neighbour_view *out, size_t room_count)
{
	static const char *const names[] = { "incomplete", "reachable", "probe" };
	size_t count = 0;

	for (uint32_t slot = 0; slot < NEIGHBOUR_SLOTS && count < room_count; slot++) {
		const struct neighbour_entry *entry = &self->entries[slot];
		uint64_t word = self->lines[slot].word;

		if (!entry->used)
			continue;
		out[count] = (struct mr_net_neighbour_view){
			.hop = entry->hop,
			.state = names[word_state(word)],
			.age_ns = entry->since_ns ? now_ns - entry->since_ns : 0,
			.conflicts = entry->conflicts,
		};
		memcpy(&out[count++].mac, &word, MR_MAC_BYTES);
	}
	return count;
}
