"""What a real server's kernel is told by TOA: `toa_reader.py INTERFACE PORT`, run in the namespace of the real server.

Prints "ready", then each TCP segment that comes to PORT, until one with a FIN: a line of JSON, [flags, options, bytes of
data], with the options as hex. `kernel_reads` does with them what the kernel modules do: it takes the first option 254.
"""

import ipaddress
import json
import socket
import struct
import subprocess
import sys

FIN, SYN, ACK = 1, 2, 16
ETH_P_ALL = 3


class Reader:
    """with Reader(lab.reals[1], 80) as reader: …; reader.segments: [[flags, options, length]…]"""

    def __init__(self, namespace, port: int):
        self.process = namespace.spawn(sys.executable, __file__, "eth0", port, stdout=subprocess.PIPE, text=True)
        self.segments = []

    def __enter__(self):
        self.process.stdout.readline()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
        out, _ = self.process.communicate(timeout=60)
        self.segments = [json.loads(line) for line in out.splitlines()]


def options_of(text: str) -> list:
    """[(kind, the option's bytes as hex)…] of a TCP header's options, without padding."""
    data, found = bytes.fromhex(text), []
    while data and data[0] != 0:
        length = 1 if data[0] == 1 else data[1]
        if data[0] != 1:
            found.append((data[0], data[:length].hex()))
        data = data[length:]
    return found


def kernel_reads(text: str):
    """(address, port) of a client, or None."""
    for kind, option in options_of(text):
        if kind == 254:
            data = bytes.fromhex(option)
            return str(ipaddress.ip_address(data[4:])), struct.unpack(">H", data[2:4])[0]
    return None


def segment(frame: bytes, port: int):
    """[flags, options, bytes of data] of a TCP segment to that port, else None."""
    kind, packet = frame[12:14], frame[14:]
    if kind == b"\x08\x00" and packet[9] == 6:
        length, header = struct.unpack(">H", packet[2:4])[0], (packet[0] & 15) * 4
    elif kind == b"\x86\xdd" and packet[6] == 6:
        length, header = 40 + struct.unpack(">H", packet[4:6])[0], 40
    else:
        return None
    tcp = packet[header:length]
    if struct.unpack(">H", tcp[2:4])[0] != port:
        return None
    data = (tcp[12] >> 4) * 4
    return [tcp[13], tcp[20:data].hex(), len(tcp) - data]


def main(interface: str, port: str):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((interface, 0))
    sock.settimeout(30)
    print("ready", flush=True)
    while True:
        frame, address = sock.recvfrom(65535)
        found = segment(frame, int(port)) if address[2] != socket.PACKET_OUTGOING else None
        if found is not None:
            print(json.dumps(found), flush=True)
            if found[0] & FIN:
                return


if __name__ == "__main__":
    main(*sys.argv[1:])
