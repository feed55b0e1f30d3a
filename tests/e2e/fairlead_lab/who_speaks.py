"""Who speaks for addresses, all the time: `who_speaks.py INTERFACE FILE ADDRESS…` asks by ARP, or by neighbour discovery, ten
times a second until the end of standard input. Each line of FILE is

    MOMENT ask|answer|tell ADDRESS MAC

MOMENT is of the machine's monotonic clock. An answer is sent to who has asked; who tells sends to all, as gratuitous ARP and
unsolicited advertisements do. While the interface is down nothing is said and nothing heard.
"""

import contextlib
import errno
import ipaddress
import select
import socket
import struct
import sys
import time

ETH_P_ALL, ETH_P_ARP, ETH_P_IPV6 = 0x0003, 0x0806, 0x86DD
EVERY_SECONDS = 0.1


def arp_request(mac: bytes, address: bytes) -> bytes:
    """A probe: it names no sender, so nobody learns from it."""
    return (b"\xff" * 6 + mac + struct.pack("!H", ETH_P_ARP) +
            struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + bytes(4) + bytes(6) + address)


def solicitation(mac: bytes, source: bytes, address: bytes) -> bytes:
    group = b"\xff\x02" + bytes(9) + b"\x01\xff" + address[13:]
    body = struct.pack("!BBHI", 135, 0, 0, 0) + address + b"\x01\x01" + mac
    total = sum(struct.unpack(f"!{(40 + len(body)) // 2}H",
                              source + group + struct.pack("!II", len(body), 58) + body))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    body = body[:2] + struct.pack("!H", ~total & 0xFFFF) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + source + group
    return b"\x33\x33" + group[12:] + mac + struct.pack("!H", ETH_P_IPV6) + header + body


def own_link_local(mac: bytes) -> bytes:
    return b"\xfe\x80" + bytes(6) + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]


def said(frame: bytes):
    """The address that the frame speaks for; None: for none. A gratuitous ARP is a reply, or a request for its own sender."""
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == ETH_P_ARP and len(frame) >= 42 and (frame[20:22] == b"\0\2" or frame[28:32] == frame[38:42]):
        return str(ipaddress.ip_address(frame[28:32]))
    if kind == ETH_P_IPV6 and len(frame) >= 78 and frame[20] == 58 and frame[54] == 136:
        return str(ipaddress.ip_address(frame[62:78]))
    return None


@contextlib.contextmanager
def while_it_is_up():
    """Passes over the error of a socket whose interface is down, or was."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENETDOWN, errno.ENXIO):
            raise


def main(interface: str, path: str, *addresses: str):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)  # downloads come here too
    sock.bind((interface, ETH_P_ALL))
    mac = sock.getsockname()[4]
    packed = {address: ipaddress.ip_address(address).packed for address in addresses}
    asks = {address: arp_request(mac, own) if len(own) == 4 else solicitation(mac, own_link_local(mac), own)
            for address, own in packed.items()}
    due = time.monotonic()
    with open(path, "w", buffering=1) as file:
        while True:
            now = time.monotonic()
            if now >= due:
                for address, frame in asks.items():
                    file.write(f"{now:.4f} ask {address} {mac.hex(':')}\n")
                    with while_it_is_up():
                        sock.send(frame)
                due = now + EVERY_SECONDS
            ready = select.select([sock, sys.stdin], [], [], max(due - now, 0))[0]
            if sys.stdin in ready:
                return
            if sock not in ready:
                continue
            frame = b""
            with while_it_is_up():
                frame = sock.recv(256)
            address = said(frame) if frame and frame[6:12] != mac else None
            if address in asks:
                kind = "answer" if frame[:6] == mac else "tell"
                file.write(f"{time.monotonic():.4f} {kind} {address} {frame[6:12].hex(':')}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
