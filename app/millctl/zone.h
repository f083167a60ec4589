/* SPDX-License-Identifier: Apache-2.0
 *
 * millctl/zone - `zone check`: a master file read here, without a server.
 *
 * Owner: nobody. Thread: one. Memory: the heap and a zone store while it works.
 */
#ifndef MILLCTL_ZONE_H
#define MILLCTL_ZONE_H

#include <jansson.h>

#include "base/base.h"

/* zone_check does what args of the command say and prints findings, one a line, then a summary; or,
 * with json, one value. Returns an enum millctl_exit: EXIT_FAILED when there are errors (with
 * --strict: or warnings). error is filled when the check itself could not be done. */
int zone_check(const json_t *args, bool json, struct mr_error *error);

#endif
