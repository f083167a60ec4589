#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# proxy_origin - an origin of odd behaviour, by path; each connection is a thread. proxy_origin.py ADDRESS PORT
import base64
import hashlib
import json
import socket
import struct
import sys
import threading
import time

refused_once = set()


class Gone(Exception):
    pass


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.kept = b""
        self.count = 0

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        self.kept += data

    def until(self, mark):
        while mark not in self.kept:
            self.more()
        text, self.kept = self.kept.split(mark, 1)
        return text

    def exactly(self, count):
        while len(self.kept) < count:
            self.more()
        data, self.kept = self.kept[:count], self.kept[count:]
        return data

    def say(self, data):
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def content(self, fields):
        """Yields the content's pieces; at the end self.trailers is there."""
        self.trailers = {}
        if "chunked" in fields.get("transfer-encoding", ""):
            while True:
                size = int(self.until(b"\r\n").split(b";")[0], 16)
                if not size:
                    break
                yield self.exactly(size)
                assert self.exactly(2) == b"\r\n"
            while True:
                line = self.until(b"\r\n").decode()
                if not line:
                    return
                name, value = line.split(":", 1)
                self.trailers[name.lower()] = value.strip()
        left = int(fields.get("content-length", "0"))
        while left:
            if not self.kept:
                self.more()
            piece, self.kept = self.kept[:left], self.kept[left:]
            left -= len(piece)
            yield piece


def whole(conn, body, status="200 OK", more=""):
    body = body.encode() if isinstance(body, str) else body
    conn.say(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body)


def echo(conn, method, target, fields):
    if fields.get("expect") == "100-continue":
        conn.say("HTTP/1.1 100 Continue\r\n\r\n")
    digest, count = hashlib.sha256(), 0
    for piece in conn.content(fields):
        digest.update(piece)
        count += len(piece)
    whole(conn, json.dumps({"method": method, "target": target, "fields": fields, "bytes": count,
                            "sha256": digest.hexdigest(), "trailers": conn.trailers,
                            "request": conn.count}))


def trailers(conn, *_):
    conn.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: five\r\n\r\n")


def hints(conn, *_):
    conn.say("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    time.sleep(0.05)
    whole(conn, "hinted")


def to_close(conn, *_):
    conn.say("HTTP/1.0 200 OK\r\n\r\nuntil the end")
    raise Gone


def half(conn, *_):
    conn.say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    raise Gone


def half_chunk(conn, *_):
    conn.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf")
    conn.reset()


def too_much(conn, *_):
    conn.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen")


def two_lengths(conn, *_):
    conn.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello!!")


def noise(conn, *_):
    conn.say(b"\x00\x01\x02 this is not HTTP\r\n\r\n")


def hang(conn, *_):
    time.sleep(5)
    raise Gone


def drip(conn, *_):
    for octet in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello":
        conn.say(bytes([octet]))
        time.sleep(0.002)


def close_first(conn, method, target, _):
    if target not in refused_once:
        refused_once.add(target)
        raise Gone
    whole(conn, "again")


def early(conn, method, target, fields):
    whole(conn, "too large", "413 Content Too Large", "Connection: close\r\n")
    time.sleep(0.1)
    raise Gone


def websocket(conn, method, target, fields):
    key = fields["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    conn.say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             f"Sec-WebSocket-Accept: {accept}\r\n\r\n")
    while True:
        first, second = conn.exactly(2)
        size = second & 127
        if size == 126:
            size = struct.unpack("!H", conn.exactly(2))[0]
        mask = conn.exactly(4)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(conn.exactly(size)))
        head = bytes([first, size]) if size < 126 else bytes([first, 126]) + struct.pack("!H", size)
        conn.say(head + data)
        if first & 15 == 8:
            raise Gone


paths = {"/trailers": trailers, "/hints": hints, "/to-close": to_close, "/half": half,
         "/half-chunk": half_chunk, "/too-much": too_much, "/two-lengths": two_lengths,
         "/noise": noise, "/hang": hang, "/drip": drip, "/close-first": close_first,
         "/early": early, "/ws": websocket}


def serve(sock):
    conn = Connection(sock)
    try:
        while True:
            lines = conn.until(b"\r\n\r\n").decode().split("\r\n")
            method, target, _ = lines[0].split(" ")
            fields = {}
            for line in lines[1:]:
                name, value = line.split(":", 1)
                fields[name.lower()] = value.strip()
            conn.count += 1
            paths.get(target.split("?")[0], echo)(conn, method, target, fields)
    except (Gone, OSError):
        pass
    finally:
        sock.close()


def main():
    listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=128)
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


main()
