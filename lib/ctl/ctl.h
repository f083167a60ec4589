/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl - the control plane: configuration, transactions, RPC and commands.
 *
 *   YAML -> [schema, yaml] -> struct mr_config -> [txn] -> one published snapshot
 *   millctl -> UNIX socket -> [rpc, loop] -> [command table] -> struct mr_ctl_box -> JSON
 *
 * Owner:  the control thread owns everything that changes.
 * Thread: the control thread; loaders are short-lived threads of a transaction.
 * Memory: the heap, bounded by the schema and by the server's limits.
 */
#ifndef MR_CTL_CTL_H
#define MR_CTL_CTL_H

#include "ctl/box.h"
#include "ctl/command.h"
#include "ctl/config.h"
#include "ctl/rpc.h"
#include "ctl/schema.h"
#include "ctl/watch.h"

#endif
