"""The reader of the log stands still: the director goes on."""

import fcntl
import os
import select
import time

from fairlead_lab import addresses as at, client, configuration, servers
from fairlead_lab.case import LabTest
from fairlead_lab.director import Director

HEALTH = {"type": "http", "path": "/health", "interval": "500ms", "timeout": "500ms", "fall": 2, "rise": 2}
PAGE = 4096


class DirectorOnPipe(Director):
    """Standard error is a pipe that only this object reads, and not before it is told to."""

    def __init__(self, lab, workers):
        super().__init__(lab, workers)
        self.reading, self.writing = os.pipe()
        fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, 16 * PAGE)

    def open_log(self):
        return os.fdopen(os.dup(self.writing), "wb", buffering=0)

    def fill(self) -> int:
        """Write until not one byte more fits. Never O_NONBLOCK: the daemon writes to the same open file."""
        space, filled = select.poll(), 0
        space.register(self.writing, select.POLLOUT)
        while space.poll(0):
            filled += os.write(self.writing, b"#" * (PAGE - 1) + b"\n")
        return filled

    def read(self, until: str, timeout: float = 20) -> str:
        """What has been written, as far as a line with these words."""
        text, news, end = "", select.poll(), time.monotonic() + timeout
        news.register(self.reading, select.POLLIN)
        while until not in text and time.monotonic() < end:
            if news.poll(100):
                text += os.read(self.reading, 1 << 20).decode()
        return text

    def log_tail(self, lines: int = 60) -> str:
        return "(in a pipe)"

    def close(self):
        os.close(self.reading)
        os.close(self.writing)


class LogReaderStandsStill(LabTest):
    needs_daemon = False

    @classmethod
    def configure(cls):
        return configuration([
            {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "rr", "health": HEALTH,
             "reals": [{"address": at.real_address(index)} for index in (1, 2, 3)]}])

    def setUp(self):
        self.director = DirectorOnPipe(self.lab, self.workers)
        self.addCleanup(self.director.close)
        self.addCleanup(self.director.kill)
        self.addCleanup(servers.ensure_nginx, self.lab, 2)

    def real_up(self, index: int, value: int):
        self.director.wait_metric("fairlead_real_up", value, timeout=20, service="web",
                                  real=f"{at.real_address(index)}:80")

    def test_a_full_pipe_holds_nothing_up(self):
        self.director.start(self.configure())
        self.assertGreater(self.director.fill(), 0)
        # A line that the daemon wants to write, and does not get rid of.
        servers.stop_nginx(self.lab, 2)
        self.real_up(2, 0)
        names = client.spread(self.lab, f"http://{at.VIP}/", [f"198.51.100.{n}" for n in range(1, 9)])
        self.assertEqual(set(names), {"real1", "real3"})
        self.assertEqual(self.director.get("/readyz")[0], 200)
        path = f"/v1/services/web/reals/{at.real_address(1)}:80"
        self.assertEqual(self.director.get(path, "PATCH", {"weight": 7})[0], 200)
        self.assertEqual(self.director.get("/v1/reload", "POST", {})[0], 200)
        servers.start_nginx(self.lab, 2)
        self.real_up(2, 1)
        # Nothing is lost that there was room for.
        text = self.director.read("real server is up again")
        for words in ("real server is down", "changed by hand", "configuration applied"):
            self.assertIn(words, text)
        self.assertEqual(self.director.metric("fairlead_log_lines_dropped_total"), 0)
        self.director.fill()
        self.director.stop()

    def test_it_starts_into_a_full_pipe_and_ends(self):
        self.director.fill()
        self.director.start(self.configure())
        self.assertEqual(len(client.spread(self.lab, f"http://{at.VIP}/", [at.CLIENT] * 3)), 3)
        self.director.stop()
