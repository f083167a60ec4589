/* SPDX-License-Identifier: Apache-2.0
 *
 * base/units - a table each for sizes, durations and rates; percents.
 */
#include "base/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t scale;
};

static const struct unit byte_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "kB", 1000 },
	{ "MB", 1000000 },
	{ "GB", 1000000000 },
	{ "KiB", 1ull << 10 },
	{ "MiB", 1ull << 20 },
	{ "GiB", 1ull << 30 },
	{ "TiB", 1ull << 40 },
};

static const struct unit duration_units[] = {
	{ "ns", 1 },
	{ "us", MR_NS_PER_US },
	{ "ms", MR_NS_PER_MS },
	{ "s", MR_NS_PER_S },
	{ "m", 60 * MR_NS_PER_S },
	{ "h", 3600 * MR_NS_PER_S },
	{ "d", 86400 * MR_NS_PER_S },
};

static const struct unit rate_units[] = {
	{ "bit", 1 },
	{ "kbit", 1000 },
	{ "Mbit", 1000000 },
	{ "Gbit", 1000000000 },
};

static int
units_read(const char *text, const struct unit *units, size_t count, uint64_t *out)
{
	unsigned long long number;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(end, units[i].name))
			continue;
		return __builtin_mul_overflow(number, units[i].scale, out) ? -ERANGE : 0;
	}
	return -EINVAL;
}

int
mr_units_bytes(const char *text, uint64_t *bytes)
{
	return units_read(text, byte_units, MR_ARRAY_COUNT(byte_units), bytes);
}

int
mr_units_duration(const char *text, uint64_t *duration_ns)
{
	return units_read(text, duration_units, MR_ARRAY_COUNT(duration_units), duration_ns);
}

int
mr_units_rate(const char *text, uint64_t *rate_bps)
{
	return units_read(text, rate_units, MR_ARRAY_COUNT(rate_units), rate_bps);
}

int
mr_units_percent(const char *text, uint32_t *ppm)
{
	size_t whole = strspn(text, "0123456789"), digits = 0;
	uint32_t value = 0, scale = 10000;

	if (!whole)
		return -EINVAL;
	if (text[whole] == '.') {
		digits = strspn(text + whole + 1, "0123456789");
		if (!digits || digits > 4)
			return -EINVAL;
	}
	if (strcmp(text + whole + (digits ? digits + 1 : 0), "%"))
		return -EINVAL;
	for (size_t i = 0; i < whole; i++) {
		value = value * 10 + (uint32_t)(text[i] - '0');
		if (value > 100)
			return -ERANGE;
	}
	value *= scale;
	for (size_t i = 0; i < digits; i++) {
		scale /= 10;
		value += scale * (uint32_t)(text[whole + 1 + i] - '0');
	}
	if (value > 1000000)
		return -ERANGE;
	*ppm = value;
	return 0;
}

static const char *
units_format(uint64_t value, const struct unit *largest, size_t count,
	     char out[MR_UNITS_TEXT_BYTES])
{
	const struct unit *unit = largest;

	for (size_t i = 1; i < count && value < unit->scale; i++)
		unit--;
	if (unit->scale == 1)
		snprintf(out, MR_UNITS_TEXT_BYTES, "%llu %s", (unsigned long long)value,
			 unit->name);
	else
		snprintf(out, MR_UNITS_TEXT_BYTES, "%.1f %s", (double)value / (double)unit->scale,
			 unit->name);
	return out;
}

const char *
mr_units_format_bytes(uint64_t bytes, char out[MR_UNITS_TEXT_BYTES])
{
	if (bytes < 1024) {
		snprintf(out, MR_UNITS_TEXT_BYTES, "%llu B", (unsigned long long)bytes);
		return out;
	}
	return units_format(bytes, &byte_units[8], 4, out);
}

const char *
mr_units_format_duration(uint64_t duration_ns, char out[MR_UNITS_TEXT_BYTES])
{
	return units_format(duration_ns, &duration_units[3], 4, out);
}
