"""`control_latency.py SOCKET SERVICE/reals/REAL PAUSE` changes the weight of that real server again and again over the API's
Unix socket until standard input closes, and prints the times in milliseconds as JSON (latency.py)."""

import json
import socket
import sys
import threading
import time

REQUEST = (b"PATCH /v1/services/%s HTTP/1.1\r\nHost: fairlead\r\nConnection: close\r\n"
           b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s")


def ask(path: str, real: bytes, body: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(path)
        sock.sendall(REQUEST % (real, len(body), body))
        reply = b""
        while chunk := sock.recv(65536):
            reply += chunk
    return reply


def main(path: str, real: str, pause: str):
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    times, failed, number = [], [], 0
    print("asking", flush=True)
    while not over.is_set():
        begun = time.monotonic()
        number += 1
        # A change: the control core answers it once every worker has adopted it.
        reply = ask(path, real.encode(), b'{"weight": %d}' % (1 + number % 2))
        times.append(1000 * (time.monotonic() - begun))
        if not reply.startswith(b"HTTP/1.1 200"):
            failed.append(reply[:100].decode(errors="replace"))
        over.wait(max(0.0, float(pause) - (time.monotonic() - begun)))
    json.dump({"times": times, "failed": failed}, sys.stdout)


main(*sys.argv[1:])
