/* SPDX-License-Identifier: Apache-2.0
 *
 * The steering program's verdicts, frame by frame, run in the kernel without an interface
 * (BPF_PROG_TEST_RUN). With no socket in its map each frame of ours is counted as kernel_no_socket,
 * so "ours" here means that. Skipped where BPF may not be used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "afxdp/afxdp_int.h"
#include "afxdp/steer_object.h"

static struct bpf_object *object;
static struct afxdp afxdp;
static struct mr_port port = { .driver = &mr_afxdp_driver, .driver_state = &afxdp };
static int program_fd;

static struct mr_addr
address(const char *text)
{
	struct mr_addr out;

	assert_int_equal(mr_addr_parse(text, &out), 0);
	return out;
}

/* A frame being written. */
struct frame {
	uint8_t bytes[512];
	size_t count;
};

static void
put(struct frame *f, const void *bytes, size_t count)
{
	assert_true(f->count + count <= sizeof(f->bytes));
	memcpy(f->bytes + f->count, bytes, count);
	f->count += count;
}

static void
put16(struct frame *f, uint16_t v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(f, b, 2);
}

static void
put_ethernet(struct frame *f, int vlan, uint16_t type)
{
	f->count = 0;
	put(f, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
	if (vlan >= 0) {
		put16(f, 0x8100);
		put16(f, (uint16_t)vlan);
	}
	put16(f, type);
}

static void
put_v4(struct frame *f, const char *from, const char *to, uint8_t protocol, uint8_t option_words,
       uint16_t fragment)
{
	struct mr_addr a = address(from), b = address(to);
	uint8_t head[12] = { (uint8_t)(0x45 + option_words), 0, 0, 0, 0, 0, 0, 0, 64, protocol };

	head[6] = (uint8_t)(fragment >> 8);
	head[7] = (uint8_t)fragment;
	put(f, head, 12);
	put(f, a.bytes + 12, 4);
	put(f, b.bytes + 12, 4);
	for (int i = 0; i < option_words; i++)
		put(f, "\1\1\1\1", 4);
}

static void
put_v6(struct frame *f, const char *from, const char *to, uint8_t next)
{
	struct mr_addr a = address(from), b = address(to);
	uint8_t head[8] = { 0x60, 0, 0, 0, 0, 0, next, 255 };

	put(f, head, 8);
	put(f, a.bytes, 16);
	put(f, b.bytes, 16);
}

static void
put_ports(struct frame *f, uint16_t from, uint16_t to)
{
	put16(f, from);
	put16(f, to);
	put(f, "\0\x08\0\0", 4);
}

static void
put_icmp(struct frame *f, uint8_t type)
{
	uint8_t head[8] = { type };

	put(f, head, 8);
}

static void
put_nd(struct frame *f, uint8_t type, const char *target)
{
	struct mr_addr a = address(target);

	put_icmp(f, type);
	put(f, a.bytes, 16);
}

static void
frame_arp(struct frame *f, uint16_t operation, const char *sender, const char *target)
{
	struct mr_addr a = address(sender), b = address(target);

	put_ethernet(f, -1, 0x0806);
	put(f, "\0\1\x08\0\6\4", 6);
	put16(f, operation);
	put(f, "\x02\0\0\0\0\2", 6);
	put(f, a.bytes + 12, 4);
	put(f, "\0\0\0\0\0\0", 6);
	put(f, b.bytes + 12, 4);
}

static void
frame_udp4(struct frame *f, const char *to, uint16_t to_port)
{
	put_ethernet(f, -1, 0x0800);
	put_v4(f, "192.0.2.9", to, IPPROTO_UDP, 0, 0);
	put_ports(f, 4000, to_port);
}

static uint64_t
count_of(uint32_t reason)
{
	struct mr_afxdp_count counts[STEER_REASON_COUNT];

	assert_int_equal(mr_afxdp_counts(&port, counts, STEER_REASON_COUNT), STEER_REASON_COUNT);
	return counts[reason].frames;
}

/* verdict runs the program on a frame and returns the reason that it counted. */
static uint32_t
verdict(struct frame *f)
{
	uint64_t before[STEER_REASON_COUNT];
	uint8_t out[1024];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f->bytes, .data_size_in = (uint32_t)f->count,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);
	uint32_t reason = STEER_REASON_COUNT;

	for (uint32_t i = 0; i < STEER_REASON_COUNT; i++)
		before[i] = count_of(i);
	assert_int_equal(bpf_prog_test_run_opts(program_fd, &run), 0);
	assert_int_equal(run.retval, 2); /* XDP_PASS */
	assert_int_equal(run.data_size_out, f->count);
	assert_memory_equal(out, f->bytes, f->count); /* untouched */
	for (uint32_t i = 0; i < STEER_REASON_COUNT; i++)
		if (count_of(i) != before[i]) {
			assert_int_equal(count_of(i), before[i] + 1);
			assert_int_equal(reason, STEER_REASON_COUNT);
			reason = i;
		}
	return reason;
}

#define OURS STEER_kernel_no_socket

static void
steer(const uint32_t *vlans, size_t vlan_count)
{
	const struct mr_port_steer_rule rules[] = {
		{ address("10.0.0.1"), IPPROTO_UDP, 53, 53 },
		{ address("10.0.0.1"), IPPROTO_UDP, 100, 200 },
		{ address("10.0.0.1"), IPPROTO_ICMP, 0, 0 },
		{ address("2001:db8::1"), IPPROTO_UDP, 53, 53 },
		{ address("2001:db8::1"), IPPROTO_ICMPV6, 0, 0 },
		{ address("10.0.0.2"), IPPROTO_TCP, 80, 80 },
	};
	const struct mr_addr hops[] = { address("10.0.0.254"), address("2001:db8::fe") };
	struct mr_port_steer wanted = { rules, MR_ARRAY_COUNT(rules), hops, 2, vlans, vlan_count };
	struct mr_error error = { 0 };

	assert_int_equal(mr_port_steer(&port, &wanted, &error), 0);
}

static void
test_port_range_both_sides_of_bounds(void **state)
{
	const struct {
		uint16_t port;
		bool ours;
	} cases[] = { { 52, false }, { 53, true },  { 54, false },  { 99, false },
		      { 100, true }, { 200, true }, { 201, false }, { 0, false } };
	struct frame f;

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		frame_udp4(&f, "10.0.0.1", cases[i].port);
		assert_int_equal(verdict(&f), cases[i].ours ? OURS : STEER_kernel_no_rule);
	}
	frame_udp4(&f, "10.0.0.2", 80); /* the rule is for TCP */
	assert_int_equal(verdict(&f), STEER_kernel_no_rule);
}

static void
test_v4_options_and_fragments(void **state)
{
	struct frame f;

	(void)state;
	for (uint8_t words = 0; words <= 10; words++) {
		put_ethernet(&f, -1, 0x0800);
		put_v4(&f, "192.0.2.9", "10.0.0.1", IPPROTO_UDP, words, 0);
		put_ports(&f, 1, 53);
		assert_int_equal(verdict(&f), OURS);
	}
	for (int i = 0; i < 2; i++) { /* a first piece, with any port, and a later one */
		put_ethernet(&f, -1, 0x0800);
		put_v4(&f, "192.0.2.9", "10.0.0.1", IPPROTO_UDP, 0, i ? 0x0010 : 0x2000);
		put_ports(&f, 1, 9999);
		assert_int_equal(verdict(&f), OURS);
		put_ethernet(&f, -1, 0x0800); /* no rule for TCP there */
		put_v4(&f, "192.0.2.9", "10.0.0.1", IPPROTO_TCP, 0, i ? 0x0010 : 0x2000);
		put_ports(&f, 1, 53);
		assert_int_equal(verdict(&f), STEER_kernel_no_rule);
	}
}

static void
test_malformed_is_the_kernels(void **state)
{
	struct frame f;

	(void)state;
	put_ethernet(&f, -1, 0x0800); /* header length below 5 words */
	put_v4(&f, "192.0.2.9", "10.0.0.1", IPPROTO_UDP, 0, 0);
	f.bytes[14] = 0x44;
	put_ports(&f, 1, 53);
	assert_int_equal(verdict(&f), STEER_kernel_malformed);
	f.bytes[14] = 0x65; /* the wrong version */
	assert_int_equal(verdict(&f), STEER_kernel_malformed);
	f.bytes[14] = 0x4f; /* header beyond the end */
	assert_int_equal(verdict(&f), STEER_kernel_malformed);
	frame_udp4(&f, "10.0.0.1", 53);
	for (size_t cut = 18; cut < 38; cut++) { /* every end inside of headers */
		f.count = cut;
		assert_int_equal(verdict(&f), STEER_kernel_malformed);
	}
	f.count = 38; /* the ports are there */
	assert_int_equal(verdict(&f), OURS);
	put_ethernet(&f, -1, 0x88b5);
	put(&f, "1234", 4);
	assert_int_equal(verdict(&f), STEER_kernel_other);
}

static void
test_v6_extension_headers_bounded(void **state)
{
	static const uint8_t extension[8] = { IPPROTO_DSTOPTS };
	struct frame f;

	(void)state;
	for (int count = 0; count <= STEER_HEADERS_MAX + 2; count++) {
		uint8_t last[8] = { IPPROTO_UDP };

		put_ethernet(&f, -1, 0x86dd);
		put_v6(&f, "2001:db8::9", "2001:db8::1", count ? IPPROTO_DSTOPTS : IPPROTO_UDP);
		for (int i = 0; i + 1 < count; i++)
			put(&f, extension, 8);
		if (count)
			put(&f, last, 8);
		put_ports(&f, 1, 53);
		assert_int_equal(verdict(&f),
				 count <= STEER_HEADERS_MAX ? OURS : STEER_kernel_headers);
	}
	put_ethernet(&f, -1, 0x86dd); /* a later fragment */
	put_v6(&f, "2001:db8::9", "2001:db8::1", IPPROTO_FRAGMENT);
	put(&f, "\x11\0\1\0\0\0\0\0", 8);
	put_ports(&f, 7, 7);
	assert_int_equal(verdict(&f), OURS);
}

static void
test_vlan_served_or_not(void **state)
{
	const uint32_t tagged[] = { 7 }, both[] = { 0, 7 };
	struct frame f;

	(void)state;
	for (int turn = 0; turn < 3; turn++) {
		steer(turn == 0 ? NULL : turn == 1 ? tagged : both, (size_t)turn);
		frame_udp4(&f, "10.0.0.1", 53);
		assert_int_equal(verdict(&f), turn == 1 ? STEER_kernel_vlan : OURS);
		put_ethernet(&f, 0xe007, 0x0800); /* priority bits do not matter */
		put_v4(&f, "192.0.2.9", "10.0.0.1", IPPROTO_UDP, 0, 0);
		put_ports(&f, 1, 53);
		assert_int_equal(verdict(&f), turn == 0 ? STEER_kernel_vlan : OURS);
		put_ethernet(&f, 8, 0x0800);
		put_v4(&f, "192.0.2.9", "10.0.0.1", IPPROTO_UDP, 0, 0);
		put_ports(&f, 1, 53);
		assert_int_equal(verdict(&f), STEER_kernel_vlan);
		put_ethernet(&f, 7, 0x8100); /* two tags */
		put(&f, "\0\7\x08\0", 4);
		assert_int_equal(verdict(&f), STEER_kernel_other);
	}
	steer(NULL, 0);
}

/* frame_pair: a datagram of ours with two tags, and their types. */
static void
frame_pair(struct frame *f, uint16_t outer_type, uint16_t outer, uint16_t inner_type,
	   uint16_t inner)
{
	frame_udp4(f, "10.0.0.1", 53);
	memmove(f->bytes + 20, f->bytes + 12, f->count - 12);
	f->count = 12;
	put16(f, outer_type);
	put16(f, outer);
	put16(f, inner_type);
	put16(f, inner);
	f->count = 14 + 8 + 20 + 8;
}

static void
test_pair_served_or_not(void **state)
{
	const uint32_t pair[] = { mr_vlan_pair(200, 100) },
		       singles[] = { 0, 100, 200, mr_vlan_pair(100, 200) };
	struct frame f;

	(void)state;
	for (int served = 0; served < 2; served++) {
		steer(served ? pair : singles, served ? 1 : 4);
		frame_pair(&f, 0x88a8, 200, 0x8100, 100);
		assert_int_equal(verdict(&f), served ? OURS : STEER_kernel_vlan);
		frame_pair(&f, 0x88a8, 0xf0c8, 0x8100, 0x6064); /* priority bits */
		assert_int_equal(verdict(&f), served ? OURS : STEER_kernel_vlan);
		frame_pair(&f, 0x88a8, 200, 0x8100, 101);
		assert_int_equal(verdict(&f), STEER_kernel_vlan);
		frame_pair(&f, 0x88a8, 0, 0x8100, 100); /* no service VLAN */
		assert_int_equal(verdict(&f), STEER_kernel_vlan);
		frame_pair(&f, 0x8100, 200, 0x8100, 100);
		assert_int_equal(verdict(&f), STEER_kernel_other);
		frame_pair(&f, 0x88a8, 200, 0x88a8, 100);
		assert_int_equal(verdict(&f), STEER_kernel_other);
		frame_pair(&f, 0x88a8, 200, 0x0800, 100); /* a service tag alone */
		assert_int_equal(verdict(&f), STEER_kernel_other);
		frame_pair(&f, 0x88a8, 200, 0x8100, 100);
		for (f.count = 14; f.count < 22; f.count++)
			assert_int_equal(verdict(&f), STEER_kernel_malformed);
	}
	steer(NULL, 0);
}

static void
test_arp(void **state)
{
	const struct {
		uint16_t operation;
		const char *sender, *target;
		uint32_t reason;
	} cases[] = {
		{ 1, "10.0.0.9", "10.0.0.1", OURS },                /* who has a VIP */
		{ 1, "10.0.0.9", "10.0.0.3", STEER_kernel_arp },    /* who has the kernel's */
		{ 1, "10.0.0.1", "10.0.0.3", OURS },                /* a VIP claimed */
		{ 2, "10.0.0.1", "10.0.0.1", OURS },                /* likewise */
		{ 2, "10.0.0.254", "10.0.0.1", OURS },              /* a next hop answers us */
		{ 2, "10.0.0.254", "10.0.0.3", STEER_kernel_arp },  /* and the kernel */
		{ 2, "10.0.0.9", "10.0.0.1", STEER_kernel_arp },    /* nobody that we ask */
		{ 1, "10.0.0.254", "10.0.0.254", STEER_kernel_arp } /* announces itself */
	};
	struct frame f;

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		frame_arp(&f, cases[i].operation, cases[i].sender, cases[i].target);
		assert_int_equal(verdict(&f), cases[i].reason);
	}
	frame_arp(&f, 1, "10.0.0.9", "10.0.0.1");
	f.count--;
	assert_int_equal(verdict(&f), STEER_kernel_malformed);
}

static void
test_neighbour_discovery(void **state)
{
	const struct {
		uint8_t type;
		const char *to, *target;
		uint32_t reason;
	} cases[] = {
		{ 135, "ff02::1:ff00:1", "2001:db8::1", OURS },
		{ 135, "ff02::1:ff00:2", "2001:db8::2", STEER_kernel_no_rule },
		{ 136, "ff02::1", "2001:db8::1", OURS },
		{ 136, "2001:db8::1", "2001:db8::fe", OURS },
		{ 136, "2001:db8::3", "2001:db8::fe", STEER_kernel_no_rule },
		{ 136, "2001:db8::1", "2001:db8::9", STEER_kernel_no_rule },
		{ 134, "ff02::1", "2001:db8::1", STEER_kernel_no_rule },
	};
	struct frame f;

	(void)state;
	for (size_t i = 0; i < MR_ARRAY_COUNT(cases); i++) {
		put_ethernet(&f, -1, 0x86dd);
		put_v6(&f, "fe80::9", cases[i].to, IPPROTO_ICMPV6);
		put_nd(&f, cases[i].type, cases[i].target);
		assert_int_equal(verdict(&f), cases[i].reason);
	}
}

static void
test_icmp_echo_and_errors(void **state)
{
	struct frame f;

	(void)state;
	for (int type = 0; type < 20; type++) {
		bool error = type == 3 || type == 11 || type == 12;

		for (int ours = 0; ours < 2; ours++) {
			put_ethernet(&f, -1, 0x0800);
			put_v4(&f, "192.0.2.9", "10.0.0.1", IPPROTO_ICMP, 0, 0);
			put_icmp(&f, (uint8_t)type);
			put_v4(&f, "10.0.0.1", "192.0.2.9", IPPROTO_UDP, 1, 0);
			put_ports(&f, ours ? 53 : 54, 4000);
			assert_int_equal(verdict(&f), type == 8 || (error && ours)
							      ? OURS
							      : STEER_kernel_no_rule);
		}
	}
	for (int type = 1; type < 5; type++)
		for (int ours = 0; ours < 2; ours++) {
			put_ethernet(&f, -1, 0x86dd);
			put_v6(&f, "2001:db8::9", "2001:db8::1", IPPROTO_ICMPV6);
			put_icmp(&f, (uint8_t)type);
			put_v6(&f, "2001:db8::1", "2001:db8::9", IPPROTO_UDP);
			put_ports(&f, ours ? 53 : 54, 4000);
			assert_int_equal(verdict(&f), ours ? OURS : STEER_kernel_no_rule);
		}
	put_ethernet(&f, -1, 0x86dd);
	put_v6(&f, "2001:db8::9", "2001:db8::1", IPPROTO_ICMPV6);
	put_icmp(&f, 128);
	assert_int_equal(verdict(&f), OURS);
	put_ethernet(&f, -1, 0x0800); /* no rule for ICMP there */
	put_v4(&f, "192.0.2.9", "10.0.0.2", IPPROTO_ICMP, 0, 0);
	put_icmp(&f, 8);
	assert_int_equal(verdict(&f), STEER_kernel_no_rule);
}

static void
test_steer_ranges_bounded(void **state)
{
	struct mr_port_steer_rule rules[STEER_RANGES_MAX + 1];
	struct mr_port_steer wanted = { .rules = rules };
	struct mr_error error = { 0 };
	struct frame f;

	(void)state;
	for (uint16_t i = 0; i <= STEER_RANGES_MAX; i++)
		rules[i] = (struct mr_port_steer_rule){ address("10.0.0.1"), IPPROTO_UDP,
							(uint16_t)(1000 + 10 * i),
							(uint16_t)(1001 + 10 * i) };
	wanted.rule_count = STEER_RANGES_MAX;
	assert_int_equal(mr_port_steer(&port, &wanted, &error), 0);
	frame_udp4(&f, "10.0.0.1", 1000 + 10 * (STEER_RANGES_MAX - 1));
	assert_int_equal(verdict(&f), OURS);
	wanted.rule_count++;
	assert_int_equal(mr_port_steer(&port, &wanted, &error), -E2BIG);
	assert_non_null(strstr(error.text, "more than 16 port ranges"));
	assert_int_equal(verdict(&f), OURS);     /* what was there stays */
	rules[STEER_RANGES_MAX].port_low = 1002; /* touches the first: no new range */
	rules[STEER_RANGES_MAX].port_high = 1005;
	assert_int_equal(mr_port_steer(&port, &wanted, &error), 0);
	steer(NULL, 0);
}

static int
setup(void **state)
{
	struct bpf_map *a, *b;

	(void)state;
	libbpf_set_print(NULL);
	object = bpf_object__open_mem(steer_object, sizeof(steer_object), NULL);
	if (!object)
		return -1;
	if (bpf_object__load(object) != 0) {
		fprintf(stderr, "test_steer: BPF may not be used here: skipped\n");
		exit(77);
	}
	a = bpf_object__find_map_by_name(object, "steer_rules_a");
	b = bpf_object__find_map_by_name(object, "steer_rules_b");
	afxdp.table_fds[0] = bpf_map__fd(a);
	afxdp.table_fds[1] = bpf_map__fd(b);
	afxdp.tables_fd = bpf_object__find_map_fd_by_name(object, "steer_tables");
	afxdp.counts_fd = bpf_object__find_map_fd_by_name(object, "steer_counts");
	program_fd = bpf_program__fd(bpf_object__next_program(object, NULL));
	steer(NULL, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	bpf_object__close(object);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_range_both_sides_of_bounds),
		cmocka_unit_test(test_v4_options_and_fragments),
		cmocka_unit_test(test_malformed_is_the_kernels),
		cmocka_unit_test(test_v6_extension_headers_bounded),
		cmocka_unit_test(test_vlan_served_or_not),
		cmocka_unit_test(test_pair_served_or_not),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_neighbour_discovery),
		cmocka_unit_test(test_icmp_echo_and_errors),
		cmocka_unit_test(test_steer_ranges_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
