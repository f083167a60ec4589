/* SPDX-License-Identifier: Apache-2.0
 *
 * base - types, assertions, byte cursor, keyed hash, units, addresses, log, timer wheel.
 *
 * Other rooms include this one header.
 *
 * Owner:  whoever calls: what is here is pure, or belongs to its caller. The log is the process's.
 * Thread: each part says; pure ones any.
 * Memory: the caller's.
 */
#ifndef MR_BASE_BASE_H
#define MR_BASE_BASE_H

#include "base/types.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/addr.h"
#include "base/units.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wheel.h"

#endif
