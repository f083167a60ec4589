# SPDX-License-Identifier: Apache-2.0
# common.sh - finds millgen for the scenarios of this folder. Source it.
# shellcheck shell=bash
set -u
millgen=${MILLGEN:-$(command -v millgen || echo "$(dirname "${BASH_SOURCE[0]}")/../../build/app/millgen")}
[ -x "$millgen" ] || { echo "millgen is not built: run ninja -C build, or set MILLGEN" >&2; exit 2; }
[ $# -gt 0 ] || { sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
