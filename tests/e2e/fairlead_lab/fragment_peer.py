"""Datagrams in fragments, cut and written to the link byte by byte, so that their order and sizes are the test's.

Usage: fragment_peer.py exchange INTERFACE MAC SOURCE DESTINATION PORT COUNT BYTES FRAGMENT ORDER
       fragment_peer.py answer INTERFACE MAC PORT FRAGMENT
       fragment_peer.py lone INTERFACE MAC SOURCE DESTINATION PORT COUNT

`exchange` sends COUNT datagrams, a few at a time, and prints {"answered": N}: those that came back with all their bytes
right. ORDER is `order` or `shuffle`. `answer` sends each datagram back in shuffled fragments, with its bytes turned round. `lone` sends
second fragments whose first never comes.
"""

import json
import random
import select
import socket
import struct
import sys
import time

PATIENCE = 5
WINDOW = 4  # datagrams that are not answered yet: a socket has room for ten
UDP, FRAGMENT_HEADER = 17, 44


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def udp(source: str, source_port: int, destination: str, port: int, payload: bytes) -> bytes:
    length = 8 + len(payload)
    head = struct.pack("!HHH", source_port, port, length)
    pseudo = packed(source) + packed(destination) + struct.pack("!IHBB", length, 0, 0, UDP)
    return head + struct.pack("!H", checksum(pseudo + head + b"\0\0" + payload) or 0xffff) + payload


def fragment(source: str, destination: str, identification: int, offset: int, more: bool, data: bytes) -> bytes:
    """One IP packet."""
    if ":" in source:
        return struct.pack("!IHBB", 6 << 28, 8 + len(data), FRAGMENT_HEADER, 64) + packed(source) + \
            packed(destination) + struct.pack("!BBHI", UDP, 0, offset | more, identification) + data
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), identification & 0xffff, offset // 8 | more << 13, 64,
                       UDP, 0) + packed(source) + packed(destination)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + data


def cut(source: str, destination: str, identification: int, datagram: bytes, size: int) -> list:
    return [fragment(source, destination, identification, at, at + size < len(datagram), datagram[at:at + size])
            for at in range(0, len(datagram), size)]


class Link:
    def __init__(self, interface: str, mac: str):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((interface, 0))
        self.start = bytes.fromhex(mac.replace(":", "")) + self.socket.getsockname()[4]

    def frame(self, packet: bytes) -> bytes:
        return self.start + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet

    def send(self, packet: bytes):
        self.socket.send(self.frame(packet))


def bound(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    if ":" in address:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, port))
    sock.settimeout(PATIENCE)
    return sock


def first_identification() -> int:
    """Of a run: not those that another has just used."""
    return int(time.monotonic() * 20000) & 0xffff


def exchange(interface, mac, source, destination, port, count, length, size, order):
    link, sock = Link(interface, mac), bound(source, 0)
    chance = random.Random(7)
    waiting, answered, sent = {}, 0, 0
    identification = first_identification()
    while True:
        while sent < int(count) and len(waiting) < WINDOW:
            payload = sent.to_bytes(4, "big") + chance.randbytes(int(length) - 4)
            waiting[sent] = payload
            sent += 1
            datagram = udp(source, sock.getsockname()[1], destination, int(port), payload)
            pieces = cut(source, destination, identification + sent, datagram, int(size))
            if order == "shuffle":
                chance.shuffle(pieces)
            for piece in pieces:
                link.send(piece)
        if not waiting:
            break
        try:
            data = sock.recv(65535)
        except TimeoutError:
            break
        # From the lab's echo behind its name, or from `answer` turned round.
        for payload in (data.partition(b" ")[2], data[::-1]):
            if waiting.get(int.from_bytes(payload[:4], "big")) == payload:
                del waiting[int.from_bytes(payload[:4], "big")]
                answered += 1
    print(json.dumps({"answered": answered}))


def answer(interface, mac, port, size):
    link = Link(interface, mac)
    socks = [bound("0.0.0.0", int(port)), bound("::", int(port))]
    chance = random.Random(8)
    for name, kind, value in ((socket.IPPROTO_IP, 8, 1), (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)):
        socks[name == socket.IPPROTO_IPV6].setsockopt(name, kind, value)
    print("ready", flush=True)
    identification = first_identification()
    while True:
        for sock in select.select(socks, [], [])[0]:
            data, ancillary, _, peer = sock.recvmsg(65535, 256)
            info = ancillary[0][2]
            own = socket.inet_ntop(socket.AF_INET6, info[:16]) if len(info) == 20 else \
                socket.inet_ntop(socket.AF_INET, info[8:12])
            identification += 1
            datagram = udp(own, int(port), peer[0], peer[1], data[::-1])
            pieces = cut(own, peer[0], identification, datagram, int(size))
            chance.shuffle(pieces)
            for piece in pieces:
                link.send(piece)


def lone(interface, mac, source, destination, port, count):
    link = Link(interface, mac)
    for number in range(int(count)):
        link.send(fragment(source, destination, number + 1, 1400, False, b"x" * 64))
    print(json.dumps({"sent": int(count)}))


if __name__ == "__main__":
    {"exchange": exchange, "answer": answer, "lone": lone}[sys.argv[1]](*sys.argv[2:])
