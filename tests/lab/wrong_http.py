# SPDX-License-Identifier: Apache-2.0
# wrong_http PORT - answers /right rightly ("hello", and closes), and every other path in its own wrong way.
import asyncio, socket, struct, sys

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
ANSWERS = {
    b"/right": HEAD + b"hello",
    b"/length": HEAD.replace(b"5", b"6") + b"hello!",
    b"/body": HEAD + b"hallo",
    b"/status": HEAD.replace(b"200 OK", b"503 No") + b"hello",
    b"/short": HEAD + b"hel",
    b"/garbage": b"220 smtp.example.com ESMTP\r\n\r\n",
    b"/open": HEAD + b"hello",
    b"/reset": HEAD + b"hel",
}


async def serve(reader, writer):
    try:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        if path in ANSWERS:
            writer.write(ANSWERS[path])
            await writer.drain()
        if path in (b"/never", b"/open"):
            await reader.read()  # until the client gives up
        if path == b"/reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(serve, ["0.0.0.0", "::"], int(sys.argv[1]), backlog=1024)
    async with server:
        await server.serve_forever()


asyncio.run(main())
