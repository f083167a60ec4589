/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/ctl/fake - a whole control plane without packets: one port of a kind that does nothing, no
 * workers, zones in ordinary memory, a folder and a socket of its own.
 */
#ifndef TESTS_CTL_FAKE_H
#define TESTS_CTL_FAKE_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

struct fake_box {
	char folder[64], config_path[128], socket_path[128];
	struct mr_port port;
	struct mr_port *ports[1];
	struct mr_worker_group group;
	const struct mr_world *world;
	struct mr_zone_store *store;
	struct mr_config *config;
	struct mr_ctl_box box;
	struct mr_ctl *ctl;
	pthread_t thread;
	/* what the fake port saw, and whether it refuses */
	unsigned steers;
	size_t steer_rules;
	bool steer_refuses;
};

static struct fake_box *fake_current;

static inline int
fake_steer(struct mr_port *port, const struct mr_port_steer *steer, struct mr_error *error)
{
	(void)port;
	if (__atomic_load_n(&fake_current->steer_refuses, __ATOMIC_RELAXED))
		return mr_error_set(error, -EIO, "the fake port refuses");
	__atomic_store_n(&fake_current->steers, fake_current->steers + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&fake_current->steer_rules, steer->rule_count, __ATOMIC_RELAXED);
	return 0;
}

static const struct mr_port_driver fake_driver = {
	.kind = "afxdp",
	.help = "does nothing",
	.caps = MR_PORT_CAP_STEER,
	.steer = fake_steer,
};

static inline void
fake_write(const struct fake_box *self, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", self->folder, name);
	file = fopen(path, "we");
	MR_ASSERT(file);
	fputs(text, file);
	fclose(file);
}

#define FAKE_ZONE(name, serial, rest)                                                            \
	"$ORIGIN " name "\n@ 60 IN SOA ns host " #serial " 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A " \
	"192.0.2.53\n" rest

/* The configuration's text; %s is more keys below dns. */
#define FAKE_CONFIG(vips, dns)                                                       \
	"name: fake\nmemory: {hugepages: off, zones: 64MiB}\ncpus: {workers: [0]}\n" \
	"ports: [{name: up, afxdp: eth0}]\nvips: " vips "\n"                         \
	"control: {socket: m.sock}\nlog: {level: error}\ndns:\n" dns

#define FAKE_ZONES                                      \
	"  zones:\n    - {name: one.test, file: one}\n" \
	"    - {name: two.test, file: two}\n"

/* fake_open makes the folder, the files and everything up to the control plane, not booted. */
static inline int
fake_open(struct fake_box *self, const char *config, struct mr_error *error)
{
	*self = (struct fake_box){ .folder = "/tmp/millrace-ctl-XXXXXX" };
	fake_current = self;
	MR_ASSERT(mkdtemp(self->folder));
	snprintf(self->config_path, sizeof(self->config_path), "%s/m.yaml", self->folder);
	snprintf(self->socket_path, sizeof(self->socket_path), "%s/m.sock", self->folder);
	fake_write(self, "m.yaml", config);
	fake_write(self, "one", FAKE_ZONE("one.test.", 1, ""));
	fake_write(self, "two", FAKE_ZONE("two.test.", 1, ""));
	MR_ASSERT(!mr_config_load(self->config_path, &self->config, error));
	self->port = (struct mr_port){ .config = self->config->ports[0].port,
				       .driver = &fake_driver,
				       .mtu = 1500,
				       .link_up = true };
	self->ports[0] = &self->port;
	self->group = (struct mr_worker_group){ .port_count = 1,
						.ports = self->ports,
						.world = &self->world,
						.neighbours = mr_net_neighbours_create(),
						.metrics = mr_metric_registry_create() };
	MR_ASSERT(!mr_zone_store_create(&self->store, self->config->memory.zones_bytes, false,
					error));
	self->box = (struct mr_ctl_box){ .version = "test",
					 .group = &self->group,
					 .world = &self->world,
					 .store = self->store };
	return mr_ctl_create(&self->ctl, self->config, error);
}

static inline void *
fake_thread(void *context)
{
	struct fake_box *self = context;

	mr_ctl_run(self->ctl);
	return NULL;
}

/* fake_start boots and serves from a thread of its own. */
static inline int
fake_start(struct fake_box *self, struct mr_error *error)
{
	int rc = mr_ctl_boot(self->ctl, &self->box, self->config, error);

	return rc ? rc : -pthread_create(&self->thread, NULL, fake_thread, self);
}

/* fake_ask makes one call on a connection of its own. */
static inline json_t *
fake_ask(const struct fake_box *self, const char *command, json_t *args)
{
	struct mr_error error = { 0 };
	json_t *response = NULL;
	int fd = mr_rpc_connect(self->socket_path, &error);

	if (fd < 0 || mr_rpc_call(fd, command, args, &response, &error))
		fprintf(stderr, "%s: %s\n", command, error.text);
	if (fd >= 0)
		close(fd);
	return response;
}

static inline void
fake_stop(struct fake_box *self)
{
	json_decref(fake_ask(self, "stop", NULL));
	pthread_join(self->thread, NULL);
}

static inline void
fake_close(struct fake_box *self)
{
	static const char *const files[] = { "m.yaml", "n.yaml", "one", "two", "three", "big" };
	char path[256];

	mr_ctl_destroy(self->ctl);
	mr_net_neighbours_destroy(self->group.neighbours);
	mr_metric_registry_destroy(self->group.metrics);
	mr_zone_store_destroy(self->store);
	mr_config_free(self->config);
	for (size_t i = 0; i < MR_ARRAY_COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", self->folder, files[i]);
		(void)unlink(path);
	}
	MR_ASSERT(!rmdir(self->folder)); /* the socket and its lock are gone too */
}

#endif
