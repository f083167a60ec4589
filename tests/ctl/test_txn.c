/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/txn - with fake parts: what is called, in which order, and what stays published.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/txn.h"

enum { NEVER = -1, WORKS_MAX = 32 };

/* A transaction that replaces one published number by the sum of what its works built. */
struct fake {
	struct mr_txn txn;
	int *published;
	size_t works;
	bool fail_plan, fail_assemble, fail_apply;
	int fail_work; /* index, or NEVER */
	int built[WORKS_MAX];
	_Atomic int works_run;
	_Atomic int *gate; /* a work waits while it is 0 */
	int candidate;
	int plans, assembles, applies, publishes, discards, dones, rc;
	struct mr_error error;
	struct mr_txn_engine *engine; /* submit `then` from done */
	struct mr_txn *then;
};

static int
fake_plan(struct mr_txn *txn, struct mr_error *error)
{
	struct fake *self = MR_CONTAINER_OF(txn, struct fake, txn);

	self->plans++;
	txn->work_count = self->works;
	return self->fail_plan ? mr_error_set(error, -EINVAL, "plan failed") : 0;
}

static int
fake_work(struct mr_txn *txn, size_t index, struct mr_error *error)
{
	struct fake *self = MR_CONTAINER_OF(txn, struct fake, txn);

	while (self->gate && !atomic_load(self->gate))
		if (atomic_load_explicit(&txn->cancelled, memory_order_relaxed))
			return -ECANCELED;
	atomic_fetch_add(&self->works_run, 1);
	if ((int)index == self->fail_work)
		return mr_error_set(error, -EINVAL, "work %zu failed", index);
	self->built[index] = 1;
	return 0;
}

static int
fake_assemble(struct mr_txn *txn, struct mr_error *error)
{
	struct fake *self = MR_CONTAINER_OF(txn, struct fake, txn);

	self->assembles++;
	for (size_t i = 0; i < self->works; i++)
		self->candidate += self->built[i];
	return self->fail_assemble ? mr_error_set(error, -ENOMEM, "assemble failed") : 0;
}

static int
fake_apply(struct mr_txn *txn, struct mr_error *error)
{
	struct fake *self = MR_CONTAINER_OF(txn, struct fake, txn);

	self->applies++;
	return self->fail_apply ? mr_error_set(error, -EIO, "apply failed") : 0;
}

static void
fake_publish(struct mr_txn *txn)
{
	struct fake *self = MR_CONTAINER_OF(txn, struct fake, txn);

	self->publishes++;
	*self->published = self->candidate;
}

static void
fake_discard(struct mr_txn *txn)
{
	MR_CONTAINER_OF(txn, struct fake, txn)->discards++;
}

static void
fake_done(struct mr_txn *txn, int rc, const struct mr_error *error)
{
	struct fake *self = MR_CONTAINER_OF(txn, struct fake, txn);

	self->dones++;
	self->rc = rc;
	self->error = *error;
	if (self->then)
		mr_txn_submit(self->engine, self->then);
}

static const struct mr_txn_ops fake_ops = {
	fake_plan, fake_work, fake_assemble, fake_apply, fake_publish, fake_discard, fake_done,
};

static int published;
static uint64_t metrics[MR_CONTROL_METRIC_COUNT];

static struct fake
fake_of(size_t works)
{
	return (struct fake){ .txn = { .ops = &fake_ops, .what = "fake" },
			      .published = &published,
			      .works = works,
			      .fail_work = NEVER };
}

static struct mr_txn_engine *
engine_of(unsigned loaders)
{
	struct mr_txn_engine *engine = NULL;

	published = -7;
	memset(metrics, 0, sizeof(metrics));
	assert_int_equal(mr_txn_engine_create(&engine, loaders, NULL, metrics, NULL), 0);
	return engine;
}

static void
all_works_good_publishes_once(void **state)
{
	(void)state;
	for (unsigned loaders = 1; loaders <= 4; loaders++) {
		struct mr_txn_engine *engine = engine_of(loaders);
		struct fake fake = fake_of(17);

		mr_txn_submit(engine, &fake.txn);
		mr_txn_wait(engine);
		assert_int_equal(published, 17);
		assert_int_equal(fake.publishes, 1);
		assert_int_equal(fake.discards, 0);
		assert_int_equal(fake.dones, 1);
		assert_int_equal(fake.rc, 0);
		assert_int_equal(metrics[MR_CONTROL_transaction_commit], 1);
		assert_int_equal(metrics[MR_CONTROL_transaction_fail], 0);
		mr_txn_engine_destroy(engine);
	}
}

static void
no_work_is_done_at_once(void **state)
{
	struct mr_txn_engine *engine = engine_of(2);
	struct fake fake = fake_of(0);

	(void)state;
	mr_txn_submit(engine, &fake.txn);
	assert_int_equal(fake.dones, 1);
	assert_int_equal(published, 0);
	mr_txn_engine_destroy(engine);
}

static void
a_failure_at_each_step_leaves_the_old(void **state)
{
	static const struct {
		bool plan, assemble, apply;
		int work;
		const char *text;
	} steps[] = {
		{ .plan = true, .work = NEVER, .text = "plan failed" },
		{ .work = 0, .text = "work 0 failed" },
		{ .work = 4, .text = "work 4 failed" },
		{ .assemble = true, .work = NEVER, .text = "assemble failed" },
		{ .apply = true, .work = NEVER, .text = "apply failed" },
	};

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(steps); i++) {
		struct mr_txn_engine *engine = engine_of(3);
		struct fake fake = fake_of(5), next = fake_of(3);

		fake.fail_plan = steps[i].plan;
		fake.fail_assemble = steps[i].assemble;
		fake.fail_apply = steps[i].apply;
		fake.fail_work = steps[i].work;
		mr_txn_submit(engine, &fake.txn);
		mr_txn_submit(engine, &next.txn); /* the next one is not harmed */
		mr_txn_wait(engine);
		assert_int_equal(fake.publishes, 0);
		assert_int_equal(fake.discards, 1);
		assert_int_equal(fake.dones, 1);
		assert_int_equal(fake.rc, fake.error.code);
		assert_true(fake.rc < 0);
		assert_string_equal(fake.error.text, steps[i].text);
		assert_int_equal(next.publishes, 1);
		assert_int_equal(published, 3);
		assert_int_equal(metrics[MR_CONTROL_transaction_fail], 1);
		assert_int_equal(metrics[MR_CONTROL_transaction_commit], 1);
		mr_txn_engine_destroy(engine);
	}
}

static void
after_a_failed_work_no_more_are_begun(void **state)
{
	struct mr_txn_engine *engine = engine_of(1);
	struct fake fake = fake_of(30);

	(void)state;
	fake.fail_work = 2;
	mr_txn_submit(engine, &fake.txn);
	mr_txn_wait(engine);
	assert_int_equal(fake.works_run, 3);
	mr_txn_engine_destroy(engine);
}

static void
one_builds_while_others_wait_in_order(void **state)
{
	struct mr_txn_engine *engine = engine_of(2);
	struct fake first = fake_of(4), second = fake_of(2), third = fake_of(1);
	_Atomic int gate = 0;
	size_t waiting;

	(void)state;
	first.gate = &gate;
	mr_txn_submit(engine, &first.txn);
	mr_txn_submit(engine, &second.txn);
	mr_txn_submit(engine, &third.txn);
	mr_txn_turn(engine); /* nothing to do yet: returns at once */
	assert_ptr_equal(mr_txn_current(engine, &waiting), &first.txn);
	assert_int_equal(waiting, 2);
	assert_int_equal(second.plans, 0);
	assert_int_equal(published, -7);
	atomic_store(&gate, 1);
	mr_txn_wait(engine);
	assert_int_equal(first.dones + second.dones + third.dones, 3);
	assert_int_equal(published, 1);
	assert_null(mr_txn_current(engine, &waiting));
	mr_txn_engine_destroy(engine);
}

static void
a_full_queue_refuses(void **state)
{
	struct mr_txn_engine *engine = engine_of(1);
	struct fake first = fake_of(1), more[MR_TXN_QUEUE + 1];
	_Atomic int gate = 0;

	(void)state;
	first.gate = &gate;
	mr_txn_submit(engine, &first.txn);
	for (int i = 0; i <= MR_TXN_QUEUE; i++) {
		more[i] = fake_of(1);
		mr_txn_submit(engine, &more[i].txn);
	}
	assert_int_equal(more[MR_TXN_QUEUE].dones, 1);
	assert_int_equal(more[MR_TXN_QUEUE].rc, -EBUSY);
	assert_int_equal(more[MR_TXN_QUEUE].plans, 0);
	assert_int_equal(more[MR_TXN_QUEUE].discards, 0);
	assert_int_equal(more[MR_TXN_QUEUE - 1].dones, 0);
	assert_int_equal(metrics[MR_CONTROL_transaction_refuse], 1);
	atomic_store(&gate, 1);
	mr_txn_wait(engine);
	assert_int_equal(more[MR_TXN_QUEUE - 1].publishes, 1);
	mr_txn_engine_destroy(engine);
}

static void
the_end_cancels_what_runs_and_waits(void **state)
{
	struct mr_txn_engine *engine = engine_of(2);
	struct fake first = fake_of(4), second = fake_of(2);
	_Atomic int gate = 0;

	(void)state;
	first.gate = &gate;
	mr_txn_submit(engine, &first.txn);
	mr_txn_submit(engine, &second.txn);
	mr_txn_engine_destroy(engine);
	assert_int_equal(first.rc, -ECANCELED);
	assert_string_equal(first.error.text, "fake: millraced is stopping");
	assert_int_equal(first.discards, 1);
	assert_int_equal(second.rc, -ECANCELED);
	assert_int_equal(second.plans, 0);
	assert_int_equal(published, -7);
}

static void
done_may_submit_the_next(void **state)
{
	struct mr_txn_engine *engine = engine_of(2);
	struct fake first = fake_of(3), second = fake_of(5);

	(void)state;
	first.engine = engine;
	first.then = &second.txn;
	mr_txn_submit(engine, &first.txn);
	mr_txn_wait(engine);
	assert_int_equal(second.dones, 1);
	assert_int_equal(published, 5);
	mr_txn_engine_destroy(engine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_works_good_publishes_once),
		cmocka_unit_test(no_work_is_done_at_once),
		cmocka_unit_test(a_failure_at_each_step_leaves_the_old),
		cmocka_unit_test(after_a_failed_work_no_more_are_begun),
		cmocka_unit_test(one_builds_while_others_wait_in_order),
		cmocka_unit_test(a_full_queue_refuses),
		cmocka_unit_test(the_end_cancels_what_runs_and_waits),
		cmocka_unit_test(done_may_submit_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
