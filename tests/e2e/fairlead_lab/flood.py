"""Floods of small packets inside a lab, bounded in time and number.

    with Flood(lab.client, "outside", mac, source="192.0.2.10", destination="10.0.0.0/16", rate=40000) as flood:
        ...
    self.assertGreater(flood.sent, 100000)

The generator is tests/e2e/flood.c, whose head says what can be drawn at random.
"""

import json
import signal
import subprocess

from .compiled import compiled
from .shell import Namespace, ShellError

MOST_SECONDS = 600


def mac_of(namespace: Namespace, interface: str) -> str:
    line = namespace.run("ip", "-o", "link", "show", interface).stdout
    return line.split("link/ether ")[1].split()[0]


class Flood:
    """Runs while the body of the `with` does, `seconds` at the longest. rate 0: as many as the interface takes."""

    def __init__(self, namespace: Namespace, interface: str, mac: str, source: str, destination: str,
                 kind: str = "udp", source_port: int = 0, port: int = 9, rate: int = 0, seconds: int = 60,
                 most: int = 100_000_000):
        self.namespace = namespace
        self.words = [compiled("flood"), interface, mac, kind, source, source_port, destination, port, rate,
                      min(seconds, MOST_SECONDS), most]
        self.sent = self.refused = 0

    def __enter__(self):
        self.process = self.namespace.spawn(*self.words, stdout=subprocess.PIPE, text=True)
        return self

    def wait(self):
        """Until its time or its number is over."""
        self._end()

    def __exit__(self, *_):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self._end()

    def _end(self):
        out, _ = self.process.communicate(timeout=MOST_SECONDS + 60)
        code, self.process = self.process.returncode, None
        if code != 0:
            raise ShellError(f"the flood ended with {code}")
        said = json.loads(out)
        self.sent, self.refused = said["sent"], said["refused"]
