#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# http_client.py ADDRESS - what no well-behaved client sends, to port 80: forms that must be refused, requests cut
# anywhere, connections that are slow, rude or many. Exits 1 with a line for each thing that was not as it should be.
import socket
import sys
import time

ADDRESS = sys.argv[1]
failures = []
HOST = b"Host: www.example.com\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"


def check(name, good, seen=b""):
    if not good:
        failures.append("%s: %r" % (name, seen[:200]))


def opened(timeout=5):
    return socket.create_connection((ADDRESS, 80), timeout)


def read_all(s):
    out = b""
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                return out, "closed"
            out += piece
    except socket.timeout:
        return out, "open"
    except ConnectionResetError:
        return out, "reset"


def said(text, timeout=0.3):
    with opened(timeout) as s:
        s.sendall(text)
        return read_all(s)


def statuses(text):
    return [int(part[:3]) for part in text.split(b"HTTP/1.1 ")[1:]]


# Each must be refused with this status, once, and the connection closed: nothing behind it is served.
REFUSED = [
    (400, b"GET / HTTP/1.1\r\n\r\n"),
    (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    (400, b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost : www.example.com\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n" + HOST + b"A: b\x00c\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n" + HOST + b"A: b\rc\r\n\r\n"),
    (400, b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET /%zz HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
    (400, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\na"),
    (400, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1, 1\r\n\r\na"),
    (400, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"),
    (413, b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
    (400, b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (501, b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    (405, b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n"),
    (405, b"CONNECT a:80 HTTP/1.1\r\n" + HOST + b"\r\n"),
    (505, b"GET / HTTP/2.0\r\n" + HOST + b"\r\n"),
    (414, b"GET /" + b"a" * 8200 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    (431, b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"a" * 9000 + b"\r\n\r\n"),
    (431, b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"A%d: b\r\n" % i for i in range(120)) + b"\r\n"),
    (413, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999\r\n\r\n"),
    (417, b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 200-ok\r\nContent-Length: 1\r\n\r\na"),
]
for status, text in REFUSED:
    out, end = said(text + GET, 3)
    check("refused %d %r" % (status, text[:60]), statuses(out) == [status] and end != "open", b"%r %s" % (out, end.encode()))

# One request, whole and cut at each octet; and octet by octet.
text = (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: x\r\n\r\n" +
        b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
for cut in range(1, len(text), 3):
    with opened(3) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(text[:cut])
        time.sleep(0.002)
        s.sendall(text[cut:])
        out, end = read_all(s)
        check("cut at %d" % cut, statuses(out) == [200, 200] and end == "closed", out)
with opened(3) as s:
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in text:
        s.sendall(bytes([octet]))
    out, end = read_all(s)
    check("octet by octet", statuses(out) == [200, 200] and end == "closed", out)

# 500 in one go; the answers come in order, all of them.
with opened(3) as s:
    s.sendall(GET * 499 + b"GET /json HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    out, end = read_all(s)
    check("500 pipelined", statuses(out) == [200] * 499 + [201], out[-200:])

# Slow ones are told and closed, while others are served; 200 of them hold nobody up.
slow = [opened(4) for _ in range(200)]
began = time.monotonic()
for s in slow:
    s.sendall(b"GET / HTTP/1.1\r\nX-A: b")
out, end = said(GET)
check("served among slow ones", statuses(out) == [200], out)
for i in range(4):
    time.sleep(0.2)
    for s in slow[:20]:
        s.sendall(b"c")
for s in slow:
    out, end = read_all(s)
    check("a slow head", statuses(out) == [408] and end != "open", out)
    s.close()
check("slow heads end in time", time.monotonic() - began < 3)
with opened(4) as s:
    s.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nab")
    out, end = read_all(s)
    check("slow content", statuses(out) == [408] and end != "open", out)
with opened(5) as s:
    out, end = read_all(s)
    check("nothing said", out == b"" and end == "closed", out)

# A client that half-closes gets its answer; one that leaves inside a head is forgotten.
with opened(3) as s:
    s.sendall(GET)
    s.shutdown(socket.SHUT_WR)
    out, end = read_all(s)
    check("half-closed", statuses(out) == [200] and end == "closed", out)
with opened(3) as s:
    s.sendall(GET[:10])

print("\n".join(failures) or "all as it should be")
sys.exit(1 if failures else 0)
