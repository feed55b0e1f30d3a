"""Downloads that stand open until they are told to go on: `downloads.py HOST PORT COUNT PATH BYTES SOURCE…`.

BYTES: so many from the file's begin, 0: all. Each source in turn connects and reads the first bytes; then the line "open" is printed. At the first line on stdin all
read to the end, and the outcome is one line of JSON: {"complete": [sha256…], "reset": N, "other": [text…]}.
"""

import hashlib
import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor


def begin(host: str, port: int, path: str, length: int, source: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # so that the server cannot be done early
    sock.settimeout(60)
    sock.bind((source, 0))
    sock.connect((host, port))
    part = f"Range: bytes=0-{length - 1}\r\n" if length else ""
    sock.sendall(f"GET {path} HTTP/1.0\r\nHost: lab\r\n{part}\r\n".encode())
    return sock


def finish(sock: socket.socket, first: bytes) -> str:
    data = bytearray(first)
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except ConnectionResetError:
        return "reset"
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    finally:
        sock.close()
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    return hashlib.sha256(body).hexdigest()


def main(host: str, port: str, count: str, path: str, length: str, *sources: str):
    socks = [begin(host, int(port), path, int(length), sources[n % len(sources)]) for n in range(int(count))]
    firsts = [sock.recv(1000) for sock in socks]
    print("open", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(len(socks)) as pool:
        ends = list(pool.map(finish, socks, firsts))
    complete = [end for end in ends if len(end) == 64]
    print(json.dumps({"complete": complete, "reset": ends.count("reset"),
                      "other": [end for end in ends if len(end) != 64 and end != "reset"]}), flush=True)


main(*sys.argv[1:])
