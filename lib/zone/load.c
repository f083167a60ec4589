/* SPDX-License-Identifier: Apache-2.0
 *
 * zone/load - one zone: its master file through the builder into the store.
 */
#include "zone/zone.h"

static int
load_record(void *context, const struct mr_zone_record *record, struct mr_error *error)
{
	return mr_zone_builder_add(context, record, error);
}

int
mr_zone_load(struct mr_zone_store *store, const char *origin, const char *path,
	     struct mr_zone **zone, struct mr_error *error)
{
	uint8_t wire[MR_ZONE_NAME_BYTES];
	int bytes = mr_zone_name_from_text(origin, wire);
	struct mr_zone_builder *builder;
	int status;

	if (bytes < 0)
		return mr_error_set(error, bytes, "\"%.256s\" is not a zone's name", origin);
	status = mr_zone_builder_create(&builder, wire, (uint16_t)bytes, error);
	if (status)
		return status;
	status = mr_zone_text_read(path, origin, load_record, builder, error);
	if (!status)
		status = mr_zone_builder_finish(builder, store, zone, error);
	mr_zone_builder_destroy(builder);
	return status;
}
