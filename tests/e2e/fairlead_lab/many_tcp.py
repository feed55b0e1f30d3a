"""Very many connections of real TCP from the client of a lab (tests/e2e/many_tcp.c).

    said = short(lab, at.VIP, 80, 100000)              # the server closes each first
    self.assertEqual(said, all_answered(100000))

    with Held(lab, at.VIP, 80, 60000) as held:         # all are open, and were answered once
        ...
    self.assertEqual(held.said, all_answered(60000))   # and once more
"""

import json
import subprocess

from .compiled import compiled
from .shell import Namespace, ShellError

AT_ONCE = 200  # that wait for something
SOURCES = 200
PART = 15000   # of what is held, in one process: a process may have 20,000 files where nobody has raised that


def _words(verb: str, address: str, port: int, count: int, part: int = 0) -> list:
    source = f"2001:db8:2::{part + 1}:1" if ":" in address else f"198.18.{1 + part}.1"
    return [compiled("many_tcp"), verb, address, port, count, AT_ONCE, source, SOURCES]


def all_answered(count: int) -> dict:
    """What is said when nothing was lost or refused."""
    return {"answered": count, "refused": 0, "reset": 0, "other": 0, "silent": 0}


def short(lab, address: str, port: int, count: int, rate: int = 0) -> dict:
    return json.loads(lab.client.run(*_words("short", address, port, count), rate, timeout=1200).stdout)


class Held:
    def __init__(self, lab, address: str, port: int, count: int):
        self.lab, self.said, self.processes = lab, None, []
        self.commands = [_words("hold", address, port, min(PART, count - begin), begin // PART)
                         for begin in range(0, count, PART)]

    def __enter__(self):
        for words in self.commands:
            process = self.lab.client.spawn(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.processes.append(process)
            if process.stdout.readline() != "open\n":
                self.kill()
                raise ShellError("the connections could not be opened")
        return self

    def kill(self):
        for process in self.processes:
            process.kill()
            process.communicate()

    def __exit__(self, kind, *_):
        if kind is not None:
            return self.kill()
        said = [json.loads(process.communicate("go on\n", timeout=600)[0]) for process in self.processes]
        self.said = {name: sum(each[name] for each in said) for name in said[0]}


def tcp_counters(namespace: Namespace) -> dict:
    """{"Tcp.OutRsts": N, "TcpExt.TCPSynRetrans": N, …} of the namespace's kernel."""
    found = {}
    for path in ("/proc/net/snmp", "/proc/net/netstat"):
        lines = namespace.run("cat", path).stdout.splitlines()
        for names, values in zip(lines[::2], lines[1::2]):
            kind, *names = names.split()
            for name, value in zip(names, values.split()[1:]):
                found[f"{kind}{name}".replace(":", ".")] = int(value)
    return found
