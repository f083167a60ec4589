/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/config_text - configurations from texts, and there and back again, for the tests of
 * ctl/config. Include it behind cmocka.h.
 */
#ifndef MR_TESTS_CTL_CONFIG_TEXT_H
#define MR_TESTS_CTL_CONFIG_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

/* config_of reads text, which must be right. */
static inline struct mr_config *
config_of(const char *text)
{
	struct mr_error error = { 0 };
	struct mr_config *config = NULL;
	int rc = mr_config_parse(text, strlen(text), "/etc/millrace/m.yaml", &config, &error);

	if (rc)
		print_message("%s\n", error.text);
	assert_int_equal(rc, 0);
	return config;
}

/* round_trip writes what text says as YAML, and reads that: nothing has changed. */
static inline void
round_trip(const char *text)
{
	struct mr_config *config = config_of(text), *again;
	json_t *json = mr_config_json(config), *second, *changes;
	char *yaml = mr_config_yaml(json);

	assert_non_null(yaml);
	again = config_of(yaml);
	second = mr_config_json(again);
	assert_true(json_equal(json, second));
	changes = mr_config_changes(config, again);
	assert_int_equal(json_array_size(changes), 0);
	json_decref(changes);
	json_decref(json);
	json_decref(second);
	free(yaml);
	mr_config_free(config);
	mr_config_free(again);
}

#endif
