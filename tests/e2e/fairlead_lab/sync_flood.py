"""Floods of what directors tell each other, until standard input closes; then how many there were. Standard library only.

    sync_flood.py datagrams ADDRESS VIRTUAL REAL           kernel's protocol, from the interface of ADDRESS
    sync_flood.py connections SOURCE PORT…                 to 127.0.0.1

Of the datagrams most are as good as a kernel's: established connections for 31 days and more, each of a client of its own
(100.64.0.0/10). The rest are torn off, or nothing at all. Of the connections some say nothing, some say garbage, some what
begins like TLS, and some are reset at once.
"""

import asyncio
import os
import random
import select
import socket
import struct
import sys

from sync_partner import GROUP, PORT

DATAGRAMS, ENTRIES = 4000, 40  # drawn before, and sent over and over
ROUND = 100  # datagrams from one look at standard input to the next
GUESTS = 50  # at once
TLS = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


def datagram(virtual: bytes, real: bytes) -> bytes:
    body = b"".join(struct.pack("!BBHIHHHHII4s4s4s", 0, 6, 36, 0x83, 1, random.randrange(1024, 65536), 80, 80, 0,
                                0xFFFFFFFF, struct.pack("!I", 0x64400000 | random.getrandbits(22)), virtual, real)
                    for _ in range(ENTRIES))
    whole = struct.pack("!BBHBBH", 0, 7, 8 + len(body), ENTRIES, 1, 0) + body
    kind = random.randrange(10)
    if kind == 0:
        return whole[:random.randrange(len(whole))]
    return whole if kind > 1 else os.urandom(random.randrange(1, 1472))


def datagrams(address: str, virtual: str, real: str) -> int:
    drawn = [datagram(socket.inet_aton(virtual), socket.inet_aton(real)) for _ in range(DATAGRAMS)]
    count = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        while not select.select([sys.stdin], [], [], 0)[0]:
            begin = count % DATAGRAMS
            for each in drawn[begin:begin + ROUND]:
                sock.sendto(each, (GROUP, PORT))
            count += ROUND
    return count


async def guest(source: str, port: int, number: int):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        if number % 4 == 0:
            await asyncio.sleep(0.5)
        elif number % 4 < 3:
            writer.write((TLS if number % 4 == 1 else b"") + os.urandom(20000))
            await asyncio.wait_for(reader.read(), 0.5)
        else:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    finally:
        writer.close()


async def connections(source: str, ports: list) -> int:
    count, stop = 0, asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)

    async def guests():
        nonlocal count
        while not stop.is_set():
            count += 1
            try:
                await guest(source, ports[count % len(ports)], random.getrandbits(8))
            except (OSError, asyncio.TimeoutError):
                await asyncio.sleep(0.001)  # shown the door

    await asyncio.gather(*(guests() for _ in range(GUESTS)))
    return count


if __name__ == "__main__":
    if sys.argv[1] == "datagrams":
        print(datagrams(*sys.argv[2:]))
    else:
        print(asyncio.run(connections(sys.argv[2], [int(port) for port in sys.argv[3:]])))
