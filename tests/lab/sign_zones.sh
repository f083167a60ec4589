#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# sign_zones DIR ZONE_TEXT - sign one zone as two signers do (BIND's and ldns's), with three algorithms
# and three ways of denial. DIR gets TOOL.ALGORITHM.DENIAL.sign.test.zone and, for each, its key as
# ZONE.key: a DNSKEY record.
set -eu
dir=$1 text=$2
cd "$dir"
for algorithm in RSASHA256 ECDSAP256SHA256 ED25519; do
	bits=$([ $algorithm = RSASHA256 ] && echo "-b 2048" || true)
	for denial in nsec nsec3 optout; do
		# RFC 9276 3.1: no iterations, no salt; with a salt once, as many zones still have one.
		case $denial in
		nsec) bind="" ldns="" ;;
		nsec3) bind="-3 -" ldns="-n -t 0" ;;
		optout) bind="-3 aabb -A" ldns="-n -p -t 0 -s aabb" ;;
		esac
		for tool in bind ldns; do
			zone=$tool.${algorithm,,}.$denial.sign.test
			# shellcheck disable=SC2086 # lists of options
			case $tool in
			bind)
				key=$(dnssec-keygen -q -a $algorithm $bits -f KSK "$zone")
				{ echo "\$ORIGIN $zone."; cat "$text" "$key.key"; } >"$zone.text"
				dnssec-signzone -q -z -o "$zone" -H 0 $bind -f "$zone.zone" "$zone.text" "$key.private" >/dev/null
				;;
			ldns)
				key=$(ldns-keygen -k -a $algorithm $bits "$zone")
				{ echo "\$ORIGIN $zone."; cat "$text"; } >"$zone.text"
				ldns-signzone $ldns -f "$zone.zone" "$zone.text" "$key"
				;;
			esac
			grep -v '^;' "$key.key" >"$zone.key"
			rm -f "$zone.text" "$key".* "dsset-$zone."
		done
	done
done
