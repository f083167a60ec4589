/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config_json - the configuration as JSON and as YAML again, and what differs between two.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config_int.h"

static json_t *json_of_map(const struct mr_schema_row *row, const void *base);

/* ---- to JSON ---- */

static json_t *
json_of_choice(const struct mr_schema_row *row, const void *value)
{
	int number = row->room == sizeof(bool) ? *(const bool *)value : *(const int *)value;

	for (const struct mr_schema_choice *choice = row->choices; choice->text; choice++)
		if (choice->value == number)
			return json_string(choice->text);
	return NULL;
}

/* json_of_unit writes a number with the largest of its units that leaves no fraction. */
static json_t *
json_of_unit(uint64_t value, const char *const *units, unsigned int unit_count)
{
	unsigned int unit = 0;

	if (!value)
		return NULL;
	while (unit + 1 < unit_count && value % 1000 == 0) {
		value /= 1000;
		unit++;
	}
	return json_sprintf("%" PRIu64 "%s", value, units[unit]);
}

static json_t *
json_of_percent(uint32_t ppm)
{
	return ppm ? json_sprintf("%.*f%%", ppm % 10000 ? 4 : 0, ppm / 10000.0) : NULL;
}

json_t *
mr_config_vlan_json(uint32_t vlan)
{
	char text[MR_VLAN_TEXT_BYTES];

	return mr_vlan_outer(vlan) ? json_string(mr_vlan_format(vlan, text)) : json_integer(vlan);
}

static json_t *
json_of_hop(const struct mr_config_next_hop *hop)
{
	char addr[MR_ADDR_TEXT_BYTES], vlan[MR_VLAN_TEXT_BYTES];

	mr_addr_format(&hop->addr, addr);
	return hop->vlan ? json_sprintf("%s@%s", addr, mr_vlan_format(hop->vlan, vlan))
			 : json_string(addr);
}

static json_t *
json_of_text(const void *value)
{
	const char *text = *(const char *const *)value;

	return text ? json_string(text) : NULL;
}

/* json_of_value gives NULL for what is not set: it is left out. */
static json_t *
json_of_value(const struct mr_schema_row *row, const void *value)
{
	char prefix[MR_PREFIX_TEXT_BYTES], addr[MR_ADDR_TEXT_BYTES], mac[MR_MAC_TEXT_BYTES];
	char listen[CONFIG_LISTEN_BYTES], server[CONFIG_SERVER_BYTES];
	const struct mr_upstream_status *status = value;
	const struct mr_port_member *port = value;
	static const char *const durations[] = { "ns", "us", "ms", "s" };
	static const char *const rates[] = { "bit", "kbit", "Mbit", "Gbit" };

	switch (row->type) {
	case MR_SCHEMA_MAP:
	case MR_SCHEMA_LIST:
		break;
	case MR_SCHEMA_NAME:
		return *(const char *)value ? json_string(value) : NULL;
	case MR_SCHEMA_PATH:
		if (row->room)
			return *(const char *)value ? json_string(value) : NULL;
		return json_of_text(value);
	case MR_SCHEMA_DOMAIN:
	case MR_SCHEMA_TEXT:
		return json_of_text(value);
	case MR_SCHEMA_LISTEN:
		return json_string(config_listen_text(value, listen));
	case MR_SCHEMA_SERVER:
		return json_string(config_server_text(value, server));
	case MR_SCHEMA_STATUS:
		return status->low == status->high
			       ? json_sprintf("%u", status->low)
			       : json_sprintf("%u-%u", status->low, status->high);
	case MR_SCHEMA_BOOL:
		return json_boolean(*(const bool *)value);
	case MR_SCHEMA_U16:
		return json_integer(*(const uint16_t *)value);
	case MR_SCHEMA_U32:
		return json_integer(*(const uint32_t *)value);
	case MR_SCHEMA_SIZE:
		return json_integer((json_int_t) * (const uint64_t *)value);
	case MR_SCHEMA_DURATION:
		return json_of_unit(*(const uint64_t *)value, durations, 4);
	case MR_SCHEMA_RATE:
		return json_of_unit(*(const uint64_t *)value, rates, 4);
	case MR_SCHEMA_PERCENT:
		return json_of_percent(*(const uint32_t *)value);
	case MR_SCHEMA_CHOICE:
		return json_of_choice(row, value);
	case MR_SCHEMA_ADDR:
		if (mr_addr_unspecified(value))
			return NULL;
		return json_string(mr_addr_format(value, addr));
	case MR_SCHEMA_PREFIX:
		return json_string(mr_prefix_format(value, prefix));
	case MR_SCHEMA_MAC:
		return json_string(mr_mac_format(value, mac));
	case MR_SCHEMA_VLAN:
		return mr_config_vlan_json(*(const uint32_t *)value);
	case MR_SCHEMA_NEXT_HOP:
		return json_of_hop(value);
	case MR_SCHEMA_KIND:
	case MR_SCHEMA_KIND_PATH:
	case MR_SCHEMA_KIND_PCI:
		return strcmp(port->kind, mr_schema_key(row)) ? NULL : json_string(port->target);
	}
	return NULL;
}

static json_t *
json_of_list(const struct mr_schema_row *row, const void *base)
{
	const char *items = *(char *const *)((const char *)base + row->offset);
	size_t count = *(const size_t *)((const char *)base + row->aux_offset);
	const struct mr_schema_row *item_row;
	char path[MR_NAME_MAX + 2];
	json_t *list = json_array();

	snprintf(path, sizeof(path), "%s[]", row->path);
	item_row = mr_schema_find(path);
	for (size_t i = 0; i < count; i++) {
		const void *item = items + i * row->room;

		json_array_append_new(list, item_row->type == MR_SCHEMA_MAP
						    ? json_of_map(item_row, item)
						    : json_of_value(item_row, item));
	}
	return list;
}

static bool
json_limited(const struct mr_site_limits *limits)
{
	static const struct mr_site_limits none;

	return memcmp(limits, &none, sizeof(none)) != 0;
}

/* The keys of the one action that a route has, and its bounds if there are any. */
static bool
json_wants_route(const struct mr_schema_row *row, const struct mr_site_route_config *route)
{
	const char *key = mr_schema_key(row);

	if (!strcmp(key, "respond"))
		return route->action == MR_SITE_RESPOND;
	if (!strcmp(key, "health"))
		return route->action == MR_SITE_HEALTH;
	if (!strcmp(key, "limits"))
		return json_limited(&route->limits);
	return strcmp(key, "redirect") || route->action == MR_SITE_REDIRECT;
}

/* What only some kinds of port take, or is not given, is left out. */
static bool
json_wanted(const struct mr_schema_row *row, const void *base)
{
	const struct mr_config_port *port = base;

	if (row->type == MR_SCHEMA_MAC)
		return *(const bool *)((const char *)base + row->aux_offset);
	if (!strcmp(row->path, "dns.zones[].transfer"))
		return ((const struct mr_config_zone *)base)->transfer_own;
	if (!strcmp(row->path, "ports[].impair"))
		return mr_config_impairs(port);
	if (!strcmp(row->path, "ports[].bond"))
		return port->port.bond.member_count > 0;
	if (!strcmp(row->path, "ports[].ring"))
		return !strcmp(port->port.kind, "virtio-user");
	if (!strcmp(row->path, "ports[].zero_copy"))
		return !strcmp(port->port.kind, "memif");
	if (!strcmp(row->path, "sites[].limits"))
		return json_limited(&((const struct mr_site_config *)base)->limits);
	if (!strncmp(row->path, "sites[].routes[].", 17) && !strchr(row->path + 17, '.'))
		return json_wants_route(row, base);
	return strcmp(row->path, "ports[].role") || !strcmp(port->port.kind, "memif") ||
	       !strcmp(port->port.kind, "vhost") || !strcmp(port->port.kind, "virtio-user");
}

static json_t *
json_of_map(const struct mr_schema_row *row, const void *base)
{
	json_t *map = json_object();
	const struct mr_schema_row *child;
	size_t walk = 0;

	while ((child = mr_schema_child(row, &walk))) {
		json_t *value;

		if (!json_wanted(child, base))
			continue;
		if (child->type == MR_SCHEMA_MAP)
			value = json_of_map(child, base);
		else if (child->type == MR_SCHEMA_LIST)
			value = json_of_list(child, base);
		else
			value = json_of_value(child, (const char *)base + child->offset);
		if (value)
			json_object_set_new(map, mr_schema_key(child), value);
	}
	return map;
}

json_t *
mr_config_json(const struct mr_config *self)
{
	return json_of_map(NULL, self);
}

/* ---- to YAML ---- */

/* yaml_scalar writes a text plain where YAML reads it as the same text, else in double quotes. */
static void
yaml_scalar(FILE *out, const json_t *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_./@:";
	const char *text = json_string_value(value);

	if (!text) {
		json_dumpf(value, out, JSON_ENCODE_ANY | JSON_COMPACT);
		return;
	}
	/* ':' ends a key only before a space or the line's end */
	if (*text && !strchr("-.:@", *text) && !text[strspn(text, plain)] &&
	    text[strlen(text) - 1] != ':') {
		fputs(text, out);
		return;
	}
	json_dumpf(value, out, JSON_ENCODE_ANY); /* JSON's quoting is YAML's */
}

static void
yaml_value(FILE *out, const json_t *value, int indent)
{
	const char *key;
	const json_t *item;
	size_t i;

	if (json_is_object(value)) {
		bool first = true;

		json_object_foreach((json_t *)(uintptr_t)value, key, item)
		{
			fprintf(out, "%*s%s:", first ? 0 : indent, "", key);
			first = false;
			if (json_is_object(item) && json_object_size(item))
				fprintf(out, "\n%*s", indent + 2, "");
			else if (json_array_size(item) && json_is_object(json_array_get(item, 0)))
				fputc('\n', out);
			else
				fputs(json_is_object(item) ? " {}\n" : " ", out);
			yaml_value(out, item, indent + 2);
		}
		return;
	}
	if (!json_is_array(value)) {
		yaml_scalar(out, value);
		fputc('\n', out);
		return;
	}
	if (!json_is_object(json_array_get(value, 0))) {
		fputc('[', out);
		json_array_foreach(value, i, item)
		{
			fputs(i ? ", " : "", out);
			yaml_scalar(out, item);
		}
		fputs("]\n", out);
		return;
	}
	json_array_foreach(value, i, item)
	{
		fprintf(out, "%*s- ", indent, "");
		yaml_value(out, item, indent + 2);
	}
}

char *
mr_config_yaml(const json_t *config)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	yaml_value(out, config, 0);
	fclose(out);
	return text;
}

/* ---- differences ---- */

/* A zone's name in brackets, within the path of its list. */
enum { DIFFER_PATH_BYTES = 2 * MR_ZONE_NAME_TEXT_BYTES };

struct differ {
	json_t *changes;
};

static void
differ_add(struct differ *self, const struct mr_schema_row *row, const char *path, json_t *from,
	   json_t *to)
{
	json_array_append_new(self->changes,
			      json_pack("{ss sO* sO* ss}", "key", path, "from", from, "to", to,
					"applies",
					row->apply == MR_SCHEMA_LIVE ? "live" : "restart"));
}

static void differ_map(struct differ *self, const struct mr_schema_row *row, const char *path,
		       json_t *from, json_t *to);

/* by_key indexes a list of mappings by the key that names them. */
static json_t *
by_key(const json_t *list, const char *key)
{
	json_t *index = json_object(), *item;
	size_t i;

	json_array_foreach(list, i, item)
		json_object_set(index, json_string_value(json_object_get(item, key)), item);
	return index;
}

static void
differ_items(struct differ *self, const struct mr_schema_row *row, const char *path,
	     const json_t *from, const json_t *to)
{
	json_t *old = by_key(from, row->key), *new = by_key(to, row->key), *item, *other;
	const struct mr_schema_row *item_row;
	char item_path[DIFFER_PATH_BYTES];
	const char *name;

	snprintf(item_path, sizeof(item_path), "%s[]", row->path);
	item_row = mr_schema_find(item_path);
	json_object_foreach(old, name, item)
	{
		snprintf(item_path, sizeof(item_path), "%.512s[%.1024s]", path, name);
		other = json_object_get(new, name);
		if (other)
			differ_map(self, item_row, item_path, item, other);
		else
			differ_add(self, row, item_path, item, NULL);
	}
	json_object_foreach(new, name, item)
	{
		snprintf(item_path, sizeof(item_path), "%.512s[%.1024s]", path, name);
		if (!json_object_get(old, name))
			differ_add(self, row, item_path, NULL, item);
	}
	json_decref(old);
	json_decref(new);
}

static void
differ_map(struct differ *self, const struct mr_schema_row *row, const char *path, json_t *from,
	   json_t *to)
{
	const struct mr_schema_row *child;
	size_t walk = 0;

	while ((child = mr_schema_child(row, &walk))) {
		const char *key = mr_schema_key(child);
		json_t *old = json_object_get(from, key), *new = json_object_get(to, key);
		char child_path[DIFFER_PATH_BYTES];

		if ((!old && !new) || (old && new &&json_equal(old, new)))
			continue;
		snprintf(child_path, sizeof(child_path), "%s%s%s", path, *path ? "." : "", key);
		if (child->type == MR_SCHEMA_MAP)
			differ_map(self, child, child_path, old, new);
		else if (child->type == MR_SCHEMA_LIST && child->key)
			differ_items(self, child, child_path, old, new);
		else
			differ_add(self, child, child_path, old, new);
	}
}

json_t *
mr_config_changes(const struct mr_config *from, const struct mr_config *to)
{
	json_t *old = mr_config_json(from), *new = mr_config_json(to);
	struct differ differ = { json_array() };

	differ_map(&differ, NULL, "", old, new);
	json_decref(old);
	json_decref(new);
	return differ.changes;
}
