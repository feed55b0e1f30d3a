"""A client whose frames have a VLAN tag of VLAN 0, priority 5: `tagged_peer.py INTERFACE MAC SOURCE DESTINATION PORT COUNT`.

It asks for DESTINATION by ARP or by neighbour discovery, then sends COUNT datagrams there, and prints
{"spoken_for": [MAC…], "answered": N}: who has answered the question, and how many datagrams came back from the lab's echo.
"""

import ipaddress
import json
import socket
import sys
import time

from fragment_peer import Link, bound, fragment, udp
from who_speaks import ETH_P_ALL, arp_request, own_link_local, said, solicitation

PRIORITY = b"\x81\x00\xa0\x00"
PATIENCE = 3


def tagged(frame: bytes) -> bytes:
    return frame[:12] + PRIORITY + frame[12:]


def speaker(link: Link, destination: str) -> list:
    """The MACs that the answer to one question has, which is sent to us: one, or none in all the time."""
    hearing = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    hearing.bind((link.socket.getsockname()[0], ETH_P_ALL))
    hearing.settimeout(PATIENCE)
    own, address = link.start[6:], ipaddress.ip_address(destination).packed
    ask = arp_request(own, address) if len(address) == 4 else solicitation(own, own_link_local(own), address)
    link.socket.send(tagged(ask))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            frame = hearing.recv(256)
        except TimeoutError:
            break
        if frame[:6] == own and said(frame) == destination:
            return [frame[6:12].hex(":")]
    return []


def main(interface: str, mac: str, source: str, destination: str, port: str, count: str):
    link, sock = Link(interface, mac), bound(source, 0)
    answered = 0
    spoken_for = speaker(link, destination)
    for number in range(int(count)):
        text = f"number {number}".encode()
        whole = udp(source, sock.getsockname()[1], destination, int(port), text)
        link.socket.send(tagged(link.frame(fragment(source, destination, 0, 0, False, whole))))
        try:
            answered += sock.recv(2048).partition(b" ")[2] == text
        except TimeoutError:
            break
    print(json.dumps({"spoken_for": spoken_for, "answered": answered}))


if __name__ == "__main__":
    main(*sys.argv[1:])
