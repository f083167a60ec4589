#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dns_vlan - a VLAN interface for kernels that are built without 8021q.

  dns_vlan.py INTERFACE VLAN TAP     makes the interface TAP: what it sends leaves INTERFACE with an
                                     802.1Q tag, what comes there with that tag arrives on it.
                                     VLAN may be OUTER/INNER: an 802.1ad pair of tags
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP_NO_PI = 0x400454ca, 0x1002
SOL_PACKET, PACKET_AUXDATA, TAG_VALID = 263, 8, 0x10

interface, numbers = sys.argv[1], [int(number) for number in sys.argv[2].split("/")]
types = [0x88A8, 0x8100][-len(numbers):]
tags = b"".join(struct.pack("!2H", *tag) for tag in zip(types, numbers))
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", sys.argv[3].encode(), IFF_TAP_NO_PI))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
wire.bind((interface, 3))
while True:
    for ready in select.select([tap, wire], [], [])[0]:
        if ready == tap:
            frame = os.read(tap, 4096)
            try:
                wire.send(frame[:12] + tags + frame[12:])
            except OSError as problem:  # too long for the interface
                print(problem, flush=True)
            continue
        frame, extra, _, address = wire.recvmsg(4096, 256)
        if address[2] == socket.PACKET_OUTGOING:
            continue
        for level, kind, data in extra:  # the kernel takes the first tag off on the way to us
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, tci, protocol = struct.unpack_from("=I12x2H", data)
                if status & TAG_VALID:
                    frame = frame[:12] + struct.pack("!2H", protocol, tci) + frame[12:]
        if frame[12:12 + len(tags)] == tags:  # no priority comes back either
            os.write(tap, frame[:12] + frame[12 + len(tags):])
