# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# lab.sh - two network namespaces joined by a veth, for tests that need real packets. Source it.
#
#   LAB_A (client)  cl0  $LAB_A4/24 $LAB_A6/64  <---->  sv0  $LAB_B4/24 $LAB_B6/64  LAB_B (server)
#
#   lab_init [QUEUES]     needs root; makes the namespaces (names are this process's own) and a
#                         temporary directory $LAB_DIR; sets a trap that removes all of it
#   lab_init_middle       like lab_init, with a namespace LAB_M between the two instead of a cable:
#                         cl0 <----> mid0  LAB_M  mid1 <----> sv0; something there must carry frames
#   lab_init_plain        only the directory and the trap: for tests that need no network
#   lab_a CMD..., lab_b CMD...   run in the client's or the server's namespace (lab_m: the middle)
#   lab_run_bg NAME a|b|m|- CMD... starts CMD there (-: in no namespace of the lab's); output to $LAB_DIR/NAME.log; its pid in $LAB_PID
#                                and in ${LAB_PIDS[NAME]}; stopped at the end if it still runs
#   lab_stop NAME [SIGNAL]       signals it (TERM) and waits (at most 10 s, then KILL); returns its
#                                exit status
#   lab_wait_for SECONDS CMD...  until CMD succeeds; false when the time is over
#   check NAME CMD...            one test: passes when CMD succeeds; on failure shows its output
#   check_not NAME CMD...        the contrary
#   field COMMAND KEY…           one value of the JSON answer to `millctl COMMAND` (the test has a
#                                function millctl that knows its socket)
#   counter NAME [SCOPE]         a counter's value, of one scope or all; a name that there is not
#                                is an error, and prints no value
#   lab_summary                  prints "N passed, N failed" and returns 1 if any failed or none ran
#
# Frames must be whole and plain on this veth: an XDP program sees neither a checksum that is left
# to be filled in, nor a VLAN tag that is carried beside the frame. So transmit checksums (and with
# them segmentation) and transmit VLAN acceleration are off at both ends (a veth hands a frame over
# as the sender left it), and receive VLAN acceleration too.

LAB_NAME=${LAB_NAME:-mr$$}
LAB_A=$LAB_NAME-a LAB_B=$LAB_NAME-b LAB_M=$LAB_NAME-m
LAB_A4=10.77.0.2 LAB_B4=10.77.0.1 LAB_A6=fd77::2 LAB_B6=fd77::1
LAB_DIR=
LAB_PID=
declare -A LAB_PIDS=()
lab_passed=0 lab_failed=0

lab_a() { ip netns exec "$LAB_A" "$@"; }
lab_b() { ip netns exec "$LAB_B" "$@"; }
lab_m() { ip netns exec "$LAB_M" "$@"; }

lab_done() {
	local status=$? name
	trap - EXIT INT TERM
	for name in "${!LAB_PIDS[@]}"; do lab_stop "$name" >/dev/null 2>&1; done
	ip netns del "$LAB_A" 2>/dev/null
	ip netns del "$LAB_B" 2>/dev/null
	ip netns del "$LAB_M" 2>/dev/null
	[ -n "$LAB_DIR" ] && rm -rf "$LAB_DIR"
	exit "$status"
}

# lab_plain NAMESPACE DEVICE: whole frames, see above.
lab_plain() {
	ip netns exec "$1" ethtool -K "$2" tx off rxvlan off txvlan off >/dev/null 2>&1
}

# lab_quiet NAMESPACE: before links exist: no duplicate address detection, no router solicitations.
lab_quiet() {
	local each
	for each in all default; do
		ip netns exec "$1" sysctl -qw "net.ipv6.conf.$each.accept_dad=0" \
			"net.ipv6.conf.$each.router_solicitations=0" "net.ipv6.conf.$each.accept_ra=0"
	done
	# Tests count the kernel's refusals: it must not save on them.
	ip netns exec "$1" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
	ip netns exec "$1" ip link set lo up
}

lab_init_plain() {
	[ "$(id -u)" -eq 0 ] || { echo "lab: needs root" >&2; exit 2; }
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/$LAB_NAME.XXXXXX") || exit 2
	trap lab_done EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

lab_init() {
	local queues=${1:-1}
	lab_init_plain
	ip netns add "$LAB_A" && ip netns add "$LAB_B" || exit 2
	lab_quiet "$LAB_A"
	lab_quiet "$LAB_B"
	ip link add cl0 netns "$LAB_A" numtxqueues "$queues" numrxqueues "$queues" type veth \
		peer name sv0 netns "$LAB_B" numtxqueues "$queues" numrxqueues "$queues" || exit 2
	lab_ends
	lab_wait_for 5 lab_b sh -c 'grep -qx up /sys/class/net/sv0/operstate || ip link show sv0 | grep -q LOWER_UP'
}

# lab_ends gives both ends their addresses.
lab_ends() {
	lab_plain "$LAB_A" cl0
	lab_plain "$LAB_B" sv0
	lab_a ip addr add "$LAB_A4/24" dev cl0
	lab_a ip addr add "$LAB_A6/64" dev cl0 nodad
	lab_b ip addr add "$LAB_B4/24" dev sv0
	lab_b ip addr add "$LAB_B6/64" dev sv0 nodad
	lab_a ip link set cl0 up
	lab_b ip link set sv0 up
}

lab_init_middle() {
	local each
	lab_init_plain
	for each in "$LAB_A" "$LAB_B" "$LAB_M"; do
		ip netns add "$each" || exit 2
		lab_quiet "$each"
	done
	# The middle is a cable, not a host: its kernel answers nothing.
	lab_m sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	ip link add cl0 netns "$LAB_A" type veth peer name mid0 netns "$LAB_M" || exit 2
	ip link add sv0 netns "$LAB_B" type veth peer name mid1 netns "$LAB_M" || exit 2
	for each in mid0 mid1; do
		lab_plain "$LAB_M" "$each"
		lab_m ip link set dev "$each" up
	done
	lab_ends
}

lab_run_bg() {
	local name=$1 where=(ip netns exec "$LAB_A") # becomes the command: the pid is the command's own
	[ "$2" = b ] && where=(ip netns exec "$LAB_B")
	[ "$2" = m ] && where=(ip netns exec "$LAB_M")
	[ "$2" = - ] && where=(env)
	shift 2
	"${where[@]}" "$@" >>"$LAB_DIR/$name.log" 2>&1 &
	LAB_PID=$!
	LAB_PIDS[$name]=$LAB_PID
}

lab_stop() {
	local name=$1 signal=${2:-TERM} pid=${LAB_PIDS[$1]:-} tries=100
	[ -n "$pid" ] || return 0
	unset "LAB_PIDS[$name]"
	{ # the shell's own "Killed" is not wanted
		kill -s "$signal" "$pid"
		while kill -0 "$pid" && [ $((tries -= 1)) -gt 0 ]; do sleep 0.1; done
		[ "$tries" -gt 0 ] || kill -s KILL "$pid"
		wait "$pid"
	} 2>/dev/null
}

lab_wait_for() {
	local until=$(($(date +%s%N) + $1 * 1000000000))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt "$until" ] || return 1
		sleep 0.05
	done
}

check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		lab_passed=$((lab_passed + 1))
		echo "ok   $name"
	else
		lab_failed=$((lab_failed + 1))
		echo "FAIL $name"
		printf '%s\n' "$output" | tail -n 20 | sed 's/^/     | /'
	fi
}

check_not() {
	local name=$1
	shift
	check "$name" lab_not "$@"
}

lab_not() { ! "$@"; }

field() {
	# shellcheck disable=SC2086 # words
	millctl --json $1 | python3 -c "
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1:]:
    value = value[int(key)] if key.isdigit() else value[key]
print(value)" "${@:2}"
}

counter() {
	millctl --json show counters "$1" | python3 -c "
import json, sys
row = next(r for r in json.load(sys.stdin)['counters'] if r['counter'] == sys.argv[1])
print(row['scopes'].get(sys.argv[2], 0) if len(sys.argv) > 2 else row['value'])" "$@"
}

lab_summary() {
	echo "$lab_passed passed, $lab_failed failed"
	[ "$lab_failed" -eq 0 ] && [ "$lab_passed" -gt 0 ]
}
