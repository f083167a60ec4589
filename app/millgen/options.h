/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/options - the command line, read by one table that also writes --help.
 *
 * Owner:  main; const once read. Thread: any.
 * Memory: texts are borrowed from argv.
 */
#ifndef MILLGEN_OPTIONS_H
#define MILLGEN_OPTIONS_H

#include "base/base.h"
#include "port/port.h"
#include "way.h"

enum {
	GEN_EXIT_OK = 0,
	GEN_EXIT_WRONG = 1,
	GEN_EXIT_USAGE = 2,
	GEN_EXIT_LINK = 3,
	GEN_TEXTS_MAX = GEN_LANE_MAX,
};

enum gen_mode {
	GEN_MODE_DNS = 1 << 0,
	GEN_MODE_ZONE = 1 << 1,
	GEN_MODE_REPLAY = 1 << 2,
	GEN_MODE_TCP = 1 << 3,
};

struct gen_texts {
	const char *items[GEN_TEXTS_MAX];
	unsigned count;
};

/* As written; defaults are set before. What needs more than a number is parsed by its user. */
struct gen_options {
	enum gen_mode mode;
	/* port */
	const char *port, *cpus;
	uint64_t memory_bytes, link_wait_ns, linger_ns;
	bool no_huge;
	/* target and clients */
	struct gen_texts targets, sources;
	const char *via, *target_mac, *source_ports;
	uint64_t clients, ttl;
	/* questions */
	const char *pattern, *queries, *choose;
	uint64_t count, edns_bytes;
	bool dnssec_ok, cookie, random_case, recursion_desired;
	const char *expect;
	/* TCP */
	const char *scenario, *variant, *path, *host, *body, *close;
	uint64_t status, request_bytes, requests, pipeline, connections;
	uint64_t time_wait_ns, again_ns, mss, window_bytes;
	uint64_t idle_ns;
	double active_percent;
	const char *flood;
	bool no_timestamps, tcp, abandon;
	/* load */
	const char *rate, *step;
	uint64_t duration_ns, warm_up_ns, timeout_ns, probe_ns, outstanding, seed;
	double loss_percent;
	/* replay */
	const char *file;
	uint64_t loops;
	/* output */
	bool json, quiet;
	const char *plot, *write_pcap, *out;
	uint64_t frames;
};

/* gen_options_parse reads argv after the mode's word; returns 0, or -EINVAL with error filled.
 * *help is set when --help was asked for (and nothing else is to be done). */
MR_MUST_USE int gen_options_parse(struct gen_options *self, int argc, char **argv, bool *help,
				  struct mr_error *error);
/* gen_options_help writes the help of a mode, or of the program when mode is 0. */
void gen_options_help(enum gen_mode mode);

/* gen_options_number reads "1500", "250k", "1.5M" or "2G". */
MR_MUST_USE int gen_options_number(const char *text, uint64_t *out);
/* gen_options_port reads KIND:TARGET[,server][,copy][,mac=MAC][,ring=N][,mtu=N]. */
MR_MUST_USE int gen_options_port(const char *text, struct mr_port_config *out,
				 struct mr_error *error);
/* gen_options_endpoint reads "192.0.2.1", "192.0.2.1:5300", "2001:db8::1" or "[2001:db8::1]:5300".
 */
MR_MUST_USE int gen_options_endpoint(const char *text, struct mr_addr *addr, uint16_t *port);

#endif
