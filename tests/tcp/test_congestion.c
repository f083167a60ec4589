/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/congestion - slow start, HyStart++, NewReno's and CUBIC's curves against their formulas.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tcp/tcp.h"

enum { MSS = 1460 };

/* Acknowledges one window in one round trip, a segment at a time. */
static void
round_trip(const struct mr_tcp_cc_ops *ops, struct mr_tcp_cc *cc, struct mr_tcp_cc_env *env,
	   uint32_t rtt_us)
{
	uint32_t flight = cc->cwnd / MSS * MSS, start_us = env->now_us;

	env->rtt_us = rtt_us;
	for (uint32_t acked = 0; acked < flight; acked += MSS) {
		env->now_us = start_us + (uint32_t)((uint64_t)rtt_us * acked / flight);
		env->acked_bytes = MSS;
		env->snd_nxt =
			env->snd_una + cc->cwnd; /* the window was filled after the last one */
		env->snd_una += MSS;
		env->flight_bytes = flight;
		ops->acked(cc, env);
	}
	env->now_us = start_us + rtt_us;
}

static struct mr_tcp_cc_env
env_at(uint32_t now_us, uint32_t rtt_us)
{
	return (struct mr_tcp_cc_env){ .now_us = now_us,
				       .mss = MSS,
				       .srtt_us = rtt_us,
				       .min_rtt_us = rtt_us,
				       .cwnd_limited = true };
}

static void
test_initial_window_bounds(void **state)
{
	(void)state;
	assert_int_equal(mr_tcp_cc_initial_window(1460), 14600);
	assert_int_equal(mr_tcp_cc_initial_window(536), 5360);
	assert_int_equal(mr_tcp_cc_initial_window(1461), 14600);
	assert_int_equal(mr_tcp_cc_initial_window(8960), 17920);
}

static void
test_slow_start_doubles(void **state)
{
	struct mr_tcp_cc cc;
	struct mr_tcp_cc_env env = env_at(1000000, 50000);

	(void)state;
	mr_tcp_cc_init(&cc, MSS, 0);
	for (int i = 0; i < 6; i++) {
		uint32_t before = cc.cwnd;

		round_trip(&mr_tcp_cc_cubic, &cc, &env, 50000);
		assert_int_equal(cc.cwnd, 2 * before);
	}
	assert_true(cc.ssthresh == MR_TCP_SSTHRESH_MAX);
}

static void
test_hystart_leaves_when_the_rtt_grows(void **state)
{
	struct mr_tcp_cc cc;
	struct mr_tcp_cc_env env = env_at(1000000, 50000);
	uint32_t rtt_us = 50000, before;

	(void)state;
	mr_tcp_cc_init(&cc, MSS, 0);
	for (int i = 0; i < 3; i++)
		round_trip(&mr_tcp_cc_cubic, &cc, &env, rtt_us);
	rtt_us += 7000; /* more than an eighth */
	before = cc.cwnd;
	round_trip(&mr_tcp_cc_cubic, &cc, &env, rtt_us); /* CSS begins within this round */
	assert_true(cc.cwnd < 2 * before);
	for (int i = 0; i < 6 && cc.ssthresh == MR_TCP_SSTHRESH_MAX; i++) {
		before = cc.cwnd;
		round_trip(&mr_tcp_cc_cubic, &cc, &env, rtt_us);
		assert_true(cc.cwnd <= before + before / 4 + MSS);
	}
	assert_int_equal(cc.ssthresh, MR_MIN(cc.ssthresh, cc.cwnd));
	assert_true(cc.ssthresh != MR_TCP_SSTHRESH_MAX);
}

static void
test_hystart_goes_on_after_jitter(void **state)
{
	struct mr_tcp_cc cc;
	struct mr_tcp_cc_env env = env_at(1000000, 50000);
	uint32_t before;

	(void)state;
	mr_tcp_cc_init(&cc, MSS, 0);
	for (int i = 0; i < 3; i++)
		round_trip(&mr_tcp_cc_newreno, &cc, &env, 50000);
	round_trip(&mr_tcp_cc_newreno, &cc, &env, 57000);
	round_trip(&mr_tcp_cc_newreno, &cc, &env, 50000);
	before = cc.cwnd;
	round_trip(&mr_tcp_cc_newreno, &cc, &env, 50000);
	assert_in_range(cc.cwnd, 2 * before - MSS, 2 * before);
}

static void
test_newreno_halves_then_adds_one_segment(void **state)
{
	struct mr_tcp_cc cc;
	struct mr_tcp_cc_env env = env_at(1000000, 50000);

	(void)state;
	mr_tcp_cc_init(&cc, MSS, 0);
	cc.cwnd = 100 * MSS;
	env.flight_bytes = 100 * MSS;
	mr_tcp_cc_newreno.reduce(&cc, &env, MR_TCP_CC_FAST);
	assert_int_equal(cc.ssthresh, 50 * MSS);
	cc.cwnd = cc.ssthresh;
	for (int i = 1; i <= 10; i++) {
		round_trip(&mr_tcp_cc_newreno, &cc, &env, 50000);
		assert_int_equal(cc.cwnd, (50 + i) * MSS);
	}
	env.flight_bytes = MSS;
	mr_tcp_cc_newreno.reduce(&cc, &env, MR_TCP_CC_FAST);
	assert_int_equal(cc.ssthresh, 2 * MSS);
}

/* W(t) = C (t - K)^3 + W_max, in segments, by RFC 9438 figures 1 and 2. */
static double
cubic_at(double t_s, double w_max, double cwnd_epoch)
{
	double k = cbrt((w_max - cwnd_epoch) / 0.4);

	return 0.4 * pow(t_s - k, 3) + w_max;
}

static void
test_cubic_follows_its_curve(void **state)
{
	struct mr_tcp_cc cc;
	struct mr_tcp_cc_env env = env_at(4294000000u, 100000); /* the clock wraps on the way */
	double worst = 0;

	(void)state;
	mr_tcp_cc_init(&cc, MSS, 0);
	cc.cwnd = 1000 * MSS;
	env.flight_bytes = cc.cwnd;
	mr_tcp_cc_cubic.reduce(&cc, &env, MR_TCP_CC_FAST);
	assert_int_equal(cc.ssthresh, 700 * MSS);
	cc.cwnd = cc.ssthresh;
	for (int i = 1; i <= 150; i++) { /* 15 s: to the plateau at 9.1 s and past it */
		double wanted = cubic_at(i * 0.1, 1000, 700), is;

		round_trip(&mr_tcp_cc_cubic, &cc, &env, 100000);
		is = (double)cc.cwnd / MSS;
		worst = MR_MAX(worst, fabs(is - wanted) / wanted);
	}
	assert_true(worst < 0.03);
}

static void
test_cubic_is_no_slower_than_reno(void **state)
{
	struct mr_tcp_cc cc;
	struct mr_tcp_cc_env env = env_at(1000000, 5000); /* a short round trip: 4.3 */
	uint32_t before;

	(void)state;
	mr_tcp_cc_init(&cc, MSS, 0);
	cc.cwnd = 20 * MSS;
	env.flight_bytes = cc.cwnd;
	mr_tcp_cc_cubic.reduce(&cc, &env, MR_TCP_CC_FAST);
	cc.cwnd = cc.ssthresh;
	before = cc.cwnd;
	for (int i = 0; i < 34; i++)
		round_trip(&mr_tcp_cc_cubic, &cc, &env, 5000);
	/* 9/17 of a segment a round trip up to the old window, then one */
	assert_true(cc.cwnd >= before + 16 * MSS);
	assert_true(cc.cwnd <= before + 34 * MSS);
}

static void
test_cubic_fast_convergence(void **state)
{
	struct mr_tcp_cc cc;
	struct mr_tcp_cc_env env = env_at(1000000, 50000);

	(void)state;
	mr_tcp_cc_init(&cc, MSS, 0);
	cc.cwnd = 1000 * MSS;
	mr_tcp_cc_cubic.reduce(&cc, &env, MR_TCP_CC_FAST);
	assert_int_equal(cc.word[0], 1000 * MSS);
	cc.cwnd = 800 * MSS; /* below the last W_max: give way */
	mr_tcp_cc_cubic.reduce(&cc, &env, MR_TCP_CC_FAST);
	assert_int_equal(cc.word[0], 680 * MSS);
	assert_int_equal(cc.ssthresh, 560 * MSS);
}

static void
test_application_limited_does_not_grow(void **state)
{
	const struct mr_tcp_cc_ops *const all[] = { &mr_tcp_cc_newreno, &mr_tcp_cc_cubic };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct mr_tcp_cc cc;
		struct mr_tcp_cc_env env = env_at(1000000, 50000);

		mr_tcp_cc_init(&cc, MSS, 0);
		env.cwnd_limited = false;
		for (int k = 0; k < 20; k++)
			round_trip(all[i], &cc, &env, 50000);
		assert_int_equal(cc.cwnd, 14600);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_initial_window_bounds),
		cmocka_unit_test(test_slow_start_doubles),
		cmocka_unit_test(test_hystart_leaves_when_the_rtt_grows),
		cmocka_unit_test(test_hystart_goes_on_after_jitter),
		cmocka_unit_test(test_newreno_halves_then_adds_one_segment),
		cmocka_unit_test(test_cubic_follows_its_curve),
		cmocka_unit_test(test_cubic_is_no_slower_than_reno),
		cmocka_unit_test(test_cubic_fast_convergence),
		cmocka_unit_test(test_application_limited_does_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
