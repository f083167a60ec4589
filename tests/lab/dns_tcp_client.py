# SPDX-License-Identifier: Apache-2.0
"""dns_tcp_client - a client of DNS over TCP that behaves well and badly. Exits 1 and says what went wrong."""
import select
import socket
import struct
import sys
import threading
import time

SERVER, IDLE_100MS, CLIENT_LIMIT, OTHER_CLIENT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def query(name, number=1, qtype=1, flags=0x0100, options=None):
    wire = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    message = struct.pack("!6H", number, flags, 1, 0, 0, options is not None) + wire + struct.pack("!2H", qtype, 1)
    if options is not None:
        message += b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(options)) + options
    return struct.pack("!H", len(message)) + message


def connect():
    sock = socket.create_connection((SERVER, 53), 5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(5)
    return sock


def exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError(f"closed after {len(data)} of {count} bytes")
        data += piece
    return data


def answer(sock):
    return exactly(sock, struct.unpack("!H", exactly(sock, 2))[0])


def expect(message, number, rcode=0):
    got, flags = struct.unpack_from("!2H", message)
    assert got == number and flags & 0x800F == 0x8000 | rcode, f"id {got}, flags {flags:04x}"


def ended(sock, seconds):
    """True when the server closes (or resets) within so many seconds."""
    sock.settimeout(seconds)
    try:
        while sock.recv(65536):
            pass
        return True
    except socket.timeout:
        return False
    except ConnectionError:
        return True


def cut_at_each_byte():
    whole = query("www.example.com", 7)
    for cut in range(1, len(whole)):
        with connect() as sock:
            sock.sendall(whole[:cut])
            time.sleep(0.005)
            sock.sendall(whole[cut:])
            expect(answer(sock), 7)


def byte_by_byte():
    with connect() as sock:
        for byte in query("www.example.com", 8) + query("host-001.example.com", 9):
            sock.sendall(bytes([byte]))
            time.sleep(0.002)
        expect(answer(sock), 8)
        expect(answer(sock), 9)


def pipelined():
    with connect() as sock:
        sock.sendall(b"".join(query(f"host-{i:03d}.example.com", i) for i in range(1, 41)))
        for i in range(1, 41):
            expect(answer(sock), i)


def query_limit():
    with connect() as sock:
        sock.sendall(b"".join(query("www.example.com", i) for i in range(610)))
        for i in range(600):
            expect(answer(sock), i)
        assert ended(sock, 5), "more than 600 queries on one connection"


def reader_that_does_not_read():
    """49 answers of 43 KB are 2 MB: more than the server queues. It must wait, and lose nothing."""
    with connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        sock.sendall(b"".join(query("huge.big.example", i, 16) for i in range(49)))
        time.sleep(1.5)
        for i in range(49):
            message = answer(sock)
            expect(message, i)
            assert len(message) > 40000, f"{len(message)} bytes"


def half_closed():
    with connect() as sock:
        sock.sendall(query("www.example.com", 3))
        sock.shutdown(socket.SHUT_WR)
        expect(answer(sock), 3)
        assert ended(sock, 5), "not closed after our FIN"


def idle_is_closed():
    with connect() as sock:
        began = time.monotonic()
        assert ended(sock, 8), "an idle connection stays"
        assert time.monotonic() - began > 1.5, "closed too early"


def half_a_length_is_closed():
    with connect() as sock:
        sock.sendall(b"\0")
        assert ended(sock, 8), "half a length prefix holds a connection"


def dribble_does_not_extend():
    with connect() as sock:
        began = time.monotonic()
        for byte in query("www.example.com", 3)[:-1]:
            try:
                sock.sendall(bytes([byte]))
            except ConnectionError:
                break
            if select.select([sock], [], [], 0.4)[0]:
                break
        assert time.monotonic() - began < 6, "a message may take for ever"


def bad_lengths():
    for length in (0, 1, 11, 4095, 65535):
        with connect() as sock:
            sock.sendall(struct.pack("!H", length) + b"x" * min(length, 20))
            assert ended(sock, 5), f"length {length} is waited for"


def keepalive():
    """RFC 7828: who asks is told the idle timeout; a timeout from a client is malformed; never over UDP."""
    with connect() as sock:
        sock.sendall(query("www.example.com", 1, options=b"\0\x0b\0\0"))
        message = answer(sock)
        expect(message, 1)
        assert message.endswith(struct.pack("!3H", 11, 2, IDLE_100MS)), message[-16:].hex()
        sock.sendall(query("www.example.com", 2, options=b""))
        message = answer(sock)
        assert message.endswith(b"\0\0"), "told without being asked"
        sock.sendall(query("www.example.com", 3, options=struct.pack("!3H", 11, 2, 100)))
        expect(answer(sock), 3, rcode=1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect((SERVER, 53))
        sock.send(query("www.example.com", 4, options=struct.pack("!3H", 11, 2, 100))[2:])
        message = sock.recv(4096)
        expect(message, 4)
        assert message.endswith(b"\0\0"), "told over UDP"


def one_client_has_a_limit():
    socks = []
    try:
        for _ in range(CLIENT_LIMIT + 10):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.setblocking(False)
            sock.connect_ex((SERVER, 53))
            socks.append(sock)
        until = time.monotonic() + 1.5  # they are idle and closed after 2 s
        opened = set()
        while time.monotonic() < until:
            opened.update(select.select([], socks, [], 0.1)[1])
            if len(opened) >= CLIENT_LIMIT:
                break
        assert len(opened) <= CLIENT_LIMIT, f"{len(opened)} connections of one client"
        with socket.create_connection((SERVER, 53), 5, source_address=(OTHER_CLIENT, 0)) as other:
            other.settimeout(5)
            other.sendall(query("www.example.com", 5))
            expect(answer(other), 5)
    finally:
        for sock in socks:
            sock.close()


def reader_that_never_reads():
    """What it does not take is not kept for ever: it is reset. In the background, as that takes its time."""
    with connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(b"".join(query("huge.big.example", i, 16) for i in range(49)))
        poll = select.poll()
        poll.register(sock, 0)  # errors and hang-ups are told unasked
        assert poll.poll(120000), "a client that takes nothing is kept"


def not_a_query():
    with connect() as sock:
        sock.sendall(query("www.example.com", 3, flags=0x8100))
        assert ended(sock, 5), "a response is waited upon"


def resets():
    for _ in range(50):
        with connect() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(query("huge.big.example", 1, 16))


def run(test):
    try:
        test()
    except (AssertionError, OSError, EOFError) as error:
        FAILED.append(test)
        print(f"{test.__name__}: {error!r}")


FAILED = []


def main():
    slow = threading.Thread(target=run, args=(reader_that_never_reads,))
    slow.start()
    for test in (cut_at_each_byte, byte_by_byte, pipelined, query_limit, reader_that_does_not_read, half_closed,
                 idle_is_closed, half_a_length_is_closed, dribble_does_not_extend, bad_lengths, keepalive,
                 one_client_has_a_limit, not_a_query, resets):
        run(test)
    slow.join()
    sys.exit(1 if FAILED else 0)


main()
