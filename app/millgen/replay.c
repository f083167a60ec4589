/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/replay - the mode replay.
 */
#include "replay.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <string.h>

#include "pace.h"
#include "tally.h"
#include "rig.h"

enum replay_pace { REPLAY_RATE, REPLAY_FLOOD, REPLAY_RECORDED };

struct replay {
	/* const during the run */
	const struct gen_options *options;
	struct gen_capture capture;
	struct gen_rig rig;
	enum replay_pace how;
	uint64_t rate_pps, total, round_ns; /* frames in all; length of one recorded round */
	bool has_target;
	struct mr_mac target;
	/* owner: the generator core; reader: any, relaxed */
	uint64_t sent, received, lag_max_tsc;
	uint64_t start_tsc, end_tsc;
	/* shared: relaxed */
	bool stop, done;
	uint64_t last_sent; /* control thread */
};

/* replay_intended returns when frame number n is meant to leave. */
static inline uint64_t
replay_intended(const struct replay *self, const struct gen_pace *pace, uint64_t n)
{
	const struct gen_capture *capture = &self->capture;
	uint64_t at_ns;

	if (self->how != REPLAY_RECORDED)
		return gen_pace_intended(pace, n);
	at_ns = n / capture->count * self->round_ns + capture->frames[n % capture->count].time_ns;
	return pace->start_tsc + (uint64_t)((double)at_ns / 1e9 * (double)self->rig.tsc_hz);
}

static uint16_t
replay_build(struct replay *self, const struct gen_pace *pace, uint64_t n, uint64_t now,
	     struct rte_mbuf **pkts)
{
	const struct gen_capture *capture = &self->capture;
	uint16_t count = 0;

	while (count < GEN_BURST && n + count < self->total &&
	       (self->how == REPLAY_FLOOD || replay_intended(self, pace, n + count) <= now))
		count++;
	if (!count || rte_pktmbuf_alloc_bulk(self->rig.pool, pkts, count) != 0)
		return 0;
	for (uint16_t i = 0; i < count; i++) {
		const struct gen_capture_frame *frame = &capture->frames[(n + i) % capture->count];
		uint8_t *bytes = rte_pktmbuf_mtod(pkts[i], uint8_t *);

		memcpy(bytes, capture->bytes + frame->offset, frame->frame_bytes);
		if (self->has_target)
			memcpy(bytes, self->target.bytes, MR_MAC_BYTES);
		pkts[i]->data_len = (uint16_t)frame->frame_bytes;
		pkts[i]->pkt_len = frame->frame_bytes;
	}
	return count;
}

/* replay_run is the generator core's work. What comes back is counted and let go. */
static int
replay_run(void *context)
{
	struct replay *self = context;
	struct rte_mbuf *pending[GEN_BURST], *got[GEN_BURST];
	struct gen_pace pace = { 0 };
	uint16_t first = 0, count = 0;
	uint64_t now = rte_rdtsc();

	pace.start_tsc = self->start_tsc = now;
	if (self->how == REPLAY_RATE)
		pace = gen_pace_start(now, self->rate_pps, self->rig.tsc_hz);
	while (self->sent < self->total && !__atomic_load_n(&self->stop, __ATOMIC_RELAXED)) {
		uint16_t taken, received = mr_port_rx(&self->rig.port, 0, got, GEN_BURST);

		if (received) {
			rte_pktmbuf_free_bulk(got, received);
			__atomic_store_n(&self->received, self->received + received,
					 __ATOMIC_RELAXED);
		}
		now = rte_rdtsc();
		if (!count) {
			first = 0;
			count = replay_build(self, &pace, self->sent, now, pending);
		}
		if (!count)
			continue;
		taken = mr_port_tx(&self->rig.port, 0, pending + first, count);
		if (taken && self->how != REPLAY_FLOOD) {
			uint64_t lag = now - replay_intended(self, &pace, self->sent);

			self->lag_max_tsc = MR_MAX(self->lag_max_tsc, lag);
		}
		__atomic_store_n(&self->sent, self->sent + taken, __ATOMIC_RELAXED);
		first = (uint16_t)(first + taken);
		count = (uint16_t)(count - taken);
	}
	self->end_tsc = rte_rdtsc();
	if (count)
		rte_pktmbuf_free_bulk(pending + first, count);
	__atomic_store_n(&self->done, true, __ATOMIC_RELEASE);
	return 0;
}

static void
replay_second(void *context)
{
	struct replay *self = context;
	uint64_t sent = __atomic_load_n(&self->sent, __ATOMIC_RELAXED);

	if (!self->options->quiet && !self->options->json)
		fprintf(stderr, "replay  sent %" PRIu64 " of %" PRIu64 ", %" PRIu64 "/s\n", sent,
			self->total, sent - self->last_sent);
	self->last_sent = sent;
}

static int
replay_prepare(struct replay *self, struct mr_error *error)
{
	const struct gen_options *options = self->options;
	const char *rate = options->rate ? options->rate : "1000";
	int code;

	if (!options->file)
		return mr_error_set(error, -EINVAL, "--file is missing");
	if (options->target_mac && mr_mac_parse(options->target_mac, &self->target))
		return mr_error_set(error, -EINVAL, "--target-mac: '%s' is none",
				    options->target_mac);
	self->has_target = options->target_mac != NULL;
	if (strcmp(rate, "flood") == 0)
		self->how = REPLAY_FLOOD;
	else if (strcmp(rate, "recorded") == 0)
		self->how = REPLAY_RECORDED;
	else if (gen_options_number(rate, &self->rate_pps) || !self->rate_pps)
		return mr_error_set(error, -EINVAL, "--rate: '%s' is no rate, flood or recorded",
				    rate);
	code = gen_capture_read(&self->capture, options->file, error);
	if (code)
		return code;
	self->total = self->capture.count * options->loops;
	/* The next round begins one mean gap after the last frame. */
	self->round_ns = self->capture.frames[self->capture.count - 1].time_ns;
	self->round_ns += self->round_ns / MR_MAX(self->capture.count - 1, 1u);
	return 0;
}

static void
replay_report(const struct replay *self)
{
	double hz = (double)self->rig.tsc_hz;
	double seconds = (double)(self->end_tsc - self->start_tsc) / hz;
	double pps = seconds > 0 ? (double)self->sent / seconds : 0;
	double lag_us = (double)self->lag_max_tsc / hz * 1e6;

	if (self->options->json)
		printf("{\"type\":\"result\",\"mode\":\"replay\",\"frames\":%zu,\"sent\":%" PRIu64
		       ",\"of\":%" PRIu64 ",\"received\":%" PRIu64
		       ",\"duration_s\":%.6f,\"sent_pps\":%.1f,\"send_lag_max_ns\":%.0f}\n",
		       self->capture.count, self->sent, self->total, self->received, seconds, pps,
		       lag_us * 1e3);
	else
		printf("replay: %" PRIu64 " of %" PRIu64 " frames sent in %.3f s, %.0f /s; %" PRIu64
		       " received; send lag at most %.1f us\n",
		       self->sent, self->total, seconds, pps, self->received, lag_us);
	fflush(stdout);
}

int
gen_replay_main(const struct gen_options *options, struct mr_error *error)
{
	static struct replay self;
	int status = GEN_EXIT_USAGE, code;

	self.options = options;
	if (replay_prepare(&self, error))
		return GEN_EXIT_USAGE;
	status = gen_rig_open(&self.rig, options, error);
	if (!status) {
		code = gen_rig_launch(&self.rig, replay_run, &self, &self.stop, &self.done,
				      replay_second, &self);
		replay_report(&self);
		if (code == -ENOLINK) {
			mr_error_set(error, code, "the link was lost");
			status = GEN_EXIT_LINK;
		} else if (self.sent < self.total) {
			mr_error_set(error, -EINTR, "interrupted");
			status = GEN_EXIT_WRONG;
		}
		gen_rig_linger(&self.rig);
	}
	gen_rig_close(&self.rig);
	gen_capture_free(&self.capture);
	return status;
}
