/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/dns - the mode dns: from options to runs to results.
 *
 * Owner: the control thread.
 */
#ifndef MILLGEN_DNS_H
#define MILLGEN_DNS_H

#include "options.h"
#include "search.h"

/* gen_dns_main runs the mode and returns an exit status; error is filled when it is not 0 or 1. */
MR_MUST_USE int gen_dns_main(const struct gen_options *options, struct mr_error *error);

/* gen_zone_main writes the zone of a pattern (mode zone). */
MR_MUST_USE int gen_zone_main(const struct gen_options *options, struct mr_error *error);

#endif
