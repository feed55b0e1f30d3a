"""Floods of what directors tell each other, by both protocols: clients do not notice, and the peer stays in sync."""

import json
import os
import subprocess
import sys
import time

from fairlead_lab import addresses as at, client
from fairlead_lab.kernel_partner import HERE, THEIRS, WithPartner
from fairlead_lab.second import PORTS, Second, sync_key, with_peer
from fairlead_lab.shell import wait_until

SECONDS = 10
STRANGER = "127.0.0.66"  # no peer's address


class Flooded(WithPartner):
    worker_counts = (1,)

    @classmethod
    def configure(cls):
        return with_peer("first", "second", key_file=sync_key(cls.lab),
                         ipvs={"interface": "sync", "role": "backup", "syncid": 7, "peers": [THEIRS]})

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = Second(cls.lab, cls.workers)
        cls.addClassCleanup(cls.second.kill)
        cls.second.start(with_peer("second", "first", key_file=sync_key(cls.lab)))

    @classmethod
    def tearDownClass(cls):
        try:
            cls.second.stop()
        finally:
            super().tearDownClass()

    def states(self) -> list:
        return [json.loads(director.get("/v1/sync")[1])["stream"]["peers"][0]["state"]
                for director in (self.director, self.second)]

    def flood(self, namespace, *words) -> subprocess.Popen:
        process = namespace.spawn(sys.executable, os.path.join(HERE, "sync_flood.py"), *words, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        return process

    def test_clients_and_the_peer_do_not_notice(self):
        wait_until(lambda: self.states() == ["in-sync"] * 2, "in sync", timeout=30)
        downloads = client.Downloads(self.lab, at.VIP_DR, 10, [f"198.51.100.{host}" for host in range(1, 11)],
                                     length=2 << 20, drip=4096)
        self.addCleanup(downloads.kill)
        seen = []
        with client.Loops(self.lab, f"http://{at.VIP_DR}/", 50) as loops:
            floods = [self.flood(self.lab.client, "datagrams", THEIRS, at.VIP_DR, at.real_address(1)),
                      self.flood(self.lab.director, "connections", STRANGER, PORTS["first"], PORTS["second"])]
            wait_until(lambda: self.refused("table_full") > 0, "the flood has all that it gets", timeout=60)
            full = time.monotonic()
            while time.monotonic() < full + SECONDS:
                seen += self.states()
                time.sleep(0.2)
            self.assertEqual([flood.poll() for flood in floods], [None, None], "a flood has ended before")
            sent = [int(flood.communicate(timeout=30)[0]) for flood in floods]
        self.assertEqual(loops.failures, [])
        self.assertGreater(len([start for start, *_ in loops.answers if start > full]), 50 * SECONDS)
        self.assertEqual(downloads.finish(), downloads.all_complete())
        self.assertEqual(set(seen), {"in-sync"})
        self.assert_metric(0, "fairlead_dropped_packets_total", reason="connection_table_full")
        self.assertGreater(sent[0], 10000)
        self.assertGreater(sent[1], 500)
        self.assertGreater(self.refused("truncated") + self.refused("size"), 0)

    def refused(self, reason: str) -> float:
        return self.director.metric("fairlead_sync_refused_total", reason=reason)
