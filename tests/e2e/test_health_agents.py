"""What agents on the real servers say, as traffic: a share of the weight, drain and maintenance, up and down."""

import os
from collections import Counter

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.protocol_servers import AGENT, ProtocolServers
from fairlead_lab.shell import wait_until

REALS = (1, 2)


class AgentsInTraffic(LabTest):
    worker_counts = (1, 2)

    @classmethod
    def setUpClass(cls):
        cls.agents = {index: ProtocolServers(cls.lab, index) for index in REALS}
        for index, server in cls.agents.items():
            cls.addClassCleanup(server.stop)
            cls.say(index, "ready up 100%")
            server.start_hostile({AGENT: f"from_file:{server.path('words').encode().hex()}"})
        super().setUpClass()

    @classmethod
    def say(cls, index: int, words: str):
        path = cls.agents[index].path("words")
        with open(path + ".new", "w") as file:
            file.write(words + "\n")
        os.rename(path + ".new", path)

    @classmethod
    def configure(cls):
        return configuration([
            {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "wrr",
             "health": [{"type": "tcp", "port": 80}, {"type": "agent", "port": AGENT, "interval": "200ms"}],
             "reals": [{"address": at.real_address(index), "weight": 100} for index in REALS]}])

    def shares_are(self, first: int, second: int, requests: int = 60):
        """Of that many requests, to a few more or less: each worker goes round by itself."""
        for index, weight in ((1, first), (2, second)):
            self.director.wait_metric("fairlead_real_weight", weight, service="web", real=f"{at.real_address(index)}:80")
        sources = [f"198.18.{n // 250}.{1 + n % 250}" for n in range(requests)]
        names = Counter(client.spread(self.lab, f"http://{at.VIP}/", sources))
        self.assertEqual(names["real1"] + names["real2"], requests, names)
        self.assertAlmostEqual(names["real1"], requests * first / (first + second), delta=4 if first else 0, msg=names)

    def test_their_words_in_shares(self):
        self.shares_are(100, 100)
        self.say(1, "50%")
        self.shares_are(50, 100)
        self.say(1, "drain")
        self.shares_are(0, 100)
        self.say(1, "ready")  # the share that was said last
        self.shares_are(50, 100)
        self.say(1, "up 100%")
        self.shares_are(100, 100)
        self.say(1, "maint")
        self.shares_are(0, 100)
        self.say(1, "ready 100%")
        self.shares_are(100, 100)
        self.say(1, "down # for a reason")
        self.shares_are(0, 100)
        self.director.wait_metric("fairlead_real_up", 0, service="web", real=f"{at.real_address(1)}:80")
        self.say(1, "up")
        self.shares_are(100, 100)
        # One that cannot be asked has said nothing.
        self.say(1, "25%")
        self.shares_are(25, 100)
        self.agents[1].stop()
        wait_until(lambda: "an agent gives no answer" in self.director.log_since_start(), "the log says so")
        self.shares_are(25, 100)
