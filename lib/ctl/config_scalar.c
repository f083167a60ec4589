/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config_scalar - one scalar of the document into its field, by its row's type.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config_int.h"

static bool
scalar_number(const char *text, uint64_t *out)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 19 || text[digits])
		return false;
	*out = strtoull(text, NULL, 10);
	return true;
}

static bool
scalar_bool(const char *text, bool *out)
{
	static const struct mr_schema_choice words[] = {
		{ "on", true },   { "yes", true }, { "true", true },
		{ "off", false }, { "no", false }, { "false", false },
	};

	for (size_t i = 0; i < MR_ARRAY_COUNT(words); i++) {
		if (strcmp(text, words[i].text))
			continue;
		*out = words[i].value;
		return true;
	}
	return false;
}

static bool
scalar_choice(const struct mr_schema_row *row, const char *text, void *value)
{
	for (const struct mr_schema_choice *choice = row->choices; choice->text; choice++) {
		if (strcmp(text, choice->text))
			continue;
		if (row->room == sizeof(bool))
			*(bool *)value = choice->value;
		else
			*(int *)value = choice->value;
		return true;
	}
	return false;
}

static bool
scalar_fits(const struct mr_schema_row *row, const char *text)
{
	size_t bytes = strlen(text);

	return bytes >= row->low && bytes <= row->high;
}

static bool
scalar_name(const struct mr_schema_row *row, const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";

	return scalar_fits(row, text) && !text[strspn(text, letters)];
}

/* A file name is relative to the folder of the file it stands in. */
static bool
scalar_path(const struct config_reader *reader, const struct mr_schema_row *row, const char *text,
	    char *out, size_t room_bytes)
{
	const char *slash = strrchr(reader->config->path, '/');
	int folder_bytes = slash ? (int)(slash + 1 - reader->config->path) : 0;

	if (!scalar_fits(row, text))
		return false;
	if (text[0] == '/')
		folder_bytes = 0;
	return (size_t)snprintf(out, room_bytes, "%.*s%s", folder_bytes, reader->config->path,
				text) < room_bytes;
}

static bool
scalar_domain(const char *text, char *out)
{
	uint8_t wire[MR_ZONE_NAME_BYTES];

	if (!*text || mr_zone_name_from_text(text, wire) < 0)
		return false;
	mr_zone_name_to_text(wire, out);
	return true;
}

static bool
scalar_next_hop(const char *text, struct mr_config_next_hop *out)
{
	char addr[MR_ADDR_TEXT_BYTES];
	const char *at = strchr(text, '@');
	size_t addr_bytes = at ? (size_t)(at - text) : strlen(text);
	uint32_t vlan = CONFIG_VLAN_UNSET;

	if (addr_bytes >= sizeof(addr))
		return false;
	memcpy(addr, text, addr_bytes);
	addr[addr_bytes] = 0;
	if (at && mr_vlan_parse(at + 1, &vlan))
		return false;
	out->vlan = vlan;
	return !mr_addr_parse(addr, &out->addr);
}

/* scalar_listen takes PORT, *:PORT, ADDRESS:PORT and [ADDRESS]:PORT. */
static bool
scalar_listen(const char *text, struct mr_site_listen *out)
{
	const char *colon = strrchr(text, ':');
	size_t addr_bytes = colon ? (size_t)(colon - text) : 0;
	char addr[MR_ADDR_TEXT_BYTES];
	uint64_t port;

	*out = (struct mr_site_listen){ .any = !addr_bytes || (addr_bytes == 1 && *text == '*') };
	if (!scalar_number(colon ? colon + 1 : text, &port) || !port || port > 65535)
		return false;
	out->port = (uint16_t)port;
	if (out->any)
		return true;
	if (*text == '[' && text[addr_bytes - 1] == ']') {
		text++;
		addr_bytes -= 2;
	} else if (memchr(text, ':', addr_bytes)) {
		return false; /* which colon is the port's? */
	}
	if (addr_bytes >= sizeof(addr))
		return false;
	memcpy(addr, text, addr_bytes);
	addr[addr_bytes] = 0;
	return !mr_addr_parse(addr, &out->addr);
}

const char *
config_listen_text(const struct mr_site_listen *listen, char out[CONFIG_LISTEN_BYTES])
{
	char addr[MR_ADDR_TEXT_BYTES];

	if (listen->any)
		snprintf(out, CONFIG_LISTEN_BYTES, "%u", listen->port);
	else
		snprintf(out, CONFIG_LISTEN_BYTES,
			 mr_addr_is_v4(&listen->addr) ? "%s:%u" : "[%s]:%u",
			 mr_addr_format(&listen->addr, addr), listen->port);
	return out;
}

/* scalar_host takes a host's name or address; the name's final dot goes. */
static bool
scalar_host(const char *text, size_t bytes, struct mr_upstream_server *out)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	uint8_t wire[MR_ZONE_NAME_BYTES];

	if (!bytes || bytes >= sizeof(out->host))
		return false;
	memcpy(out->host, text, bytes);
	out->host[bytes] = 0;
	out->is_name = mr_addr_parse(out->host, &out->addr) != 0;
	if (!out->is_name) {
		mr_addr_format(&out->addr, out->host); /* one text for each address */
		return true;
	}
	if (bytes > 1 && out->host[bytes - 1] == '.')
		out->host[bytes - 1] = 0;
	/* what looks like an address is a mistake in one, not a name */
	return !out->host[strspn(out->host, letters)] &&
	       out->host[strspn(out->host, "0123456789.")] &&
	       mr_zone_name_from_text(out->host, wire) > 0;
}

/* scalar_server takes HOST, HOST:PORT and [ADDRESS]:PORT; port 80 where none is written. */
static bool
scalar_server(const char *text, struct mr_upstream_server *out)
{
	const char *colon = strrchr(text, ':');
	size_t host_bytes = colon ? (size_t)(colon - text) : strlen(text);
	uint64_t port = 80;

	if (*text == '[') {
		const char *end = strchr(text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return false;
		colon = end[1] ? end + 1 : NULL;
		text++;
		host_bytes = (size_t)(end - text);
	} else if (memchr(text, ':', host_bytes)) {
		return false; /* which colon is the port's? */
	}
	if (colon && (!scalar_number(colon + 1, &port) || !port || port > 65535))
		return false;
	out->port = (uint16_t)port;
	return scalar_host(text, host_bytes, out);
}

const char *
config_server_text(const struct mr_upstream_server *server, char out[CONFIG_SERVER_BYTES])
{
	bool v6 = !server->is_name && !mr_addr_is_v4(&server->addr);

	snprintf(out, CONFIG_SERVER_BYTES, v6 ? "[%s]:%u" : "%s:%u", server->host, server->port);
	return out;
}

/* scalar_status takes 200 and 200-299. */
static bool
scalar_status(const char *text, struct mr_upstream_status *out)
{
	char low[4] = "";
	uint64_t from, to;

	if (strlen(text) != 3 && (strlen(text) != 7 || text[3] != '-'))
		return false;
	memcpy(low, text, 3);
	if (!scalar_number(low, &from) || !scalar_number(text[3] ? text + 4 : text, &to) ||
	    from < 100 || to > 599 || from > to)
		return false;
	*out = (struct mr_upstream_status){ (uint16_t)from, (uint16_t)to };
	return true;
}

static bool
scalar_keep(const struct config_reader *reader, const char *text, const char **out)
{
	*out = config_text_keep(reader->config, text);
	return *out != NULL;
}

static bool
scalar_text(const struct config_reader *reader, const struct mr_schema_row *row, const char *text,
	    const char **out)
{
	return scalar_fits(row, text) && scalar_keep(reader, text, out);
}

/* scalar_pci takes DDDD:BB:DD.F, or BB:DD.F of domain 0000. */
static bool
scalar_pci(const char *text, char out[MR_PORT_TARGET_BYTES])
{
	static const char shape[] = "xxxx:xx:xx.x";
	char full[sizeof(shape)];

	if ((size_t)snprintf(full, sizeof(full), "%s%s", strlen(text) == 7 ? "0000:" : "", text) !=
	    sizeof(shape) - 1)
		return false;
	for (size_t i = 0; shape[i]; i++) {
		full[i] = (char)tolower((unsigned char)full[i]);
		if (shape[i] == 'x' ? !strchr("0123456789abcdef", full[i]) : full[i] != shape[i])
			return false;
	}
	if (full[8] > '1' || full[11] > '7') /* 32 devices of 8 functions */
		return false;
	memcpy(out, full, sizeof(full));
	return true;
}

bool
config_row_is_kind(const struct mr_schema_row *row)
{
	return row->type == MR_SCHEMA_KIND || row->type == MR_SCHEMA_KIND_PATH ||
	       row->type == MR_SCHEMA_KIND_PCI;
}

static int
scalar_kind(struct config_reader *reader, const struct mr_schema_row *row,
	    const struct mr_yaml_node *node, struct mr_port_member *port)
{
	const char *key = mr_schema_key(row);
	bool good;

	if (port->kind[0])
		return config_fail(reader, node,
				   "%s: this port is already %s: %s; a port has one kind", key,
				   port->kind, port->target);
	if (row->type == MR_SCHEMA_KIND_PATH)
		good = scalar_path(reader, row, node->text, port->target, sizeof(port->target));
	else if (row->type == MR_SCHEMA_KIND_PCI)
		good = scalar_pci(node->text, port->target);
	else if ((good = scalar_name(row, node->text)))
		memcpy(port->target, node->text, strlen(node->text) + 1);
	if (!good)
		return config_wrong(reader, row, node);
	memcpy(port->kind, key, strlen(key) + 1);
	return config_place_add(reader, port->target, node);
}

/* scalar_measure reads a number with its unit, by the function of its type. */
static bool
scalar_measure(const struct mr_schema_row *row, const char *text,
	       int (*read)(const char *text, uint64_t *number), uint64_t *value)
{
	uint64_t number;

	if (read(text, &number) || number < row->low || number > row->high)
		return false;
	*value = number;
	return true;
}

static bool
scalar_set(struct config_reader *reader, const struct mr_schema_row *row, const char *text,
	   void *value)
{
	char kept[MR_MAX((int)MR_CONFIG_PATH_BYTES, (int)MR_ZONE_NAME_TEXT_BYTES)];
	uint64_t number;

	switch (row->type) {
	case MR_SCHEMA_MAP:
	case MR_SCHEMA_LIST:
	case MR_SCHEMA_KIND:
	case MR_SCHEMA_KIND_PATH:
	case MR_SCHEMA_KIND_PCI:
		return false; /* not scalars, or done by scalar_kind */
	case MR_SCHEMA_NAME:
		if (!scalar_name(row, text))
			return false;
		memcpy(value, text, strlen(text) + 1);
		return true;
	case MR_SCHEMA_PATH:
		if (row->room)
			return scalar_path(reader, row, text, value, row->room);
		return scalar_path(reader, row, text, kept, MR_CONFIG_PATH_BYTES) &&
		       scalar_keep(reader, kept, value);
	case MR_SCHEMA_DOMAIN:
		return scalar_domain(text, kept) && scalar_keep(reader, kept, value);
	case MR_SCHEMA_TEXT:
		return scalar_text(reader, row, text, value);
	case MR_SCHEMA_LISTEN:
		return scalar_listen(text, value);
	case MR_SCHEMA_SERVER:
		return scalar_server(text, value);
	case MR_SCHEMA_STATUS:
		return scalar_status(text, value);
	case MR_SCHEMA_BOOL:
		return scalar_bool(text, value);
	case MR_SCHEMA_U16:
	case MR_SCHEMA_U32:
		if (!scalar_number(text, &number) || number < row->low || number > row->high)
			return false;
		if (row->type == MR_SCHEMA_U16)
			*(uint16_t *)value = (uint16_t)number;
		else
			*(uint32_t *)value = (uint32_t)number;
		return true;
	case MR_SCHEMA_SIZE:
		return scalar_measure(row, text, mr_units_bytes, value);
	case MR_SCHEMA_DURATION:
		return scalar_measure(row, text, mr_units_duration, value);
	case MR_SCHEMA_RATE:
		return scalar_measure(row, text, mr_units_rate, value);
	case MR_SCHEMA_PERCENT:
		return !mr_units_percent(text, value);
	case MR_SCHEMA_CHOICE:
		return scalar_choice(row, text, value);
	case MR_SCHEMA_ADDR:
		return !mr_addr_parse(text, value);
	case MR_SCHEMA_PREFIX:
		return !mr_prefix_parse(text, value);
	case MR_SCHEMA_MAC:
		return !mr_mac_parse(text, value);
	case MR_SCHEMA_VLAN:
		return !mr_vlan_parse(text, value);
	case MR_SCHEMA_NEXT_HOP:
		return scalar_next_hop(text, value);
	}
	return false;
}

int
config_read_scalar(struct config_reader *reader, const struct mr_schema_row *row,
		   const struct mr_yaml_node *node, void *value)
{
	if (node->kind != MR_YAML_SCALAR)
		return config_wrong(reader, row, node);
	if (config_row_is_kind(row))
		return scalar_kind(reader, row, node, value);
	if (!scalar_set(reader, row, node->text, value))
		return config_wrong(reader, row, node);
	return config_place_add(reader, value, node);
}
