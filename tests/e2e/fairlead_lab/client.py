"""What the client of a lab can do: single requests, transfers, many clients, loops in the background."""

import hashlib
import json
import os
import subprocess
import sys

from . import servers
from .shell import ShellError

HERE = os.path.dirname(os.path.abspath(__file__))
HTTP_LOAD = os.path.join(HERE, "http_load.py")


def curl(lab, url: str, *options, check: bool = True, source: str = ""):
    words = ["curl", "-sS", "-g", "--max-time", "90", *options]
    if source:
        words += ["--interface", source]
    return lab.client.run(*words, url, check=check)


def download_sha256(lab, url: str) -> str:
    done = lab.client.run("curl", "-sS", "-g", "-f", "--max-time", "90", url, text=False)
    return hashlib.sha256(done.stdout).hexdigest()


def upload(lab, base_url: str, name: str) -> list:
    """PUT the 20 MB file; the sha256 that each real server stored under that name, '' where it did not come."""
    curl(lab, f"{base_url}/upload/{name}", "-f", "-T", f"{lab.state}/files/20mb")
    return [servers.uploaded_sha256(lab, index, name) for index in lab.reals]


def spread(lab, url: str, sources) -> list:
    """One request from each source address, one after the other: the names that answered, in that order."""
    done = lab.client.run(sys.executable, HTTP_LOAD, "spread", url, *sources, timeout=600)
    return [name for _, name in json.loads(done.stdout)]


def parallel(lab, url: str, count: int) -> dict:
    """`count` connections held open at the same time, then a request on each: {name: answers}."""
    done = lab.client.run(sys.executable, HTTP_LOAD, "parallel", url, count, timeout=180)
    return json.loads(done.stdout)


def udp(lab, address: str, port: int, message: str, source: str = "", source_port: int = 0) -> str:
    """One datagram and its answer; '' when none came within three tries. Of one source port all are one flow."""
    program = (
        "import socket,sys\n"
        "dst,port,msg,src,sport=sys.argv[1:6]\n"
        "s=socket.socket(socket.AF_INET6 if ':' in dst else socket.AF_INET,socket.SOCK_DGRAM)\n"
        "s.bind((src,int(sport)))\n"
        "s.connect((dst,int(port)));s.settimeout(5)\n"
        "for _ in range(3):\n"
        "  try:\n"
        "    s.send(msg.encode());print(s.recv(65535).decode());break\n"
        "  except TimeoutError: pass\n")
    done = lab.client.run(sys.executable, "-c", program, address, port, message, source,
                          source_port)
    return done.stdout.strip()


class Downloads:
    """`count` downloads of /20mb, or of its first `length` bytes, that stand open until `finish`.

        downloads = client.Downloads(lab, at.VIP, 200, sources, length=1 << 20)
        …
        self.assertEqual(downloads.finish(), downloads.all_complete())

    With `drip` they are slow ones: up to so many bytes of each are read once a second meanwhile.
    """

    def __init__(self, lab, address: str, count: int, sources, length: int = 0, port: int = 80, drip: int = 0):
        self.lab, self.count, self.length = lab, count, length
        self.process = lab.client.spawn(sys.executable, os.path.join(HERE, "downloads.py"), address, port, count,
                                        "/20mb", length, drip, *sources, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "open\n":
            self.kill()
            raise ShellError(f"no {count} downloads from {address}:{port} could be begun")

    def finish(self) -> dict:
        """{"complete": [sha256…], "reset": N, "other": [text…]}"""
        out, _ = self.process.communicate("go\n", timeout=120)
        return json.loads(out)

    def all_complete(self) -> dict:
        """What `finish` returns when nothing was lost."""
        return {"complete": [self.lab.sha256_of_first(self.length)] * self.count, "reset": 0, "other": []}

    def kill(self):
        self.process.kill()
        self.process.communicate()


class Loops:
    """Clients that ask in endless loops while the body of the `with` runs.

        with Loops(lab, "http://192.0.2.80/", 100) as loops:
            director.reload(other)
        self.assertEqual(loops.failures, [])

    `url` may be several with blanks between; client number `index` asks the one at `index % how many`.
    """

    def __init__(self, lab, url: str, count: int = 100, pause: float = 0.2):
        self.words = [sys.executable, HTTP_LOAD, "loops", url, count, pause]
        self.lab = lab
        self.answers = []   # [start, source, name]
        self.failures = []  # [start, source, why]

    def __enter__(self):
        self.process = self.lab.client.spawn(*self.words, stdin=subprocess.PIPE,
                                             stdout=subprocess.PIPE, text=True)
        return self

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def __exit__(self, kind, *_):
        if kind is not None:
            return self.kill()
        out, _ = self.process.communicate(timeout=180)
        if self.process.returncode != 0:
            raise ShellError(f"the loops ended with {self.process.returncode}")
        result = json.loads(out)
        self.answers, self.failures = result["answers"], result["failures"]
