"""Whether a packet costs more when the records lie in an arena, where they outlive the director.

Each method over the same flows with tables in memory of their own, and in an arena on each kind of pages, in turn.
Needs root, to mount what an arena can lie on: in a mount namespace of the suite's own.
"""

import contextlib
import ctypes
import os
import subprocess
import sys
import tempfile

from . import testpmd
from .loop import Failed

METHODS = ("dr", "nat", "tun")
HUGE_PAGES = "/proc/sys/vm/nr_hugepages"
HUGE_PAGE_BYTES = 2 << 20
# (name, what is mounted, words for the program); the first is what the others are compared with.
PLACES = [("own memory", None, {}),
          ("arena, huge=advise", ("tmpfs", "huge=advise"), {}),
          ("arena, hugetlbfs", ("hugetlbfs", "pagesize=2M"), {"hugetlbfs": 1}),
          ("arena, pages of 4 KiB", ("tmpfs", "huge=never"), {})]


@contextlib.contextmanager
def reserved_huge_pages(count):
    def reserved():
        with open(HUGE_PAGES, encoding="ascii") as file:
            return int(file.read())

    def reserve(pages):
        with open(HUGE_PAGES, "w", encoding="ascii") as file:
            file.write(str(pages))

    before = reserved()
    reserve(before + count)
    try:
        if reserved() < before + count:
            raise Failed(f"the machine has no {count} huge pages to reserve")
        yield
    finally:
        reserve(before)


def leave_mounts_alone():
    """What this process mounts from here on, it and its children see, and nobody else."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x20000) != 0:  # CLONE_NEWNS
        raise Failed(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


@contextlib.contextmanager
def mounted_places():
    """(name, words for the program) of each of PLACES."""
    mounts, found = [], []
    with tempfile.TemporaryDirectory(prefix="fairlead-arena-") as folder:
        try:
            for number, (name, mounted, words) in enumerate(PLACES):
                words = dict(words)
                if mounted:
                    kind, option = mounted
                    place = os.path.join(folder, str(number))
                    os.mkdir(place)
                    subprocess.run(["mount", "-t", kind, "-o", option, kind, place], check=True)
                    mounts.append(place)
                    # The header cannot be written to hugetlbfs: the program puts just the records there.
                    words["arena"] = os.path.join(folder if kind == "hugetlbfs" else place, f"arena-{number}")
                found.append((name, words))
            yield found
        finally:
            for place in mounts:
                subprocess.run(["umount", place], check=False)


def measure(suite, flows):
    """Rows of group "arena"; left out without root."""
    group, facts = "arena", {"flows": flows, "family": 4}
    if os.geteuid() != 0:
        print("left out, needs root: arena", file=sys.stderr)
        return
    if not suite.has_room_for(2 * flows, group):
        return
    try:
        leave_mounts_alone()
        # Records, and the index of the tables: 128 bytes a connection, and what else there is, are plenty.
        with reserved_huge_pages(flows * 128 // HUGE_PAGE_BYTES + 256), mounted_places() as places:
            clients = suite.capture("clients", flows=flows, family=4)
            figures = [(f"{method.upper()}, {name}",
                        suite.hits(flows=flows, family=4, files=clients, method=method, **words))
                       for method in METHODS for name, words in places]
            suite.compare(group, ("testpmd io", lambda: testpmd.floor("io", [clients], 2 * flows, suite.options)),
                          figures, **facts)
    except (Failed, OSError, subprocess.SubprocessError) as error:
        print(f"FAILED arena: {error}", file=sys.stderr)
        suite.failures.append("arena")
