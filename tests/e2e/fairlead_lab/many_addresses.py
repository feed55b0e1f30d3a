"""Many virtual addresses: started, announced completely, stopped in order."""

import os
import subprocess
import sys

from . import addresses as at
from .case import LabTest
from .director import Director, configuration

LISTENER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "announcements.py")


class ManyAddressesTest(LabTest):
    needs_daemon = False  # each test starts one

    def announce(self, count: int, workers: int):
        services = [{"name": f"s{i}", "address": f"10.{64 + i // 62500}.{i // 250 % 250}.{1 + i % 250}",
                     "protocol": "tcp", "port": 80, "reals": [{"address": at.real_address(1)}]}
                    for i in range(count)]
        with self.lab.client.spawn(sys.executable, LISTENER, "outside", count + 1, 60, stdout=subprocess.PIPE,
                                   text=True) as listener:
            self.assertEqual(listener.stdout.readline(), "listening\n")
            director = Director(self.lab, workers)
            try:
                director.start(configuration(services))
                heard = int(listener.stdout.readline())
                director.stop()
            finally:
                director.kill()
                listener.kill()
        self.assertEqual(heard, count + 1, "each of them, and the port's own")
