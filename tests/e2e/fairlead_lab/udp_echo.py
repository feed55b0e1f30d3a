"""UDP echo: answers `NAME request`, from the address the request was sent to (a VIP, for DR and TUN).

Usage: udp_echo.py NAME PORT
"""

import select
import socket
import struct
import sys

IP_PKTINFO = 8  # linux/in.h; Python 3.11 does not name it


def main(name: bytes, port: int):
    v4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    v4.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    v4.bind(("0.0.0.0", port))
    v6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    v6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    v6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    v6.bind(("::", port))
    while True:
        for sock in select.select([v4, v6], [], [])[0]:
            data, ancillary, _, peer = sock.recvmsg(65535, 256)
            answer = [name + b" " + data]
            for level, kind, value in ancillary:
                if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
                    _, _, destination = struct.unpack("I4s4s", value)
                    value = struct.pack("I4s4s", 0, destination, b"\0" * 4)
                elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                    value = value[:16] + struct.pack("I", 0)
                else:
                    continue
                try:
                    sock.sendmsg(answer, [(level, kind, value)], 0, peer)
                except OSError:
                    pass  # an ICMP error from an earlier answer; the next request is what counts


if __name__ == "__main__":
    main(sys.argv[1].encode(), int(sys.argv[2]))
