/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_config - any text as a configuration: refused with a place, or read, shown and read again to
 * the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
	struct mr_config *config = NULL, *again = NULL;
	struct mr_error error = { 0 };
	json_t *json, *changes;
	char *yaml;

	if (mr_config_parse((const char *)bytes, byte_count, "/f/m.yaml", &config, &error)) {
		MR_ASSERT(!strncmp(error.text, "/f/m.yaml:", 10) || error.code != -EINVAL);
		return 0;
	}
	json = mr_config_json(config);
	yaml = mr_config_yaml(json);
	MR_ASSERT(yaml);
	if (mr_config_parse(yaml, strlen(yaml), "/f/m.yaml", &again, &error)) {
		/* Octets that are no UTF-8 cannot stand in JSON, and a name that fits may not fit
		 * with its folder; nothing else may be lost. */
		MR_ASSERT(!"what is shown cannot be read");
	}
	changes = mr_config_changes(config, again);
	MR_ASSERT(!json_array_size(changes));
	json_decref(changes);
	json_decref(json);
	free(yaml);
	mr_config_free(config);
	mr_config_free(again);
	return 0;
}
