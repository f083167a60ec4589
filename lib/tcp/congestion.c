/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/congestion - slow start with HyStart++, NewReno's and CUBIC's avoidance.
 *
 * All in integers: bytes, microseconds, milliseconds. CUBIC's constants: C = 0.4 segments/s^3,
 * beta = 0.7, alpha = 3 (1 - beta) / (1 + beta) = 9/17.
 */
#include "tcp/congestion.h"

enum {
	LIMIT_SEGMENTS = 8, /* L of RFC 9406 4.2 without pacing */
	MIN_RTT_THRESH_US = 4000,
	MAX_RTT_THRESH_US = 16000,
	RTT_THRESH_DIVISOR = 8,
	RTT_SAMPLE_COUNT = 8,
	CSS_GROWTH_DIVISOR = 4,
	CSS_ROUNDS = 5,
	CWND_MAX = 1 << 30,
};

/* word[] during the first slow start */
enum { HY_LAST_MIN, HY_CURRENT_MIN, HY_WINDOW_END, HY_BASELINE, HY_PACKED };
enum { HY_SAMPLES_MASK = 0xff, HY_ROUND_SHIFT = 8, HY_IN_CSS = 1 << 16 };

/* word[] of NewReno and CUBIC */
enum { NR_ACKED };
enum { CU_W_MAX, CU_EPOCH_MS, CU_K_MS, CU_W_EST, CU_CREDIT };

uint32_t
mr_tcp_cc_initial_window(uint32_t mss)
{
	return MR_MIN(10 * mss, MR_MAX(2 * mss, 14600u));
}

static void
grow(struct mr_tcp_cc *self, uint32_t bytes)
{
	self->cwnd = MR_MIN(self->cwnd + bytes, (uint32_t)CWND_MAX);
}

/* ---- HyStart++ (RFC 9406 4.2) ---- */

static void
hystart_round_begin(struct mr_tcp_cc *self, uint32_t snd_nxt)
{
	self->word[HY_LAST_MIN] = self->word[HY_CURRENT_MIN];
	self->word[HY_CURRENT_MIN] = UINT32_MAX;
	self->word[HY_WINDOW_END] = snd_nxt;
	self->word[HY_PACKED] &= ~(uint32_t)HY_SAMPLES_MASK;
}

void
mr_tcp_cc_init(struct mr_tcp_cc *self, uint32_t mss, uint32_t snd_nxt)
{
	*self = (struct mr_tcp_cc){ .cwnd = mr_tcp_cc_initial_window(mss),
				    .ssthresh = MR_TCP_SSTHRESH_MAX };
	self->word[HY_CURRENT_MIN] = UINT32_MAX;
	hystart_round_begin(self, snd_nxt);
}

static void
leave_first_slow_start(struct mr_tcp_cc *self)
{
	memset(self->word, 0, sizeof(self->word));
}

static void
hystart_sample(struct mr_tcp_cc *self, uint32_t rtt_us)
{
	uint32_t samples = self->word[HY_PACKED] & HY_SAMPLES_MASK;

	self->word[HY_CURRENT_MIN] = MR_MIN(self->word[HY_CURRENT_MIN], rtt_us);
	if (samples < HY_SAMPLES_MASK)
		self->word[HY_PACKED]++;
	if (samples + 1 < RTT_SAMPLE_COUNT)
		return;
	if (self->word[HY_PACKED] & HY_IN_CSS) {
		if (self->word[HY_CURRENT_MIN] < self->word[HY_BASELINE]) /* it was jitter */
			self->word[HY_PACKED] &= HY_SAMPLES_MASK;
	} else if (self->word[HY_LAST_MIN] != UINT32_MAX) {
		uint32_t thresh = MR_MAX((uint32_t)MIN_RTT_THRESH_US,
					 MR_MIN(self->word[HY_LAST_MIN] / RTT_THRESH_DIVISOR,
						(uint32_t)MAX_RTT_THRESH_US));

		if (self->word[HY_CURRENT_MIN] >= self->word[HY_LAST_MIN] + thresh) {
			self->word[HY_BASELINE] = self->word[HY_CURRENT_MIN];
			self->word[HY_PACKED] |= HY_IN_CSS;
		}
	}
}

/* hystart_acked grows cwnd in the first slow start and ends that when the path says so. */
static void
hystart_acked(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env)
{
	uint32_t bytes = MR_MIN(env->acked_bytes, LIMIT_SEGMENTS * env->mss);

	if (env->cwnd_limited)
		grow(self, self->word[HY_PACKED] & HY_IN_CSS ? bytes / CSS_GROWTH_DIVISOR : bytes);
	if (env->rtt_us)
		hystart_sample(self, env->rtt_us);
	if ((int32_t)(env->snd_una - self->word[HY_WINDOW_END]) < 0)
		return;
	hystart_round_begin(self, env->snd_nxt);
	if (self->word[HY_PACKED] & HY_IN_CSS) {
		self->word[HY_PACKED] += 1 << HY_ROUND_SHIFT;
		if (((self->word[HY_PACKED] >> HY_ROUND_SHIFT) & 0xff) >= CSS_ROUNDS) {
			self->ssthresh = self->cwnd;
			leave_first_slow_start(self);
		}
	}
}

/* slow_start returns how many of the acknowledged bytes are left for avoidance. */
static uint32_t
slow_start(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env)
{
	uint32_t bytes, to_ssthresh;

	if (self->cwnd >= self->ssthresh)
		return env->acked_bytes;
	to_ssthresh = self->ssthresh - self->cwnd;
	bytes = MR_MIN(MR_MIN(env->acked_bytes, LIMIT_SEGMENTS * env->mss), to_ssthresh);
	grow(self, bytes);
	return bytes == to_ssthresh ? env->acked_bytes - bytes : 0;
}

/* ---- NewReno (RFC 5681 3.1) ---- */

static void
newreno_acked(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env)
{
	if (self->ssthresh == MR_TCP_SSTHRESH_MAX) {
		hystart_acked(self, env);
		return;
	}
	if (!env->cwnd_limited)
		return;
	self->word[NR_ACKED] += slow_start(self, env);
	if (self->cwnd >= self->ssthresh && self->word[NR_ACKED] >= self->cwnd) {
		self->word[NR_ACKED] -= self->cwnd;
		grow(self, env->mss);
	}
}

static void
newreno_reduce(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env, enum mr_tcp_cc_cause cause)
{
	(void)cause;
	if (self->ssthresh == MR_TCP_SSTHRESH_MAX)
		leave_first_slow_start(self);
	self->ssthresh = MR_MAX(env->flight_bytes / 2, 2 * env->mss); /* RFC 5681 eq. 4 */
	self->word[NR_ACKED] = 0;
}

static void
newreno_restart(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env)
{
	self->cwnd = MR_MIN(self->cwnd, mr_tcp_cc_initial_window(env->mss));
	if (self->ssthresh == MR_TCP_SSTHRESH_MAX)
		hystart_round_begin(self, env->snd_nxt);
}

/* ---- CUBIC (RFC 9438) ---- */

/* cube_root returns the integer cube root, by bits. */
static uint32_t
cube_root(uint64_t x)
{
	uint64_t root = 0;

	for (int bit = 21; bit >= 0; bit--) {
		uint64_t candidate = root | 1ull << bit;

		if (candidate * candidate * candidate <= x)
			root = candidate;
	}
	return (uint32_t)root;
}

/* w_cubic returns C (t - K)^3 + W_max in bytes (eq. 1); t and K in milliseconds. */
static uint64_t
w_cubic(const struct mr_tcp_cc *self, uint32_t t_ms, uint32_t mss)
{
	int64_t d = (int64_t)t_ms - self->word[CU_K_MS], delta;

	d = MR_MAX(MR_MIN(d, (int64_t)100000), (int64_t)-100000); /* +-100 s: the cube fits */
	delta = d * d * d / 1000 * 4 / 10 * mss / 1000000;
	return (uint64_t)MR_MAX((int64_t)self->word[CU_W_MAX] + delta, (int64_t)mss);
}

/* cubic_epoch_begin starts avoidance at the present cwnd (4.2, 4.8). */
static void
cubic_epoch_begin(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env)
{
	self->word[CU_EPOCH_MS] = MR_MAX(env->now_us / 1000, 1u);
	self->word[CU_W_EST] = self->cwnd;
	self->word[CU_CREDIT] = 0;
	if (self->word[CU_W_MAX] <= self->cwnd) {
		self->word[CU_W_MAX] = self->cwnd;
		self->word[CU_K_MS] = 0;
	} else { /* K = cbrt((W_max - cwnd_epoch) / C) seconds (eq. 2): in ms, under the root 10^9
		  */
		uint64_t segments_x1000 =
			(uint64_t)(self->word[CU_W_MAX] - self->cwnd) * 1000 / env->mss;

		self->word[CU_K_MS] = cube_root(segments_x1000 * 1000000 / 4 * 10);
	}
}

/* ms_since handles a microsecond clock that wraps every 71.6 minutes: the epoch is kept in its
 * milliseconds, so the difference is taken modulo 2^32 / 1000. */
static uint32_t
ms_since(uint32_t epoch_ms, uint32_t now_us)
{
	uint32_t now_ms = now_us / 1000;

	return now_ms >= epoch_ms ? now_ms - epoch_ms : now_ms + (UINT32_MAX / 1000 + 1) - epoch_ms;
}

static void
cubic_avoidance(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env, uint32_t acked_bytes)
{
	uint32_t t_ms, credit_needed;
	uint64_t target;

	if (self->word[CU_EPOCH_MS] == 0)
		cubic_epoch_begin(self, env);
	t_ms = ms_since(self->word[CU_EPOCH_MS], env->now_us);
	/* W_est (eq. 4): alpha is 9/17 below the window of the last reduction, 1 above (4.3) */
	credit_needed =
		self->word[CU_W_EST] < self->ssthresh / 7 * 10 ? self->cwnd / 9 * 17 : self->cwnd;
	self->word[CU_CREDIT] += acked_bytes;
	if (self->word[CU_CREDIT] >= credit_needed) {
		self->word[CU_CREDIT] -= credit_needed;
		self->word[CU_W_EST] = MR_MIN(self->word[CU_W_EST] + env->mss, (uint32_t)CWND_MAX);
	}
	if (w_cubic(self, t_ms, env->mss) < self->word[CU_W_EST]) { /* 4.3 Reno-friendly */
		self->cwnd = MR_MAX(self->cwnd, self->word[CU_W_EST]);
		return;
	}
	target = w_cubic(self, t_ms + env->srtt_us / 1000, env->mss); /* 4.4, 4.5 */
	target = MR_MAX(MR_MIN(target, (uint64_t)self->cwnd * 3 / 2), (uint64_t)self->cwnd);
	grow(self, (uint32_t)((target - self->cwnd) * acked_bytes / self->cwnd));
}

static void
cubic_acked(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env)
{
	uint32_t left_bytes;

	if (self->ssthresh == MR_TCP_SSTHRESH_MAX) {
		hystart_acked(self, env);
		return;
	}
	if (!env->cwnd_limited)
		return;
	left_bytes = slow_start(self, env);
	if (self->cwnd >= self->ssthresh && left_bytes)
		cubic_avoidance(self, env, left_bytes);
}

static void
cubic_reduce(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env, enum mr_tcp_cc_cause cause)
{
	uint32_t beta_cwnd = (uint32_t)((uint64_t)self->cwnd * 7 / 10);

	(void)cause; /* 4.6 and 4.8: the same factor; the caller sets cwnd */
	if (self->ssthresh == MR_TCP_SSTHRESH_MAX)
		leave_first_slow_start(self);
	/* 4.7 fast convergence */
	self->word[CU_W_MAX] = self->cwnd < self->word[CU_W_MAX]
				       ? (uint32_t)((uint64_t)self->cwnd * 17 / 20)
				       : self->cwnd;
	self->word[CU_EPOCH_MS] = 0;
	self->ssthresh = MR_MAX(beta_cwnd, 2 * env->mss);
}

static void
cubic_restart(struct mr_tcp_cc *self, const struct mr_tcp_cc_env *env)
{
	newreno_restart(self, env);
	if (self->ssthresh != MR_TCP_SSTHRESH_MAX)
		self->word[CU_EPOCH_MS] = 0; /* 4.2: the epoch does not run while idle */
}

/* cubic_undone begins a new epoch at the window that is back (4.9.2 would restore the old one). */
static void
cubic_undone(struct mr_tcp_cc *self)
{
	self->word[CU_EPOCH_MS] = 0;
}

const struct mr_tcp_cc_ops mr_tcp_cc_newreno = {
	.name = "newreno",
	.acked = newreno_acked,
	.reduce = newreno_reduce,
	.restart = newreno_restart,
};

const struct mr_tcp_cc_ops mr_tcp_cc_cubic = {
	.name = "cubic",
	.acked = cubic_acked,
	.reduce = cubic_reduce,
	.restart = cubic_restart,
	.undone = cubic_undone,
};
