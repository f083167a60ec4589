/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/http - what the message room costs alone: no packets, no sockets, one thread.
 *
 *   http_bench
 *
 * Prints one JSON line per case: nanoseconds, the median and the best of eleven rounds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "http/http.h"

enum { ROUNDS = 11, TURNS = 200000 };

/* As a browser sends it. */
static const char browser[] =
	"GET /assets/css/site.css?v=3 HTTP/1.1\r\n"
	"Host: www.example.com\r\n"
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
	"Accept: text/css,*/*;q=0.1\r\n"
	"Accept-Language: en-US,en;q=0.5\r\n"
	"Accept-Encoding: gzip, deflate, br, zstd\r\n"
	"Connection: keep-alive\r\n"
	"Referer: https://www.example.com/\r\n"
	"\r\n";
static const char load[] =
	"GET /object/000017 HTTP/1.1\r\nHost: bench.example\r\n"
	"User-Agent: millgen/1.0\r\nAccept: */*\r\nX-Pad: 0123456789abcdef0123456789"
	"abcdef0123456789\r\n\r\n";
static const char origin[] =
	"HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	"Content-Type: text/html\r\nContent-Length: 100\r\nETag: \"abc\"\r\n"
	"Cache-Control: max-age=60\r\nConnection: keep-alive\r\n\r\n";

static const struct mr_http_limits limits = MR_HTTP_LIMITS_DEFAULT;
static struct mr_http_message message;
static uint8_t buffer[4096];
static volatile uint64_t sink;

static void
parse_request(const char *text, size_t bytes)
{
	struct mr_http_head head;

	mr_http_head_request(&head);
	if (mr_http_head_parse(&head, &message, &limits, (const uint8_t *)text, bytes) !=
	    MR_HTTP_DONE)
		exit(1);
}

static void
case_browser(void)
{
	parse_request(browser, sizeof(browser) - 1);
}

static void
case_load(void)
{
	parse_request(load, sizeof(load) - 1);
}

/* Octet by octet: the bound that (1) of http/head states. */
static void
case_drip(void)
{
	struct mr_http_head head;
	enum mr_http_verdict verdict = MR_HTTP_MORE;

	mr_http_head_request(&head);
	for (size_t i = 1; i < sizeof(browser); i++)
		verdict = mr_http_head_parse(&head, &message, &limits, (const uint8_t *)browser, i);
	if (verdict != MR_HTTP_DONE)
		exit(1);
}

static void
case_response(void)
{
	struct mr_http_head head;

	mr_http_head_response(&head, MR_HTTP_GET);
	if (mr_http_head_parse(&head, &message, &limits, (const uint8_t *)origin,
			       sizeof(origin) - 1) != MR_HTTP_DONE)
		exit(1);
}

static void
case_write(void)
{
	static const struct mr_http_forward how = { .via = "millrace" };
	struct mr_writer writer = mr_writer_over(buffer, sizeof(buffer));

	mr_http_write_request(&writer, &message, (const uint8_t *)browser, &how);
	sink += (uint64_t)(writer.at - buffer);
}

static void
case_path(void)
{
	static const uint8_t path[] = "/assets/%63ss/../css/./site%2Ecss";

	sink += mr_http_path(path, sizeof(path) - 1, buffer, sizeof(buffer));
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
measure(const char *name, void (*work)(void), size_t bytes, uint64_t turns)
{
	double rounds[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = mr_clock_now_ns();

		for (uint64_t k = 0; k < turns; k++) {
			work();
			__asm__ volatile("" ::: "memory");
		}
		rounds[i] = (double)(mr_clock_now_ns() - start) / (double)turns;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
	printf("{\"bench\":\"%s\",\"bytes\":%zu,\"ns\":%.1f,\"ns_best\":%.1f}\n", name, bytes,
	       rounds[ROUNDS / 2], rounds[0]);
}

int
main(void)
{
	measure("http-parse-browser", case_browser, sizeof(browser) - 1, TURNS);
	case_browser();
	measure("http-write-request", case_write, sizeof(browser) - 1, TURNS);
	measure("http-parse-drip", case_drip, sizeof(browser) - 1, TURNS / 20);
	measure("http-parse-load", case_load, sizeof(load) - 1, TURNS);
	measure("http-parse-response", case_response, sizeof(origin) - 1, TURNS);
	measure("http-path", case_path, 33, TURNS);
	return 0;
}
