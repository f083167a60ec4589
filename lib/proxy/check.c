/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy/check - asking origins whether they are well.
 */
#include "proxy/check.h"

#include <string.h>

#include "proxy/upstream_int.h"

MR_METRIC_DEFINE("check", mr_check_metric_table, CHECK_METRICS);

enum {
	CHECK_TICK_SHIFT = 20,  /* 1 ms */
	CHECK_JITTER_PARTS = 5, /* the interval varies by one of these, half of it each way */
};
#define CHECK_FIRST_NS (500 * MR_NS_PER_MS)
#define CHECK_LATE_NS  (50 * MR_NS_PER_MS)

struct checker_slot {
	struct mr_wheel_node node;
	uint32_t check; /* that runs; 0: none */
	uint32_t reserved;
};

struct check {
	struct mr_origin_ref ref;
	bool connected, in_content;
	uint16_t status;
	uint32_t byte_count, content_count;
	struct mr_http_head head;
	struct mr_http_body body;
	struct mr_http_message message;
	uint8_t bytes[MR_CHECK_HEAD_BYTES];
	uint8_t content[MR_CHECK_BODY_BYTES];
};

static const struct mr_http_limits limits = {
	.head_bytes = MR_CHECK_HEAD_BYTES,
	.target_bytes = 8192,
	.field_line_bytes = 8192,
	.trailer_bytes = 4096,
	.extension_bytes = 4096,
	.body_bytes = UINT64_MAX,
	.fields = 100,
};

/* ---- health ---- */

bool
mr_origin_checked(const struct mr_upstream *group, const struct mr_origin *origin,
		  enum mr_check_result result, uint16_t status, uint64_t now_ns)
{
	const struct mr_upstream_check_config *config = &group->config->check;
	struct mr_origin_shared *shared = origin->shared;
	uint8_t health = shared->health, streak = shared->streak;
	uint8_t found = result == MR_CHECK_OK ? MR_ORIGIN_UP : MR_ORIGIN_DOWN;
	uint16_t enough = found == MR_ORIGIN_UP ? config->rise : config->fall;

	__atomic_store_n(&shared->last_result, (uint8_t)result, __ATOMIC_RELAXED);
	__atomic_store_n(&shared->last_status, status, __ATOMIC_RELAXED);
	__atomic_store_n(&shared->checks, shared->checks + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&shared->checks_failed, shared->checks_failed + (result != MR_CHECK_OK),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&shared->checked_ns, now_ns, __ATOMIC_RELAXED);
	streak = found == health ? 0 : (uint8_t)MR_MIN(streak + 1, UINT8_MAX);
	if (health == MR_ORIGIN_UNKNOWN && streak)
		streak = (uint8_t)MR_MIN(enough, UINT8_MAX); /* the first result decides */
	if (!streak || streak < enough) {
		__atomic_store_n(&shared->streak, streak, __ATOMIC_RELAXED);
		return false;
	}
	__atomic_store_n(&shared->streak, 0, __ATOMIC_RELAXED);
	if (health == MR_ORIGIN_DOWN) /* it comes back: slowly */
		__atomic_store_n(&shared->since_ns, now_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&shared->health, found, __ATOMIC_RELAXED);
	return health != MR_ORIGIN_UNKNOWN;
}

/* ---- the end of a check ---- */

static struct check *
check_at(struct mr_origin_checker *self, uint32_t handle)
{
	return mr_pool_at(&self->checks, handle);
}

static uint32_t
check_of(struct mr_tcp *tcp, uint32_t conn)
{
	return (uint32_t)mr_tcp_app_word(tcp, conn);
}

/* check_done gives the check back; the connection is nobody's from here on. */
static void
check_done(struct mr_origin_checker *self, uint32_t conn, uint32_t handle,
	   enum mr_check_result result)
{
	struct check *check = check_at(self, handle);
	const struct mr_upstream *group = NULL;
	const struct mr_origin *origin = mr_upstreams_origin(self->upstreams, check->ref, &group);
	bool up = result == MR_CHECK_OK;

	mr_metric_add(self->metrics, up ? MR_CHECK_METRIC_check_ok : MR_CHECK_METRIC_check_fail, 1);
	if (origin && mr_origin_checked(group, origin, result, check->status, self->now_ns))
		mr_metric_add(self->metrics,
			      up ? MR_CHECK_METRIC_origin_up : MR_CHECK_METRIC_origin_down, 1);
	self->slots[check->ref.slot].check = 0;
	mr_pool_put(&self->checks, handle);
	mr_tcp_app_word_set(self->tcp, conn, 0);
}

/* check_finish ends a check whose connection stands, and the connection with it. */
static void
check_finish(struct mr_origin_checker *self, uint32_t conn, uint32_t handle,
	     enum mr_check_result result)
{
	check_done(self, conn, handle, result);
	mr_tcp_deadline(self->tcp, conn, 0);
	if (result == MR_CHECK_OK)
		mr_tcp_close(self->tcp, conn);
	else
		mr_tcp_abort(self->tcp, conn);
}

/* ---- HTTP ---- */

static bool
status_good(const struct mr_upstream_check_config *config, uint16_t status)
{
	for (size_t i = 0; i < config->status_count; i++)
		if (status >= config->statuses[i].low && status <= config->statuses[i].high)
			return true;
	return !config->status_count && status >= 200 && status < 400;
}

static bool
content_good(const struct check *check, const struct mr_upstream_check_config *config)
{
	return memmem(check->content, check->content_count, config->body, strlen(config->body));
}

/* check_content goes on with content; MR_CHECK_NONE: more is needed. */
static enum mr_check_result
check_content(struct check *check, const struct mr_upstream_check_config *config,
	      const uint8_t *bytes, size_t count)
{
	enum mr_http_verdict verdict = MR_HTTP_MORE;

	while (count && verdict == MR_HTTP_MORE) {
		struct mr_http_piece piece;
		uint32_t taken, room = MR_CHECK_BODY_BYTES - check->content_count;

		verdict = mr_http_body_feed(&check->body, bytes, count, &piece);
		taken = (uint32_t)MR_MIN(piece.data_bytes, (size_t)room);
		memcpy(check->content + check->content_count, bytes + piece.data_at, taken);
		check->content_count += taken;
		bytes += piece.used_bytes;
		count -= piece.used_bytes;
		if (taken && content_good(check, config))
			return MR_CHECK_OK;
		if (check->content_count == MR_CHECK_BODY_BYTES)
			return MR_CHECK_BODY;
	}
	if (verdict == MR_HTTP_REFUSED)
		return MR_CHECK_BROKEN;
	return verdict == MR_HTTP_DONE || mr_http_body_is_done(&check->body) ? MR_CHECK_BODY
									     : MR_CHECK_NONE;
}

/* check_head goes on with what has come of the head; interim answers are passed over. */
static enum mr_check_result
check_head(struct check *check, const struct mr_upstream_check_config *config)
{
	const struct mr_http_message *message = &check->message;

	for (;;) { /* each round has used up a head of the buffer */
		enum mr_http_verdict verdict =
			mr_http_head_parse(&check->head, &check->message, &limits, check->bytes,
					   check->byte_count);

		if (verdict == MR_HTTP_MORE)
			return check->byte_count == MR_CHECK_HEAD_BYTES ? MR_CHECK_BROKEN
									: MR_CHECK_NONE;
		if (verdict == MR_HTTP_REFUSED)
			return MR_CHECK_BROKEN;
		check->status = message->status;
		if (message->status >= 200 || message->framing == MR_HTTP_TUNNEL)
			break;
		check->byte_count -= message->head_bytes;
		memmove(check->bytes, check->bytes + message->head_bytes, check->byte_count);
		mr_http_head_response(&check->head, MR_HTTP_GET);
	}
	if (!status_good(config, message->status))
		return MR_CHECK_STATUS;
	if (!config->body)
		return MR_CHECK_OK;
	if (message->framing == MR_HTTP_TUNNEL)
		return MR_CHECK_BROKEN;
	check->in_content = true;
	mr_http_body_init(&check->body, message, &limits);
	return check_content(check, config, check->bytes + message->head_bytes,
			     check->byte_count - message->head_bytes);
}

/* check_config gives the group's check, or NULL when the origin is gone or is no longer checked. */
static const struct mr_upstream_check_config *
check_config(const struct mr_origin_checker *self, const struct check *check,
	     const struct mr_origin **origin)
{
	const struct mr_upstream *group = NULL;
	const struct mr_origin *found = mr_upstreams_origin(self->upstreams, check->ref, &group);

	if (origin)
		*origin = found;
	return found && found->checked ? &group->config->check : NULL;
}

static uint32_t
check_readable(void *context, struct mr_tcp *tcp, uint32_t conn, const uint8_t *bytes,
	       uint32_t count)
{
	struct mr_origin_checker *self = context;
	uint32_t handle = check_of(tcp, conn), taken = count;
	const struct mr_upstream_check_config *config;
	enum mr_check_result result;
	struct check *check;

	if (!handle)
		return count;
	check = check_at(self, handle);
	config = check_config(self, check, NULL);
	/* What was begun as a TCP check was over when it connected. */
	if (!config || config->kind != MR_UPSTREAM_CHECK_HTTP ||
	    (check->in_content && !config->body)) {
		check_finish(self, conn, handle, MR_CHECK_OK); /* it answers */
		return count;
	}
	if (check->in_content) {
		result = check_content(check, config, bytes, count);
	} else {
		taken = MR_MIN(count, (uint32_t)MR_CHECK_HEAD_BYTES - check->byte_count);
		memcpy(check->bytes + check->byte_count, bytes, taken);
		check->byte_count += taken;
		result = check_head(check, config);
		if (result == MR_CHECK_NONE && check->in_content && taken < count) {
			result = check_content(check, config, bytes + taken, count - taken);
			taken = count;
		}
	}
	if (result == MR_CHECK_NONE)
		return taken;
	check_finish(self, conn, handle, result);
	return count;
}

/* ---- events ---- */

static void
check_accepted(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct mr_origin_checker *self = context;
	uint32_t handle = check_of(tcp, conn);
	const struct mr_upstream_check_config *config;
	const struct mr_origin *origin;
	struct check *check;

	if (!handle)
		return;
	check = check_at(self, handle);
	check->connected = true;
	config = check_config(self, check, &origin);
	if (!config || config->kind != MR_UPSTREAM_CHECK_HTTP) {
		check_finish(self, conn, handle, MR_CHECK_OK);
		return;
	}
	if (mr_tcp_send(tcp, conn, origin->check_request, origin->check_request_bytes) !=
	    origin->check_request_bytes)
		check_finish(self, conn, handle, MR_CHECK_BROKEN);
}

static void
check_peer_closed(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	struct mr_origin_checker *self = context;
	uint32_t handle = check_of(tcp, conn);
	struct check *check = handle ? check_at(self, handle) : NULL;
	const struct mr_upstream_check_config *config;
	enum mr_check_result result = MR_CHECK_BROKEN;

	if (!handle)
		return;
	config = check_config(self, check, NULL);
	if (check->in_content && mr_http_body_end(&check->body) == MR_HTTP_DONE)
		result = config && config->body && !content_good(check, config) ? MR_CHECK_BODY
										: MR_CHECK_OK;
	check_finish(self, conn, handle, result);
}

static void
check_deadline(void *context, struct mr_tcp *tcp, uint32_t conn)
{
	uint32_t handle = check_of(tcp, conn);

	if (handle)
		check_finish(context, conn, handle, MR_CHECK_TIMEOUT);
}

static void
check_closed(void *context, struct mr_tcp *tcp, uint32_t conn, enum mr_tcp_reason reason)
{
	struct mr_origin_checker *self = context;
	uint32_t handle = check_of(tcp, conn);

	if (!handle)
		return;
	check_done(self, conn, handle,
		   reason == MR_TCP_END_TIMEOUT        ? MR_CHECK_TIMEOUT
		   : check_at(self, handle)->connected ? MR_CHECK_BROKEN
						       : MR_CHECK_REFUSED);
}

const struct mr_tcp_app_ops mr_origin_check_ops = {
	.name = "check",
	.accepted = check_accepted,
	.readable = check_readable,
	.peer_closed = check_peer_closed,
	.deadline = check_deadline,
	.closed = check_closed,
};

/* ---- when ---- */

static uint64_t
next_ns(struct mr_origin_checker *self, uint64_t interval_ns)
{
	uint64_t part_ns = interval_ns / CHECK_JITTER_PARTS;

	return self->now_ns + interval_ns - part_ns / 2 + mr_rng_below(&self->rng, part_ns + 1);
}

/* check_begin: false when as many run as may. */
static bool
check_begin(struct mr_origin_checker *self, const struct mr_upstream *group,
	    const struct mr_origin *origin)
{
	const struct mr_upstream_check_config *config = &group->config->check;
	uint32_t handle = mr_pool_get(&self->checks), conn;
	struct check *check;

	if (!handle)
		return false;
	check = check_at(self, handle);
	check->ref = origin->ref;
	check->connected = check->in_content = false;
	check->status = 0;
	check->byte_count = check->content_count = 0;
	mr_http_head_response(&check->head, MR_HTTP_GET);
	conn = self->connect(self->connect_context, origin,
			     config->port ? config->port : origin->port, handle);
	if (!conn) {
		mr_metric_add(self->metrics, MR_CHECK_METRIC_check_no_connection, 1);
		mr_pool_put(&self->checks, handle);
		return true;
	}
	mr_metric_add(self->metrics, MR_CHECK_METRIC_check, 1);
	self->slots[origin->ref.slot].check = handle;
	mr_tcp_deadline(self->tcp, conn, (uint32_t)(config->timeout_ns / MR_NS_PER_MS));
	return true;
}

/* mine says whether this worker checks the origin. */
static bool
mine(const struct mr_origin_checker *self, const struct mr_origin *origin)
{
	return origin->checked && origin->way.known &&
	       origin->ref.slot % self->worker_count == self->worker;
}

static uint64_t
slot_due(void *context, uint32_t slot, uint64_t now_ns)
{
	struct mr_origin_checker *self = context;
	const struct mr_upstreams *upstreams = self->upstreams;
	const struct mr_origin *origin = upstreams && upstreams->by_slot[slot]
						 ? &upstreams->origins[upstreams->by_slot[slot] - 1]
						 : NULL;
	const struct mr_upstream *group;

	if (!origin || !mine(self, origin))
		return 0; /* until it is in a snapshot again */
	group = &upstreams->groups[origin->group];
	/* The last one may still run when its group's timeout was longer than it is now. */
	if (self->slots[slot].check ||
	    __atomic_load_n(&origin->shared->admin, __ATOMIC_RELAXED) == MR_ORIGIN_DISABLED)
		return next_ns(self, group->config->check.interval_ns);
	if (!check_begin(self, group, origin)) {
		mr_metric_add(self->metrics, MR_CHECK_METRIC_check_late, 1);
		return now_ns + CHECK_LATE_NS;
	}
	return next_ns(self, group->config->check.interval_ns);
}

/* slots_arm gives those of a new snapshot their first time. */
static void
slots_arm(struct mr_origin_checker *self)
{
	const struct mr_upstreams *upstreams = self->upstreams;

	for (uint32_t i = 0; upstreams && i < upstreams->origin_count; i++) {
		const struct mr_origin *origin = &upstreams->origins[i];
		uint64_t interval_ns = upstreams->groups[origin->group].config->check.interval_ns;

		if (mine(self, origin) && !mr_wheel_is_scheduled(&self->wheel, origin->ref.slot))
			mr_wheel_schedule(&self->wheel, origin->ref.slot,
					  self->now_ns +
						  mr_rng_below(&self->rng,
							       MR_MIN(interval_ns,
								      (uint64_t)CHECK_FIRST_NS)));
	}
}

void
mr_origin_checker_turn(struct mr_origin_checker *self, const struct mr_upstreams *upstreams,
		       uint64_t generation, uint64_t now_ns)
{
	self->upstreams = upstreams;
	self->now_ns = now_ns;
	if (mr_unlikely(generation != self->generation)) {
		self->generation = generation;
		slots_arm(self);
	}
	mr_wheel_advance(&self->wheel, now_ns, MR_CHECKS_PER_TURN, slot_due, self);
}

int
mr_origin_checker_create(struct mr_origin_checker *self, struct mr_arena *arena, uint64_t seed,
			 uint64_t now_ns, struct mr_error *error)
{
	uint64_t bytes = MR_ORIGIN_SLOTS * sizeof(struct checker_slot), offset;
	int rc = mr_arena_take(arena, bytes, MR_CACHE_LINE, &offset);

	if (rc)
		return mr_arena_shortage(arena, bytes, error);
	self->slots = mr_arena_at(arena, offset);
	mr_wheel_init(&self->wheel, self->slots, sizeof(struct checker_slot),
		      offsetof(struct checker_slot, node), CHECK_TICK_SHIFT, now_ns);
	mr_rng_seed(&self->rng, seed);
	return mr_pool_create(&self->checks, arena,
			      (uint32_t)mr_round_up(sizeof(struct check), MR_CACHE_LINE),
			      MR_CHECKS_MAX, error);
}
