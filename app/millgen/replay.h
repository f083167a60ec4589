/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/replay - the mode replay: sends the frames of a capture file, at its own or a given rate.
 *
 * Owner:  the call of gen_replay_main.
 * Thread: the control thread; the generator core while it sends.
 * Memory: the capture (capture.h), and the rig's packet buffers.
 */
#ifndef MILLGEN_REPLAY_H
#define MILLGEN_REPLAY_H

#include "capture.h"
#include "options.h"

/* gen_replay_main runs the mode and returns an exit status. */
MR_MUST_USE int gen_replay_main(const struct gen_options *options, struct mr_error *error);

#endif
