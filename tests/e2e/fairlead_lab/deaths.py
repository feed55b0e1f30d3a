"""Ways in which a real server dies, each with its way back.

    die("cut", lab, 2)        # its cable is pulled: silence
    revive("cut", lab, 2)
"""

import os
import signal

from . import addresses as at, servers
from .shell import wait_until


def die(way: str, lab, index: int):
    WAYS[way][0](lab, index)


def revive(way: str, lab, index: int):
    WAYS[way][1](lab, index)


def _processes(lab, index: int) -> list:
    """nginx: the master, then its workers."""
    with open(f"{servers.state_of(lab, index)}/nginx.pid") as file:
        master = int(file.read())
    with open(f"/proc/{master}/task/{master}/children") as file:
        return [master, *map(int, file.read().split())]


def _signal_all(lab, index: int, number: int):
    for pid in _processes(lab, index):
        os.kill(pid, number)


def _kill(lab, index: int):
    pids = _processes(lab, index)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids),
               f"nginx of {at.real_name(index)} is gone")
    os.unlink(f"{servers.state_of(lab, index)}/nginx.pid")


def _cut(lab, index: int):
    """At the bridge: the real server keeps its carrier, and with it its addresses and routes."""
    lab.bridge.run("bridge", "link", "set", "dev", at.real_name(index), "state", "0")


def _rejoin(lab, index: int):
    lab.bridge.run("bridge", "link", "set", "dev", at.real_name(index), "state", "3")


WAYS = {
    "killed": (_kill, servers.ensure_nginx),                            # connections are refused
    "hung": (lambda lab, index: _signal_all(lab, index, signal.SIGSTOP),  # they are taken, and nobody answers
             lambda lab, index: _signal_all(lab, index, signal.SIGCONT)),
    "cut": (_cut, _rejoin),                                             # nothing comes back
}
