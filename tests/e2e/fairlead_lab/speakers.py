"""Who speaks for the addresses of a pair of directors, heard all the time on both sides.

    with Speakers(pair, outside=(at.VIP,), inside=(GATEWAY,)) as speakers:
        pair[1].keepalived.stop()
        begin = speakers.wait_only(2, "the other one has taken over")     # the moment since when it is so
        …
        speakers.against(begin, 2)                                         # [] when nothing else was heard until now
"""

import itertools
import os
import subprocess
import sys
import time

from .shell import ShellError, wait_until

WHO_SPEAKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "who_speaks.py")

STEADY_SECONDS = 0.5  # how long one alone must have been heard


class Speakers:
    def __init__(self, pair, outside: tuple, inside: tuple):
        lab = pair.lab
        self.pair = pair
        self.addresses = (*outside, *inside)
        self.sides = [(lab.client, "outside", outside)] if outside else []
        self.sides += [(lab.reals[1], "eth0", inside)] if inside else []
        self.paths = [f"{lab.state}/speakers-{device}" for _, device, _ in self.sides]
        self.processes = []
        self.lines = []  # (moment, kind, address, speaker): a director's number, or the MAC of somebody else
        self.offsets = [0] * len(self.paths)

    def __enter__(self):
        for (namespace, device, addresses), path in zip(self.sides, self.paths):
            self.processes.append(namespace.spawn(sys.executable, WHO_SPEAKS, device, path, *addresses,
                                                  stdin=subprocess.PIPE))
        for path in self.paths:
            wait_until(lambda: os.path.exists(path) and os.path.getsize(path), "somebody listens")
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.communicate()

    def read(self):
        fresh = []
        for index, path in enumerate(self.paths):
            with open(path) as file:
                file.seek(self.offsets[index])
                text = file.read()
            whole = text[:text.rfind("\n") + 1]
            self.offsets[index] += len(whole)
            for line in whole.splitlines():
                moment, kind, address, mac = line.split()
                fresh.append((float(moment), kind, address, self.pair.macs.get(mac, mac)))
        self.lines += sorted(fresh, key=lambda line: line[0])

    def wait_only(self, by: int, what: str) -> float:
        """Until director `by` alone has been heard for STEADY_SECONDS; the moment when that time began."""
        return self.wait_one((by,), what)[1]

    def wait_one(self, candidates: tuple, what: str, timeout: float = 40) -> tuple:
        """The same for whichever of them it will be: (director, moment)."""
        against = {}
        begin = time.monotonic()

        def is_so() -> bool:
            since = time.monotonic() - STEADY_SECONDS
            for by in candidates:
                against[by] = ["it has just begun"] if since < begin else self._against(since, by)
            return not all(against.values())
        try:
            wait_until(is_so, what, timeout=timeout)
        except ShellError as error:
            raise ShellError(f"{error}: {against}{self.pair.logs()}") from None
        return next(by for by in candidates if not against[by]), time.monotonic() - STEADY_SECONDS

    def against(self, begin: float, by: int) -> list:
        """What is against it that since then director `by` alone has spoken for each address, and has answered each question
        once. [] as soon as no answer is owed: on a machine that is busy it may come late."""
        try:
            wait_until(lambda: not self._against(begin, by), "the last questions are answered", timeout=3)
        except ShellError:
            return self._against(begin, by)
        return []

    def _against(self, begin: float, by: int) -> list:
        self.read()
        # One side may have been read a moment before the other, so they are not quite in order.
        recent = list(itertools.takewhile(lambda line: line[0] >= begin - 1, reversed(self.lines)))
        wrong = []
        for address in self.addresses:
            heard = [line for line in recent if line[2] == address and line[0] >= begin]
            others = {line[3] for line in heard if line[1] != "ask"} - {by}
            wrong += [f"{address}: {other} speaks" for other in sorted(others, key=str)]
            asked = sum(1 for line in heard if line[1] == "ask")
            answers = sum(1 for line in heard if line[1] == "answer" and line[3] == by)
            # The first answer may be to a question before that time.
            if asked == 0 or not asked <= answers <= asked + 1:
                wrong.append(f"{address}: {answers} answers to {asked} questions")
        return wrong

    def count(self, kind: str) -> int:
        return sum(1 for line in self.lines if line[1] == kind)
