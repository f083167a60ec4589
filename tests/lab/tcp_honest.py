# SPDX-License-Identifier: Apache-2.0
"""tcp_honest - somebody who wants an answer: over and over a connection, a query, its answer, the end.

  tcp_honest.py SERVER SECONDS [udp]

Prints one JSON line: tried, succeeded within 3 s, and the median and p99 of how long it took in ms.
"""
import json
import socket
import struct
import sys
import time

SERVER, SECONDS = sys.argv[1], float(sys.argv[2])
UDP = len(sys.argv) > 3
QUERY = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\3www\7example\3com\0" + struct.pack("!2H", 1, 1)


def ask_tcp():
    with socket.create_connection((SERVER, 53), 3) as sock:
        sock.settimeout(3)
        sock.sendall(struct.pack("!H", len(QUERY)) + QUERY)
        data = b""
        while len(data) < 2 or len(data) < 2 + struct.unpack_from("!H", data)[0]:
            piece = sock.recv(4096)
            if not piece:
                return False
            data += piece
        return data[2:4] == QUERY[:2]


def ask_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.5)  # nothing sends it again
        sock.sendto(QUERY, (SERVER, 53))
        return sock.recv(4096)[:2] == QUERY[:2]


times, tried = [], 0
deadline = time.monotonic() + SECONDS
while time.monotonic() < deadline:
    began = time.monotonic()
    tried += 1
    try:
        good = ask_udp() if UDP else ask_tcp()
    except OSError:
        good = False
    spent = time.monotonic() - began
    if good and spent < 3:
        times.append(spent)
times.sort()
print(json.dumps({"tried": tried, "good": len(times),
                  "p50_ms": round(1000 * times[len(times) // 2], 2) if times else None,
                  "p99_ms": round(1000 * times[len(times) * 99 // 100], 2) if times else None}))
