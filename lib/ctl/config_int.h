/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config_int - what the files of ctl/config share.
 *
 * Owner:  the call of mr_config_load (ctl/config.h) that is reading. Thread: its own.
 * Memory: what is kept goes into the struct mr_config, and with it.
 */
#ifndef MR_CTL_CONFIG_INT_H
#define MR_CTL_CONFIG_INT_H

#include "ctl/config.h"
#include "ctl/schema.h"
#include "ctl/yaml.h"

/* One pass over a document. The first error stands. */
struct config_reader {
	struct mr_config *config;
	struct mr_error *error;
};

/* config_place_add remembers that the value at this address was written at node. */
int config_place_add(struct config_reader *reader, const void *value,
		     const struct mr_yaml_node *node);

/* config_fail sets "FILE:LINE:COLUMN: what" and returns -EINVAL. */
int config_fail(struct config_reader *reader, const struct mr_yaml_node *node, const char *format,
		...) MR_PRINTF(3, 4);
/* config_fail_at is config_fail for a value whose node is gone: its place is looked up. */
int config_fail_at(struct config_reader *reader, const void *value, const char *format, ...)
	MR_PRINTF(3, 4);

/* config_wrong is the failure of a value that is not what its row expects. */
int config_wrong(struct config_reader *reader, const struct mr_schema_row *row,
		 const struct mr_yaml_node *node);

/* config_read_scalar reads one value; value is where it goes. */
int config_read_scalar(struct config_reader *reader, const struct mr_schema_row *row,
		       const struct mr_yaml_node *node, void *value);

/* config_row_is_kind says whether the row's key names the kind of a port. */
bool config_row_is_kind(const struct mr_schema_row *row);

/* What one row cannot say: after an item has been read, and after everything has. */
int config_finish_port(struct config_reader *reader, const struct mr_yaml_node *node,
		       struct mr_config_port *port);
int config_finish_zone(struct config_reader *reader, const struct mr_yaml_node *node,
		       struct mr_config_zone *zone);
int config_finish_route(struct config_reader *reader, const struct mr_yaml_node *node,
			struct mr_site_route_config *route);
int config_finish_site(struct config_reader *reader, const struct mr_yaml_node *node,
		       struct mr_site_config *site);
int config_finish_upstreams(struct config_reader *reader);
int config_finish(struct config_reader *reader);
int config_finish_sites(struct config_reader *reader);

/* config_key_find returns the key's node in a mapping, or NULL. */
const struct mr_yaml_node *config_key_find(const struct mr_yaml_node *map, const char *key);

/* config_text_keep gives a copy of text that lives as long as the configuration; NULL: no memory.
 */
const char *config_text_keep(struct mr_config *config, const char *text);

/* config_listen_text writes a listener as it is written in the file. */
enum { CONFIG_LISTEN_BYTES = MR_ADDR_TEXT_BYTES + 10 };
const char *config_listen_text(const struct mr_site_listen *listen, char out[CONFIG_LISTEN_BYTES]);

/* config_server_text writes an origin's server so. */
enum { CONFIG_SERVER_BYTES = MR_ORIGIN_HOST_BYTES + 8 };
const char *config_server_text(const struct mr_upstream_server *server,
			       char out[CONFIG_SERVER_BYTES]);

enum { CONFIG_VLAN_UNSET = UINT16_MAX };

#endif
