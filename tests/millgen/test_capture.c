/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/capture, millgen/pcapfile - what is written is read back; what is no capture is refused.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "pcapfile.h"

static char path[] = "/tmp/millgen-test-XXXXXX";

static int
setup(void **state)
{
	int fd;

	(void)state;
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void
test_written_frames_are_read_back(void **state)
{
	struct gen_capture capture;
	struct mr_error error = { 0 };
	uint8_t frame[2048];
	FILE *file = gen_pcap_create(path, &error);

	(void)state;
	assert_non_null(file);
	for (unsigned i = 0; i < 3000; i++) {
		memset(frame, (int)i, sizeof(frame));
		gen_pcap_write(file, 5000000000u + 1500u * i, frame, 14 + i % 2035);
	}
	assert_int_equal(gen_pcap_close(file, path, &error), 0);
	assert_int_equal(gen_capture_read(&capture, path, &error), 0);
	assert_int_equal(capture.count, 3000);
	for (unsigned i = 0; i < 3000; i++) {
		memset(frame, (int)i, sizeof(frame));
		assert_int_equal(capture.frames[i].time_ns, 1500u * i);
		assert_int_equal(capture.frames[i].frame_bytes, 14 + i % 2035);
		assert_memory_equal(capture.bytes + capture.frames[i].offset, frame, 14 + i % 2035);
	}
	gen_capture_free(&capture);
}

static void
test_frame_bounds(void **state)
{
	static const struct {
		uint32_t bytes;
		bool good;
	} rows[] = { { 13, false }, { 14, true }, { 2048, true }, { 2049, false } };
	uint8_t frame[2100] = { 0 };

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(rows); i++) {
		struct gen_capture capture;
		struct mr_error error = { 0 };
		FILE *file = gen_pcap_create(path, &error);

		gen_pcap_write(file, 0, frame, rows[i].bytes);
		assert_int_equal(gen_pcap_close(file, path, &error), 0);
		assert_int_equal(gen_capture_read(&capture, path, &error) == 0, rows[i].good);
		if (rows[i].good)
			gen_capture_free(&capture);
		else
			assert_non_null(strstr(error.text, "frame 1"));
	}
}

static void
test_no_frames_no_capture_no_file(void **state)
{
	struct gen_capture capture;
	struct mr_error error = { 0 };
	FILE *file = gen_pcap_create(path, &error);

	(void)state;
	assert_int_equal(gen_pcap_close(file, path, &error), 0);
	assert_int_not_equal(gen_capture_read(&capture, path, &error), 0);
	assert_non_null(strstr(error.text, "no frames"));
	file = fopen(path, "w");
	fputs("name TYPE\n", file);
	fclose(file);
	assert_int_not_equal(gen_capture_read(&capture, path, NULL), 0);
	assert_int_not_equal(gen_capture_read(&capture, "/nonexistent/x.pcap", NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_written_frames_are_read_back),
		TEST(test_frame_bounds),
		TEST(test_no_frames_no_capture_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
