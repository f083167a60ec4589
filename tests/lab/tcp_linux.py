#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tcp_linux.py - the kernel's side of tests/lab/tcp-linux.

  serve ADDRESS                        chargen without end on 19, discard on 9, until killed
  goodput read|write SECONDS STREAMS ADDRESS...
                                       STREAMS connections to each address, all at the same time;
                                       prints the bytes that arrived, for each address
  fetch ADDRESS PORT BYTES             reads chargen to its end: right bytes, right length
  echo ADDRESS BYTES [REPLIES]         sends random bytes to echo and compares what comes back
  churn ADDRESS COUNT                  opens and closes COUNT connections, several at a time
"""
import hashlib
import os
import selectors
import socket
import struct
import sys
import threading
import time

BLOCK = b"".join(bytes(32 + (line + i) % 95 for i in range(72)) + b"\r\n" for line in range(95))


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def connect(address, port, seconds=30):
    s = socket.socket(family(address))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    s.settimeout(seconds)
    s.connect((address, port))
    return s


def bytes_acked(s):
    """tcpi_bytes_acked: what the peer has acknowledged, and with it taken."""
    return struct.unpack_from("Q", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 120)[0]


def serve(address):
    listeners = {}
    picker = selectors.DefaultSelector()
    for port in (9, 19):
        s = socket.create_server((address, port), family=family(address), backlog=128)
        s.setblocking(False)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")  # accepted ones take it over
        listeners[s] = port
        picker.register(s, selectors.EVENT_READ)
    print("serving", flush=True)
    block = BLOCK * 9
    while True:
        for key, mask in picker.select():
            s = key.fileobj
            if s in listeners:
                peer, _ = s.accept()
                peer.setblocking(False)
                both = selectors.EVENT_READ
                picker.register(peer, both | selectors.EVENT_WRITE if listeners[s] == 19 else both)
                continue
            try:
                if mask & selectors.EVENT_READ and not s.recv(1 << 18):
                    raise ConnectionError
                if mask & selectors.EVENT_WRITE:
                    s.send(block)
            except BlockingIOError:
                pass
            except OSError:
                picker.unregister(s)
                s.close()


def goodput(way, seconds, streams, addresses):
    picker = selectors.DefaultSelector()
    total = dict.fromkeys(addresses, 0)
    socks = []
    block = BLOCK * 9
    for _ in range(int(streams)):
        for address in addresses:
            s = connect(address, 19 if way == "read" else 9)
            s.setblocking(False)
            picker.register(s, selectors.EVENT_READ if way == "read" else selectors.EVENT_WRITE, address)
            socks.append((s, address))
    until = time.monotonic() + float(seconds)
    while time.monotonic() < until:
        for key, _ in picker.select(0.1):
            try:
                if way == "read":
                    got = len(key.fileobj.recv(1 << 18))
                    assert got, "a stream without end has ended"
                    total[key.data] += got
                else:
                    key.fileobj.send(block)
            except BlockingIOError:
                pass
    for s, address in socks:
        if way == "write":
            total[address] += bytes_acked(s)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    print(*total.values())


def fetch(address, port, count):
    s = connect(address, int(port))
    got, block = 0, BLOCK * 40
    while True:
        piece = s.recv(1 << 18)
        if not piece:
            break
        at = got % len(BLOCK)
        want = block[at:at + len(piece)]
        assert piece == want, f"wrong bytes at {got}"
        got += len(piece)
    s.close()
    assert got == int(count), f"{got} bytes, not {count}"


def echo(address, count):
    s = connect(address, 7)
    sent, count = hashlib.sha256(), int(count)

    def send():
        left = count
        while left:
            piece = os.urandom(min(left, 1 << 16))
            sent.update(piece)
            s.sendall(piece)
            left -= len(piece)
        s.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    got, back = 0, hashlib.sha256()
    while True:
        piece = s.recv(1 << 18)
        if not piece:
            break
        back.update(piece)
        got += len(piece)
    sender.join()
    s.close()
    assert got == count, f"{got} bytes came back, not {count}"
    assert back.digest() == sent.digest(), "other bytes came back"


def churn(address, count):
    left, lock, faults = [int(count)], threading.Lock(), []

    def run():
        while True:
            with lock:
                if not left[0]:
                    return
                left[0] -= 1
                number = left[0]
            try:
                s = connect(address, 7, 10)
                s.sendall(b"%d\n" % number)
                if number % 2:
                    s.shutdown(socket.SHUT_WR)
                got = b""
                while not got.endswith(b"\n"):
                    piece = s.recv(64)
                    assert piece, "closed too early"
                    got += piece
                assert got == b"%d\n" % number, got
                if number % 2:
                    assert s.recv(1) == b"", "no end"
                s.close()
            except (OSError, AssertionError) as fault:
                faults.append(repr(fault))

    threads = [threading.Thread(target=run) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if faults:
        sys.exit(f"{len(faults)} of {count} failed: {faults[:3]}")


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    if name == "goodput":
        goodput(*arguments[:3], arguments[3:])
    else:
        {"serve": serve, "fetch": fetch, "echo": echo, "churn": churn}[name](*arguments)
