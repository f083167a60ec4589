/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/dns - the mode dns: from options to runs to results.
 *
 * Owner:  the call of gen_dns_main. Thread: the control thread; its runs on the generator core.
 * Memory: one block from the heap, and questions and slots as the options size them, until it
 *         returns.
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
