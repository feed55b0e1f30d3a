"""Clients that upload in pieces through two directors in turn: `uploads.py URL PIECES PAUSE START SOURCE…`.

Each client sends PIECES pieces, each over a connection of its own to URL/SOURCE/NUMBER. START `in-turn`: piece 0 goes
through one director, the next through the other one, and so on. START `both`: piece 0 goes through both at the same moment,
as 0-1 and 0-2. START `midway`: each piece changes sides three times while it is sent. START `handshake`: only
the SYN of a piece goes through the first director. Between two pieces of a client are PAUSE seconds. The mark of a packet, 1 or
2, says which director. The outcome is one line of JSON: the failures, [[source, number, why]…].
"""

import asyncio
import json
import socket
import sys
from urllib.parse import urlsplit

BYTES = 20000  # some packets
SECONDS = 60
CHANGES, PART_SECONDS = 3, 0.02  # odd: it ends at a director that has not seen it begin


async def connect(url, source: str, side: int, start: str):
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, side)
    sock.bind((source, 0))
    address = (url.hostname, url.port or 80)
    if start == "handshake":
        sock.connect_ex(address)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 3 - side)
    await asyncio.get_running_loop().sock_connect(sock, address)
    return sock


async def upload(url, source: str, name: str, side: int, start: str):
    changes = CHANGES if start == "midway" else 0
    sock = await connect(url, source, side, start)
    reader, writer = await asyncio.open_connection(sock=sock)
    writer.write(f"PUT {url.path}/{source}/{name} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n"
                 f"Content-Length: {BYTES * (changes + 1)}\r\n\r\n".encode())
    for done in range(changes + 1):
        if done > 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 1 + (side - 1 + done) % 2)
        writer.write(b"x" * BYTES)
        await writer.drain()
        await asyncio.sleep(PART_SECONDS if changes else 0)
    reply = await reader.read()
    writer.close()
    if reply.split()[1:2] not in ([b"201"], [b"204"]):
        raise OSError(f"bad reply {reply[:40]!r}")


async def client(url, source: str, index: int, pieces: int, pause: float, start: str, failures: list):
    async def piece(name: str, side: int):
        try:
            await asyncio.wait_for(upload(url, source, name, side, start), SECONDS)
        except (OSError, asyncio.TimeoutError) as error:
            failures.append([source, name, f"{type(error).__name__} {error}"])

    if start == "in-turn":
        await asyncio.sleep(index * 0.02)
    for number in range(pieces):
        if number == 0 and start == "both":
            await asyncio.gather(piece("0-1", 1), piece("0-2", 2))
        else:
            await piece(str(number), 1 + (index + number) % 2)
        await asyncio.sleep(pause)


async def main(url: str, pieces: str, pause: str, start: str, *sources: str):
    failures = []
    await asyncio.gather(*(client(urlsplit(url), source, index, int(pieces), float(pause), start, failures)
                           for index, source in enumerate(sources)))
    print(json.dumps(failures))


asyncio.run(main(*sys.argv[1:]))
