#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dns_frames - send frames that no decent host sends, and see that each was noticed.

  dns_frames.py --interface IF --mac SERVER_MAC --source4 A --source6 A --vip4 A --vip6 A
                --counters "COMMAND ..." --alive "COMMAND ..."

--counters prints millraced's counters as JSON, before and after each case; --alive has to succeed
after each. A case names the counters of which at least one has to have moved; none are named where
the steering leaves the frame to the kernel: there, only life is asked for.
"""
import argparse
import ipaddress
import json
import shlex
import socket
import struct
import subprocess
import sys
import time

GROUP = bytes.fromhex("01005e000001")


def checksum(data):
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def name(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".") if p) + b"\0"


def dns(question=name("www.example.com") + b"\0\1\0\1", flags=0, counts=(1, 0, 0, 0), tail=b""):
    return struct.pack("!6H", 0x4d52, flags, *counts) + question + tail


class Maker:
    """Frames from this host to the VIPs, with one thing wrong at a time."""

    def __init__(self, options, own):
        self.to, self.own = bytes.fromhex(options.mac.replace(":", "")), own
        self.a4, self.v4 = (ipaddress.ip_address(a).packed for a in (options.source4, options.vip4))
        self.a6, self.v6 = (ipaddress.ip_address(a).packed for a in (options.source6, options.vip6))

    def ether(self, kind, payload, tags=(), to=None, source=None):
        head = (to or self.to) + (source or self.own)
        for tag_kind, tag in tags:
            head += struct.pack("!2H", tag_kind, tag)
        return head + struct.pack("!H", kind) + payload

    def udp(self, payload, source, target, sport=5353, dport=53, length=None, total=None):
        length = 8 + len(payload) if length is None else length
        head = struct.pack("!4H", sport, dport, length, 0)
        if total is None:
            pseudo = source + target + (struct.pack("!BBH", 0, 17, length) if len(source) == 4
                                        else struct.pack("!I4B", length, 0, 0, 0, 17))
            total = checksum(pseudo + head + payload) or 0xffff
        return head[:6] + struct.pack("!H", total) + payload

    def ip4(self, payload, protocol=17, options=b"", length=None, fragment=0, source=None,
            version=4, words=None, bad_sum=False):
        words = 5 + len(options) // 4 if words is None else words
        length = 20 + len(options) + len(payload) if length is None else length
        head = struct.pack("!BBHHHBBH", version << 4 | words, 0, length, 7, fragment, 64, protocol, 0)
        head += (source or self.a4) + self.v4 + options
        total = checksum(head) ^ (1 if bad_sum else 0)
        return head[:10] + struct.pack("!H", total) + head[12:] + payload

    def ip6(self, payload, following=17, length=None, source=None, version=6):
        length = len(payload) if length is None else length
        return struct.pack("!IHBB", version << 28, length, following, 64) + \
            (source or self.a6) + self.v6 + payload

    def q4(self, message=None, to=None, tags=(), **more):
        udp = {k: more.pop(k) for k in ("sport", "dport", "total") if k in more}
        if "udp_length" in more:
            udp["length"] = more.pop("udp_length")
        source = more.get("source", self.a4)
        data = self.udp(dns() if message is None else message, source, self.v4, **udp)
        return self.ether(0x0800, self.ip4(data, **more), tags=tags, to=to)

    def q6(self, message=None, before=b"", following=17, to=None, **more):
        udp = {k: more.pop(k) for k in ("sport", "total") if k in more}
        source = more.get("source", self.a6)
        data = before + self.udp(dns() if message is None else message, source, self.v6, **udp)
        return self.ether(0x86dd, self.ip6(data, following, **more), to=to)


def extension(following, units=0, body=None):
    return bytes([following, units]) + (body or b"\1" + bytes([units * 8 + 4]) +
                                        bytes(units * 8 + 4))


def cases(m):
    """(name, frame, counters of which one has to move)"""
    loop = b"\xc0\x0c" + b"\0\1\0\1"
    ahead = b"\3www\xc0\x20" + b"\0\1\0\1"
    options6 = lambda n: b"".join(extension(60) for _ in range(n - 1)) + extension(17)
    yield "a good query over IPv4", m.q4(), ["rcode_noerror"]
    yield "a good query over IPv6", m.q6(), ["rcode_noerror"]
    # links
    yield "runt of 10 octets", m.q4()[:10].ljust(14, b"\0"), []
    yield "frame cut in the IPv4 header", m.q4()[:30], []
    yield "frame cut in the UDP header", m.q4()[:38], ["v4_truncated"]
    yield "frame cut in the question", m.q4()[:60], ["v4_truncated"]
    yield "IPv6 frame cut in the question", m.q6()[:80], ["v6_truncated"]
    yield "source MAC of a group", m.q4()[:6] + GROUP + m.q4()[12:], ["eth_source"]
    yield "unicast in a link broadcast", m.q4(to=b"\xff" * 6), ["v4_link_group", "drop_multicast"]
    yield "unicast in a link multicast", m.q4(to=GROUP), ["v4_link_group", "drop_multicast", "eth_foreign"]
    yield "two VLAN tags", m.q4(tags=((0x88a8, 7), (0x8100, 100))), []
    yield "two 802.1Q tags", m.q4(tags=((0x8100, 100), (0x8100, 7))), []
    yield "VLAN that is not served", m.q4(tags=((0x8100, 999),)), []
    yield "VLAN tag cut off", m.to + m.own + b"\x81\0\0", []
    # IPv4
    yield "IPv4 total length above the frame", m.q4(length=1400), ["v4_truncated"]
    yield "IPv4 total length below its header", m.q4(length=12), ["v4_length"]
    yield "IPv4 header length 16", m.q4(words=4), []
    yield "IPv4 header length above the packet", m.q4(words=15), []
    yield "IPv4 version 5", m.q4(version=5), []
    yield "IPv4 header checksum", m.q4(bad_sum=True), ["v4_checksum"]
    yield "IPv4 options, harmless", m.q4(options=b"\1\1\1\1"), ["rcode_noerror"]
    yield "IPv4 options, length lies", m.q4(options=b"\x44\x28\1\1"), ["v4_options"]
    yield "IPv4 options, length 0", m.q4(options=b"\x44\0\0\0"), ["v4_options"]
    yield "IPv4 source route", m.q4(options=b"\x83\7\4" + m.a4 + b"\0"), ["v4_source_route"]
    yield "IPv4 first fragment", m.q4(fragment=0x2000), ["v4_fragment"]
    yield "IPv4 later fragment", m.q4(fragment=0x00b9), ["v4_fragment"]
    for text, counter in (("0.0.0.1", "v4_source_zero"), ("127.0.0.1", "v4_source_loopback"),
                          ("224.0.0.1", "v4_source_multicast"),
                          ("255.255.255.255", "v4_source_reserved"),
                          ("240.0.0.1", "v4_source_reserved")):
        yield "IPv4 source " + text, m.q4(source=ipaddress.ip_address(text).packed), [counter]
    yield "IPv4 source is the VIP", m.q4(source=m.v4), ["v4_source_own"]
    # IPv6
    yield "IPv6 payload length above the frame", m.q6(length=1400), ["v6_truncated"]
    yield "IPv6 payload length 4", m.q6(length=4), ["udp_length", "v6_truncated", "v6_extension_truncated"]
    yield "IPv6 version 5", m.q6(version=5), []
    yield "IPv6 one extension header", m.q6(before=options6(1), following=60), ["rcode_noerror"]
    yield "IPv6 forty extension headers", m.q6(before=options6(40), following=60), []
    yield "IPv6 extension header that lies", m.q6(before=bytes([17, 200, 1, 4, 0, 0, 0, 0]),
                                                  following=60), []
    yield "IPv6 hop-by-hop that is not first", \
        m.q6(before=extension(0) + extension(17), following=60), ["v6_extension_order"]
    yield "IPv6 option that forbids skipping", \
        m.q6(before=bytes([17, 0, 0x7e, 4, 0, 0, 0, 0]), following=60), ["v6_option"]
    yield "IPv6 option whose length lies", \
        m.q6(before=bytes([17, 0, 0x3e, 9, 0, 0, 0, 0]), following=60), ["v6_option_malformed"]
    yield "IPv6 routing header, segments left", \
        m.q6(before=bytes([17, 0, 0, 1, 0, 0, 0, 0]), following=43), ["v6_routing"]
    yield "IPv6 fragment", m.q6(before=bytes([17, 0, 0, 1, 0, 0, 0, 9]), following=44), ["v6_fragment"]
    for text, counter in (("::", "v6_source_unspecified"), ("::1", "v6_source_loopback"),
                          ("ff02::1", "v6_source_multicast"),
                          ("::ffff:192.0.2.1", "v6_source_mapped")):
        yield "IPv6 source " + text, m.q6(source=ipaddress.ip_address(text).packed), [counter]
    # UDP
    yield "UDP source port 0", m.q4(sport=0), ["udp_source_port"]
    yield "UDP length 4", m.q4(udp_length=4), ["udp_length"]
    yield "UDP length above the packet", m.q4(udp_length=900), ["udp_length"]
    yield "UDP checksum", m.q4(total=0x1234), ["udp_checksum"]
    yield "UDP without checksum over IPv6", m.q6(total=0), ["udp_zero_checksum"]
    # DNS
    yield "DNS of no octets", m.q4(b""), ["drop_short"]
    yield "DNS header cut off", m.q4(dns()[:11]), ["drop_short"]
    yield "DNS response as a query", m.q4(dns(flags=0x8000)), ["drop_response"]
    yield "DNS QDCOUNT 0", m.q4(dns(question=b"", counts=(0, 0, 0, 0))), ["formerr_qdcount"]
    yield "DNS QDCOUNT 2", m.q4(dns(counts=(2, 0, 0, 0), tail=name("a") + b"\0\1\0\1")), ["formerr_qdcount"]
    yield "DNS QDCOUNT 65535", m.q4(dns(counts=(65535, 0, 0, 0))), ["formerr_qdcount"]
    yield "DNS question cut off", m.q4(dns()[:-3]), ["formerr_question"]
    yield "DNS name points to itself", m.q4(dns(question=loop)), ["formerr_question"]
    yield "DNS name points ahead", m.q4(dns(question=ahead)), ["formerr_question"]
    yield "DNS label of 64 octets", m.q4(dns(question=b"\x40" + b"a" * 64 + b"\0\0\1\0\1")), ["formerr_question"]
    yield "DNS name of 256 octets", \
        m.q4(dns(question=(b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1")), ["formerr_question"]
    yield "DNS octets behind the question", m.q4(dns(tail=b"xyz")), ["formerr_trailing"]
    yield "DNS additional record that lies", \
        m.q4(dns(counts=(1, 0, 0, 1), tail=b"\0\0\x29\4\xd0\0\0\0\0\xff\xff")), \
        ["formerr_additional", "formerr_opt"]
    yield "DNS two OPT records", \
        m.q4(dns(counts=(1, 0, 0, 2), tail=2 * b"\0\0\x29\4\xd0\0\0\0\0\0\0")), ["formerr_opt"]
    yield "DNS EDNS version 1", \
        m.q4(dns(counts=(1, 0, 0, 1), tail=b"\0\0\x29\4\xd0\0\1\0\0\0\0")), ["rcode_badvers"]
    for opcode, counter in ((1, "notimp_opcode"), (2, "notimp_opcode"), (4, "notimp_notify"),
                            (5, "notimp_update"), (15, "notimp_opcode")):
        yield "DNS opcode %d" % opcode, m.q4(dns(flags=opcode << 11)), [counter]
    yield "DNS class CH", m.q4(dns(question=name("version.bind") + b"\0\x10\0\3")), ["refused_class"]
    yield "DNS from port 53", m.q4(sport=53), ["rcode_noerror", "query"]


def counters(command):
    """By the counter's own name, over all workers; the room's name goes with names used twice."""
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
    return {each["counter"].split(".", 1)[1]: each["value"] for each in json.loads(text)["counters"]
            if each["counter"].startswith(("net.", "dns."))}


def moved(command, before, wanted):
    """Counters are published once in a while: wait for them, at most two seconds."""
    until = time.monotonic() + 2
    while True:
        after = counters(command)
        changed = {k for k in after if after[k] != before.get(k, 0)}
        if changed & set(wanted) or time.monotonic() > until:
            return changed
        time.sleep(0.02)


def main():
    parser = argparse.ArgumentParser()
    for each in ("interface", "mac", "source4", "source6", "vip4", "vip6", "counters", "alive"):
        parser.add_argument("--" + each, required=True)
    options = parser.parse_args()
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((options.interface, 0))
    maker = Maker(options, sock.getsockname()[4])
    read, alive = shlex.split(options.counters), shlex.split(options.alive)
    passed = failed = 0
    for title, frame, wanted in cases(maker):
        before = counters(read) if wanted else {}
        sock.send(frame)
        changed = moved(read, before, wanted) if wanted else set()
        living = subprocess.run(alive, capture_output=True, check=False, timeout=20).returncode == 0
        if living and (not wanted or changed & set(wanted)):
            passed += 1
        else:
            failed += 1
            print("FAIL %s: %s" % (title, "no answer afterwards" if not living else
                                   "expected %s, moved %s" % (wanted, sorted(changed))))
        if not living:
            break
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


sys.exit(main())
