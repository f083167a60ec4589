# SPDX-License-Identifier: Apache-2.0
# common.sh - what the scripts share. Source it first; it changes to the top of the tree.
# shellcheck shell=bash
set -u
from=$PWD # where the caller stands: file names of the command line are relative to it
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
self=$top/scripts/$(basename "$0")
cd "$top" || exit 2

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# as_root CMD… runs CMD as root: as it is when we are root, else by sudo, which asks.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root for '$1', and sudo is not installed: run this as root"
	fi
}

# need_root starts the calling script again as root, once, with the same arguments.
need_root() {
	[ "$(id -u)" -eq 0 ] && return
	command -v sudo >/dev/null || die "needs root, and sudo is not installed: run this as root"
	exec sudo --preserve-env=CI,CC "$self" "$@"
}

# give_back FILE… gives what root made in the tree to the tree's owner, who can then build there without root.
give_back() {
	[ "$(id -u)" -ne 0 ] || chown -R --reference="$top" "$@"
}

# build_tree DIR [meson options…] sets DIR up once and brings it up to date. Output goes to DIR.log when all is well.
build_tree() {
	local dir=$1 log="$1.log" status=0
	shift
	if [ ! -e "$dir/build.ninja" ]; then
		meson setup "$dir" "$@" >"$log" 2>&1 || { cat "$log" >&2; status=1; }
	fi
	[ "$status" -ne 0 ] || ninja -C "$dir" >"$log" 2>&1 || { tail -n 60 "$log" >&2; status=1; }
	[ ! -e "$dir" ] || give_back "$dir" "$log"
	return $status
}
