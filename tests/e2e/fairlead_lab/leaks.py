"""What a lab must not leave behind: namespaces, links, processes, mounts, files."""

import os

from .lab import ARENAS, STATE
from .shell import run


def census(name: str = "") -> dict:
    """What exists of the labs whose names start with `name` right now: sets of printable lines. A process counts
    when its network namespace is neither this machine's nor one with somebody else's name."""
    prefix = f"fl-{name}"
    found = {"namespace": set(), "link": set(), "process": set(), "mount": set(), "directory": set()}
    for entry in _list("/run/netns"):
        if entry.startswith(prefix):
            found["namespace"].add(entry)
    for line in run("ip", "-o", "link", "show").stdout.splitlines():
        found["link"].add(line.split(":")[1].strip().split("@")[0])
    own = os.stat("/proc/self/ns/net").st_ino
    named = {os.stat(f"/run/netns/{n}").st_ino for n in _list("/run/netns") if not n.startswith(prefix)}
    for pid in _list("/proc"):
        if not pid.isdigit():
            continue
        try:
            inode = os.stat(f"/proc/{pid}/ns/net").st_ino
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if words and (inode not in named and inode != own or f"{STATE}/{name}" in words):
            found["process"].add(f"{pid} {words}")
    with open("/proc/self/mountinfo") as file:
        for line in file:
            target = line.split()[4]
            if target.startswith((f"/run/netns/{prefix}", f"{STATE}/{name}", f"{ARENAS}{name}")):
                found["mount"].add(target)
    for path in (f"{STATE}/{name}", f"{ARENAS}{name}"):
        folder, start = path.rsplit("/", 1)
        found["directory"].update(f"{folder}/{entry}" for entry in _list(folder) if entry.startswith(start))
    return found


def leaks(before: dict, name: str = "") -> list:
    """What exists now and did not in the census `before` of the same name."""
    return [f"leaked {kind}: {entry}" for kind, entries in census(name).items()
            for entry in sorted(entries - before[kind])]


def _list(path: str) -> list:
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []
