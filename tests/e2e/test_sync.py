"""Synchronisation with a director of the kernel, played by a partner on real multicast."""

import os
import subprocess
import sys

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.kernel_partner import PARTNER, THEIRS, WithPartner
from fairlead_lab.shell import wait_until


def with_sync(reals=(1, 2), **keys) -> dict:
    """One service by DR, so that a director that is away is missed by clients' packets alone."""
    service = {"name": "dr", "address": at.VIP_DR, "protocol": "tcp", "port": 80, "scheduler": "rr", "forward": "dr",
               "reals": [{"address": at.real_address(number)} for number in reals]}
    sync = {"interface": "sync", "syncid": 7, "peers": [THEIRS], **keys}
    return configuration([service], sync={"ipvs": sync}, policy={"unknown_connections": "drop"})


class Backup(WithPartner):
    @classmethod
    def configure(cls):
        return with_sync(role="backup")

    # 198.51.100.7:4000 to the virtual address, at real server 2, ESTABLISHED, 900 s.
    ENTRY = "000600240000008300010fa0005000500000000000000384c6336407c00002b40a00000c"

    def test_takes_in_what_a_kernel_sends(self):
        self.send("0007002c01010000" + self.ENTRY,
                  "0008002c01010000" + self.ENTRY,                                  # another syncid
                  "0007002c01010000" + self.ENTRY.replace("0a00000c", "0a000063"))  # a real server that is not here
        wait_until(lambda: self.entries() == 2, "the datagrams are read")
        wait_until(lambda: len(self.director.json("connection", "list")["connections"]) == 1, "the connection is here")
        row = self.director.json("connection", "list")["connections"][0]
        self.assertEqual((row["client"], row["state"]), ("198.51.100.7:4000", "ESTABLISHED"))
        self.assert_metric(1, "fairlead_sync_entries_total", peer="ipvs", direction="in")
        self.assert_metric(1, "fairlead_sync_refused_total", reason="syncid")
        self.assert_metric(1, "fairlead_sync_refused_total", reason="unknown_real")
        self.assertIn("backup on sync", self.director.cli("sync", "status").stdout)

    def test_says_why_it_does_not_listen(self):
        def status():
            return self.director.cli("sync", "status", check=False)

        self.director.reload(with_sync(role="backup", interface="nowhere"))
        wait_until(lambda: status().returncode == 1, "it does not listen")
        self.assertIn('no interface "nowhere"', status().stdout)
        self.director.reload(with_sync(role="backup"))
        wait_until(lambda: status().returncode == 0, "it listens again")


class TakingOver(WithPartner):
    """What this director sends as a master brings its connections back to one that has lost them all."""

    @classmethod
    def configure(cls):
        return with_sync(role="both", threshold=[0, 1])

    def take_over(self, config: dict):
        """What was sent before the director was killed is all that the next one hears, which has this configuration."""
        captured = f"{self.lab.state}/sync-in"
        partner = self.lab.client.spawn(sys.executable, PARTNER, "listen", THEIRS, captured, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.assertEqual(partner.stdout.readline(), "listening\n")
        sources = [f"198.51.100.{host}" for host in range(1, 11)]
        downloads = client.Downloads(self.lab, at.VIP_DR, 10, sources, length=2 << 20)
        wait_until(lambda: self.director.metric("fairlead_sync_entries_total", peer="ipvs", direction="out") >= 10,
                   "all are sent")
        wait_until(lambda: self.director.metric("fairlead_sync_datagrams_total", peer="ipvs", direction="out") >= 1,
                   "a datagram is out")
        wait_until(lambda: os.path.getsize(captured) > 0, "the partner has it")
        partner.communicate("", timeout=10)
        self.director.kill()
        self.director.start(config, extra=("--fresh",))
        self.assertEqual(self.director.json("connection", "count")["connections"], 0)
        with open(captured) as file:
            self.send(*file.read().split())
        wait_until(lambda: self.director.json("connection", "count")["connections"] == 10, "all are here again")
        self.assertEqual(downloads.finish(), downloads.all_complete())


class TakeOver(TakingOver):
    def test_downloads_go_on(self):
        self.take_over(self.configure())


class TakeOverToUnknown(TakingOver):
    def test_downloads_go_on_to_real_servers_that_no_configuration_names(self):
        self.take_over(with_sync(reals=(3,), role="backup", unknown_service="as-kernel"))
        self.assert_metric(2, "fairlead_sync_unknown_reals", peer="ipvs")
        status = self.director.cli("sync", "status").stdout
        for number in (1, 2):
            self.assertIn(at.real_address(number), status)
        self.director.reload(self.configure())
        self.assert_metric(0, "fairlead_sync_unknown_reals", peer="ipvs")
