"""Two Fairlead directors that tell each other of their connections: one with lines, and one beside it without."""

import os

from fairlead_lab import addresses as at, client
from fairlead_lab.case import LabTest
from fairlead_lab.second import Second, sync_key, with_peer
from fairlead_lab.shell import wait_until


class Pair(LabTest):
    second = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = Second(cls.lab, cls.workers)
        cls.addClassCleanup(cls.second.kill)
        cls.second.start(with_peer("second", "first", **cls.secret()))

    @classmethod
    def tearDownClass(cls):
        try:
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


class ServiceComesLate(Pair):
    worker_counts = (1,)

    def test_what_was_refused_for_want_of_it_is_asked_for_again(self):
        """As when keepalived adds a service to a director that has the peer's table already."""
        self.wait_in_sync()
        without = with_peer("second", "first")
        without["services"] = []
        self.second.reload(without)
        downloads = client.Downloads(self.lab, at.VIP_DR, 10, [f"198.51.100.{host}" for host in range(1, 11)],
                                     length=2 << 20)
        wait_until(lambda: self.second.metric("fairlead_sync_refused_total", peer="first", reason="unknown_service") >= 10,
                   "the second director has no service for them", timeout=30)
        self.second.reload(with_peer("second", "first"))
        wait_until(lambda: self.count(self.second) == 10, "the second director has them all", timeout=30)
        self.assertEqual(downloads.finish(), downloads.all_complete())
        self.wait_in_sync()


class WithKey(Pair):
    @classmethod
    def secret(cls) -> dict:
        return {"key_file": sync_key(cls.lab)}

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
