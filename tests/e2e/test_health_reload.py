"""A reload asks nobody anew who is asked the same; who is asked something else keeps its state until it has answered."""

import copy

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.gates import Gates
from fairlead_lab.shell import wait_until

KEPT = ("health", "health_since", "health_detail", "downs", "checks")


class ReloadsOfChecks(LabTest):
    worker_counts = (1,)

    @classmethod
    def configure(cls):
        cls.gates = gates = Gates(cls.lab)
        for name in ("slow", "old", "new"):
            for index, status in ((1, 0), (2, 1), (3, 0)):
                gates.say(name, index, status)

        def service(name, port, **health):
            return {"name": name, "address": at.VIP, "protocol": "tcp", "port": port, "scheduler": "rr",
                    "health": gates.check(name, **health),
                    "reals": [{"address": at.real_address(index)} for index in (1, 2, 3)]}
        # Asked once in this test, unless a reload begins its interval anew: then within a second.
        cls.config = configuration([service("slow", 80, interval="10m"), service("old", 443)])
        return copy.deepcopy(cls.config)

    def reals(self, service: str) -> list:
        return sorted(self.director.json("real", "list", service)["reals"], key=lambda real: real["address"])

    def states(self, service: str) -> list:
        return [real["health"] for real in self.reals(service)]

    def looks(self, name: str) -> list:
        return [self.gates.looks(name, index) for index in (1, 2, 3)]

    def names(self, port: int) -> set:
        return set(client.spread(self.lab, f"http://{at.VIP}:{port}/", [f"198.51.100.{n}" for n in range(1, 10)]))

    def test_1_the_same_question_goes_on(self):
        wait_until(lambda: self.states("slow") == ["up", "down", "up"], "each has answered once")
        wait_until(lambda: all(real["health_detail"] for real in self.reals("slow")), "each has answered once")
        before = [{key: real[key] for key in KEPT} for real in self.reals("slow")]
        for number in range(6):
            config = copy.deepcopy(self.config)
            config["services"][0]["persistence"] = {"timeout": f"{number + 1}m"}
            config["services"][0]["reals"][0]["weight"] = number + 1
            config["services"][1]["quorum"] = number + 1
            self.director.reload(config)
            # Longer than what is new waits for its first look.
            looks = self.gates.looks("old", 1)
            wait_until(lambda: self.gates.looks("old", 1) >= looks + 6, "the others go on")
            self.assertEqual([{key: real[key] for key in KEPT} for real in self.reals("slow")], before)
            self.assertEqual(self.names(80), {"real1", "real3"})
        self.assertEqual(self.looks("slow"), [1, 1, 1])

    def test_2_another_question_keeps_the_state_until_it_is_answered(self):
        self.director.reload(copy.deepcopy(self.config))
        wait_until(lambda: self.states("old") == ["up", "down", "up"], "the old question is answered")
        downs = [real["downs"] for real in self.reals("old")]
        for index in (1, 2, 3):
            self.gates.say("new", index, None)
        config = copy.deepcopy(self.config)
        # What is new begins down when nothing is known. Of these servers something is.
        config["services"][1]["health"] = self.gates.check("new", initial="down", timeout="1m")
        self.director.reload(config)
        wait_until(lambda: self.looks("new") == [1, 1, 1], "the new question has been asked")
        self.assertEqual(self.states("old"), ["up", "down", "up"])
        self.assertEqual([real["downs"] for real in self.reals("old")], downs)
        self.assertEqual(self.names(443), {"real1", "real3"})
        # The answers come, and other ones.
        for index, status in ((1, 1), (2, 0), (3, 0)):
            self.gates.say("new", index, status)
        wait_until(lambda: self.states("old") == ["down", "up", "up"], "the new answers count")
        self.assertEqual(self.names(443), {"real2", "real3"})
        # In other intervals the same is asked: nothing begins anew, and nobody comes back.
        config["services"][1]["health"]["interval"] = "300ms"
        self.director.reload(config)
        self.assertEqual(self.states("old"), ["down", "up", "up"])
