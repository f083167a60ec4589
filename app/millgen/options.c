/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/options - the table of options, its reader and its help.
 */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

enum option_kind { TEXT, TEXTS, NUMBER, BYTES, DURATION, PERCENT, FLAG };

struct option_row {
	const char *name, *argument;
	enum option_kind kind;
	unsigned modes;
	size_t offset;
	uint64_t low, high; /* of NUMBER */
	const char *help;   /* a heading when name is NULL */
};

#define DNS       GEN_MODE_DNS
#define ZONE      GEN_MODE_ZONE
#define REPLAY    GEN_MODE_REPLAY
#define TCP       GEN_MODE_TCP
#define AT(field) offsetof(struct gen_options, field)

static const struct option_row option_rows[] = {
	{ .modes = DNS | TCP | REPLAY, .help = "Port" },
	{ "--port", "KIND:TARGET[,OPTION...]", TEXT, DNS | TCP | REPLAY, AT(port), 0, 0,
	  "memif:/run/gen.sock, afxdp:eth1, afpacket:eth1, pcap:in.pcap; options: server, copy (memif), "
	  "ring=N, mac=MAC, mtu=N" },
	{ "--cpus", "GENERATOR[,CONTROL]", TEXT, DNS | TCP | REPLAY, AT(cpus), 0, 0,
	  "the core that generates, and the one for everything else [the last CPU for both]" },
	{ "--memory", "SIZE", BYTES, DNS | TCP | REPLAY, AT(memory_bytes), 0, 0,
	  "hugepages for packet buffers [128MiB]" },
	{ "--no-huge", NULL, FLAG, DNS | TCP | REPLAY, AT(no_huge), 0, 0,
	  "ordinary pages; slower, and no zero copy" },
	{ "--link-wait", "TIME", DURATION, DNS | TCP | REPLAY, AT(link_wait_ns), 0, 0,
	  "how long to wait for the link and for the target's link address [5s]" },
	{ "--linger", "TIME", DURATION, DNS | TCP | REPLAY, AT(linger_ns), 0, 0,
	  "stay attached after the end until the other side leaves, at most this long (DPDK's memif "
	  "server may crash when its client leaves first) [0s; replay: 200ms]" },
	{ .modes = DNS | TCP, .help = "Target and clients" },
	{ "--target", "ADDR[:PORT]", TEXTS, DNS | TCP, AT(targets), 0, 0,
	  "the server; again for a second one (say, IPv4 and IPv6 in turn)" },
	{ "--source", "PREFIX", TEXTS, DNS | TCP, AT(sources), 0, 0,
	  "the clients' addresses; ARP and neighbour discovery for them are answered; again for "
	  "the other family" },
	{ "--clients", "N", NUMBER, DNS | TCP, AT(clients), 0, UINT32_MAX,
	  "use the first N addresses of each source only [all]" },
	{ "--source-ports", "LOW-HIGH", TEXT, DNS | TCP, AT(source_ports), 0, 0, "[16384-49151]" },
	{ "--via", "ADDR", TEXT, DNS | TCP, AT(via), 0, 0,
	  "next hop, when the target is not on the link" },
	{ "--target-mac", "MAC", TEXT, DNS | TCP | REPLAY, AT(target_mac), 0, 0,
	  "do not ask for the link address" },
	{ "--ttl", "N", NUMBER, DNS | TCP, AT(ttl), 1, 255, "IP time to live [64]" },
	{ .modes = DNS | ZONE, .help = "Questions" },
	{ "--pattern", "'NAME TYPE'", TEXT, DNS | ZONE, AT(pattern), 0, 0,
	  "%u is a number below --count; answers to A, AAAA are checked against the number" },
	{ "--count", "N", NUMBER, DNS | TCP | ZONE, AT(count), 1, GEN_NUMBER_LIMIT - 1,
	  "names of the pattern, objects of the path [1000000]" },
	{ "--queries", "FILE", TEXT, DNS, AT(queries), 0, 0,
	  "lines 'name TYPE', as dnsperf and kxdpgun take" },
	{ "--choose", "HOW", TEXT, DNS | TCP, AT(choose), 0, 0,
	  "sequential, uniform, zipf[:EXPONENT], or (dns) missing: names of the pattern that its "
	  "zone does not have; NXDOMAIN is expected [uniform; sequential for a file]" },
	{ "--edns", "BYTES", NUMBER, DNS, AT(edns_bytes), 0, 65535,
	  "send EDNS with this payload size; 0 is none [0]" },
	{ "--dnssec-ok", NULL, FLAG, DNS, AT(dnssec_ok), 0, 0, "set DO" },
	{ "--cookie", NULL, FLAG, DNS, AT(cookie), 0, 0,
	  "send a client cookie, one per client; a wrong one in a reply is an error" },
	{ "--random-case", NULL, FLAG, DNS, AT(random_case), 0, 0,
	  "mix upper and lower case; replies must show the same" },
	{ "--recursion-desired", NULL, FLAG, DNS, AT(recursion_desired), 0, 0, "set RD" },
	{ "--expect", "WHAT", TEXT, DNS, AT(expect), 0, 0,
	  "RCODEs that are right, as names or numbers with commas, or any; or reflection: the "
	  "queries come back as they are (measures the path) [noerror; nxdomain for missing; "
	  "both for a file]" },
	{ .modes = DNS, .help = "TCP" },
	{ "--tcp", NULL, FLAG, DNS, AT(tcp), 0, 0,
	  "ask over TCP: real connections, as in the mode tcp, closed by the client" },
	{ "--queries-per-connection", "N", NUMBER, DNS, AT(requests), 0, UINT32_MAX,
	  "then it is closed; 0: never, --connections are kept open [--pipeline]" },
	{ .modes = TCP, .help = "Requests" },
	{ "--scenario", "NAME", TEXT, TCP, AT(scenario), 0, 0,
	  "connect-close (a connection for each request), keepalive (--connections, reused), hold "
	  "(open --connections at --rate, keep them, ask each again after --again), slow (as hold, "
	  "but badly, see --variant), flood-syn (SYNs, and nothing after them) [connect-close]" },
	{ "--variant", "NAME", TEXT, TCP, AT(variant), 0, 0,
	  "of slow: idle, slowloris (a byte every --again), zero-window, slow-reader, ooo-bomb, "
	  "sack-bomb, rst-inject; tiny segments: --mss 48 with any scenario" },
	{ "--path", "PATH", TEXT, TCP, AT(path), 0, 0,
	  "%u is an object's number below --count [/]" },
	{ "--host", "NAME", TEXT, TCP, AT(host), 0, 0, "[millgen]" },
	{ "--status", "N", NUMBER, TCP, AT(status), 100, 599, "that is right [200]" },
	{ "--body", "FILE", TEXT, TCP, AT(body), 0, 0,
	  "the body that is right, %u as in --path [an object's first answer is its model]" },
	{ "--request-bytes", "N", NUMBER, TCP, AT(request_bytes), 0, 512,
	  "of a request, at least [150]" },
	{ "--requests", "N", NUMBER, TCP, AT(requests), 0, UINT32_MAX,
	  "on each connection, then it is closed [connect-close: --pipeline; else no end]" },
	{ "--pipeline", "N", NUMBER, DNS | TCP, AT(pipeline), 1, 32,
	  "requests (queries) sent at once [1]" },
	{ "--close", "SIDE", TEXT, TCP, AT(close), 0, 0,
	  "who closes first: server (it is asked to) or client [server]" },
	{ .modes = DNS | TCP, .help = "Connections" },
	{ "--connections", "N", NUMBER, DNS | TCP, AT(connections), 0, 1 << 24,
	  "kept open (keepalive, hold, dns --tcp)" },
	{ "--again", "TIME", DURATION, TCP, AT(again_ns), 0, 0,
	  "hold: a connection is asked again so long after each answer; slow: how often each acts "
	  "[60s]" },
	{ "--active", "PERCENT", PERCENT, TCP, AT(active_percent), 0, 0,
	  "hold: so many of them go on asking; the others ask again once and then wait to be "
	  "closed [100]" },
	{ "--idle", "TIME", DURATION, TCP, AT(idle_ns), 0, 0,
	  "after which the server closes who does not ask: how much later it did is told" },
	{ "--abandon", NULL, FLAG, TCP, AT(abandon), 0, 0,
	  "leave what is open at the end to the server, without a word" },
	{ "--time-wait", "TIME", DURATION, DNS | TCP, AT(time_wait_ns), 0, 0,
	  "how long a closed pair of address and port rests: as long as the server holds it in "
	  "TIME-WAIT [60s]" },
	{ "--mss", "N", NUMBER, DNS | TCP, AT(mss), 0, 9000, "offered [by the port's MTU]" },
	{ "--window", "SIZE", BYTES, DNS | TCP, AT(window_bytes), 0, 0, "receive window [256KiB]" },
	{ "--no-timestamps", NULL, FLAG, DNS | TCP, AT(no_timestamps), 0, 0, "do not offer them" },
	{ .modes = REPLAY, .help = "What is sent" },
	{ "--file", "FILE.pcap", TEXT, REPLAY, AT(file), 0, 0, "frames to send, Ethernet" },
	{ "--loops", "N", NUMBER, REPLAY, AT(loops), 1, UINT32_MAX, "times over [1]" },
	{ .modes = DNS | TCP | REPLAY, .help = "Load" },
	{ "--rate", "RATE", TEXT, DNS | TCP | REPLAY, AT(rate), 0, 0,
	  "per second, like 250k or 1.5M, by schedule; max searches the highest rate with loss "
	  "within --loss (dns); flood sends what the port takes; recorded keeps the times of the "
	  "file (replay) [1000]" },
	{ "--flood", "RATE", TEXT, TCP, AT(flood), 0, 0,
	  "beside all else so many SYNs a second, from 65,536 addresses behind the last client's; "
	  "then the link is one that drops what the port does not take, whosever it is" },
	{ "--step", "LOW-HIGH:N", TEXT, DNS | TCP, AT(step), 0, 0,
	  "a load curve: N rates from LOW to HIGH" },
	{ "--duration", "TIME", DURATION, DNS | TCP, AT(duration_ns), 0, 0, "[10s]" },
	{ "--warm-up", "TIME", DURATION, DNS | TCP, AT(warm_up_ns), 0, 0, "not counted [1s]" },
	{ "--probe", "TIME", DURATION, DNS | TCP, AT(probe_ns), 0, 0,
	  "length of a step of the search and of the curve [1s]" },
	{ "--timeout", "TIME", DURATION, DNS | TCP, AT(timeout_ns), 0, 0,
	  "what is not answered by then is lost [1s; tcp: 5s]" },
	{ "--outstanding", "N", NUMBER, DNS | TCP, AT(outstanding), 1, 1 << GEN_SLOT_BITS_MAX,
	  "dns: queries remembered at once, a power of two [by rate and timeout, at most 1048576]; "
	  "tcp: connections under way in a flood [256]" },
	{ "--loss", "PERCENT", PERCENT, DNS | TCP, AT(loss_percent), 0, 0,
	  "how much may be missing or wrong [0.1; flood-syn, slow: 100]" },
	{ "--seed", "N", NUMBER, DNS | TCP, AT(seed), 0, UINT64_MAX,
	  "everything random is a function of it [1]" },
	{ .modes = DNS | ZONE | REPLAY, .help = "Output" },
	{ "--json", NULL, FLAG, DNS | TCP | REPLAY, AT(json), 0, 0, "one JSON object per line" },
	{ "--quiet", NULL, FLAG, DNS | TCP | REPLAY, AT(quiet), 0, 0, "the summary only" },
	{ "--plot", "FILE.svg", TEXT, DNS | TCP, AT(plot), 0, 0,
	  "latency distribution, or load curve with --step; by gnuplot" },
	{ "--write-pcap", "FILE", TEXT, DNS, AT(write_pcap), 0, 0,
	  "write --frames queries to a capture file and end; needs no port" },
	{ "--frames", "N", NUMBER, DNS, AT(frames), 1, UINT32_MAX, "[1000]" },
	{ "--out", "FILE", TEXT, ZONE, AT(out), 0, 0, "the zone file [standard output]" },
};

static const struct {
	enum gen_mode mode;
	const char *name, *what, *example;
} option_modes[] = {
	{ GEN_MODE_DNS, "dns", "ask a DNS server over UDP or TCP; match and check every reply",
	  "  millgen dns --port memif:/run/millrace/gen.sock --target 192.0.2.53 --source 10.64.0.0/10 "
	  "\\\n      --pattern 'h%u.example.com A' --count 1000000 --rate 1M --duration 10s\n"
	  "  millgen dns --port afxdp:eth1 --target 192.0.2.53 --source 192.0.2.128/28 "
	  "\\\n      --queries names.txt --rate max --json\n" },
	{ GEN_MODE_TCP, "tcp", "open connections to an HTTP server, ask, check every answer, close",
	  "  millgen tcp --port memif:/run/millrace/gen.sock --target 192.0.2.80 --source 10.64.0.0/16 "
	  "\\\n      --rate 100k --duration 10s\n"
	  "  millgen tcp --port afxdp:eth1 --target 192.0.2.80 --source 192.0.2.128/28 "
	  "\\\n      --scenario keepalive --connections 100 --path /obj/%u --count 1000 --rate max\n" },
	{ GEN_MODE_REPLAY, "replay", "send the frames of a capture file",
	  "  millgen replay --port memif:/run/millrace/gen.sock --file dns.pcap --rate 100k\n" },
	{ GEN_MODE_ZONE, "zone", "write the zone that answers a pattern",
	  "  millgen zone --pattern 'h%u.example.com A' --count 1000000 --out example.com.zone\n" },
};

int
gen_options_number(const char *text, uint64_t *out)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || !(value >= 0) || !isfinite(value))
		return -EINVAL;
	switch (*end) {
	case 'k':
		value *= 1e3;
		end++;
		break;
	case 'M':
		value *= 1e6;
		end++;
		break;
	case 'G':
		value *= 1e9;
		end++;
		break;
	default:
		break;
	}
	if (*end || value >= 0x1p63 || (value < 1 && value > 0))
		return -EINVAL;
	*out = (uint64_t)(value + 0.5);
	return 0;
}

int
gen_options_endpoint(const char *text, struct mr_addr *addr, uint16_t *port)
{
	char name[MR_ADDR_TEXT_BYTES];
	const char *colon = strrchr(text, ':'), *end = text + strlen(text);
	unsigned long number;
	char *rest;

	if (text[0] == '[') {
		const char *close = strchr(text, ']');

		if (!close || (close[1] && close[1] != ':'))
			return -EINVAL;
		colon = close[1] ? close + 1 : NULL;
		end = close;
		text++;
	} else if (colon && strchr(text, ':') == colon) {
		end = colon;
	} else {
		colon = NULL;
	}
	if ((size_t)(end - text) >= sizeof(name))
		return -EINVAL;
	memcpy(name, text, (size_t)(end - text));
	name[end - text] = 0;
	if (colon) {
		number = strtoul(colon + 1, &rest, 10);
		if (rest == colon + 1 || *rest || !number || number > UINT16_MAX)
			return -EINVAL;
		*port = (uint16_t)number;
	}
	return mr_addr_parse(name, addr);
}

/* option_port_word reads one of the words after KIND:TARGET. */
static int
option_port_word(const char *word, struct mr_port_config *out, struct mr_error *error)
{
	uint64_t number = 0;

	if (strcmp(word, "server") == 0) {
		out->memif_server = true;
		return 0;
	}
	if (strcmp(word, "copy") == 0) {
		out->memif_zero_copy = false;
		return 0;
	}
	if (strncmp(word, "mac=", 4) == 0) {
		out->has_mac = true;
		if (mr_mac_parse(word + 4, &out->mac) == 0)
			return 0;
		return mr_error_set(error, -EINVAL, "--port: '%s' is no hardware address", word);
	}
	if (strchr(word, '=') && gen_options_number(strchr(word, '=') + 1, &number) == 0 &&
	    number <= 16384) {
		if (strncmp(word, "ring=", 5) == 0) {
			out->rx_descriptors = out->tx_descriptors = (uint16_t)number;
			return 0;
		}
		if (strncmp(word, "mtu=", 4) == 0) {
			out->mtu = (uint16_t)number;
			return 0;
		}
	}
	return mr_error_set(error, -EINVAL,
			    "--port: '%s' is not one of server, copy, mac=MAC, ring=N, mtu=N",
			    word);
}

int
gen_options_port(const char *text, struct mr_port_config *out, struct mr_error *error)
{
	char copy[512], *target, *word, *rest = NULL;
	int code = 0;

	memset(out, 0, sizeof(*out));
	if (strlen(text) >= sizeof(copy))
		return mr_error_set(error, -EINVAL, "--port: too long");
	strcpy(copy, text);
	target = strchr(copy, ':');
	if (!target || target == copy)
		return mr_error_set(error, -EINVAL, "--port: expected KIND:TARGET, got '%s'", text);
	*target++ = 0;
	word = strchr(target, ',');
	if (word)
		*word++ = 0;
	if (strlen(copy) >= sizeof(out->kind) || strlen(target) >= sizeof(out->target))
		return mr_error_set(error, -EINVAL, "--port: '%s' is too long", text);
	strcpy(out->name, "gen");
	strcpy(out->kind, copy);
	strcpy(out->target, target);
	out->memif_zero_copy = strcmp(out->kind, "memif") == 0;
	for (word = word ? strtok_r(word, ",", &rest) : NULL; word && !code;
	     word = strtok_r(NULL, ",", &rest))
		code = option_port_word(word, out, error);
	return code;
}

static int
option_set(struct gen_options *self, const struct option_row *row, const char *text,
	   struct mr_error *error)
{
	void *field = (char *)self + row->offset;
	struct gen_texts *texts = field;
	char *end;
	int code = 0;

	switch (row->kind) {
	case TEXT:
		*(const char **)field = text;
		break;
	case TEXTS:
		if (texts->count == GEN_TEXTS_MAX)
			return mr_error_set(error, -E2BIG, "%s: at most %d", row->name,
					    GEN_TEXTS_MAX);
		texts->items[texts->count++] = text;
		break;
	case NUMBER:
		code = gen_options_number(text, field);
		if (!code && (*(uint64_t *)field < row->low || *(uint64_t *)field > row->high))
			return mr_error_set(error, -ERANGE, "%s: %s is not %llu..%llu", row->name,
					    text, (unsigned long long)row->low,
					    (unsigned long long)row->high);
		break;
	case BYTES:
		code = mr_units_bytes(text, field);
		break;
	case DURATION:
		code = mr_units_duration(text, field);
		break;
	case PERCENT:
		*(double *)field = strtod(text, &end);
		code = end == text || (*end && strcmp(end, "%") != 0) ||
				       !(*(double *)field >= 0 && *(double *)field <= 100)
			       ? -EINVAL
			       : 0;
		break;
	case FLAG:
		*(bool *)field = true;
		break;
	}
	if (code)
		return mr_error_set(error, code, "%s: '%s' is no %s", row->name, text,
				    row->argument);
	return 0;
}

int
gen_options_parse(struct gen_options *self, int argc, char **argv, bool *help,
		  struct mr_error *error)
{
	*help = false;
	for (int i = 0; i < argc; i++) {
		const char *equals = strchr(argv[i], '='), *value = NULL;
		size_t name_bytes = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
		const struct option_row *row = NULL;
		int code;

		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			*help = true;
			return 0;
		}
		for (size_t r = 0; r < MR_ARRAY_COUNT(option_rows); r++) {
			const struct option_row *at = &option_rows[r];

			if (at->name && (at->modes & (unsigned)self->mode) &&
			    strlen(at->name) == name_bytes &&
			    strncmp(at->name, argv[i], name_bytes) == 0)
				row = at;
		}
		if (!row)
			return mr_error_set(error, -EINVAL, "unknown option '%s'", argv[i]);
		if (row->kind == FLAG && equals)
			return mr_error_set(error, -EINVAL, "%s takes no value", row->name);
		if (row->kind != FLAG) {
			value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
			if (!value)
				return mr_error_set(error, -EINVAL, "%s needs %s", row->name,
						    row->argument);
		}
		code = option_set(self, row, value, error);
		if (code)
			return code;
	}
	return 0;
}

/* option_wrap prints text at a column, broken between words. */
static void
option_wrap(const char *text, int column)
{
	int at = column;

	while (*text) {
		int word = (int)strcspn(text, " ");

		if (at + word > 96) {
			printf("\n%*s", column, "");
			at = column;
		}
		printf("%.*s", word, text);
		at += word + 1;
		text += word;
		if (*text == ' ') {
			text++;
			if (*text && at + (int)strcspn(text, " ") <= 96)
				putchar(' ');
		}
	}
	putchar('\n');
}

void
gen_options_help(enum gen_mode mode)
{
	printf("millgen - a traffic generator that checks what comes back\n\n");
	if (!mode) {
		for (size_t i = 0; i < MR_ARRAY_COUNT(option_modes); i++)
			printf("  millgen %-8s %s\n", option_modes[i].name, option_modes[i].what);
		printf("\nmillgen MODE --help tells a mode's options.\n");
	}
	for (size_t i = 0; mode && i < MR_ARRAY_COUNT(option_modes); i++)
		if (option_modes[i].mode == mode)
			printf("millgen %s: %s\n\n%s", option_modes[i].name, option_modes[i].what,
			       option_modes[i].example);
	for (size_t i = 0; mode && i < MR_ARRAY_COUNT(option_rows); i++) {
		const struct option_row *row = &option_rows[i];
		char left[48];

		if (!(row->modes & (unsigned)mode))
			continue;
		if (!row->name) {
			printf("\n%s\n", row->help);
			continue;
		}
		snprintf(left, sizeof(left), "  %s %s", row->name,
			 row->argument ? row->argument : "");
		printf("%-32s", left);
		if (strlen(left) > 31)
			printf("\n%32s", "");
		option_wrap(row->help, 32);
	}
	printf("\nExit status: 0 the target answered rightly; 1 answers wrong or missing beyond "
	       "--loss;\n2 usage; 3 no link to the target.\n");
}
