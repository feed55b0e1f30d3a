"""Servers that answer slowly, wrongly, or as nobody should: `hostile.py PORT:WAY[:ARGUMENT] …`, all in one process.

Over TCP; what a way does with each connection is the function of its name below. `dns_…` is also about UDP.
An argument is hexadecimal.
"""

import asyncio
import os
import socket
import struct
import sys

CHUNK = 65536


async def silent(reader, writer, argument):
    """Takes the connection and everything that is said, and says nothing."""
    while await reader.read(CHUNK):
        pass


async def reset(reader, writer, argument):
    """A RST once something was said."""
    await reader.read(1)
    cut(writer)


async def reset_at_once(reader, writer, argument):
    cut(writer)


async def say(reader, writer, argument):
    """The argument, to begin with; then it listens."""
    writer.write(argument)
    await silent(reader, writer, argument)


async def say_and_close(reader, writer, argument):
    await reader.read(1)
    writer.write(argument)
    await writer.drain()


async def from_file(reader, writer, argument):
    """What the file of that name says now."""
    with open(argument, "rb") as file:
        writer.write(file.read())
    await writer.drain()


async def drip(reader, writer, argument):
    """The argument over and over, byte by byte, in no hurry."""
    while True:
        for byte in argument:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.1)


async def endless(reader, writer, argument):
    """The argument over and over, as fast as it is taken, after what stands before the first null byte."""
    before, _, again = argument.rpartition(b"\0")
    writer.write(before)
    again *= 1 + CHUNK // len(again)
    while True:
        writer.write(again)
        await writer.drain()


async def garbage(reader, writer, argument):
    """Random bytes without an end."""
    while True:
        writer.write(os.urandom(CHUNK))
        await writer.drain()


async def dns_huge(reader, writer, argument):
    """The longest message that DNS over TCP has, made of nothing: it answers the question and then goes on."""
    size = struct.unpack("!H", await reader.readexactly(2))[0]
    question = await reader.readexactly(size)
    flags = struct.pack("!HHHHH", 0x8180, 1, 0xFFFF, 0xFFFF, 0xFFFF)
    writer.write(b"\xff\xff" + question[:2] + flags + question[12:] + os.urandom(65535 - size))
    await garbage(reader, writer, argument)


def dns_huge_datagrams(question: bytes) -> list:
    """Cut off: to be asked again over TCP."""
    return [question[:2] + b"\x83\x80" + question[4:]]


def dns_refused_datagrams(question: bytes) -> list:
    return [question[:2] + b"\x81\x85" + question[4:]]


def dns_others_datagrams(question: bytes) -> list:
    """Two hundred answers to questions of others, and none to this one."""
    number = struct.unpack("!H", question[:2])[0]
    return [struct.pack("!H", (number + n) % 65536) + b"\x81\x80" + question[4:] for n in range(1, 201)]


def dns_long_datagrams(question: bytes) -> list:
    """As large as a datagram can be, and no whole answer."""
    return [question[:2] + b"\x81\x80\0\1\xff\xff\0\0\0\0" + question[12:] + os.urandom(60000)]


def cut(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answers):
        self.answers = answers

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        for answer in self.answers(data):
            self.transport.sendto(answer, peer)


def served_by(way, argument: bytes):
    async def serve(reader, writer):
        try:
            await way(reader, writer, argument)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.close()
    return serve


async def main(words):
    loop = asyncio.get_running_loop()
    for word in words:
        port, way, argument = (word + "::").split(":")[:3]
        if way in globals():
            await asyncio.start_server(served_by(globals()[way], bytes.fromhex(argument)), "0.0.0.0", int(port))
        answers = globals().get(f"{way}_datagrams")
        if answers:
            await loop.create_datagram_endpoint(lambda answers=answers: Datagrams(answers), ("0.0.0.0", int(port)))
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
