#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dns_vlan - a VLAN interface for kernels that are built without 8021q.

  dns_vlan.py INTERFACE VLAN TAP     makes the interface TAP: what it sends leaves INTERFACE with an
                                     802.1Q tag, what comes there with that tag arrives on it
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP_NO_PI = 0x400454ca, 0x1002
SOL_PACKET, PACKET_AUXDATA, TAG_VALID = 263, 8, 0x10

interface, vlan = sys.argv[1], int(sys.argv[2])
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", sys.argv[3].encode(), IFF_TAP_NO_PI))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
wire.bind((interface, 3))
while True:
    for ready in select.select([tap, wire], [], [])[0]:
        if ready == tap:
            frame = os.read(tap, 4096)
            wire.send(frame[:12] + struct.pack("!2H", 0x8100, vlan) + frame[12:])
            continue
        frame, extra, _, address = wire.recvmsg(4096, 256)
        if address[2] == socket.PACKET_OUTGOING:
            continue
        tag = None
        for level, kind, data in extra:  # the kernel takes the tag off on the way to us
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, tci = struct.unpack_from("=I12xH", data)
                tag = tci & 0xfff if status & TAG_VALID else None
        if tag is None and frame[12:14] == b"\x81\x00":
            tag = struct.unpack_from("!H", frame, 14)[0] & 0xfff
            frame = frame[:12] + frame[16:]
        if tag == vlan:
            os.write(tap, frame)
