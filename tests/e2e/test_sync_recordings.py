"""What a real kernel sent is sent to the director once more, byte for byte and by multicast: its tables become what the
kernel's were, and it goes on with a connection that a kernel has told of."""

import json
import os

from fairlead_lab import client, configuration
from fairlead_lab.kernel_partner import THEIRS, WithPartner
from fairlead_lab.lab import ROOT
from fairlead_lab.recorded_network import RecordedAddresses
from fairlead_lab.shell import wait_until

# By how much a time left may differ: the recordings took their time, and this does not.
BACKUP_SECONDS, MASTER_SECONDS = 6, 12


def cases(name: str) -> list:
    with open(os.path.join(ROOT, "tests", "sync", "data", f"{name}.json")) as file:
        return json.load(file)["cases"]


def as_backup(services=(), **sync) -> dict:
    sync = {"interface": "sync", "role": "backup", "syncid": 7, "peers": [THEIRS], **sync}
    config = configuration(list(services), sync={"ipvs": sync}, policy={"unknown_connections": "drop"})
    config["ports"][1]["addresses"] += ["10.1.0.1/24", "fd01::1/64"]
    return config


def row(entry: dict) -> tuple:
    """A row of the kernel's table without its time."""
    return entry["proto"], entry["state"], entry["src"], entry["vip"], entry["dst"]


class Recordings(WithPartner):
    """The service a recording is about is set up as there, by ipvsadm."""

    worker_counts = (1,)

    @classmethod
    def configure(cls):
        return as_backup(unknown_service="as-kernel")

    def table(self) -> dict:
        """{row: seconds left} of connections and templates, as ipvsadm lists them."""
        lines = self.director.cli("ipvsadm", "-Lcn").stdout.splitlines()[2:]
        found = {}
        for line in lines:
            protocol, left, state, source, virtual, real = line.split()
            minutes, _, seconds = left.rpartition(":")
            found[protocol, state, source, virtual, real] = int(minutes) * 60 + int(seconds)
        return found

    def begin(self):
        self.director.cli("ipvsadm", "-C")
        self.stop_listening()
        for kind in ("connection", "template"):
            self.director.cli(kind, "flush", "--all")
        wait_until(lambda: self.table() == {}, "nothing is here")

    def stop_listening(self):
        self.director.cli("ipvsadm", "--stop-daemon", "backup", check=False)
        self.is_listening = False

    def ipvsadm(self, line: str, daemon: str):
        """`daemon`: whose part there is played here, by a backup."""
        words = line.split()
        if words[0] == "--stop-daemon" and words[1] == daemon:
            self.stop_listening()
        elif words[0] == "--start-daemon" and words[1] == daemon:
            syncid = words[words.index("--syncid") + 1] if "--syncid" in words else "0"
            self.director.cli("ipvsadm", "--start-daemon", "backup", "--mcast-interface", "sync", "--syncid", syncid)
            wait_until(lambda: self.status()["open"], "it listens")
            self.is_listening = True
        elif words[0] in ("-A", "-a"):
            self.director.cli("ipvsadm", *words)

    def hear(self, datagrams: list):
        """Of the first director there, and to the group that it has when nobody says otherwise."""
        sent = [each["payload"] for each in datagrams if each["link"] == "sync" and each["dst"] == "224.0.0.81"]
        before = self.received()
        self.send(*sent)
        if self.is_listening:
            wait_until(lambda: self.received() >= before + len(sent), "they are read")

    def status(self) -> dict:
        return self.director.json("sync", "status")["ipvs"]

    def received(self) -> int:
        return self.status()["received"]["datagrams"] if self.is_listening else 0

    def compare(self, title: str, entries: list, delta: int) -> int:
        """The number of rows."""
        wanted = {row(entry): entry["exp"] for entry in entries}
        try:
            wait_until(lambda: set(self.table()) == set(wanted), title, timeout=5)
        finally:
            found = self.table()
            self.assertEqual(set(found), set(wanted), title)
        for each, seconds in wanted.items():
            self.assertAlmostEqual(found[each], seconds, delta=delta, msg=f"{title}: {each}")
        return len(wanted)

    def test_a_backups_tables_are_those_of_a_kernel(self):
        """Until the second director there gets packets itself, or times out what it has."""
        compared = 0
        for case in cases("sync_backup") + cases("sync_backup_more"):
            self.begin()
            sleeps = 0
            for step in case["steps"]:
                is_here = step.get("director") == "dir2"
                if step["op"] == "ipvsadm" and is_here:
                    self.ipvsadm(step["args"], "backup")
                elif step["op"] == "sync-out":
                    self.hear(step["datagrams"])
                elif step["op"] == "conns" and is_here:
                    compared += self.compare(f"{case['title']}: {step['label']}", step["entries"], BACKUP_SECONDS)
                sleeps += step["op"] == "sleep"
                if sleeps > 1 or any(each["port"].endswith("2") for each in step.get("in", ())):
                    break
        self.assertGreaterEqual(compared, 30)

    def test_what_a_master_sent_is_what_it_had(self):
        compared = 0
        for case in cases("sync_master"):
            steps = [step for step in case["steps"] if step["op"] in ("ipvsadm", "sync-out", "conns")]
            if not case["title"].startswith(("s1b", "s1f", "s1h")) or "conns" not in [step["op"] for step in steps]:
                continue  # of the others there is no table
            self.begin()
            for step in steps:
                if step["op"] == "ipvsadm":
                    self.ipvsadm(step["args"], "master")
                elif step["op"] == "sync-out":
                    self.hear(step["datagrams"])
            entries = [step["entries"] for step in steps if step["op"] == "conns"][-1]
            compared += self.compare(case["title"], entries, MASTER_SECONDS)
        self.assertGreaterEqual(compared, 15)


class TakeOverFromAKernel(WithPartner):
    """A client of 10.8.0.1:2000 has a download of 10.1.0.12, by each method; the director that served it is gone, and the
    next one hears of it what a kernel said of the same four addresses and ports."""

    METHODS = {"-m": "nat", "-g": "dr", "-i": "tun"}

    @classmethod
    def config_of(cls, method: str) -> dict:
        # Before, the first real server takes nobody: the scheduler has to choose as the kernel's did.
        service = {"name": "web", "address": "10.100.0.1", "protocol": "tcp", "port": 80, "scheduler": "rr",
                   "forward": method, "reals": [{"address": "10.1.0.11", "weight": 0}, {"address": "10.1.0.12"}]}
        return as_backup([service])

    @classmethod
    def configure(cls):
        return cls.config_of("nat")

    def recorded(self, option: str) -> str:
        """The first datagram of its take-over."""
        case = next(case for case in cases("sync_backup") if case["title"].startswith(f"s3a take-over, {option}:"))
        step = next(step for step in case["steps"] if step["op"] == "sync-out")
        return step["datagrams"][0]["payload"]

    def take_over(self, option: str):
        config = self.config_of(self.METHODS[option])
        self.director.restart(config)
        download = client.Downloads(self.lab, "10.100.0.1", 1, ["10.8.0.1:2000"], length=2 << 20)
        self.addCleanup(download.kill)
        self.director.kill()
        self.director.start(config, extra=("--fresh",))
        self.assertEqual(self.director.json("connection", "count")["connections"], 0)
        self.send(self.recorded(option))
        wait_until(lambda: self.director.json("connection", "count")["connections"] == 1, "it is here again")
        listed = self.director.json("connection", "list")["connections"][0]
        self.assertEqual((listed["client"], listed["state"]), ("10.8.0.1:2000", "ESTABLISHED"))
        self.assertEqual(download.finish(), download.all_complete(), option)

    def test_a_download_goes_on(self):
        with RecordedAddresses(self.lab, clients="10.8.0.0/16"):
            for option in self.METHODS:
                self.take_over(option)
