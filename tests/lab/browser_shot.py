#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# browser_shot.py FILE.png WIDTH HEIGHT - does a screenshot of the sample site show what its style says? Exits 1 with a reason.
import collections
import struct
import sys
import zlib


def pixels(path):
    """The rows of an 8-bit RGB or RGBA picture (PNG, ISO/IEC 15948), each a bytearray, and the octets of a pixel."""
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG"
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", data[at + 8:at + 21])
        elif kind == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += length + 12
    assert depth == 8 and colour in (2, 6) and not interlace, "a form that is not read here"
    size = 3 if colour == 2 else 4
    raw, stride, rows, before = zlib.decompress(packed), width * size, [], bytearray(width * size)
    for y in range(height):
        way, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        if way == 2:
            row = bytearray((a + b) & 255 for a, b in zip(row, before))
        elif way:
            for i in range(stride):
                left, up = row[i - size] if i >= size else 0, before[i]
                if way == 1:
                    guess = left
                elif way == 3:
                    guess = (left + up) // 2
                else:
                    corner = before[i - size] if i >= size else 0
                    p = left + up - corner
                    guess = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]
                row[i] = (row[i] + guess) & 255
        rows.append(row)
        before = row
    return width, height, size, rows


width, height, size, rows = pixels(sys.argv[1])
assert (width, height) == (int(sys.argv[2]), int(sys.argv[3])), (width, height)
counts = collections.Counter(bytes(row[i:i + 3]) for row in rows for i in range(0, len(row), size))
share = {name: sum(n for c, n in counts.items() if test(*c)) / (width * height) for name, test in {
    "water": lambda r, g, b: b > r + 60 and b > 80,      # the header's gradient
    "wood": lambda r, g, b: r > g + 20 > b + 40,         # the wheel, and the line below it
    "white": lambda r, g, b: r == g == b == 255,         # the sections
    "foam": lambda r, g, b: (r, g, b) == (0xe8, 0xf4, 0xfb),
    "ink": lambda r, g, b: r + g + b < 240,              # what is written
}.items()}
print(len(counts), "colours;", ", ".join("%s %.2f %%" % (k, 100 * v) for k, v in share.items()))
least = {"water": .15, "wood": .005, "white": .1, "foam": .1, "ink": .002}
sys.exit(len(counts) < 200 or any(share[k] < v for k, v in least.items()))
