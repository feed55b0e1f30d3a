"""More health checks than the machine has time for."""

import time

from fairlead_lab import addresses as at, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.shell import wait_until


class MoreChecksThanTime(LabTest):
    """10,000 checks a second of servers that are well: none is called down, all intervals are stretched."""

    SERVICES = 334  # of three reals, each asked another question every 100 ms

    @classmethod
    def configure(cls):
        reals = [{"address": at.real_address(n), "port": 80} for n in (1, 2, 3)]
        return configuration([
            {"name": f"s{n}", "address": at.VIP, "protocol": "tcp", "port": 1000 + n, "scheduler": "rr", "reals": reals,
             "health": {"type": "http", "path": f"/health?{n}", "interval": "100ms", "timeout": "100ms", "fall": 2}}
            for n in range(cls.SERVICES)])

    def test_nobody_is_called_down(self):
        def stretch():
            return self.director.metric("fairlead_health_interval_stretch")
        wait_until(lambda: stretch() > 1.25, "intervals are stretched", timeout=60)
        for _ in range(10):
            self.assertEqual(self.director.metric("fairlead_real_up"), 3 * self.SERVICES)
            time.sleep(1)
        log = self.director.log_since_start()
        self.assertNotIn("real server is down", log)
        self.assertIn("all intervals are stretched\"", log)
        looks = [value for sample, value in self.director.metrics().items()
                 if sample.startswith("fairlead_health_check_duration_seconds_count")]
        self.assertEqual(len(looks), 3 * self.SERVICES)
        self.assertLessEqual(max(looks), 2 * min(looks) + 5, "some checks starve")
