"""Downloads that stand open until they are told to go on: `downloads.py HOST PORT COUNT PATH BYTES DRIP SOURCE…`.

BYTES: so many from the file's begin, 0: all. A SOURCE is `address` or `address:port`. Each source in turn connects and reads the first bytes; then the line
"open" is printed. Until there is a line on stdin up to DRIP bytes of each are read four times a second; 0: none. Then
all read to the end, and the outcome is one line of JSON: {"complete": [sha256…], "reset": N, "other": [text…]}.
"""

import hashlib
import json
import select
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

DRIP_SECONDS = 1.0


class Download:
    def __init__(self, host: str, port: int, path: str, length: int, source: str):
        self.data = bytearray()
        self.end = ""  # "reset", or what else has ended it early
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # so that the server cannot be done early
        self.sock.settimeout(60)
        address, _, source_port = source.rpartition(":") if source.count(":") == 1 else (source, "", "0")
        self.sock.bind((address, int(source_port)))
        self.sock.connect((host, port))
        part = f"Range: bytes=0-{length - 1}\r\n" if length else ""
        self.sock.sendall(f"GET {path} HTTP/1.0\r\nHost: lab\r\n{part}\r\n".encode())

    def read(self, most: int) -> bool:
        """False: there is no more."""
        try:
            chunk = b"" if self.end else self.sock.recv(most)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            self.end = "reset"
            return False
        except OSError as error:
            self.end = f"{type(error).__name__}: {error}"
            return False
        self.data += chunk
        return bool(chunk)

    def finish(self) -> str:
        self.sock.settimeout(60)
        while self.read(65536):
            pass
        self.sock.close()
        if self.end:
            return self.end
        return hashlib.sha256(bytes(self.data).partition(b"\r\n\r\n")[2]).hexdigest()


def drip(downloads: list, most: int):
    """Until there is a line on stdin."""
    for each in downloads:
        each.sock.setblocking(False)
    while not select.select([sys.stdin], [], [], DRIP_SECONDS)[0]:
        for each in downloads:
            each.read(most)


def main(host: str, port: str, count: str, path: str, length: str, most: str, *sources: str):
    downloads = [Download(host, int(port), path, int(length), sources[n % len(sources)]) for n in range(int(count))]
    for each in downloads:
        each.read(1000)
    print("open", flush=True)
    if int(most):
        drip(downloads, int(most))
    sys.stdin.readline()
    with ThreadPoolExecutor(len(downloads)) as pool:
        ends = list(pool.map(Download.finish, downloads))
    complete = [end for end in ends if len(end) == 64]
    print(json.dumps({"complete": complete, "reset": ends.count("reset"),
                      "other": [end for end in ends if len(end) != 64 and end != "reset"]}), flush=True)


main(*sys.argv[1:])
