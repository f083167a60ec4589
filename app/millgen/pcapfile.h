/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/pcapfile - writes capture files (Ethernet).
 *
 * Owner:  whoever made the file. Thread: the control thread.
 * Memory: stdio's buffer.
 * Spec:   the classic pcap format, its nanosecond variant.
 */
#ifndef MILLGEN_PCAPFILE_H
#define MILLGEN_PCAPFILE_H

#include <stdio.h>

#include "base/base.h"

MR_MUST_USE FILE *gen_pcap_create(const char *path, struct mr_error *error);
void gen_pcap_write(FILE *file, uint64_t time_ns, const uint8_t *frame, uint32_t frame_bytes);
/* gen_pcap_close returns 0 or -EIO. */
MR_MUST_USE int gen_pcap_close(FILE *file, const char *path, struct mr_error *error);

#endif
