/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/schema_sites - rows of the table in ctl/schema.c: what is served over HTTP. It is included
 * there, once, among the others.
 *
 * Owner:  nobody, const. Thread: any. Memory: the table's (ctl/schema.h).
 */
/* clang-format off */

/* Of a site and of a route. */
#define LIMIT_ROWS(at, FIELD, whose) \
	{ at, MR_SCHEMA_MAP, .help = "Bounds of its requests; default: " whose }, \
	{ at ".header", MR_SCHEMA_U32, MR_SCHEMA_LIVE, FIELD(limits.header_bytes), \
	  .high = 16384, .fallback = "0", .unit = "bytes", .help = "Largest head; above it 431" }, \
	{ at ".body", MR_SCHEMA_SIZE, MR_SCHEMA_LIVE, FIELD(limits.body_bytes), \
	  .high = 1ull << 50, .fallback = "0", .unit = "bytes", \
	  .help = "Largest content of a request; above it 413" }, \
	{ at ".body_timeout", MR_SCHEMA_U32, MR_SCHEMA_LIVE, FIELD(limits.body_ms), \
	  .high = 3600000, .fallback = "0", .unit = "ms", \
	  .help = "As http.body_timeout" }, \
	{ at ".idle_timeout", MR_SCHEMA_U32, MR_SCHEMA_LIVE, FIELD(limits.idle_ms), \
	  .high = 3600000, .fallback = "0", .unit = "ms", \
	  .help = "As http.idle_timeout, after an answer of it" }, \
	{ at ".requests", MR_SCHEMA_U32, MR_SCHEMA_LIVE, FIELD(limits.requests), \
	  .high = 1000000, .fallback = "0", .unit = "requests", \
	  .help = "A connection that comes to it is closed after this many" }, \
	{ at ".rate", MR_SCHEMA_U32, MR_SCHEMA_LIVE, FIELD(limits.rate), \
	  .high = 100000000, .fallback = "0", .unit = "requests/s", \
	  .help = "Requests in a second; above it 429" }, \
	{ at ".burst", MR_SCHEMA_U32, MR_SCHEMA_LIVE, FIELD(limits.burst), \
	  .high = 100000000, .fallback = "0", .unit = "requests", \
	  .help = "Of them at once; default: as many as in a second" }

	{ "http", MR_SCHEMA_MAP, .help = "Bounds of HTTP connections" },
	{ "http.header_timeout", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(http.header_ms), .low = 10,
	  .high = 3600000, .fallback = "10000", .unit = "ms",
	  .help = "From a request's first octet to the end of its head; then 408" },
	{ "http.body_timeout", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(http.body_ms), .low = 10,
	  .high = 3600000, .fallback = "30000", .unit = "ms",
	  .help = "The same for the content of a request, where none is wanted" },
	{ "http.idle_timeout", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(http.idle_ms), .low = 10,
	  .high = 3600000, .fallback = "60000", .unit = "ms",
	  .help = "Between two requests of a connection; and without progress in sending" },
	{ "http.linger_timeout", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(http.linger_ms), .low = 10,
	  .high = 3600000, .fallback = "3000", .unit = "ms",
	  .help = "How long input is read on, and dropped, when we have closed" },
	{ "http.requests", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(http.request_limit), .low = 1,
	  .high = 1000000, .fallback = "100000", .unit = "requests",
	  .help = "A connection is closed after this many" },
	{ "http.body", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(http.body_bytes), .low = 1,
	  .high = UINT32_MAX, .fallback = "1048576", .unit = "bytes",
	  .help = "Largest content of a request, where none is wanted; above it 413" },
	{ "http.incomplete", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(http.exchange_limit), .low = 1,
	  .high = 16777216, .fallback = "2048", .unit = "connections",
	  .help = "Connections of each worker that may be within a request, 2 KiB each" },
	{ "access_log", MR_SCHEMA_MAP, .help = "A line for each answer over HTTP" },
	{ "access_log.file", MR_SCHEMA_PATH, MR_SCHEMA_BOOT, OF(access_log.file),
	  ROOM(mr_config, access_log.file), .high = MR_SITE_ACCESS_PATH_BYTES - 1, .fallback = "",
	  .unit = "file",
	  .help = "Appended to; opened again at SIGUSR1 and `millctl log reopen`; empty: none" },
	{ "access_log.format", MR_SCHEMA_CHOICE, MR_SCHEMA_BOOT, OF(access_log.format),
	  .fallback = "combined", .choices = access_choices,
	  .help = "combined: as Apache and nginx write it; json: an object a line" },
	{ "access_log.sample", MR_SCHEMA_U32, MR_SCHEMA_BOOT, OF(access_log.sample), .low = 1,
	  .high = 1000000, .fallback = "1", .help = "One answer of so many is logged" },
	{ "access_log.buffer", MR_SCHEMA_SIZE, MR_SCHEMA_BOOT, OF(access_log.buffer_bytes),
	  .low = 16384, .high = 1 << 30, .fallback = "1MiB", .unit = "bytes",
	  .help = "What a worker may be ahead of the log; what does not fit is dropped, counted" },
	{ "sites", MR_SCHEMA_LIST, MR_SCHEMA_LIVE, ITEMS(mr_config, sites, site_count),
	  .high = MR_SITE_MAX, .key = "name", .help = "Sites that are served over HTTP" },
	{ "sites[]", MR_SCHEMA_MAP, .help = "A site" },
	{ "sites[].name", MR_SCHEMA_NAME, MR_SCHEMA_LIVE, SITE(name), ROOM(mr_site_config, name),
	  .required = true, .low = 1, .high = MR_NAME_MAX - 1,
	  .help = "What the site is called here" },
	{ "sites[].hosts", MR_SCHEMA_LIST, MR_SCHEMA_LIVE, ITEMS(mr_site_config, hosts, host_count),
	  .low = 1, .high = MR_SITE_HOST_MAX, .fallback = "*",
	  .help = "Hosts that it answers to: exact before *.wildcard before *" },
	{ "sites[].hosts[]", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, .low = 1, .high = MR_SITE_HOST_BYTES,
	  .help = "www.example.com, *.example.com, [2001:db8::80] or *" },
	{ "sites[].listen", MR_SCHEMA_LIST, MR_SCHEMA_LIVE,
	  ITEMS(mr_site_config, listens, listen_count), .low = 1, .high = MR_SITE_LISTEN_MAX,
	  .fallback = "80", .help = "Where it is reached" },
	{ "sites[].listen[]", MR_SCHEMA_LISTEN, MR_SCHEMA_LIVE,
	  .help = "One service address and a port, or a port on all of them" },
	{ "sites[].request_id", MR_SCHEMA_BOOL, MR_SCHEMA_LIVE, SITE(request_id), .fallback = "off",
	  .help = "on: answers have X-Request-ID, the request's or one of ours" },
	LIMIT_ROWS("sites[].limits", SITE, "the box's"),
	{ "sites[].log", MR_SCHEMA_BOOL, MR_SCHEMA_LIVE, SITE(log), .fallback = "on",
	  .help = "off: its answers are not in the access log" },
	{ "sites[].errors", MR_SCHEMA_LIST, MR_SCHEMA_LIVE,
	  ITEMS(mr_site_config, errors, error_count), .high = MR_SITE_ERROR_MAX,
	  .help = "Pages for what is not served" },
	{ "sites[].errors[]", MR_SCHEMA_MAP, .help = "A page" },
	{ "sites[].errors[].status", MR_SCHEMA_U16, MR_SCHEMA_LIVE, PAGE(status), .required = true,
	  .low = 400, .high = 599, .help = "404, 405, 408, 413, 429, 431 or 501" },
	{ "sites[].errors[].body", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, PAGE(body),
	  .high = MR_SITE_BODY_BYTES, .help = "Its content" },
	{ "sites[].errors[].type", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, PAGE(type), .low = 1,
	  .high = 255, .help = "Its Content-Type; default text/html; charset=utf-8" },
	{ "sites[].routes", MR_SCHEMA_LIST, MR_SCHEMA_LIVE,
	  ITEMS(mr_site_config, routes, route_count), .low = 1, .high = MR_SITE_ROUTE_MAX,
	  .required = true,
	  .help = "What it does with a path: exact, the longest prefix, the first regex" },
	{ "sites[].routes[]", MR_SCHEMA_MAP,
	  .help = "A route: one of path, prefix, regex; an action" },
	{ "sites[].routes[].path", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, ROUTE(path), .low = 1,
	  .high = MR_SITE_PATH_BYTES, .help = "Exactly this path" },
	{ "sites[].routes[].prefix", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, ROUTE(prefix), .low = 1,
	  .high = MR_SITE_PATH_BYTES, .help = "This path and all below it, by whole segments" },
	{ "sites[].routes[].regex", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, ROUTE(regex), .low = 1,
	  .high = MR_SITE_PATH_BYTES, .help = "Paths that it matches anywhere: ^ and $ are yours" },
	{ "sites[].routes[].rewrite", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, ROUTE(rewrite), .low = 1,
	  .high = MR_SITE_PATH_BYTES,
	  .help = "root, proxy: stands for the path, or for the prefix" },
	{ "sites[].routes[].respond", MR_SCHEMA_MAP, .help = "Action: a fixed answer" },
	{ "sites[].routes[].respond.status", MR_SCHEMA_U16, MR_SCHEMA_LIVE, ROUTE(status),
	  .low = 200, .high = 599, .help = "Its status; default 200" },
	{ "sites[].routes[].respond.body", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, ROUTE(body),
	  .high = MR_SITE_BODY_BYTES, .help = "Its content" },
	{ "sites[].routes[].respond.type", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, ROUTE(type), .low = 1,
	  .high = 255, .help = "Its Content-Type; default text/plain; charset=utf-8" },
	{ "sites[].routes[].redirect", MR_SCHEMA_MAP, .help = "Action: somewhere else" },
	{ "sites[].routes[].redirect.status", MR_SCHEMA_U16, MR_SCHEMA_LIVE, ROUTE(status),
	  .low = 300, .high = 308, .help = "301, 302, 303, 307 or 308; default 302" },
	{ "sites[].routes[].redirect.to", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, ROUTE(to), .low = 1,
	  .high = MR_SITE_PATH_BYTES, .help = "Location" },
	{ "sites[].routes[].root", MR_SCHEMA_PATH, MR_SCHEMA_LIVE, ROUTE(root),
	  ROOM(mr_site_route_config, root), .low = 1, .high = MR_SITE_ROOT_BYTES - 1,
	  .unit = "folder", .help = "Action: files below this folder, by the path behind prefix" },
	{ "sites[].routes[].proxy", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, ROUTE(proxy), .low = 1,
	  .high = MR_NAME_MAX - 1, .help = "Action: an origin of this upstream answers" },
	{ "sites[].routes[].health", MR_SCHEMA_MAP,
	  .help = "Action: 200 for a load balancer in front, 503 while draining" },
	{ "sites[].routes[].health.body", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, ROUTE(body),
	  .high = MR_SITE_BODY_BYTES, .help = "Content of the 200; default ok" },
	LIMIT_ROWS("sites[].routes[].limits", ROUTE, "the site's"),
	{ "sites[].routes[].headers", MR_SCHEMA_LIST, MR_SCHEMA_LIVE,
	  ITEMS(mr_site_route_config, edits, edit_count), .high = MR_SITE_EDIT_MAX,
	  .help = "What is done to the header of its answers, in this order" },
	{ "sites[].routes[].headers[]", MR_SCHEMA_MAP, .help = "An edit" },
	{ "sites[].routes[].headers[].name", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, EDIT(name),
	  .required = true, .low = 1, .high = MR_HTTP_NAME_BYTES_MAX, .help = "A field's name" },
	{ "sites[].routes[].headers[].value", MR_SCHEMA_TEXT, MR_SCHEMA_LIVE, EDIT(value),
	  .high = 4096, .help = "Its value" },
	{ "sites[].routes[].headers[].edit", MR_SCHEMA_CHOICE, MR_SCHEMA_LIVE, EDIT(kind),
	  .fallback = "set", .choices = edit_choices,
	  .help = "set: instead of any there is; add: beside it; remove" },
