"""Neighbours that come and go by the thousand, by somebody outside, while clients ask and checks run.

The director has three real servers of each family with health checks every two seconds. Each test sends a flood and
looks, as long as it lasts, whether all six stay up; the clients' requests go on meanwhile. A subclass says how long:

    class Churn(ChurnTest):
        SECONDS = 4
"""

import time

from . import addresses as at
from . import client
from .case import LabTest
from .director import configuration
from .flood import Flood, mac_of

REALS = (1, 2, 3)
HEALTH = {"type": "tcp", "interval": "2s", "timeout": "2s", "fall": 3, "rise": 1}
# kind → what the flood is made of
KINDS = {
    "inside_ipv6": {"source": at.CLIENT6, "destination": "fd00:10::/64"},
    "inside_ipv4": {"source": at.CLIENT, "destination": "10.0.0.0/16"},
    "spoofed_inside_ipv4": {"source": "198.51.100.0/24", "destination": "10.0.0.0/16"},
    "forged_neighbours": {"source": "2001:db8:1::/64", "destination": at.VIP6},
}


class ChurnTest(LabTest):
    worker_counts = (1, 2)
    RATE = 40_000  # packets a second; 0: as many as the lab sends
    SECONDS = 0
    # What the tables, rings and logs of the daemon may still touch for the first time.
    most_growth_bytes = 24 * 1024 * 1024

    @classmethod
    def configure(cls):
        def service(name, address, real):
            return {"name": name, "address": address, "protocol": "tcp", "port": 80, "scheduler": "rr",
                    "health": HEALTH, "reals": [{"address": real(index)} for index in REALS]}

        config = configuration([service("web", at.VIP, at.real_address),
                                service("web6", at.VIP6, at.real_address6)])
        config["ports"][1]["addresses"] = [f"{at.DIRECTOR_INSIDE}/16", f"{at.DIRECTOR_INSIDE6}/64"]
        return config

    def resident_bytes(self) -> int:
        with open(f"/proc/{self.director.process.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))

    def up(self) -> float:
        return self.director.metric("fairlead_real_up")

    def test_inside_ipv6(self):
        self.churn("inside_ipv6")

    def test_inside_ipv4(self):
        self.churn("inside_ipv4")

    def test_spoofed_inside_ipv4(self):
        self.churn("spoofed_inside_ipv4")

    def test_forged_neighbours(self):
        self.churn("forged_neighbours")

    def churn(self, kind: str):
        self.director.wait_metric("fairlead_real_up", 2 * len(REALS))
        mac = mac_of(self.lab.director, "outside")
        before = self.resident_bytes()
        least, most = 2 * len(REALS), before
        with client.Loops(self.lab, f"http://{at.VIP}/", 20) as loops, \
                client.Loops(self.lab, f"http://[{at.VIP6}]/", 20) as loops6:
            with Flood(self.lab.client, "outside", mac, rate=self.RATE, seconds=self.SECONDS, **KINDS[kind]) as flood:
                end = time.monotonic() + self.SECONDS
                while time.monotonic() < end:
                    time.sleep(0.5)
                    least, most = min(least, self.up()), max(most, self.resident_bytes())
        print(f"     {kind}: {flood.sent} packets, {len(loops.answers)} + {len(loops6.answers)} answers, "
              f"{least:.0f} up at the least, {(most - before) / 1e6:.1f} MB more", flush=True)
        self.assertGreater(flood.sent, 1000 * self.SECONDS)
        self.assertEqual(least, 2 * len(REALS), "a real server was taken for dead")
        self.assertEqual(loops.failures + loops6.failures, [])
        self.assertGreater(min(len(loops.answers), len(loops6.answers)), 20)
        self.assertLess(most - before, self.most_growth_bytes)
        self.assertLessEqual(self.director.metric("fairlead_neighbours_learned"), 4096)
