"""What scripts/demo --pair shows: a slow download outlives the death of its director, and the return of it."""

import hashlib
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from fairlead_lab import addresses as at, client, configuration  # noqa: E402
from fairlead_lab.lab import DOWNLOAD_BYTES  # noqa: E402
from fairlead_lab.restarts import service  # noqa: E402
from fairlead_lab.shell import wait_until  # noqa: E402
from fairlead_lab.showing import DemoFailed, show  # noqa: E402
from fairlead_lab.sync_pair import GATEWAY, GATEWAY6, SyncPair  # noqa: E402

RATE = 1_000_000  # bytes a second
STEADY = os.path.join(os.path.dirname(os.path.abspath(client.__file__)), "steady_download.py")
CUSTOMER = "198.51.100.7"


class Download:
    """Of 20 MB by NAT: each of its packets passes a director, in both directions."""

    def __init__(self, lab):
        self.lab, self.path = lab, f"{lab.state}/downloaded"
        self.process = lab.client.spawn(sys.executable, STEADY, at.VIP, "/20mb", RATE, self.path,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def size(self) -> int:
        return os.path.getsize(self.path) if os.path.exists(self.path) else 0

    def wait_more(self, what: str):
        before = self.size()
        wait_until(lambda: self.size() > before + RATE // 2, what)

    def finish(self) -> str:
        """The longest pause, in seconds."""
        said, errors = self.process.communicate(timeout=100)
        if self.process.returncode != 0:
            raise DemoFailed(f"the download broke: {errors.strip()}")
        with open(self.path, "rb") as file:
            if hashlib.sha256(file.read()).hexdigest() != self.lab.download_sha256:
                raise DemoFailed("the download is not what the server has")
        return said.strip()


class Story:
    """Lines with the time since the begin, and how far the download is."""

    def __init__(self):
        self.begin = time.monotonic()
        self.download = None

    def __call__(self, text: str):
        size = f"{100 * self.download.size() // DOWNLOAD_BYTES:>3} %" if self.download else "     "
        print(f"   {time.monotonic() - self.begin:4.1f} s  {size}  {text}")


def configure(pair: SyncPair, number: int) -> dict:
    services = [service("web", at.VIP, 80), service("shop", at.VIP, 8080, persistence={"timeout": "10m"})]
    config = configuration(services, number=number, sync=pair.stream(number),
                           policy={"announce": "follow-kernel", "unknown_connections": "drop"})
    config["ports"][0]["exception"] = "tap"
    return config


def ask_shop(lab) -> str:
    return client.curl(lab, f"http://{at.VIP}:8080/", source=CUSTOMER).stdout.strip()


def known(director) -> str:
    connections = director.json("connection", "count")["connections"]
    plural = "" if connections == 1 else "s"
    return f"{connections} connection{plural}, {int(director.metric('fairlead_templates'))} bound client"


def demo(pair: SyncPair):
    lab = pair.lab
    pair.default_route(GATEWAY, GATEWAY6)
    pair.begin(lambda number: configure(pair, number))
    master, partner = pair[1].director, pair[2].director
    print("\n== edge-1 is preferred by keepalived and has the address; edge-2 is told what edge-1 knows")
    print(master.cli("sync", "status").stdout)

    print(f"== time, and how far a download of 20 MB from http://{at.VIP}/ is, at 1 MB/s by NAT")
    tell = Story()
    bound = ask_shop(lab)
    tell(f"client {CUSTOMER} of the shop (persistent) is bound to {bound}")
    tell.download = download = Download(lab)
    download.wait_more("the download has begun")
    download.wait_more("it goes on")
    tell("the download is on its way through edge-1")
    tell(f"edge-2 has been told: {known(partner)}")

    pair.leaves("kill")
    tell("edge-1 was ended by kill -9, and keepalived has moved the address to edge-2")
    download.wait_more("the download goes on through edge-2")
    tell("the same download goes on, through edge-2")
    check_shop(tell, lab, bound)

    master.start(extra=("--fresh",))
    tell(f"edge-1 runs again. It began with empty tables, and edge-2 has told it: {known(master)}")
    pair.wait_master(1, "edge-1 has the address again")
    tell("`fairlead ready` has said to keepalived that it may serve: the address is at edge-1 again")
    download.wait_more("the download goes on through edge-1")
    tell("the same download goes on, through edge-1")
    check_shop(tell, lab, bound)
    pause = download.finish()
    tell(f"the download is complete, and its checksum is the file's; its longest pause was {pause} s")

    print("\n== docs/sync.md says how to set up such a pair, docs/ready.md what keepalived asks")
    for half in pair.halves.values():
        half.keepalived.stop()
        half.director.stop()


def check_shop(tell, lab, bound: str):
    name = ask_shop(lab)
    tell(f"client {CUSTOMER} asks the shop again: {name} answers")
    if name != bound:
        raise DemoFailed(f"the client was bound to {bound}")


if __name__ == "__main__":
    sys.exit(show("client, two directors with keepalived, and three real servers with nginx",
                  lambda: SyncPair("demopair", outside=(at.VIP,)), demo))
