"""A real server dies at a random moment, in every way: it is out within its bound, and no request fails afterwards."""

import random
import time

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.deaths import WAYS, die, revive
from fairlead_lab.shell import wait_until

INTERVAL, RETRY, TIMEOUT, FALL = 0.5, 0.2, 1.0, 2
BOUND = INTERVAL + RETRY * (FALL - 1) + TIMEOUT * FALL
LOADED = 8  # how late a machine may be that does much else, in seconds


class DeathsAtRandomMoments(LabTest):
    worker_counts = (1, 2)

    @classmethod
    def configure(cls):
        health = {"type": "http", "path": "/health", "interval": f"{INTERVAL * 1000:.0f}ms",
                  "retry_interval": f"{RETRY * 1000:.0f}ms", "timeout": f"{TIMEOUT * 1000:.0f}ms", "fall": FALL,
                  "rise": 1}
        return configuration([
            {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "rr", "health": health,
             "reals": [{"address": at.real_address(index)} for index in (1, 2, 3)]}])

    def up(self, index: int) -> bool:
        return self.director.metric("fairlead_real_up", service="web", real=f"{at.real_address(index)}:80") == 1

    def test_it_is_out_within_its_bound(self):
        seed = random.randrange(1 << 32)
        dice = random.Random(seed)
        ways = list(WAYS)
        dice.shuffle(ways)
        deaths = []  # when it died, and when it was found out
        with client.Loops(self.lab, f"http://{at.VIP}/", 100, pause=0.5) as loops:
            for way in ways:
                index = dice.choice((1, 2, 3))
                wait_until(lambda: self.director.metric("fairlead_real_up", service="web") == 3, "all are up")
                time.sleep(1 + dice.random() * INTERVAL)
                begun = time.monotonic()
                die(way, self.lab, index)
                try:
                    wait_until(lambda: not self.up(index), f"the {way} real{index} is out (seed {seed})",
                               timeout=BOUND + LOADED)
                    found = time.monotonic()
                    names = client.spread(self.lab, f"http://{at.VIP}/", [f"203.0.113.{n}" for n in range(1, 41)])
                finally:
                    revive(way, self.lab, index)
                deaths.append((begun, found))
                living = {f"real{other}" for other in (1, 2, 3) if other != index}
                self.assertEqual(set(names), living, f"real{index} was {way} (seed {seed})")
            wait_until(lambda: self.director.metric("fairlead_real_up", service="web") == 3, "all are up again")
            time.sleep(1)
        # What was asked of the dead one before it was found out may fail, and nothing else.
        lost = [failure for failure in loops.failures
                if not any(begun - 1 <= failure[0] <= found for begun, found in deaths)]
        self.assertEqual(lost, [], f"requests failed that no dead server had (seed {seed})")
        self.assertGreater(len(loops.answers), 500)
        log = self.director.log_since_start()
        # Two looks that failed, not three: what the bound is made of.
        self.assertEqual(log.count('msg="real server is down"'), len(deaths))
        self.assertEqual(log.count(f"failures={FALL} "), len(deaths))
        self.assertEqual(self.director.metric("fairlead_real_downs_total", service="web"), len(deaths))
