"""on_up and on_down of real servers and services: once for each change, in order, with keepalived's words."""

import copy

from fairlead_lab import addresses as at, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.gates import Gates
from fairlead_lab.shell import wait_until

MARK = 2


class CommandsOfEvents(LabTest):
    worker_counts = (1,)

    @classmethod
    def configure(cls):
        cls.gates = gates = Gates(cls.lab)

        def service(name, **more):
            for index in (1, 2):
                gates.say(name, index, 0)
            up, down = gates.notify("went", "up"), gates.notify("went", "down")
            return {"name": name, "quorum": 2, "health": gates.check(name), "on_up": up, "on_down": down,
                    "reals": [{"address": at.real_address(index), "port": 80, "on_up": up, "on_down": down}
                              for index in (1, 2)], **more}
        cls.config = configuration(
            [service("web", address=at.VIP, protocol="tcp", port=80), service("shop", mark=MARK)],
            classifier=[{"protocol": "tcp", "destination": at.VIP2, "destination_port": 8080, "mark": MARK}])
        return cls.with_weight(1)

    @classmethod
    def with_weight(cls, weight: int, **more) -> dict:
        """The same, and of the first service other weights."""
        config = copy.deepcopy(cls.config)
        config["services"][0].update(more)
        for each in config["services"][0]["reals"]:
            each["weight"] = weight
        return config

    def test_once_for_each_change_and_in_order(self):
        expected = []

        def change(name: str, index: int, status: int, *lines):
            self.gates.say(name, index, status)
            expected.extend(lines)
            wait_until(lambda: len(self.gates.told()) >= len(expected), f"{len(expected)} commands have run")
            self.assertEqual(self.gates.told(), expected)

        def real(index: int, way: str) -> str:
            return (f"went {way} RS [{at.real_address(index)}]:tcp:80 [{at.VIP}]:tcp:80 {way.upper()} "
                    f"(real_{way} web [{at.VIP}]:tcp:80 {at.real_address(index)}:80)")

        def service(way: str) -> str:
            return f"went {way} VS [{at.VIP}]:tcp:80 {way.upper()} (quorum_{way} web [{at.VIP}]:tcp:80)"

        def marked(index: int, way: str) -> list:
            return [f"went {way} RS [{at.real_address(index)}]:any:80 FWM {MARK} {way.upper()} "
                    f"(real_{way} shop FWM {MARK} {at.real_address(index)}:80)",
                    f"went {way} VS FWM {MARK} {way.upper()} (quorum_{way} shop FWM {MARK})"]

        change("web", 1, 1, real(1, "down"), service("down"))
        change("web", 2, 1, real(2, "down"))  # the quorum is lost already
        change("web", 2, 0, real(2, "up"))
        change("web", 1, 0, real(1, "up"), service("up"))
        change("shop", 2, 7, *marked(2, "down"))
        change("shop", 2, 0, *marked(2, "up"))
        # Nothing is a change: many looks, a reload, another weight.
        looks = self.gates.looks("web", 1)
        self.director.reload(self.with_weight(1))
        self.director.reload(self.with_weight(3))
        wait_until(lambda: self.gates.looks("web", 1) >= looks + 5, "it is asked five times more")
        self.assertEqual(self.gates.told(), expected)
        # With the changed quorum 3 of 6 are not enough.
        self.director.reload(self.with_weight(3, quorum=5))
        self.assertEqual(self.gates.told(), expected)
        change("web", 1, 1, real(1, "down"), service("down"))
        # A reload may change the answer itself.
        self.director.reload(self.with_weight(3, quorum=3))
        change("web", 1, 1, service("up"))
        change("web", 1, 0, real(1, "up"))
