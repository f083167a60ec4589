/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy - requests that somebody else answers: groups of origins, their health, and who is asked.
 */
#ifndef MR_PROXY_PROXY_H
#define MR_PROXY_PROXY_H

#include "proxy/upstream.h"

#endif
