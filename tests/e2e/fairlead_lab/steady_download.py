"""One download at a steady pace: `steady_download.py HOST PATH BYTES_A_SECOND FILE`.

Unlike curl's --limit-rate it does not make up for a pause, and it leaves the rest with the server. The body goes to FILE as
it comes. At the end the longest time between two reads that had something is printed, in seconds.
"""

import socket
import sys
import time

TURN = 0.05
SECONDS = 60  # of silence, which are too many


def main(host: str, path: str, rate: str, file: str):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.settimeout(SECONDS)
    sock.connect((host, 80))
    sock.sendall(f"GET {path} HTTP/1.0\r\nHost: lab\r\n\r\n".encode())
    stream = sock.makefile("rb", buffering=0)
    while stream.readline().strip():
        pass
    longest, last = 0.0, time.monotonic()
    with open(file, "wb", buffering=0) as out:
        while chunk := sock.recv(int(int(rate) * TURN)):
            now = time.monotonic()
            longest, last = max(longest, now - last), now
            out.write(chunk)
            time.sleep(TURN)
    print(f"{longest:.1f}")


main(*sys.argv[1:])
