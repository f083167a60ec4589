/* SPDX-License-Identifier: Apache-2.0
 *
 * rcu - the one veneer over liburcu-qsbr: register, quiesce, publish, retire.
 *
 * One pointer is one publication: the control thread builds a new immutable snapshot, stores the
 * pointer, waits a grace period and frees the old one. Readers are registered threads; what they
 * loaded lives until their next mr_rcu_quiescent or mr_rcu_offline.
 *
 * Owner:  of what was retired, the control thread; of what is loaded, nobody: readers borrow it.
 * Thread: register, unregister, online, offline and quiescent by the reader itself; publish,
 *         synchronize, retire, reclaim and barrier by the control thread only. A worker that goes
 *         to sleep is offline, so a writer never waits for it.
 * Memory: retired items wait in a list that the control thread owns.
 * Source: Desnoyers, McKenney, Stern, Dagenais and Walpole, "User-Level Implementations of
 *         Read-Copy Update" (2012), the QSBR flavour.
 *
 * A thread that is registered and online must come to mr_rcu_quiescent or mr_rcu_offline in
 * bounded time: all reclaiming waits for it.
 *
 * ThreadSanitizer does not see the atomics inside liburcu 0.13, so the two edges that matter are
 * told to it here: what a reader did before its quiescent state happens before what the writer does
 * after a grace period; and a publication is a release that mr_rcu_load acquires.
 */
#ifndef MR_RCU_RCU_H
#define MR_RCU_RCU_H

#include <urcu-qsbr.h>

#include "base/base.h"

#ifdef __SANITIZE_THREAD__ /* gcc says it so, clang by a feature */
#define MR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MR_TSAN 1
#endif
#endif

#ifdef MR_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define mr_tsan_acquire(address) __tsan_acquire((void *)(uintptr_t)(address))
#define mr_tsan_release(address) __tsan_release((void *)(uintptr_t)(address))
#else
#define mr_tsan_acquire(address) ((void)(address))
#define mr_tsan_release(address) ((void)(address))
#endif

extern char mr_rcu_grace; /* the address that grace periods are annotated on */

static inline void
mr_rcu_register(void)
{
	urcu_qsbr_register_thread();
}

static inline void
mr_rcu_unregister(void)
{
	mr_tsan_release(&mr_rcu_grace);
	urcu_qsbr_unregister_thread();
}

/* mr_rcu_quiescent says that this thread holds nothing it loaded by mr_rcu_load. Once per turn. */
static inline void
mr_rcu_quiescent(void)
{
	mr_tsan_release(&mr_rcu_grace);
	urcu_qsbr_quiescent_state();
}

static inline void
mr_rcu_offline(void)
{
	mr_tsan_release(&mr_rcu_grace);
	urcu_qsbr_thread_offline();
}

static inline void
mr_rcu_online(void)
{
	urcu_qsbr_thread_online();
}

/* mr_rcu_load(&pointer) returns the published snapshot; it lives until this thread's next quiescent
 * state. */
#define mr_rcu_load(location) __atomic_load_n((location), __ATOMIC_ACQUIRE)

/* mr_rcu_publish(&pointer, snapshot) makes all earlier writes to *snapshot visible to whoever loads
 * it. */
#define mr_rcu_publish(location, snapshot) \
	__atomic_store_n((location), (snapshot), __ATOMIC_RELEASE)

/* mr_rcu_synchronize waits until every reader has passed a quiescent state. Control thread; the
 * caller must not hold anything it loaded. Milliseconds at most while workers turn; microseconds
 * when they sleep. */
void mr_rcu_synchronize(void);

/* mr_rcu_retire calls release(item) after a grace period, from mr_rcu_reclaim or mr_rcu_barrier.
 * ready may be NULL; otherwise the item stays in the list until ready(item) is true (pins dropped).
 * Control thread; release may retire further items. Never fails: without memory for the list it
 * reclaims first, and if that gives no room the item is kept for ever, with a line in the log. */
void mr_rcu_retire(void (*release)(void *item), bool (*ready)(const void *item), void *item);

/* mr_rcu_reclaim waits one grace period for what was retired since the last call (nothing to do
 * costs nothing), releases what is ready, in the order of retiring, and returns how many items
 * still wait. Control thread, from its event loop. */
size_t mr_rcu_reclaim(void);

/* mr_rcu_barrier reclaims until nothing waits, for at most timeout_ms, and returns how many items
 * still wait. Control thread, at the end of the process and in tests. */
size_t mr_rcu_barrier(uint32_t timeout_ms);

#endif
