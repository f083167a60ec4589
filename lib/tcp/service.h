/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp/service - three services that prove and measure the stack: echo, discard, chargen.
 *
 * They are there only when configured: anyone who reaches them can make the box send.
 *
 * Owner:  one struct mr_tcp_services belongs to one worker, as its struct mr_tcp does.
 * Thread: its worker, inside mr_tcp_input and mr_tcp_turn.
 * Memory: none beyond the struct; a connection's state is its application word.
 * Spec:   RFC 862 (echo), 863 (discard), 864 (chargen).
 *
 * Service   on bytes                        on the peer's FIN
 *   echo    sent back                       closes after the last of them     [echo_readable]
 *   discard counted                         closes                            [discard_readable]
 *   chargen counted; after request_bytes    goes on if it has an end, else    [chargen_acked]
 *           of them it sends byte_count     it aborts
 *           bytes and then its FIN
 *
 * (1) echo takes no more than it can queue: a peer that does not read is not read from.
 * (2) chargen keeps no bytes: a generator makes them, each from its place in the stream alone.
 * (3) A connection on which nothing moves for MR_TCP_SERVICE_IDLE_MS is aborted.
 */
#ifndef MR_TCP_SERVICE_H
#define MR_TCP_SERVICE_H

#include "tcp/tcp.h"

enum mr_tcp_service_kind { MR_TCP_ECHO, MR_TCP_DISCARD, MR_TCP_CHARGEN, MR_TCP_SERVICE_KINDS };

enum {
	MR_TCP_SERVICE_MAX = 16, /* listeners */
	MR_TCP_SERVICE_IDLE_MS = 120000,
	MR_TCP_CHARGEN_LINE_BYTES = 74, /* 72 characters, CR, LF */
	MR_TCP_CHARGEN_LINES = 95,      /* before the pattern begins again */
	MR_TCP_CHARGEN_BYTES = MR_TCP_CHARGEN_LINE_BYTES * MR_TCP_CHARGEN_LINES,
};

struct mr_tcp_service_listener {
	struct mr_addr vip;
	bool every_vip; /* vip is not looked at */
	uint8_t kind;   /* enum mr_tcp_service_kind */
	uint16_t port;
	uint32_t request_bytes; /* chargen: waits for so many; 0: begins at once */
	uint64_t byte_count;    /* chargen: how many bytes it sends; 0: without end */
};

struct mr_tcp_service_config {
	struct mr_tcp_service_listener listeners[MR_TCP_SERVICE_MAX];
	size_t listener_count;
};

#define TCP_SERVICE_METRIC_ID(name, ...) MR_TCP_SERVICE_##name,
/* X(name, kind, unit, help) */
#define TCP_SERVICE_METRICS(X)                                                         \
	X(accept, COUNTER, CONNECTIONS, "Connections of test services")                \
	X(close, COUNTER, CONNECTIONS, "Connections of test services that have ended") \
	X(echo_bytes, COUNTER, BYTES, "Bytes that echo has taken and queued")          \
	X(discard_bytes, COUNTER, BYTES, "Bytes that discard has taken")               \
	X(chargen_bytes, COUNTER, BYTES, "Bytes of chargen that were acknowledged")    \
	X(idle, COUNTER, CONNECTIONS, "Aborted: nothing moved")                        \
	X(no_memory, COUNTER, CONNECTIONS, "Aborted: no extent left in the send queue")
enum mr_tcp_service_metric {
	TCP_SERVICE_METRICS(TCP_SERVICE_METRIC_ID) MR_TCP_SERVICE_METRIC_COUNT
};
MR_METRIC_DECLARE(mr_tcp_service_metric_table);

struct mr_tcp_services {
	/* const after create */
	struct mr_tcp_service_config config;
	uint64_t *metrics;
	uint8_t gen; /* what the stack knows chargen's generator by */
	uint8_t pattern[MR_TCP_CHARGEN_BYTES];
};

/* mr_tcp_services_create fills self and makes its generator known to tcp as number gen. metrics has
 * MR_TCP_SERVICE_METRIC_COUNT words. */
void mr_tcp_services_create(struct mr_tcp_services *self,
			    const struct mr_tcp_service_config *config, struct mr_tcp *tcp,
			    uint8_t gen, uint64_t *metrics);

/* The events of each service; context is the struct mr_tcp_services. */
extern const struct mr_tcp_app_ops mr_tcp_service_ops[MR_TCP_SERVICE_KINDS];

#endif
