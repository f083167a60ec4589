/* SPDX-License-Identifier: Apache-2.0
 *
 * http/date - see date.h. The calendar is the proleptic Gregorian one, counted in eras of 400 years
 * from 0000-03-01, so that the leap day is the last of its year.
 */
#include "http_int.h"

enum { DATE_DAY_S = 86400, DATE_ERA_DAYS = 146097, DATE_EPOCH_DAYS = 719468 };

static const char date_days[7][10] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
				       "Thursday", "Friday", "Saturday" };
static const char date_months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct date_parts {
	int year, month, day, hour, minute, second; /* month 1..12 */
};

static int64_t
date_to_days(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * DATE_ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
	       DATE_EPOCH_DAYS;
}

static struct date_parts
date_from_days(int64_t days)
{
	int64_t shifted = days + DATE_EPOCH_DAYS;
	int64_t era = (shifted >= 0 ? shifted : shifted - DATE_ERA_DAYS + 1) / DATE_ERA_DAYS;
	int64_t of_era = shifted - era * DATE_ERA_DAYS;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t from_march = (5 * of_year + 2) / 153;
	int month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);

	return (struct date_parts){ .year = (int)(year + era * 400 + (month <= 2)),
				    .month = month,
				    .day = (int)(of_year - (153 * from_march + 2) / 5 + 1) };
}

/* date_match reads text by a pattern: D a digit, d a digit or blank (of two places), A the month's
 * name, anything else itself. Numbers go to values in their order. */
static bool
date_match(const uint8_t *text, size_t bytes, const char *pattern, int *values)
{
	bool number = false;

	if (bytes != strlen(pattern))
		return false;
	for (size_t i = 0; i < bytes; i++) {
		if (pattern[i] == 'D' || pattern[i] == 'd') {
			bool blank = pattern[i] == 'd' && text[i] == ' ';

			if (!blank && !http_is_digit(text[i]))
				return false;
			if (!number)
				*values++ = 0;
			values[-1] = values[-1] * 10 + (blank ? 0 : text[i] - '0');
			number = true;
			continue;
		}
		number = false;
		if (pattern[i] == 'A') {
			int month = 0;

			while (month < 12 && memcmp(date_months + month * 3, text + i, 3) != 0)
				month++;
			if (month == 12)
				return false;
			*values++ = month + 1;
			i += 2;
			continue;
		}
		if (text[i] != (uint8_t)pattern[i])
			return false;
	}
	return true;
}

/* date_weekday returns how long the name of a day is that stands first: short or whole; 0 if
 * none. */
static size_t
date_weekday(const uint8_t *text, size_t bytes, bool whole)
{
	for (unsigned i = 0; i < 7; i++) {
		size_t length = whole ? strlen(date_days[i]) : 3;

		if (bytes >= length && memcmp(date_days[i], text, length) == 0)
			return length;
	}
	return 0;
}

static bool
date_is_real(const struct date_parts *date)
{
	static const uint8_t lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);

	if (date->day < 1 || date->day > lengths[date->month - 1] ||
	    (date->month == 2 && date->day == 29 && !leap))
		return false;
	return date->hour <= 23 && date->minute <= 59 && date->second <= 60;
}

static int64_t
date_seconds(const struct date_parts *date)
{
	return date_to_days(date->year, date->month, date->day) * DATE_DAY_S + date->hour * 3600 +
	       date->minute * 60 + date->second;
}

bool
mr_http_date_parse(const uint8_t *text, size_t bytes, int64_t now_s, int64_t *seconds)
{
	size_t skip = date_weekday(text, bytes, false), whole = date_weekday(text, bytes, true);
	struct date_parts date;
	int v[6];
	bool short_year = false;

	if (skip == 0)
		return false;
	if (date_match(text + skip, bytes - skip, ", DD AAA DDDD DD:DD:DD GMT", v)) {
		date = (struct date_parts){ v[2], v[1], v[0], v[3], v[4], v[5] };
	} else if (date_match(text + skip, bytes - skip, " AAA dD DD:DD:DD DDDD", v)) {
		date = (struct date_parts){ v[5], v[0], v[1], v[2], v[3], v[4] };
	} else if (whole &&
		   date_match(text + whole, bytes - whole, ", DD-AAA-DD DD:DD:DD GMT", v)) {
		int century = date_from_days(now_s / DATE_DAY_S).year / 100 * 100;

		date = (struct date_parts){ century + v[2], v[1], v[0], v[3], v[4], v[5] };
		short_year = true;
	} else
		return false;
	if (short_year && date.year > date_from_days(now_s / DATE_DAY_S).year + 50)
		date.year -= 100;
	if (!date_is_real(&date))
		return false;
	*seconds = date_seconds(&date);
	return true;
}

static void
date_put(char *out, int value, int digits)
{
	for (; digits-- > 0; value /= 10)
		out[digits] = (char)('0' + value % 10);
}

void
mr_http_date_format(int64_t seconds, char out[MR_HTTP_DATE_BYTES])
{
	int64_t days, left;
	struct date_parts date;

	seconds = MR_MAX(MR_HTTP_DATE_MIN_S, MR_MIN(MR_HTTP_DATE_MAX_S, seconds));
	days = (seconds - (seconds < 0 ? DATE_DAY_S - 1 : 0)) / DATE_DAY_S;
	left = seconds - days * DATE_DAY_S;
	date = date_from_days(days);
	memcpy(out, "Sun, 00 Jan 0000 00:00:00 GMT", MR_HTTP_DATE_BYTES);
	memcpy(out, date_days[((days % 7) + 11) % 7], 3); /* day 0 was a Thursday */
	date_put(out + 5, date.day, 2);
	memcpy(out + 8, date_months + (date.month - 1) * 3, 3);
	date_put(out + 12, date.year, 4);
	date_put(out + 17, (int)(left / 3600), 2);
	date_put(out + 20, (int)(left / 60 % 60), 2);
	date_put(out + 23, (int)(left % 60), 2);
}
