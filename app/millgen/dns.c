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

#include "pcapfile.h"
#include "rig.h"

enum {
	DNS_PORT = 53,
	DNS_SLOT_BITS_LOW = 16,
	DNS_SLOT_BITS_HIGH = 20,
	DNS_CURVE_MAX = 100,
	DNS_RCODE_NXDOMAIN = 3,
};

/* Everything of one invocation. */
struct dns_mode {
	const struct gen_options *options;
	struct gen_question_set questions;
	struct gen_frames *frames;
	struct gen_loop *loop;
	struct gen_rig rig;
	struct gen_report report;
	struct gen_match_options match;
	struct gen_outcome outcome;
	enum gen_choice choice;
	double exponent, loss_limit;
	const char *label;
	/* load */
	uint64_t rate_qps; /* 0: flood */
	bool search;
	uint64_t step_low, step_high;
	unsigned step_count;
};

static int
dns_choice(struct dns_mode *self, struct mr_error *error)
{
	const char *how = self->options->choose;

	self->exponent = 1;
	self->choice = self->options->queries ? GEN_CHOICE_SEQUENTIAL : GEN_CHOICE_UNIFORM;
	if (!how)
		return 0;
	if (strcmp(how, "sequential") == 0) {
		self->choice = GEN_CHOICE_SEQUENTIAL;
	} else if (strcmp(how, "uniform") == 0) {
		self->choice = GEN_CHOICE_UNIFORM;
	} else if (strcmp(how, "missing") == 0 && self->options->pattern) {
		self->choice = GEN_CHOICE_MISSING;
	} else if (strncmp(how, "zipf", 4) == 0 && (!how[4] || how[4] == ':')) {
		char *end = NULL;

		self->choice = GEN_CHOICE_ZIPF;
		if (how[4])
			self->exponent = strtod(how + 5, &end);
		if (end && (end == how + 5 || *end))
			return mr_error_set(error, -EINVAL, "--choose: '%s': no exponent", how);
	} else {
		return mr_error_set(error, -EINVAL,
				    "--choose: '%s' is not sequential, uniform, zipf[:EXPONENT] or "
				    "(for a pattern) missing",
				    how);
	}
	return 0;
}

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

static int
dns_load(struct dns_mode *self, struct mr_error *error)
{
	const char *rate = self->options->rate, *step = self->options->step;
	char low[32], high[32];

	self->rate_qps = 1000;
	self->loss_limit = self->options->loss_percent / 100;
	if (step) {
		if (rate)
			return mr_error_set(error, -EINVAL, "--rate and --step exclude each other");
		if (sscanf(step, "%31[^-]-%31[^:]:%u", low, high, &self->step_count) != 3 ||
		    gen_options_number(low, &self->step_low) ||
		    gen_options_number(high, &self->step_high) || !self->step_low ||
		    self->step_low > self->step_high || self->step_count < 2 ||
		    self->step_count > DNS_CURVE_MAX)
			return mr_error_set(error, -EINVAL,
					    "--step: '%s' is not LOW-HIGH:N, N 2..%d", step,
					    DNS_CURVE_MAX);
		return 0;
	}
	if (!rate)
		return 0;
	if (strcmp(rate, "max") == 0) {
		self->search = true;
		self->rate_qps = 0;
	} else if (strcmp(rate, "flood") == 0) {
		self->rate_qps = 0;
	} else if (gen_options_number(rate, &self->rate_qps) || !self->rate_qps ||
		   self->rate_qps > 1000000000) {
		return mr_error_set(error, -EINVAL, "--rate: '%s' is no rate, max or flood", rate);
	}
	return 0;
}

/* dns_slot_bits chooses how many queries are remembered: those of one time limit. */
static uint8_t
dns_slot_bits(const struct dns_mode *self)
{
	uint64_t wanted = self->options->outstanding;
	double fastest = self->step_count ? (double)self->step_high : (double)self->rate_qps;
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
	unsigned low, high;
	int code, used = 0;

	if (options->source_ports) {
		if (sscanf(options->source_ports, "%u-%u%n", &low, &high, &used) != 2 ||
		    options->source_ports[used] || low < 1 || high < low || high > 65535)
			return mr_error_set(error, -EINVAL, "--source-ports: '%s' is not LOW-HIGH",
					    options->source_ports);
		frame.port_low = (uint16_t)low;
		frame.port_count = (uint16_t)(high - low + 1);
	}
	code = gen_frames_create(self->frames, &self->questions, &frame, error);
	if (code)
		return code;
	if (!options->targets.count || !options->sources.count)
		return mr_error_set(error, -EINVAL, "--target and --source are needed");
	for (unsigned t = 0; t < options->targets.count; t++) {
		uint16_t port = DNS_PORT, lanes = self->frames->lane_count;
		struct mr_addr target;

		if (gen_options_endpoint(options->targets.items[t], &target, &port))
			return mr_error_set(error, -EINVAL, "--target: '%s' is not ADDR[:PORT]",
					    options->targets.items[t]);
		for (unsigned s = 0; s < options->sources.count; s++) {
			struct mr_prefix source;

			if (mr_prefix_parse(options->sources.items[s], &source))
				return mr_error_set(error, -EINVAL,
						    "--source: '%s' is no prefix (host bits are "
						    "to be zero)",
						    options->sources.items[s]);
			if (mr_addr_is_v4(&target) != mr_addr_is_v4(&source.addr))
				continue;
			code = gen_frames_add_lane(self->frames, &target, port, &source,
						   (uint32_t)options->clients, error);
			if (code)
				return code;
		}
		if (self->frames->lane_count == lanes)
			return mr_error_set(error, -EINVAL, "no --source of the family of %s",
					    options->targets.items[t]);
	}
	return 0;
}

/* dns_prepare makes all that needs no port. */
static int
dns_prepare(struct dns_mode *self, struct mr_error *error)
{
	const struct gen_options *options = self->options;
	int code;

	if (!options->pattern == !options->queries)
		return mr_error_set(error, -EINVAL, "one of --pattern and --queries is needed");
	code = dns_choice(self, error);
	if (!code)
		code = options->pattern
			       ? gen_question_pattern(&self->questions, options->pattern,
						      (uint32_t)options->count, error)
			       : gen_question_load(&self->questions, options->queries, error);
	if (!code)
		code = dns_expect(self, error);
	if (!code)
		code = dns_load(self, error);
	if (!code)
		code = dns_frames(self, error);
	if (!code)
		code = gen_chooser_create(&self->loop->chooser, self->choice, self->questions.count,
					  self->exponent, options->seed, error);
	if (code)
		return code;
	self->loop->frames = self->frames;
	self->loop->neigh.frames = self->frames;
	self->report = (struct gen_report){ .json = options->json,
					    .quiet = options->quiet,
					    .mode = "dns" };
	return 0;
}

static int
dns_write_pcap(struct dns_mode *self, struct mr_error *error)
{
	static const struct mr_mac source = { { 0x02, 0x6d, 0x67, 0, 0, 1 } };
	static const struct mr_mac unknown = { { 0x02, 0x6d, 0x67, 0, 0, 2 } };
	uint64_t gap_ns = MR_NS_PER_S / (self->rate_qps ? self->rate_qps : 1000000);
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

/* dns_steer asks a port that shares its device with the kernel for the clients' datagrams. */
static int
dns_steer(struct dns_mode *self, struct mr_error *error)
{
	enum { DNS_STEER_MAX = 4096 };
	const struct gen_frames *frames = self->frames;
	struct mr_addr hops[GEN_LANE_MAX];
	static const uint16_t untagged = 0;
	struct mr_port_steer steer = { .next_hops = hops,
				       .next_hop_count = frames->lane_count,
				       .vlans = &untagged,
				       .vlan_count = 1 };
	struct mr_port_steer_rule *rules;
	int code;

	if (!(self->rig.port.caps & MR_PORT_CAP_STEER))
		return 0;
	for (uint16_t i = 0; i < frames->lane_count; i++) {
		hops[i] = self->loop->neigh.hops[i].addr;
		steer.rule_count += frames->lanes[i].client_count;
	}
	if (steer.rule_count > DNS_STEER_MAX)
		return mr_error_set(error, -E2BIG,
				    "%zu clients are too many for a port that is shared with the "
				    "kernel (at most %d); use --clients",
				    steer.rule_count, DNS_STEER_MAX);
	rules = calloc(steer.rule_count, sizeof(*rules));
	if (!rules)
		return mr_error_set(error, -ENOMEM, "no memory for steering rules");
	steer.rules = rules;
	steer.rule_count = 0;
	for (uint16_t i = 0; i < frames->lane_count; i++)
		for (uint32_t c = 0; c < frames->lanes[i].client_count; c++) {
			struct mr_port_steer_rule *rule = &rules[steer.rule_count++];

			rule->addr = frames->lanes[i].source;
			mr_store_be32(rule->addr.bytes + 12, frames->lanes[i].client_base + c);
			rule->protocol = 17;
			rule->port_low = frames->options.port_low;
			rule->port_high = (uint16_t)(frames->options.port_low +
						     frames->options.port_count - 1);
		}
	code = mr_port_steer(&self->rig.port, &steer, error);
	free(rules);
	return code;
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
	for (uint16_t lane = 0; lane < self->frames->lane_count; lane++) {
		struct gen_hop *hop = &loop->neigh.hops[lane];

		hop->addr = self->frames->lanes[lane].target;
		if (options->via &&
		    (mr_addr_parse(options->via, &hop->addr) ||
		     mr_addr_is_v4(&hop->addr) != (self->frames->lanes[lane].family == 4))) {
			mr_error_set(error, -EINVAL, "--via: '%s' is no address of the family",
				     options->via);
			return GEN_EXIT_USAGE;
		}
		hop->known = options->target_mac != NULL;
		if (hop->known && mr_mac_parse(options->target_mac, &hop->mac)) {
			mr_error_set(error, -EINVAL, "--target-mac: '%s' is none",
				     options->target_mac);
			return GEN_EXIT_USAGE;
		}
	}
	if (dns_steer(self, error))
		return GEN_EXIT_USAGE;
	if (gen_loop_resolve(loop, options->link_wait_ns)) {
		mr_error_set(
			error, -EHOSTUNREACH,
			"nobody answers for the link address of %s (ARP, neighbour discovery); "
			"--via and --target-mac may help",
			options->via ? options->via : options->targets.items[0]);
		return GEN_EXIT_LINK;
	}
	for (uint16_t lane = 0; lane < self->frames->lane_count; lane++)
		gen_frames_set_macs(self->frames, lane, &loop->neigh.mac,
				    &loop->neigh.hops[lane].mac);
	self->report.frame_bytes =
		gen_frame_build(self->frames, (uint8_t[GEN_FRAME_ROOM_BYTES]){ 0 }, 0, 0,
				self->questions.count - 1);
	return GEN_EXIT_OK;
}

static void
dns_second(void *context)
{
	struct dns_mode *self = context;

	gen_report_second(&self->report, self->label, &self->loop->tally);
}

/* dns_run makes one run and draws its conclusions. */
static int
dns_run(struct dns_mode *self, const char *label, uint64_t rate_qps, uint64_t warm_up_ns,
	uint64_t duration_ns)
{
	struct gen_loop *loop = self->loop;
	int code;

	self->label = label;
	loop->run = (struct gen_run){ .rate_qps = rate_qps,
				      .warm_up_ns = warm_up_ns,
				      .duration_ns = duration_ns,
				      .drain_ns = self->options->timeout_ns };
	loop->done = loop->stop = false;
	gen_report_begin(&self->report);
	code = gen_rig_launch(&self->rig, gen_loop_run, loop, &loop->stop, &loop->done, dns_second,
			      self);
	gen_outcome_make(&self->outcome, &loop->run, &loop->tally);
	return code;
}

static bool
dns_good(const struct dns_mode *self)
{
	return self->outcome.right && self->outcome.loss <= self->loss_limit;
}

static int
dns_trial(void *context, uint64_t rate_qps, struct gen_trial *out)
{
	struct dns_mode *self = context;
	int code = dns_run(self, "search", rate_qps, self->options->probe_ns / 4,
			   self->options->probe_ns);

	out->sent_qps = self->outcome.sent_qps;
	out->answered_qps = self->outcome.answered_qps;
	out->good = dns_good(self) && (self->outcome.clean || !rate_qps);
	gen_report_trial(&self->report, "search", &self->outcome, dns_good(self));
	return code;
}

/* dns_search finds the highest rate and confirms it by a whole run. */
static int
dns_search(struct dns_mode *self, bool *found)
{
	bool flood_is_best;
	int code;
	uint64_t rate = gen_search_highest(dns_trial, self, &flood_is_best, &code);

	*found = false;
	if (code || !rate)
		return code;
	for (unsigned i = 0; i < GEN_SEARCH_CONFIRM_MAX && !*found; i++) {
		/* A flood has no schedule to keep: when it was good, it is the first to confirm. */
		uint64_t asked = i == 0 && flood_is_best ? 0 : rate;

		code = dns_run(self, "confirm", asked, self->options->warm_up_ns,
			       self->options->duration_ns);
		if (code)
			return code;
		*found = dns_good(self) && self->outcome.clean;
		if (!*found)
			gen_report_trial(&self->report, "confirm", &self->outcome, dns_good(self));
		rate -= rate / 33;
	}
	return 0;
}

static int
dns_curve(struct dns_mode *self, struct gen_outcome *points)
{
	int code = 0;

	for (unsigned i = 0; i < self->step_count && !code; i++) {
		uint64_t rate = self->step_low +
				(self->step_high - self->step_low) * i / (self->step_count - 1);

		code = dns_run(self, "step", rate, self->options->probe_ns / 4,
			       self->options->probe_ns);
		points[i] = self->outcome;
		gen_report_trial(&self->report, "step", &self->outcome, dns_good(self));
	}
	return code;
}

/* dns_measure does what was asked for; returns an exit status. */
static int
dns_measure(struct dns_mode *self, struct mr_error *error)
{
	static struct gen_outcome points[DNS_CURVE_MAX];
	const struct gen_options *options = self->options;
	bool good;
	int code;

	if (self->step_count) {
		code = dns_curve(self, points);
		good = !code;
		for (unsigned i = 0; good && i < self->step_count; i++)
			good = points[i].right && points[i].loss <= self->loss_limit;
	} else if (self->search) {
		code = dns_search(self, &good);
	} else {
		code = dns_run(self, "dns", self->rate_qps, options->warm_up_ns,
			       options->duration_ns);
		good = dns_good(self);
	}
	if (!self->step_count)
		gen_report_summary(&self->report, &self->outcome, &self->loop->tally, self->search,
				   self->loss_limit);
	if (code == -ENOLINK || code == -EINTR) {
		mr_error_set(error, code, code == -EINTR ? "interrupted" : "the link was lost");
		return code == -EINTR ? GEN_EXIT_WRONG : GEN_EXIT_LINK;
	}
	if (options->plot &&
	    (self->step_count ? gen_plot_curve(options->plot, points, self->step_count, error)
			      : gen_plot_latency(options->plot, &self->outcome,
						 &self->loop->tally.latency, error)))
		return GEN_EXIT_USAGE;
	return good ? GEN_EXIT_OK : GEN_EXIT_WRONG;
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
	status = dns_connect(self, error);
	if (!status) {
		status = dns_measure(self, error);
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
