/* SPDX-License-Identifier: Apache-2.0
 *
 * worker/apps - who serves what: the one table of applications upon lib/tcp.
 *
 * lib/net's snapshot says which number listens on (address, port); the same number is the
 * application of lib/tcp. A new one is a row here, and its listeners in lib/ctl's list.
 */
#include "worker/worker_int.h"

#include <errno.h>

/* Generators of lib/tcp, by number. */
enum { APP_GEN_CHARGEN, APP_GEN_ZONE };

struct app_row {
	uint8_t number; /* enum mr_net_app */
	/* create fills *out; it may leave out->ops NULL: not configured */
	int (*create)(struct mr_worker *self, uint8_t number, struct mr_tcp_app *out,
		      struct mr_error *error);
	/* turn: what the application may look at in this turn; NULL: nothing */
	void (*turn)(struct mr_worker *self);
};

static int
dns_create(struct mr_worker *self, uint8_t number, struct mr_tcp_app *out, struct mr_error *error)
{
	struct mr_tcp_gen zones = { .ops = &mr_dns_transfer_gen_ops,
				    .context = &self->dns_stream.transfers };
	struct mr_dns_stream_config stream = self->group->dns_stream;

	(void)number;
	*out = (struct mr_tcp_app){ .ops = &mr_dns_stream_ops,
				    .context = &self->dns_stream,
				    .nodelay = true };
	stream.transfers.worker = self->index;
	stream.transfers.pins = &self->group->pins;
	stream.transfers.gen = APP_GEN_ZONE;
	if (mr_dns_stream_create(&self->dns_stream, &self->dns, &stream, self->group->arena, error))
		return error ? error->code : -ENOMEM;
	mr_tcp_gen_set(self->tcp, APP_GEN_ZONE, &zones);
	return 0;
}

static void
dns_turn(struct mr_worker *self)
{
	self->dns_stream.zones = self->world->zones;
	self->dns_stream.now_ns = self->now_ns;
}

static int
http_create(struct mr_worker *self, uint8_t number, struct mr_tcp_app *out, struct mr_error *error)
{
	struct mr_tcp_region files;

	(void)number;
	*out = (struct mr_tcp_app){ .ops = &mr_site_h1_ops,
				    .context = &self->http,
				    .nodelay = true };
	self->http.metrics =
		mr_metric_attach(self->group->metrics, &mr_site_metric_table, self->scope);
	if (mr_site_server_create(&self->http, &self->group->http, self->group->arena, error))
		return error ? error->code : -ENOMEM;
	self->http.worker = self->index;
	self->http.access = mr_site_access_ring(self->group->access, self->index);
	if (self->group->books)
		self->http.pages = mr_site_books_pages(self->group->books, self->index);
	if (self->group->sites) {
		mr_site_server_region(&self->http, self->group->sites, &files);
		mr_tcp_region_set(self->tcp, MR_SITE_REGION, &files);
	}
	return 0;
}

static void
http_turn(struct mr_worker *self)
{
	self->http.sites = self->world->sites;
	self->http.roots = self->world->roots;
	self->http.now_ns = self->now_ns;
	self->http.draining = __atomic_load_n(&self->group->draining, __ATOMIC_RELAXED);
	mr_site_clock_follow(&self->http.clock, &self->group->day);
}

/* origin_connect is the proxy's way to mr_worker_connect. */
static uint32_t
origin_connect(void *context, const struct mr_origin *origin, uint64_t word)
{
	const struct mr_worker_origin to = { .source = origin->way.source,
					     .remote = origin->addr,
					     .remote_port = origin->port,
					     .vlan = origin->way.vlan,
					     .interface = origin->way.interface };

	return origin->way.known ? mr_worker_connect(context, &to, MR_NET_APP_ORIGIN, word) : 0;
}

static int
origin_create(struct mr_worker *self, uint8_t number, struct mr_tcp_app *out,
	      struct mr_error *error)
{
	struct mr_proxy *proxy = &self->proxy;
	uint64_t seed;

	(void)number;
	if (!self->group->origins)
		return 0;
	*out = (struct mr_tcp_app){ .ops = &mr_proxy_link_ops, .context = proxy, .nodelay = true };
	if (mr_proxy_create(proxy, &self->group->proxy, self->group->arena, mr_clock_now_ns(),
			    error))
		return error ? error->code : -ENOMEM;
	out->receive_max_bytes = proxy->config.buffer_bytes;
	mr_rng_secret(&seed, sizeof(seed));
	mr_upstream_worker_create(&proxy->policy, self->group->origins, self->index, seed);
	proxy->metrics =
		mr_metric_attach(self->group->metrics, &mr_proxy_metric_table, self->scope);
	proxy->tcp = self->tcp;
	proxy->connect = origin_connect;
	proxy->connect_context = self;
	if (mr_site_server_proxy(&self->http, proxy, self->group->arena, error))
		return error ? error->code : -ENOMEM;
	return 0;
}

static void
origin_turn(struct mr_worker *self)
{
	if (self->group->origins)
		mr_proxy_turn(&self->proxy, self->world->upstreams, self->world->generation,
			      self->now_ns);
}

/* ---- checks of origins ---- */

static uint32_t
check_connect(void *context, const struct mr_origin *origin, uint16_t port, uint64_t word)
{
	const struct mr_worker_origin to = { .source = origin->way.source,
					     .remote = origin->addr,
					     .remote_port = port,
					     .vlan = origin->way.vlan,
					     .interface = origin->way.interface };

	return mr_worker_connect(context, &to, MR_NET_APP_CHECK, word);
}

static int
check_create(struct mr_worker *self, uint8_t number, struct mr_tcp_app *out, struct mr_error *error)
{
	struct mr_origin_checker *checker = &self->checker;
	uint64_t seed;

	(void)number;
	if (!self->group->origins)
		return 0;
	*out = (struct mr_tcp_app){ .ops = &mr_origin_check_ops, .context = checker };
	checker->worker = self->index;
	checker->worker_count = self->group->worker_count;
	checker->tcp = self->tcp;
	checker->connect = check_connect;
	checker->connect_context = self;
	checker->metrics =
		mr_metric_attach(self->group->metrics, &mr_check_metric_table, self->scope);
	mr_rng_secret(&seed, sizeof(seed));
	return mr_origin_checker_create(checker, self->group->arena, seed, mr_clock_now_ns(),
					error);
}

static void
check_turn(struct mr_worker *self)
{
	if (self->group->origins)
		mr_origin_checker_turn(&self->checker, self->world->upstreams,
				       self->world->generation, self->now_ns);
}

static int
test_create(struct mr_worker *self, uint8_t number, struct mr_tcp_app *out, struct mr_error *error)
{
	const struct mr_tcp_service_config *config = &self->group->test_services;
	struct mr_tcp_services *services = &self->test_services;

	(void)error;
	if (!config->listener_count)
		return 0;
	if (!services->metrics) /* one struct for its three rows */
		mr_tcp_services_create(services, config, self->tcp, APP_GEN_CHARGEN,
				       mr_metric_attach(self->group->metrics,
							&mr_tcp_service_metric_table, self->scope));
	*out = (struct mr_tcp_app){ .ops = &mr_tcp_service_ops[number - MR_NET_APP_ECHO],
				    .context = services,
				    .nodelay = true,
				    .keepalive = true };
	return 0;
}

static const struct app_row rows[] = {
	{ MR_NET_APP_DNS, dns_create, dns_turn },
	{ MR_NET_APP_HTTP, http_create, http_turn },
	{ MR_NET_APP_ORIGIN, origin_create, origin_turn },
	{ MR_NET_APP_CHECK, check_create, check_turn },
	{ MR_NET_APP_ECHO, test_create, NULL },
	{ MR_NET_APP_DISCARD, test_create, NULL },
	{ MR_NET_APP_CHARGEN, test_create, NULL },
};
static_assert((int)MR_NET_APP_DISCARD - (int)MR_NET_APP_ECHO == (int)MR_TCP_DISCARD &&
		      (int)MR_NET_APP_CHARGEN - (int)MR_NET_APP_ECHO == (int)MR_TCP_CHARGEN,
	      "test services stand in both lists in one order");
static_assert((int)MR_NET_APPS <= (int)MR_TCP_APP_MAX, "lib/tcp has a place for each");

int
worker_apps_create(struct mr_worker *self, struct mr_error *error)
{
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		struct mr_tcp_app app = { 0 };
		int rc = rows[i].create(self, rows[i].number, &app, error);

		if (rc)
			return rc;
		if (app.ops)
			mr_tcp_app_set(self->tcp, rows[i].number, &app);
	}
	return 0;
}

void
worker_apps_turn(struct mr_worker *self)
{
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++)
		if (rows[i].turn)
			rows[i].turn(self);
}
