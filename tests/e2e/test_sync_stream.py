"""Two Fairlead directors that tell each other of their connections.

The second one runs beside the first in its namespace. It has no line: it keeps what the first has told it.
"""

import os

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.director import Director
from fairlead_lab.shell import wait_until

PORTS = {"first": 8849, "second": 8859}


def with_peer(own: str, other: str, **sync) -> dict:
    """One service by DR, so that a director that is away is missed by clients' packets alone."""
    service = {"name": "dr", "address": at.VIP_DR, "protocol": "tcp", "port": 80, "scheduler": "rr", "forward": "dr",
               "reals": [{"address": at.real_address(1)}, {"address": at.real_address(2)}]}
    stream = {"name": own, "listen": f"127.0.0.1:{PORTS[own]}",
              "peers": [{"name": other, "address": f"127.0.0.1:{PORTS[other]}"}], "ready_timeout": "1s", **sync}
    return configuration([service], sync=stream, policy={"unknown_connections": "drop"})


class Second(Director):
    def __init__(self, lab, workers: int):
        super().__init__(lab, workers)
        self.socket = f"{lab.state}/second.sock"
        self.api = f"unix:{self.socket}"
        self.config_path = f"{lab.state}/second.yaml"
        self.log = f"{lab.state}/second.log"
        self.reports = f"{lab.state}/second-sanitizer"

    def write(self, config: dict, path: str = "") -> str:
        config["director"]["name"] = "second"
        config["ports"] = [{"name": "none", "device": "net_null0,no-rx=1", "exception": "none",
                            "addresses": ["10.0.0.250/24"]}]
        config["routes"] = []
        config["api"] = {"listen": [self.api], "ipvs_socket": f"{self.lab.state}/second-ipvs.sock"}
        return super().write(config, path)


class Pair(LabTest):
    second = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = Second(cls.lab, cls.workers)
        try:
            cls.second.start(with_peer("second", "first", **cls.secret()))
        except BaseException:
            cls.second.kill()
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            if cls.second is not None:
                cls.second.stop()
        finally:
            super().tearDownClass()

    @classmethod
    def configure(cls) -> dict:
        return with_peer("first", "second", **cls.secret())

    @classmethod
    def secret(cls) -> dict:
        return {}

    def wait_in_sync(self):
        for director in (self.director, self.second):
            wait_until(lambda: director.cli("sync", "status", check=False).returncode == 0,
                       f"in sync; {director.cli('sync', 'status', check=False).stdout}", timeout=30)

    def count(self, director) -> int:
        return director.json("connection", "count")["connections"]


class Survives(Pair):
    def test_a_director_that_has_lost_all_gets_it_back(self):
        self.wait_in_sync()
        sources = [f"198.51.100.{host}" for host in range(1, 11)]
        downloads = client.Downloads(self.lab, at.VIP_DR, 10, sources, length=2 << 20)
        wait_until(lambda: self.count(self.second) == 10, "the second director has them all")
        self.director.kill()
        self.director.start(extra=("--fresh",))
        wait_until(lambda: self.count(self.director) == 10, "all are here again")
        self.assertEqual(downloads.finish(), downloads.all_complete())
        self.wait_in_sync()
        self.assertGreaterEqual(self.director.metric("fairlead_sync_entries_total", peer="second", direction="in"), 10)


class WithKey(Pair):
    @classmethod
    def secret(cls) -> dict:
        path = f"{cls.lab.state}/sync.key"
        if not os.path.exists(path):
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
                file.write("0123456789abcdef0123456789abcdef\n")
        return {"key_file": path}

    def test_says_why_there_is_no_session(self):
        self.wait_in_sync()
        other = f"{self.lab.state}/other.key"
        with open(os.open(other, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write("another key of sixteen bytes and more\n")
        self.second.reload(with_peer("second", "first", key_file=other))
        wait_until(lambda: "the same key in sync.key_file" in
                   self.director.cli("sync", "status", check=False).stdout, "the first says why", timeout=30)
        self.second.reload(with_peer("second", "first", **self.secret()))
        self.wait_in_sync()
