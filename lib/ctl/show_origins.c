/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/show_origins - the origins of all groups, and what the operator says of them.
 */
#include <errno.h>
#include <string.h>

#include "ctl/config_int.h"
#include "ctl/ctl_int.h"
#include "ctl/names.h"

/* The one word for people: why it takes no requests, or that it does. */
static const char *
state_name(const struct mr_origin_view *view, const struct mr_origin *origin)
{
	if (view->admin != MR_ORIGIN_ENABLED)
		return mr_origin_admin_name(view->admin);
	if (!origin->way.known)
		return "no way";
	if (view->health == MR_ORIGIN_DOWN)
		return "down";
	if (view->ejected_until_ns)
		return "ejected";
	return view->health == MR_ORIGIN_UP ? "up" : "unchecked";
}

static json_t *
since_json(uint64_t at_ns, uint64_t now_ns)
{
	return at_ns ? json_integer((json_int_t)(now_ns - MR_MIN(at_ns, now_ns))) : NULL;
}

static json_t *
origin_json(const struct mr_ctl *self, const struct mr_upstream *group,
	    const struct mr_origin *origin, uint64_t now_ns)
{
	char server[CONFIG_SERVER_BYTES], address[CONFIG_LISTEN_BYTES];
	struct mr_origin_view view;
	json_t *json;

	mr_origin_view(self->box.group->origins, group, origin, now_ns, &view);
	json = json_pack(
		"{ss ss ss ss ss ss sb sb so* sI sI sI sI sI sI sI sI so* sf}", "upstream",
		group->config->name, "server", config_server_text(view.server, server), "address",
		config_listen_text(&(struct mr_site_listen){ .addr = origin->addr,
							     .port = origin->port },
				   address),
		"state", state_name(&view, origin), "admin", mr_origin_admin_name(view.admin),
		"health", mr_origin_health_name(view.health), "takes", view.takes, "backup",
		origin->backup, "checked_ns", since_json(view.checked_ns, now_ns), "checks",
		(json_int_t)view.checks, "checks_failed", (json_int_t)view.checks_failed,
		"ejections", (json_int_t)view.ejections, "active", (json_int_t)view.active, "open",
		(json_int_t)view.open, "exchanges", (json_int_t)view.exchanges, "failed",
		(json_int_t)view.failed, "connect_failed", (json_int_t)view.connect_failed,
		"latency_ns",
		view.average_us ? json_integer((json_int_t)(view.average_us * MR_NS_PER_US)) : NULL,
		"weight", view.weight / 256.0);
	if (view.checked_ns)
		json_object_set_new(json, "check",
				    view.last_result == MR_CHECK_STATUS
					    ? json_sprintf("status %u", view.last_status)
					    : json_string(mr_check_result_name(view.last_result)));
	if (view.ejected_until_ns > now_ns)
		json_object_set_new(json, "ejected_for_ns",
				    json_integer((json_int_t)(view.ejected_until_ns - now_ns)));
	return json;
}

static json_t *
names_json(const struct names *names, uint64_t now_ns)
{
	json_t *list = json_array();
	struct names_view view;

	for (size_t i = 0; names && names_at(names, i, &view); i++)
		json_array_append_new(
			list,
			json_pack("{ss sI sI sI ss*}", "name", view.name, "addresses",
				  (json_int_t)view.count, "next_ns",
				  (json_int_t)(view.next_ns - MR_MIN(now_ns, view.next_ns)),
				  "failures", (json_int_t)view.failures, "fault", view.fault));
	return list;
}

json_t *
command_origin_list(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	const struct mr_upstreams *upstreams = self->worlds.running->upstreams;
	uint64_t now_ns = mr_clock_now_ns();
	json_t *list = json_array();

	(void)call;
	(void)error;
	for (uint32_t i = 0; upstreams && i < mr_upstreams_count(upstreams); i++) {
		const struct mr_upstream *group = mr_upstreams_at(upstreams, i);

		for (uint16_t k = 0; k < group->origin_count; k++)
			json_array_append_new(list,
					      origin_json(self, group, &group->origins[k], now_ns));
	}
	return json_pack("{so so}", "origins", list, "names",
			 names_json(self->worlds.names, now_ns));
}

static json_t *
order(struct mr_ctl *self, const struct mr_call *call, enum mr_origin_admin admin,
      struct mr_error *error)
{
	const char *words[MR_COMMAND_WORDS_MAX];
	size_t count = mr_command_words(json_object_get(call->args, "server"), words);
	int origins;

	if (count != 2) {
		(void)mr_error_set(error, -EINVAL,
				   "expected UPSTREAM SERVER, as `origin list` "
				   "names them");
		return NULL;
	}
	if (!self->box.group->origins) {
		(void)mr_error_set(error, -ENOENT, "nothing is passed on here");
		return NULL;
	}
	origins = mr_origin_order(self->box.group->origins, self->worlds.running->upstreams,
				  words[0], words[1], admin, error);
	if (origins < 0)
		return NULL;
	mr_log(MR_LOG_NOTICE, "upstream %s: %s is %s: %d origin%s", words[0], words[1],
	       mr_origin_admin_name(admin), origins, origins == 1 ? "" : "s");
	return json_pack("{si}", "origins", origins);
}

json_t *
command_origin_drain(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	return order(self, call, MR_ORIGIN_DRAINED, error);
}

json_t *
command_origin_disable(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	return order(self, call, MR_ORIGIN_DISABLED, error);
}

json_t *
command_origin_enable(struct mr_ctl *self, const struct mr_call *call, struct mr_error *error)
{
	return order(self, call, MR_ORIGIN_ENABLED, error);
}
