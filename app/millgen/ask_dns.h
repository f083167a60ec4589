/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/ask_dns - DNS over TCP: queries behind their lengths, answers in any order.
 *
 * Owner:  as ask.h, whose one kind this is. Thread: the generator core.
 * Memory: ask.h's buffers, for a message that a segment boundary cuts.
 * Spec:   RFC 1035 4.2.2, RFC 7766 6.2.1 and 7 (order of answers).
 */
#ifndef MILLGEN_ASK_DNS_H
#define MILLGEN_ASK_DNS_H

#include "ask.h"

uint16_t gen_ask_dns_bytes(const struct gen_ask *self, uint32_t tuple, uint32_t number);
uint16_t gen_ask_dns_write(const struct gen_ask *self, uint32_t tuple, uint32_t number,
			   uint8_t *out);
struct gen_bite gen_ask_dns_eat(struct gen_ask *self, struct gen_conn *conn, const uint8_t *bytes,
				uint32_t byte_count);

#endif
