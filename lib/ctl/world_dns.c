/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl/world_dns - how a world answers DNS: sizes, names and cookie secrets for the workers.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/world_int.h"

enum { SECRET_DIGITS = 2 * MR_DNS_COOKIE_SECRET_BYTES, SECRET_LINE_BYTES = 256 };

/* One secret in hexadecimal; false when the line is anything else. */
static bool
secret_parse(const char *line, uint8_t secret[MR_DNS_COOKIE_SECRET_BYTES])
{
	for (unsigned i = 0; i < MR_DNS_COOKIE_SECRET_BYTES; i++) {
		unsigned value;

		if (!isxdigit((unsigned char)line[2 * i]) ||
		    !isxdigit((unsigned char)line[2 * i + 1]) ||
		    sscanf(line + 2 * i, "%2x", &value) != 1)
			return false;
		secret[i] = (uint8_t)value;
	}
	return line[SECRET_DIGITS + strspn(line + SECRET_DIGITS, " \t\r\n")] == '\0';
}

/* Lines of 32 hexadecimal digits: the first signs, all are accepted. The line is never told: it may
 * be a secret with a slip in it. */
static int
secrets_read(const char *path, struct mr_dns_config *dns, struct mr_error *error)
{
	FILE *in = fopen(path, "re");
	char line[SECRET_LINE_BYTES];
	unsigned number = 0;
	int rc = 0;

	if (!in)
		return mr_error_set(error, -errno, "dns.cookie_secrets: %s: %s", path,
				    strerror(errno));
	while (!rc && fgets(line, sizeof(line), in)) {
		const char *start = line + strspn(line, " \t");

		number++;
		if (*start == '#' || *start == '\n' || *start == '\0')
			continue;
		if (dns->cookie_secret_count == MR_DNS_COOKIE_SECRETS)
			rc = mr_error_set(error, -EINVAL, "%s:%u: more than %u secrets", path,
					  number, MR_DNS_COOKIE_SECRETS);
		else if (!secret_parse(start, dns->cookie_secrets[dns->cookie_secret_count]))
			rc = mr_error_set(error, -EINVAL,
					  "%s:%u: a cookie secret is %u hexadecimal digits", path,
					  number, SECRET_DIGITS);
		else
			dns->cookie_secret_count++;
	}
	explicit_bzero(line, sizeof(line));
	fclose(in);
	if (!rc && dns->cookie_secret_count == 0)
		rc = mr_error_set(error, -EINVAL, "%s: no cookie secret in it", path);
	return rc;
}

int
world_dns_build(const struct mr_config_dns *config,
		const uint8_t drawn_secret[MR_DNS_COOKIE_SECRET_BYTES], struct mr_dns_config *dns,
		struct mr_error *error)
{
	*dns = (struct mr_dns_config){
		.udp_payload_v4_bytes = config->udp_payload_v4_bytes,
		.udp_payload_v6_bytes = config->udp_payload_v6_bytes,
		.wall_offset_s = (int64_t)time(NULL) - (int64_t)(mr_clock_now_ns() / MR_NS_PER_S),
		.cookie_policy = config->cookies == MR_CONFIG_COOKIES_REQUIRE
					 ? MR_DNS_COOKIE_REQUIRE
					 : MR_DNS_COOKIE_ANSWER,
		.nsid_bytes = (uint8_t)strlen(config->nsid),
	};
	memcpy(dns->nsid, config->nsid, sizeof(dns->nsid));
	memcpy(dns->version, config->version, sizeof(dns->version));
	memcpy(dns->identity, config->identity, sizeof(dns->identity));
	if (config->cookies == MR_CONFIG_COOKIES_OFF)
		return 0;
	if (config->cookie_secrets[0])
		return secrets_read(config->cookie_secrets, dns, error);
	memcpy(dns->cookie_secrets[0], drawn_secret, MR_DNS_COOKIE_SECRET_BYTES);
	dns->cookie_secret_count = 1;
	return 0;
}
