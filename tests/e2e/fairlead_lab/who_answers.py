"""Who answers for addresses: `who_answers.py INTERFACE SECONDS ADDRESS…` asks by ARP, or by neighbour discovery, four times
and prints {address: [MAC, …]} with every machine that has answered, sorted, as JSON."""

import ipaddress
import json
import socket
import struct
import sys
import time

ETH_P_ALL, ETH_P_ARP, ETH_P_IPV6 = 0x0003, 0x0806, 0x86DD
ASKS = 4


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


def answered(frame: bytes):
    """The address that the frame answers for; None: it is no answer."""
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == ETH_P_ARP and frame[20:22] == b"\0\2":
        return str(ipaddress.ip_address(frame[28:32]))
    if kind == ETH_P_IPV6 and frame[20] == 58 and frame[54] == 136:
        return str(ipaddress.ip_address(frame[62:78]))
    return None


def own_link_local(mac: bytes) -> bytes:
    return b"\xfe\x80" + bytes(6) + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]


def main(interface: str, seconds: str, *addresses: str):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((interface, ETH_P_ALL))
    sock.settimeout(0.05)
    mac = sock.getsockname()[4]
    heard = {address: set() for address in addresses}
    pause = float(seconds) / ASKS
    for _ in range(ASKS):
        for address in addresses:
            packed = ipaddress.ip_address(address).packed
            sock.send(arp_request(mac, packed) if len(packed) == 4
                      else solicitation(mac, own_link_local(mac), packed))
        end = time.monotonic() + pause
        while time.monotonic() < end:
            try:
                frame = sock.recv(256)
            except TimeoutError:
                continue
            address = answered(frame) if len(frame) >= 42 else None
            if address in heard and frame[6:12] != mac:
                heard[address].add(frame[6:12].hex(":"))
    print(json.dumps({address: sorted(macs) for address, macs in heard.items()}))


main(*sys.argv[1:])
