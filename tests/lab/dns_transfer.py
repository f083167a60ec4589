#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dns_transfer.py (FILE TRANSFER)...: is each transfer, as dig or kdig prints it, what FILE, named by its origin, holds?

Both sides are read by ldns-read-zone, which brings them to one form, and compared; the transfer has nothing twice.
"""
import collections
import os
import subprocess
import sys
import tempfile


def records(text, what):
    with tempfile.NamedTemporaryFile("w", suffix=".zone") as file:
        file.write(text)
        file.flush()
        run = subprocess.run(["ldns-read-zone", "-c", file.name], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{what}: {run.stderr}")
    rows = [line.split() for line in run.stdout.splitlines() if line]
    lowest = {}  # RFC 2181 5.2: a set has one TTL; where a file has several, the lowest is served
    for owner, ttl, _, rtype, *rdata in rows:
        key = (owner, rtype, rdata[0] if rtype == "RRSIG" else "")
        lowest[key] = min(lowest.get(key, 1 << 31), int(ttl))
    return collections.Counter(
        f"{owner} {lowest[owner, rtype, rdata[0] if rtype == 'RRSIG' else '']} {rtype} {' '.join(rdata)}"
        for owner, _, _, rtype, *rdata in rows
    )


def compare(path, transfer):
    origin = os.path.basename(path).removesuffix(".zone")
    with open(transfer) as file:
        lines = file.read().splitlines()
    given = [line for line in lines if line.strip() and not line.startswith(";")]
    soas = [i for i, line in enumerate(given) if line.split()[3:4] == ["SOA"]]
    if soas not in ([0, len(given) - 1], [0]):  # dig +onesoa prints it once
        sys.exit(f"{origin}: the SOA stands in lines {soas} of {len(given)}")
    with open(path) as file:
        wanted = records(f"$ORIGIN {origin}.\n" + file.read(), path)
    got = records("\n".join(given[: len(given) - (len(soas) == 2)]) + "\n", "the transfer")
    wanted = collections.Counter(wanted.keys())  # RFC 2181 5: what a file has twice is served once
    if got != wanted:
        missing, more = wanted - got, got - wanted
        sys.exit("\n".join([f"- {r}" for r in list(missing)[:10]] + [f"+ {r}" for r in list(more)[:10]]))
    if sum(got.values()) < 2:
        sys.exit(f"{origin}: nothing was compared")


if len(sys.argv) < 3 or len(sys.argv) % 2 == 0:
    sys.exit(__doc__)
for path, transfer in zip(sys.argv[1::2], sys.argv[2::2]):
    compare(path, transfer)
