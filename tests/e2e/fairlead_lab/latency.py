"""How long a director takes to carry out a change, asked for again and again while something else goes on.

    with ControlLatency(lab, director, "10.0.0.11:80") as latency:     # changes the weight of that real of service probe
        …
    print(latency)            # 1143 changes in 1.2 ms (half), 6.0 ms (99 %), 11.8 ms (all)
    latency.failed            # answers that were not 200
"""

import json
import re
import subprocess
import sys

from .client import HERE

PAUSE = 0.05


class ControlLatency:
    def __init__(self, lab, director, real: str):
        self.words = [sys.executable, f"{HERE}/control_latency.py", director.socket, f"probe/reals/{real}", str(PAUSE)]
        self.lab, self.times, self.failed = lab, [], []

    def __enter__(self):
        self.process = self.lab.client.spawn(*self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "asking\n"
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
        out, _ = self.process.communicate(timeout=60)
        if kind is None:
            found = json.loads(out)
            self.times, self.failed = sorted(found["times"]), found["failed"]

    def __str__(self):
        def part(share: float) -> str:
            return f"{self.times[min(int(share * len(self.times)), len(self.times) - 1)]:.1f} ms"
        return f"{len(self.times)} changes in {part(0.5)} (half), {part(0.99)} (99 %), {part(1)} (all)"


def resident_bytes(director) -> int:
    with open(f"/proc/{director.process.pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024
