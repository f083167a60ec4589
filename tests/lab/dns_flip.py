#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dns_flip - is each answer all of one version of a zone, while the server swaps versions?

  dns_flip.py --write FILE VERSION          write the zone, every record telling VERSION (1 or 2)
  dns_flip.py --ask ADDR SECONDS RATE       ask for its names; every set has to be whole and of one
                                            version, every query has to be answered

--ask prints one line of JSON and fails when an answer was torn or none came of one of the versions
named by --want (e.g. --want 12).
"""
import argparse
import json
import random
import socket
import struct
import sys
import time

ORIGIN, HOSTS, ADDRESSES = "flip.example", 200, 8


def write(path, version):
    with open(path, "w", encoding="ascii") as out:
        out.write("$TTL 60\n@ SOA ns hostmaster %d 60 60 60 60\n@ NS ns\nns A 192.0.2.1\n" % version)
        for host in range(HOSTS):
            for k in range(ADDRESSES):
                out.write("h%d A 10.%d.%d.%d\n" % (host, version, host, k))
            out.write('h%d TXT "version %d"\n' % (host, version))


def query(identity, host):
    name = b"".join(bytes([len(part)]) + part.encode() for part in ("h%d.%s" % (host, ORIGIN)).split("."))
    return struct.pack("!6H", identity, 0, 1, 0, 0, 0) + name + b"\0" + struct.pack("!2H", 1, 1)


def skip_name(message, at):
    while message[at]:
        if message[at] >= 192:
            return at + 2
        at += 1 + message[at]
    return at + 1


def version_of(message, host):
    """The version that an answer tells, or None when it is no whole set of one version."""
    _, flags, questions, answers, _, _ = struct.unpack_from("!6H", message)
    if not flags & 0x8000 or flags & 0xf or questions != 1 or answers != ADDRESSES:
        return None
    at, found = skip_name(message, 12) + 4, set()
    for _ in range(answers):
        at = skip_name(message, at)
        rrtype, _, _, size = struct.unpack_from("!HHIH", message, at)
        data = message[at + 10:at + 10 + size]
        at += 10 + size
        if rrtype != 1 or data[0] != 10 or data[2] != host:
            return None
        found.add((data[1], data[3]))
    versions = {version for version, _ in found}
    return versions.pop() if len(versions) == 1 and len(found) == ADDRESSES else None


def ask(server, seconds, rate):
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.connect((server, 53))
    sock.setblocking(False)
    waiting, seen, torn, answered, sent, late = {}, {1: 0, 2: 0}, 0, 0, 0, 0
    start = time.monotonic()
    identity = random.randrange(65536)
    while True:
        now = time.monotonic()
        if now - start > seconds + 1 or now - start > seconds and not waiting:
            break
        while now - start < seconds and sent < (now - start) * rate:
            identity = (identity + 1) & 0xffff
            late += identity in waiting  # 65,536 queries ago: lost
            host = random.randrange(HOSTS)
            try:
                sock.send(query(identity, host))
            except BlockingIOError:
                break
            waiting[identity] = host
            sent += 1
        try:
            while True:
                message = sock.recv(4096)
                host = waiting.pop(struct.unpack_from("!H", message)[0], None)
                if host is None:
                    continue
                answered += 1
                version = version_of(message, host)
                if version in seen:
                    seen[version] += 1
                else:
                    torn += 1
        except BlockingIOError:
            time.sleep(0.0005)
    return {"sent": sent, "answered": answered, "lost": len(waiting) + late, "torn": torn,
            "version1": seen[1], "version2": seen[2]}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--write", nargs=2)
    options.add_argument("--ask", nargs=3)
    options.add_argument("--want", default="")
    options = options.parse_args()
    if options.write:
        write(options.write[0], int(options.write[1]))
        return 0
    result = ask(options.ask[0], float(options.ask[1]), int(options.ask[2]))
    print(json.dumps(result))
    return int(result["torn"] > 0 or result["answered"] == 0 or
               any(result["version" + each] == 0 for each in options.want))


sys.exit(main())
