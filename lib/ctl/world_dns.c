/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/world_dns - how a world answers DNS: sizes, names and cookie secrets for the workers.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/world.h"
#include "ctl/world_int.h"

enum { SECRET_DIGITS = 2 * MR_DNS_COOKIE_SECRET_BYTES, SECRET_LINE_BYTES = 256 };

/* One secret in hexadecimal; false when the line is anything else. */
static bool
secret_parse(const char *line, uint8_t secret[MR_DNS_COOKIE_SECRET_BYTES])
{
	for (unsigned i = 0; i < MR_DNS_COOKIE_SECRET_BYTES; i++) {
		unsigned value;

		if (!isxdigit((unsigned char)line[2 * i]) ||
		    !isxdigit((unsigned char)line[2 * i + 1]) ||
		    sscanf(line + 2 * i, "%2x", &value) != 1)
			return false;
		secret[i] = (uint8_t)value;
	}
	return line[SECRET_DIGITS + strspn(line + SECRET_DIGITS, " \t\r\n")] == '\0';
}

/* Lines of 32 hexadecimal digits: the first signs, all are accepted. The line is never told: it may
 * be a secret with a slip in it. */
static int
secrets_read(const char *path, struct mr_dns_config *dns, struct mr_error *error)
{
	FILE *in = fopen(path, "re");
	char line[SECRET_LINE_BYTES];
	unsigned number = 0;
	int rc = 0;

	if (!in)
		return mr_error_set(error, -errno, "dns.cookie_secrets: %s: %s", path,
				    strerror(errno));
	while (!rc && fgets(line, sizeof(line), in)) {
		const char *start = line + strspn(line, " \t");

		number++;
		if (*start == '#' || *start == '\n' || *start == '\0')
			continue;
		if (dns->cookie_secret_count == MR_DNS_COOKIE_SECRETS)
			rc = mr_error_set(error, -EINVAL, "%s:%u: more than %u secrets", path,
					  number, MR_DNS_COOKIE_SECRETS);
		else if (!secret_parse(start, dns->cookie_secrets[dns->cookie_secret_count]))
			rc = mr_error_set(error, -EINVAL,
					  "%s:%u: a cookie secret is %u hexadecimal digits", path,
					  number, SECRET_DIGITS);
		else
			dns->cookie_secret_count++;
	}
	explicit_bzero(line, sizeof(line));
	fclose(in);
	if (!rc && dns->cookie_secret_count == 0)
		rc = mr_error_set(error, -EINVAL, "%s: no cookie secret in it", path);
	return rc;
}

int
world_dns_build(const struct mr_config_dns *config,
		const uint8_t drawn_secret[MR_DNS_COOKIE_SECRET_BYTES], struct mr_dns_config *dns,
		struct mr_error *error)
{
	*dns = (struct mr_dns_config){
		.udp_payload_v4_bytes = config->udp_payload_v4_bytes,
		.udp_payload_v6_bytes = config->udp_payload_v6_bytes,
		.wall_offset_s = (int64_t)time(NULL) - (int64_t)(mr_clock_now_ns() / MR_NS_PER_S),
		.cookie_policy = config->cookies == MR_CONFIG_COOKIES_REQUIRE
					 ? MR_DNS_COOKIE_REQUIRE
					 : MR_DNS_COOKIE_ANSWER,
		.nsid_bytes = (uint8_t)strlen(config->nsid),
		.rrl = { .mode = (uint8_t)config->rrl.mode,
			 .v4_bits = (uint8_t)config->rrl.v4_bits,
			 .v6_bits = (uint8_t)config->rrl.v6_bits,
			 .slip = config->rrl.slip,
			 .burst_ms = config->rrl.burst_ms,
			 .allow = config->rrl.allow,
			 .allow_count = (uint32_t)config->rrl.allow_count },
	};
	memcpy(dns->rrl.rates, config->rrl.rates, sizeof(dns->rrl.rates));
	memcpy(dns->nsid, config->nsid, sizeof(dns->nsid));
	memcpy(dns->version, config->version, sizeof(dns->version));
	memcpy(dns->identity, config->identity, sizeof(dns->identity));
	if (config->cookies == MR_CONFIG_COOKIES_OFF)
		return 0;
	if (config->cookie_secrets[0])
		return secrets_read(config->cookie_secrets, dns, error);
	memcpy(dns->cookie_secrets[0], drawn_secret, MR_DNS_COOKIE_SECRET_BYTES);
	dns->cookie_secret_count = 1;
	return 0;
}

/* ---- zones that may be transferred ---- */

static struct world_pin *
pin_make(struct worlds *worlds, struct mr_zone *zone)
{
	const struct mr_worker_group *group = worlds->box->group;
	struct world_pin *pin;

	for (uint32_t slot = 1; slot < group->pins.slot_count; slot++) {
		if (worlds->pins_taken[slot / 64] >> slot % 64 & 1)
			continue;
		pin = malloc(sizeof(*pin));
		if (!pin)
			return NULL;
		worlds->pins_taken[slot / 64] |= 1ull << slot % 64;
		*pin = (struct world_pin){ .worlds = worlds, .zone = zone, .slot = slot };
		return pin;
	}
	return NULL;
}

void
world_pin_free(struct world_pin *self)
{
	self->worlds->pins_taken[self->slot / 64] &= ~(1ull << self->slot % 64);
	free(self);
}

static void
pinned_release(void *item)
{
	struct world_pin *pin = item;

	mr_zone_release(pin->worlds->box->store, pin->zone);
	world_pin_free(pin);
}

static bool
pinned_is_ready(const void *item)
{
	const struct world_pin *pin = item;

	return mr_pins_idle(&pin->worlds->box->group->pins, pin->slot);
}

void
world_zone_release(struct worlds *worlds, struct world_zone *zone)
{
	if (!zone->pin)
		mr_zone_release(worlds->box->store, zone->zone);
	else if (pinned_is_ready(zone->pin))
		pinned_release(zone->pin);
	else
		mr_rcu_retire(pinned_release, pinned_is_ready, zone->pin);
}

static int
option_order(const void *left, const void *right)
{
	const struct mr_dns_zone_options *a = left, *b = right;

	return (a->zone > b->zone) - (a->zone < b->zone);
}

int
world_zone_options(struct world *self, struct mr_error *error)
{
	const struct mr_config_dns *config = &self->config->dns;
	uint32_t count = 0, without = 0;

	self->zone_options = calloc(self->zone_count + 1, sizeof(*self->zone_options));
	if (!self->zone_options)
		return mr_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < self->zone_count; i++) {
		const struct mr_config_zone *from = &config->zones[i];
		struct world_zone *zone = &self->zones[i];
		bool own = from->transfer_own;
		struct mr_dns_zone_options options = {
			.zone = zone->zone,
			.transfer = own ? from->transfer : config->transfer,
			.transfer_count =
				(uint32_t)(own ? from->transfer_count : config->transfer_count),
		};

		if (!options.transfer_count || !config->transfer_limit)
			continue;
		if (!zone->pin) {
			zone->pin = pin_make(self->worlds, zone->zone);
			zone->pin_is_new = zone->pin != NULL;
		}
		if (!zone->pin) {
			without++;
			continue;
		}
		options.pin_slot = zone->pin->slot;
		self->zone_options[count++] = options;
	}
	if (without)
		mr_log(MR_LOG_WARNING, "%u zones cannot be transferred: there is room for %u",
		       without, MR_PIN_SLOTS - 1);
	qsort(self->zone_options, count, sizeof(*self->zone_options), option_order);
	self->dns.zone_options = self->zone_options;
	self->dns.zone_option_count = count;
	return 0;
}
