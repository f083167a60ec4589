/* SPDX-License-Identifier: Apache-2.0
 *
 * base/rng - seeding.
 */
#include "base/rng.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"

void
mr_rng_seed(struct mr_rng *self, uint64_t seed)
{
	for (int i = 0; i < 4; i++) { /* splitmix64 */
		uint64_t z = seed += 0x9e3779b97f4a7c15ull;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ z >> 27) * 0x94d049bb133111ebull;
		self->s[i] = z ^ z >> 31;
	}
}

void
mr_rng_secret(void *bytes, size_t byte_count)
{
	MR_ASSERT(byte_count <=
		  MR_RNG_SECRET_MAX); /* getrandom gives up to 256 bytes in one piece */
	MR_ASSERT(getrandom(bytes, byte_count, 0) == (ssize_t)byte_count);
}

/* file_make writes new secrets, whole or not at all: the name appears when they are on the disk. */
static int
file_make(const char *path, const uint8_t *bytes, size_t byte_count, struct mr_error *error)
{
	char text[2 * MR_RNG_SECRET_MAX + 2], fresh[4096];
	size_t length = 0;
	int fd, rc = 0;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return mr_error_set(error, -ENAMETOOLONG, "%s: the name is too long", path);
	for (size_t i = 0; i < byte_count; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%02x", bytes[i]);
	text[length++] = '\n';
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return mr_error_set(error, -errno, "%s: %s", fresh, strerror(errno));
	if (write(fd, text, length) != (ssize_t)length || fsync(fd) || rename(fresh, path))
		rc = mr_error_set(error, errno ? -errno : -EIO, "%s: %s", path, strerror(errno));
	close(fd);
	if (rc)
		unlink(fresh);
	return rc;
}

static int
digit_of(int c)
{
	return isdigit(c) ? c - '0' : tolower(c) - 'a' + 10;
}

static int
file_read(FILE *file, const char *path, uint8_t *bytes, size_t byte_count, struct mr_error *error)
{
	size_t count = 0;
	struct stat stat;

	if (fstat(fileno(file), &stat) == 0 && (stat.st_mode & (S_IRWXG | S_IRWXO)))
		return mr_error_set(error, -EPERM,
				    "%s: others than its owner may read these secrets; chmod 600",
				    path);
	memset(bytes, 0, byte_count);
	for (int c = getc(file); c != EOF; c = getc(file)) {
		if (isspace(c))
			continue;
		if (!isxdigit(c) || count == 2 * byte_count)
			return mr_error_set(error, -EINVAL, "%s: not %zu hex digits", path,
					    2 * byte_count);
		bytes[count / 2] = (uint8_t)(bytes[count / 2] << 4 | digit_of(c));
		count++;
	}
	if (count == 2 * byte_count)
		return 0;
	return mr_error_set(error, -EINVAL, "%s: not %zu hex digits", path, 2 * byte_count);
}

int
mr_rng_secret_file(const char *path, void *bytes, size_t byte_count, struct mr_error *error)
{
	FILE *file = fopen(path, "re");
	int rc;

	MR_ASSERT(byte_count <= MR_RNG_SECRET_MAX);
	if (!file && errno == ENOENT) {
		mr_rng_secret(bytes, byte_count);
		return file_make(path, bytes, byte_count, error);
	}
	if (!file)
		return mr_error_set(error, -errno, "%s: %s", path, strerror(errno));
	rc = file_read(file, path, bytes, byte_count, error);
	fclose(file);
	return rc;
}
