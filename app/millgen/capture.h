/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/capture - a capture file in memory.
 *
 * Owner:  the mode that loads it.
 * Thread: loaded and freed on the control thread; const between, for the generator core too.
 * Memory: the whole file, from the heap.
 */
#ifndef MILLGEN_CAPTURE_H
#define MILLGEN_CAPTURE_H

#include "base/base.h"

/* A capture file in memory. */
struct gen_capture {
	struct gen_capture_frame {
		uint64_t offset;  /* in bytes */
		uint64_t time_ns; /* from the first frame's */
		uint32_t frame_bytes;
	} * frames;
	uint8_t *bytes;
	size_t count;
};

/* gen_capture_read reads a pcap or pcapng file of Ethernet frames, none longer than 2,048 bytes. */
MR_MUST_USE int gen_capture_read(struct gen_capture *self, const char *path,
				 struct mr_error *error);
void gen_capture_free(struct gen_capture *self);

#endif
