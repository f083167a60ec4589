/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/tcp - the mode tcp: scenarios against an HTTP server; and DNS over TCP for the mode dns.
 *
 * Owner:  the call that runs the mode. Thread: the control thread; its runs on the generator core.
 * Memory: one block from the heap and the client's table (client.h), until it returns.
 */
#ifndef MILLGEN_TCP_H
#define MILLGEN_TCP_H

#include "load.h"
#include "match.h"
#include "tcp_loop.h"

/* gen_tcp_main runs the mode and returns an exit status; error is filled when it is not 0 or 1. */
MR_MUST_USE int gen_tcp_main(const struct gen_options *options, struct mr_error *error);

/* gen_tcp_dns asks DNS queries over TCP. match is made already, with its frames (EDNS, seed, flags)
 * and their questions. */
MR_MUST_USE int gen_tcp_dns(const struct gen_options *options, struct gen_match *match,
			    enum gen_choice choice, double exponent, struct mr_error *error);

#endif
