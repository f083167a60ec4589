/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/choose - which question next: sequential, uniform, Zipf or missing.
 *
 * Zipf draws by rejection-inversion, but beforehand: two logarithms a query would cost more than
 * the query. The sequence of 4 M draws is walked round.
 * Source: Hormann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
 * distributions" (1996).
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "question.h"

enum { CHOOSE_DRAWN = 1 << 22 };

struct choose_zipf {
	double exponent, integral_low, integral_high, shortcut;
};

/* The integral of x^-exponent, and its inverse; log1p and expm1 keep it exact around exponent 1. */
static double
choose_integral(double exponent, double x)
{
	double t = (1 - exponent) * log(x);

	return (fabs(t) > 1e-8 ? expm1(t) / t : 1 + t / 2) * log(x);
}

static double
choose_inverse(double exponent, double y)
{
	double t = y * (1 - exponent);

	if (t < -1)
		t = -1;
	return exp((fabs(t) > 1e-8 ? log1p(t) / t : 1 - t / 2) * y);
}

/* choose_draw returns a rank 1..count with probability proportional to rank^-exponent. */
static uint32_t
choose_draw(const struct choose_zipf *self, uint32_t count, struct mr_rng *rng)
{
	for (;;) {
		double unit = (double)(mr_rng_next(rng) >> 11) * 0x1p-53;
		double y = self->integral_high + unit * (self->integral_low - self->integral_high);
		double x = choose_inverse(self->exponent, y), rank = floor(x + 0.5);

		rank = fmin(fmax(rank, 1), count);
		if (rank - x <= self->shortcut ||
		    y >= choose_integral(self->exponent, rank + 0.5) - pow(rank, -self->exponent))
			return (uint32_t)rank;
	}
}

int
gen_choice_read(const char *how, bool missing_allowed, enum gen_choice *choice, double *exponent,
		struct mr_error *error)
{
	char *end = NULL;

	*exponent = 1;
	if (!how)
		return 0;
	if (strcmp(how, "sequential") == 0) {
		*choice = GEN_CHOICE_SEQUENTIAL;
	} else if (strcmp(how, "uniform") == 0) {
		*choice = GEN_CHOICE_UNIFORM;
	} else if (strcmp(how, "missing") == 0 && missing_allowed) {
		*choice = GEN_CHOICE_MISSING;
	} else if (strncmp(how, "zipf", 4) == 0 && (!how[4] || how[4] == ':')) {
		*choice = GEN_CHOICE_ZIPF;
		if (how[4])
			*exponent = strtod(how + 5, &end);
		if (end && (end == how + 5 || *end))
			return mr_error_set(error, -EINVAL, "--choose: '%s': no exponent", how);
	} else {
		return mr_error_set(error, -EINVAL,
				    "--choose: '%s' is not sequential, uniform, zipf[:EXPONENT] or "
				    "(for a pattern of names) missing",
				    how);
	}
	return 0;
}

int
gen_chooser_create(struct gen_chooser *self, enum gen_choice choice, uint32_t count,
		   double exponent, uint64_t seed, struct mr_error *error)
{
	struct choose_zipf zipf = { .exponent = exponent };
	struct mr_rng rng;

	memset(self, 0, sizeof(*self));
	self->choice = choice;
	self->count = count;
	if (choice != GEN_CHOICE_ZIPF)
		return 0;
	if (!(exponent > 0 && exponent <= 10))
		return mr_error_set(error, -ERANGE, "Zipf exponent %g is not in (0 .. 10]",
				    exponent);
	self->drawn = malloc(CHOOSE_DRAWN * sizeof(*self->drawn));
	if (!self->drawn)
		return mr_error_set(error, -ENOMEM, "no memory for the Zipf sequence");
	self->drawn_mask = CHOOSE_DRAWN - 1;
	zipf.integral_low = choose_integral(exponent, 1.5) - 1;
	zipf.integral_high = choose_integral(exponent, count + 0.5);
	zipf.shortcut =
		2 - choose_inverse(exponent, choose_integral(exponent, 2.5) - pow(2, -exponent));
	mr_rng_seed(&rng, seed);
	for (uint32_t i = 0; i < CHOOSE_DRAWN; i++)
		self->drawn[i] = choose_draw(&zipf, count, &rng) - 1;
	return 0;
}

void
gen_chooser_destroy(struct gen_chooser *self)
{
	free(self->drawn);
	self->drawn = NULL;
}
