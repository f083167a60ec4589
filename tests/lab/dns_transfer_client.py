#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dns_transfer_client.py SERVER ZONE: ask for a zone, and take it in ways that no secondary would.

--serial N    every record comes once; both SOAs have this serial
--records N   so many addresses, h0 and on, beside SOA, NS and its address
--rate BYTES  no faster than this many bytes a second, with a small window
--ready FILE  made when the first 128 KiB are there
--rude        leave in the middle; then do not read at all until the server resets
--many N      N at once: all but one are given, one is refused
"""
import argparse
import os
import socket
import struct
import sys
import time

options = argparse.ArgumentParser()
options.add_argument("server")
options.add_argument("zone")
options.add_argument("--serial", type=int)
options.add_argument("--records", type=int)
options.add_argument("--rate", type=int, default=0)
options.add_argument("--ready")
options.add_argument("--rude", action="store_true")
options.add_argument("--many", type=int, default=0)
options = options.parse_args()


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def ask(receive_bytes=0):
    peer = socket.socket()
    if receive_bytes:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    peer.settimeout(30)
    peer.connect((options.server, 53))
    query = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + wire(options.zone) + struct.pack(">2H", 252, 1)
    peer.sendall(struct.pack(">H", len(query)) + query)
    return peer


def messages(peer):
    """Yields message after message, at --rate."""
    started, taken, waiting = time.monotonic(), 0, bytearray()
    while True:
        while len(waiting) >= 2 and len(waiting) >= 2 + int.from_bytes(waiting[:2], "big"):
            count = int.from_bytes(waiting[:2], "big")
            yield bytes(waiting[2 : 2 + count])
            del waiting[: 2 + count]
        if options.rate and taken / options.rate > time.monotonic() - started:
            time.sleep(taken / options.rate - (time.monotonic() - started))
        more = peer.recv(65536)
        if not more:
            return
        taken += len(more)
        waiting += more
        if options.ready and taken > 1 << 17 and not os.path.exists(options.ready):
            open(options.ready, "w").close()


def name_end(message, at):
    while message[at] and message[at] < 192:
        at += message[at] + 1
    return at + (2 if message[at] else 1)


def label_of(message, at):
    """The first label, through one pointer."""
    if message[at] >= 192:
        at = int.from_bytes(message[at : at + 2], "big") & 0x3FFF
    return bytes(message[at + 1 : at + 1 + message[at]])


def whole(serial):
    owners, soas, records = set(), 0, 0
    for message in messages(ask(65536 if options.rate else 0)):
        identity, flags, questions, answers = struct.unpack(">4H", message[:8])
        if identity != 7 or flags & 0x840F != 0x8400:
            sys.exit(f"header {message[:12].hex()}")
        at = 12
        for _ in range(questions):
            at = name_end(message, at) + 4
        for _ in range(answers):
            owner, at = label_of(message, at), name_end(message, at)
            rtype, rdata_bytes = int.from_bytes(message[at : at + 2], "big"), int.from_bytes(message[at + 8 : at + 10], "big")
            rdata = message[at + 10 : at + 10 + rdata_bytes]
            at += 10 + rdata_bytes
            if rtype == 6:
                soas += 1
                if int.from_bytes(rdata[-20:-16], "big") != serial:
                    sys.exit(f"serial {int.from_bytes(rdata[-20:-16], 'big')}")
            elif rtype == 1:
                owners.add((owner, rdata))
            records += 1
        if at != len(message):
            sys.exit("a message that lies about its length")
        if soas == 2:
            break
    wanted = {(b"h%d" % i, bytes([10, i >> 16, i >> 8 & 255, i & 255])) for i in range(options.records)} | {(b"ns", b"\xc0\0\2\1")}
    if owners != wanted or records != options.records + 4:
        sys.exit(f"{records} records, {len(owners)} addresses, {len(wanted - owners)} missing")


if options.rude:
    peer = ask()
    for _ in range(10):
        peer.recv(65536)
    peer.close()
    peer = ask(4096)
    time.sleep(8)
    peer.settimeout(1)
    try:
        while peer.recv(65536):
            pass
        sys.exit("the connection was closed, not reset")
    except ConnectionResetError:
        pass
    except TimeoutError:
        sys.exit("the connection is still there")
elif options.many:
    peers = [ask(8192) for _ in range(options.many)]
    time.sleep(0.3)
    rcodes = sorted(peer.recv(6)[5] & 15 for peer in peers)
    if rcodes != [0] * (options.many - 1) + [5]:
        sys.exit(f"rcodes {rcodes}")
else:
    whole(options.serial)
