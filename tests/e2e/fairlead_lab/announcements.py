"""Who hears a director's announcements: `announcements.py INTERFACE COUNT SECONDS` counts the different addresses
in gratuitous ARP requests, until COUNT have come or SECONDS have passed, and prints how many."""

import socket
import struct
import sys
import time

ETH_P_ARP = 0x0806
SO_RCVBUFFORCE = 33


def main(interface: str, count: str, seconds: str):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 * 1024 * 1024)
    sock.bind((interface, ETH_P_ARP))
    sock.settimeout(1)
    print("listening", flush=True)
    heard = set()
    end = time.monotonic() + float(seconds)
    while len(heard) < int(count) and time.monotonic() < end:
        try:
            frame = sock.recv(128)
        except TimeoutError:
            continue
        operation, sender, target = struct.unpack("!H6x4s6x4s", frame[20:42])
        if operation == 1 and sender == target:
            heard.add(sender)
    print(len(heard), flush=True)


main(*sys.argv[1:])
