"""IPVS over a raw netlink socket, and over the director's own socket: no library in between but the C library's.

    with Netlink() as ipvs:                      # a program's own socket; run it by `fairlead ipvs-exec`
        ipvs.change(NEW_DEST, service("192.0.2.80", 80) + real("10.0.0.11", 80))
    with Records("/run/fairlead/ipvs.sock") as ipvs: …

As a program it counts changes, for the tests of many:

    raw_ipvs.py changes VIP PORT REAL VIP PORT REAL RATE SECONDS     so many changes a second of two real servers:
                                                  {"made": N, "refused": N, "seconds": S, "longest_ms": M}
    raw_ipvs.py dialogue VIP PORT REAL…           sets up a service, lists it, removes it: what it saw, line by line
"""

import json
import os
import socket
import struct
import sys
import time

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLMSG_ERROR, NLMSG_DONE, CONTROLLER = 2, 3, 0x10
NEW_SERVICE, SET_SERVICE, DEL_SERVICE, GET_SERVICE, NEW_DEST, SET_DEST, DEL_DEST, GET_DEST = range(1, 9)
OUR_FAMILY = 0x7f30  # on the director's socket
MASQ = 0


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def attributes(data: bytes) -> dict:
    found, at = {}, 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("HH", data, at)
        if size < 4:
            break
        found[kind & 0x3fff] = data[at + 4:at + size]
        at += (size + 3) & ~3
    return found


def message(kind: int, command: int, body: bytes = b"", flags: int = NLM_F_ACK, sequence: int = 1) -> bytes:
    payload = struct.pack("BBH", command, 1, 0) + body
    return struct.pack("IHHII", 16 + len(payload), kind, NLM_F_REQUEST | flags, sequence, 0) + payload


def address(text: str) -> bytes:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text).ljust(16, b"\0")


def service(vip: str, port: int, scheduler: str = "") -> bytes:
    family = socket.AF_INET6 if ":" in vip else socket.AF_INET
    inner = (attribute(1, struct.pack("H", family)) + attribute(2, struct.pack("H", socket.IPPROTO_TCP)) +
             attribute(3, address(vip)) + attribute(4, struct.pack("!H", port)))
    if scheduler:
        inner += (attribute(6, scheduler.encode() + b"\0") + attribute(7, struct.pack("II", 0, 0xffffffff)) +
                  attribute(8, struct.pack("I", 0)) +
                  attribute(9, struct.pack("I", 128 if ":" in vip else 0xffffffff)))
    return attribute(1, inner)


def real(ip: str, port: int, weight: int = 1) -> bytes:
    return attribute(2, attribute(1, address(ip)) + attribute(2, struct.pack("!H", port)) +
                     attribute(3, struct.pack("I", MASQ)) + attribute(4, struct.pack("I", weight)) +
                     attribute(5, struct.pack("I", 0)) + attribute(6, struct.pack("I", 0)))


class Peer:
    """What both have in common: requests and answers over `self.socket`, of the family `self.family`."""

    def __init__(self, sock):
        self.socket, self.sequence = sock, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, command: int, body: bytes = b"", flags: int = NLM_F_ACK, kind: int = 0):
        """Yields (type, payload behind the generic header) until the answer is over; raises OSError for a refusal."""
        self.sequence += 1
        self.socket.send(message(kind or self.family, command, body, flags, self.sequence))
        while True:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionResetError("the other side has hung up")
            while data:
                size, kind_of, _, sequence, _ = struct.unpack_from("IHHII", data)
                if sequence != self.sequence:
                    raise OSError(f"an answer to {sequence} and not to {self.sequence}")
                if kind_of == NLMSG_ERROR:
                    error = -struct.unpack_from("i", data, 16)[0]
                    if error:
                        raise OSError(error, os.strerror(error))
                    return
                if kind_of == NLMSG_DONE:
                    return
                yield kind_of, data[20:size]
                if not flags:
                    return
                data = data[(size + 3) & ~3:]

    def change(self, command: int, body: bytes = b""):
        for _ in self.ask(command, body):
            pass

    def services(self) -> list:
        found = []
        for _, payload in self.ask(GET_SERVICE, flags=NLM_F_DUMP):
            inner = attributes(attributes(payload)[1])
            if 5 in inner:
                found.append(f"mark {struct.unpack('I', inner[5])[0]}")
            else:
                found.append(endpoint(struct.unpack("H", inner[1])[0], inner[3], inner[4]))
        return found

    def reals(self, vip: str, port: int) -> list:
        family = socket.AF_INET6 if ":" in vip else socket.AF_INET
        found = []
        for _, payload in self.ask(GET_DEST, service(vip, port), NLM_F_DUMP):
            inner = attributes(attributes(payload)[2])
            found.append(f"{endpoint(family, inner[1], inner[2])} {struct.unpack('I', inner[4])[0]}")
        return found


def endpoint(family: int, ip: bytes, port: bytes) -> str:
    text = socket.inet_ntop(family, ip[:16 if family == socket.AF_INET6 else 4])
    return (f"[{text}]" if ":" in text else text) + f":{struct.unpack('!H', port)[0]}"


class Netlink(Peer):
    def __init__(self):
        super().__init__(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16))  # NETLINK_GENERIC
        self.socket.bind((0, 0))
        self.family = self.number_of("IPVS")

    def number_of(self, name: str) -> int:
        body = attribute(2, name.encode() + b"\0")
        _, payload = next(self.ask(3, body, 0, CONTROLLER))
        return struct.unpack("H", attributes(payload)[1])[0]


class Records(Peer):
    def __init__(self, path: str):
        super().__init__(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.family = OUR_FAMILY


def changes(web: tuple, other: tuple, rate: float, seconds: float) -> dict:
    """`web` and `other` are (VIP, port, real server). That of web goes to weight 0 and back, that of the other service comes
    and goes, in turn: a real server that goes for good takes its connections with it, so web's stays."""
    def weight(value: int) -> tuple:
        return SET_DEST, service(*web[:2]) + real(web[2], web[1], value)

    there = service(*other[:2]) + real(other[2], other[1])
    turn = [weight(0), (NEW_DEST, there), weight(3), (DEL_DEST, there)]
    made = refused = 0
    longest = 0.0
    with Netlink() as ipvs:
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            before = time.monotonic()
            try:
                ipvs.change(*turn[(made + refused) % len(turn)])
                made += 1
            except OSError:
                refused += 1
            now = time.monotonic()
            longest = max(longest, now - before)
            time.sleep(max(0.0, start + (made + refused) / rate - now))
        spent = time.monotonic() - start
        ipvs.change(*weight(1))
    return {"made": made, "refused": refused, "seconds": spent, "longest_ms": longest * 1000}


def main():
    verb, vip, port, *rest = sys.argv[1:]
    if verb == "changes":
        ip, other_vip, other_port, other_ip, rate, seconds = rest
        result = changes((vip, int(port), ip), (other_vip, int(other_port), other_ip), float(rate), float(seconds))
        json.dump(result, sys.stdout)
        return
    with Netlink() as ipvs:
        ipvs.change(NEW_SERVICE, service(vip, int(port), "rr"))
        for ip in rest:
            ipvs.change(NEW_DEST, service(vip, int(port)) + real(ip, int(port)))
        print("services", *ipvs.services())
        print("reals", *ipvs.reals(vip, int(port)))
        try:
            ipvs.change(NEW_SERVICE, service(vip, int(port), "rr"))
        except OSError as error:
            print("again:", error.strerror)
        print("ethtool", "there" if 0 < ipvs.number_of("ethtool") < 0x7f00 else "not there")
        ipvs.change(DEL_SERVICE, service(vip, int(port)))
        print("services", *ipvs.services())


if __name__ == "__main__":
    main()
