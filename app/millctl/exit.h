/* SPDX-License-Identifier: Apache-2.0
 *
 * millctl/exit - what millctl ends with; scripts rely on these numbers.
 *
 * Owner:  nobody. Thread: any. Memory: none.
 */
#ifndef MILLCTL_EXIT_H
#define MILLCTL_EXIT_H

enum millctl_exit { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_CONNECT };

#endif
