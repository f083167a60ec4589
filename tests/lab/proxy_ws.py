#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# proxy_ws - a WebSocket client: frames of several sizes are echoed, then both sides close. proxy_ws.py ADDRESS
import base64
import hashlib
import os
import socket
import struct
import sys


def read(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        assert piece, "closed early"
        data += piece
    return data


def frame(kind, data):
    mask = os.urandom(4)
    size = struct.pack("!BB", 0x80 | kind, 0x80 | len(data)) if len(data) < 126 else \
        struct.pack("!BBH", 0x80 | kind, 0x80 | 126, len(data))
    return size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


def answer(sock):
    first, size = read(sock, 2)
    if size == 126:
        size = struct.unpack("!H", read(sock, 2))[0]
    return first & 15, read(sock, size)


sock = socket.create_connection((sys.argv[1], 80), timeout=10)
key = base64.b64encode(os.urandom(16)).decode()
sock.sendall(f"GET /ws HTTP/1.1\r\nHost: odd.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
head = b""
while not head.endswith(b"\r\n\r\n"):
    head += read(sock, 1)
assert head.startswith(b"HTTP/1.1 101 "), head
want = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
assert want in head, head
for size in (0, 1, 125, 126, 1000, 65000):
    data = os.urandom(size)
    sock.sendall(frame(2, data))
    assert answer(sock) == (2, data)
sock.sendall(frame(8, struct.pack("!H", 1000)))
assert answer(sock)[0] == 8
assert sock.recv(1) == b"", "the origin has closed"
