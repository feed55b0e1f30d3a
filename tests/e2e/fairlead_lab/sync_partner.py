"""The other director of the kernel's sync protocol, on real multicast. Standard library only; run in its namespace.

    sync_partner.py listen ADDRESS FILE          until the end of standard input; each datagram a line of hex
    sync_partner.py send ADDRESS FILE            sends what such a file has
"""

import selectors
import socket
import sys

GROUP, PORT = "224.0.0.81", 8848


def listen(address: str, path: str):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, open(path, "w") as file:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((GROUP, PORT))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + socket.inet_aton(address))
        selector = selectors.DefaultSelector()
        selector.register(sock, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        print("listening", flush=True)
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    return
                file.write(sock.recv(65536).hex() + "\n")
                file.flush()


def send(address: str, path: str):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, open(path) as file:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        for line in file:
            sock.sendto(bytes.fromhex(line.strip()), (GROUP, PORT))


if __name__ == "__main__":
    {"listen": listen, "send": send}[sys.argv[1]](*sys.argv[2:])
