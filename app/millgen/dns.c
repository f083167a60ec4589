/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/dns - the mode dns.
 */
#include "dns.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "load.h"
#include "loop.h"
#include "pcapfile.h"
#include "tcp.h"

enum {
	DNS_PORT = 53,
	DNS_UDP = 17,
	DNS_SLOT_BITS_LOW = 16,
	DNS_SLOT_BITS_HIGH = 20,
	DNS_RCODE_NXDOMAIN = 3,
};

/* Everything of one invocation. */
struct dns_mode {
	const struct gen_options *options;
	struct gen_question_set questions;
	struct gen_frames *frames;
	struct gen_loop *loop;
	struct gen_rig rig;
	struct gen_load load;
	struct gen_match_options match;
	enum gen_choice choice;
	double exponent;
};

/* dns_expect reads what a right reply is. */
static int
dns_expect(struct dns_mode *self, struct mr_error *error)
{
	static const char *const names[] = { "noerror", "formerr", "servfail", "nxdomain",
					     "notimp",  "refused", "yxdomain", "yxrrset",
					     "nxrrset", "notauth", "notzone" };
	const char *what = self->options->expect;

	self->match.expect = GEN_EXPECT_ANSWER;
	self->match.check_rdata =
		self->questions.is_pattern && self->choice != GEN_CHOICE_MISSING &&
		(self->questions.qtype == GEN_QTYPE_A || self->questions.qtype == GEN_QTYPE_AAAA);
	self->match.rcodes = self->choice == GEN_CHOICE_MISSING ? 1 << DNS_RCODE_NXDOMAIN
			     : self->questions.is_pattern       ? 1
								: 1 | 1 << DNS_RCODE_NXDOMAIN;
	if (!what)
		return 0;
	if (strcmp(what, "reflection") == 0) {
		self->match.expect = GEN_EXPECT_REFLECTION;
		return 0;
	}
	if (strcmp(what, "any") == 0) {
		self->match.rcodes = UINT16_MAX;
		return 0;
	}
	self->match.rcodes = 0;
	while (*what) {
		size_t bytes = strcspn(what, ",");
		unsigned rcode = 16;

		for (unsigned i = 0; i < MR_ARRAY_COUNT(names); i++)
			if (strlen(names[i]) == bytes && strncasecmp(names[i], what, bytes) == 0)
				rcode = i;
		if (rcode == 16 && isdigit((unsigned char)*what))
			rcode = (unsigned)atoi(what);
		if (rcode > 15)
			return mr_error_set(error, -EINVAL,
					    "--expect: '%s' is not a list of RCODEs, any or "
					    "reflection",
					    self->options->expect);
		self->match.rcodes = (uint16_t)(self->match.rcodes | 1u << rcode);
		what += bytes + (what[bytes] == ',');
	}
	return 0;
}

/* dns_slot_bits chooses how many queries are remembered: those of one time limit. */
static uint8_t
dns_slot_bits(const struct dns_mode *self)
{
	uint64_t wanted = self->options->outstanding;
	double fastest = (double)gen_load_fastest(&self->load);
	uint8_t bits = wanted ? GEN_SLOT_BITS_MIN : DNS_SLOT_BITS_LOW;

	if (!wanted && fastest <= 0)
		return DNS_SLOT_BITS_HIGH;
	if (!wanted) {
		double slots = fastest * (double)self->options->timeout_ns / 1e9 * 1.1;

		wanted =
			slots < 1 << DNS_SLOT_BITS_HIGH ? (uint64_t)slots : 1 << DNS_SLOT_BITS_HIGH;
	}
	while (bits < GEN_SLOT_BITS_MAX && 1ull << bits < wanted)
		bits++;
	return bits;
}

static int
dns_frames(struct dns_mode *self, struct mr_error *error)
{
	const struct gen_options *options = self->options;
	struct gen_frame_options frame = {
		.edns_bytes = (uint16_t)options->edns_bytes,
		.dnssec_ok = options->dnssec_ok,
		.cookie = options->cookie,
		.random_case = options->random_case,
		.recursion_desired = options->recursion_desired,
		.ttl = (uint8_t)options->ttl,
		.slot_bits = dns_slot_bits(self),
		.port_low = 16384,
		.port_count = 32768,
		.seed = options->seed,
	};
	struct gen_way ways[GEN_LANE_MAX];
	uint32_t way_count, low = frame.port_low, count = frame.port_count;
	int code = options->source_ports ? gen_hop_ports(options->source_ports, &low, &count, error)
					 : 0;

	frame.port_low = (uint16_t)low;
	frame.port_count = (uint16_t)count;
	if (!code)
		code = gen_frames_create(self->frames, &self->questions, &frame, error);
	if (!code)
		code = gen_hop_ways(options, DNS_PORT, ways, &way_count, error);
	for (uint32_t i = 0; i < way_count && !code; i++)
		code = gen_frames_add_lane(self->frames, &ways[i].target, ways[i].target_port,
					   &ways[i].prefix, (uint32_t)options->clients, error);
	return code;
}

/* dns_prepare makes all that needs no port. */
static int
dns_prepare(struct dns_mode *self, struct mr_error *error)
{
	const struct gen_options *options = self->options;
	int code;

	if (!options->pattern == !options->queries)
		return mr_error_set(error, -EINVAL, "one of --pattern and --queries is needed");
	self->choice = options->queries ? GEN_CHOICE_SEQUENTIAL : GEN_CHOICE_UNIFORM;
	code = gen_choice_read(options->choose, options->pattern != NULL, &self->choice,
			       &self->exponent, error);
	if (!code)
		code = options->pattern
			       ? gen_question_pattern(&self->questions, options->pattern,
						      (uint32_t)options->count, error)
			       : gen_question_load(&self->questions, options->queries, error);
	if (!code)
		code = dns_expect(self, error);
	if (!code)
		code = gen_load_read(&self->load, options, "dns", error);
	if (!code)
		code = dns_frames(self, error);
	if (!code)
		code = gen_chooser_create(&self->loop->chooser, self->choice, self->questions.count,
					  self->exponent, options->seed, error);
	if (code)
		return code;
	self->loop->frames = self->frames;
	self->loop->neigh.way_count = self->frames->lane_count;
	for (uint16_t lane = 0; lane < self->frames->lane_count; lane++)
		self->loop->neigh.ways[lane] = &self->frames->lanes[lane].way;
	return 0;
}

static int
dns_write_pcap(struct dns_mode *self, struct mr_error *error)
{
	static const struct mr_mac source = { { 0x02, 0x6d, 0x67, 0, 0, 1 } };
	static const struct mr_mac unknown = { { 0x02, 0x6d, 0x67, 0, 0, 2 } };
	uint64_t gap_ns = MR_NS_PER_S / (self->load.rate_qps ? self->load.rate_qps : 1000000);
	uint8_t frame[GEN_FRAME_ROOM_BYTES] = { 0 };
	struct mr_mac target = unknown;
	FILE *file;

	if (self->options->target_mac && mr_mac_parse(self->options->target_mac, &target))
		return mr_error_set(error, -EINVAL, "--target-mac: '%s'",
				    self->options->target_mac);
	file = gen_pcap_create(self->options->write_pcap, error);
	if (!file)
		return error->code;
	for (uint16_t lane = 0; lane < self->frames->lane_count; lane++)
		gen_frames_set_macs(self->frames, lane, &source, &target);
	for (uint64_t seq = 0; seq < self->options->frames; seq++) {
		uint64_t random = gen_frame_random(self->frames, seq);
		uint32_t question =
			gen_chooser_pick(&self->loop->chooser, seq, (uint32_t)(random >> 32));
		uint16_t bytes = gen_frame_build(self->frames, frame, seq, random, question);

		gen_pcap_write(file, seq * gap_ns, frame, bytes);
	}
	return gen_pcap_close(file, self->options->write_pcap, error);
}

/* dns_connect opens the port and finds the way to the targets; returns an exit status. */
static int
dns_connect(struct dns_mode *self, struct mr_error *error)
{
	const struct gen_options *options = self->options;
	struct gen_loop *loop = self->loop;
	int status = gen_rig_open(&self->rig, options, error);

	if (status)
		return status;
	loop->port = &self->rig.port;
	loop->pool = self->rig.pool;
	loop->tsc_hz = self->rig.tsc_hz;
	loop->ns_per_cycle_q32 = (uint64_t)(1e9 / (double)loop->tsc_hz * 0x1p32);
	loop->neigh.mac = self->rig.port.mac;
	self->match.time_limit =
		(uint64_t)((double)options->timeout_ns / 1e9 * (double)loop->tsc_hz);
	if (gen_match_create(&loop->match, self->frames, &self->match, error))
		return GEN_EXIT_USAGE;
	if (gen_hop_set(&loop->neigh, options->via, options->target_mac, error) ||
	    gen_hop_steer(&loop->neigh, loop->port, DNS_UDP, self->frames->options.port_low,
			  (uint16_t)(self->frames->options.port_low +
				     self->frames->options.port_count - 1),
			  error))
		return GEN_EXIT_USAGE;
	status = gen_hop_find(&loop->neigh, loop->port, loop->pool, &loop->stop, options, error);
	if (status)
		return status;
	for (uint16_t lane = 0; lane < self->frames->lane_count; lane++)
		gen_frames_set_macs(self->frames, lane, &loop->neigh.mac,
				    &loop->neigh.hops[lane].mac);
	self->load.report.frame_bytes =
		gen_frame_build(self->frames, (uint8_t[GEN_FRAME_ROOM_BYTES]){ 0 }, 0, 0,
				self->questions.count - 1);
	self->load.rig = &self->rig;
	self->load.function = gen_loop_run;
	self->load.context = loop;
	self->load.run = &loop->run;
	self->load.tally = &loop->tally;
	self->load.stop = &loop->stop;
	self->load.done = &loop->done;
	return GEN_EXIT_OK;
}

int
gen_dns_main(const struct gen_options *options, struct mr_error *error)
{
	struct dns_mode *self = calloc(1, sizeof(*self));
	int status = GEN_EXIT_USAGE;

	MR_ASSERT(self);
	self->options = options;
	self->frames = aligned_alloc(MR_CACHE_LINE, mr_round_up(sizeof(*self->frames), 64));
	self->loop = aligned_alloc(MR_CACHE_LINE, mr_round_up(sizeof(*self->loop), 64));
	MR_ASSERT(self->frames && self->loop);
	memset(self->loop, 0, sizeof(*self->loop));
	if (dns_prepare(self, error))
		goto done;
	if (options->write_pcap) {
		status = dns_write_pcap(self, error) ? GEN_EXIT_USAGE : GEN_EXIT_OK;
		goto done;
	}
	if (options->tcp) {
		self->loop->match.frames = self->frames;
		self->loop->match.options = self->match;
		status = self->match.expect == GEN_EXPECT_REFLECTION
				 ? (mr_error_set(error, -EINVAL, "--expect reflection is for UDP"),
				    GEN_EXIT_USAGE)
				 : gen_tcp_dns(options, &self->loop->match, self->choice,
					       self->exponent, error);
		goto done;
	}
	status = dns_connect(self, error);
	if (!status) {
		status = gen_load_measure(&self->load, error);
		gen_rig_linger(&self->rig);
	}
	gen_rig_close(&self->rig);
done:
	gen_match_destroy(&self->loop->match);
	gen_chooser_destroy(&self->loop->chooser);
	gen_question_free(&self->questions);
	free(self->loop);
	free(self->frames);
	free(self);
	return status;
}
