"""Two directors behind a router that shares its clients out between them: BIRD beside each, and at the client's end.

    class Moves(EcmpTest):                          # by the files of config/examples/bird-ecmp-pair
        def test_it(self):
            self.wait_hops({1, 2}, "both announce")
            self.watches[1].stop()                  # as `systemctl stop fairlead-bird`
            self.wait_hops({2}, "the first has withdrawn")
"""

import json

from . import addresses as at
from .director import BUILD
from .example_pairs import ExamplePairTest, example, example_path
from .routers import TWIN, BirdDaemon, Daemon
from .shell import ShellError, wait_until

BIRD_EXAMPLE = "bird-ecmp-pair"


class Watch(Daemon):
    """The script that announces while the director is ready."""

    def __init__(self, lab, director, bird, protocols: str):
        super().__init__(lab, director.namespace, f"edge{director.number}", "watch")
        self.environment = (f"FAIRLEAD={BUILD}/src/cli/fairlead --api {director.api}", f"BIRDC=birdc -s {bird.socket}",
                            f"PROTOCOLS={protocols}")

    def start(self):
        self.spawn("env", *self.environment, example_path(BIRD_EXAMPLE, "fairlead-bird"))


class EcmpTest(ExamplePairTest):
    example = BIRD_EXAMPLE
    vips = {at.VIP_DR: "vip4", at.VIP_DR6: "vip6"}  # and the protocol of BIRD that announces it

    @classmethod
    def prepare(cls):
        cls.pair.lab.client.sysctl(net__ipv4__fib_multipath_hash_policy=1, net__ipv6__fib_multipath_hash_policy=1)

    @classmethod
    def start(cls):
        cls.pair.start(cls.file_of)
        lab = cls.pair.lab
        cls.birds = {number: BirdDaemon(lab, half.namespace, f"edge{number}", example(BIRD_EXAMPLE, f"bird-edge-{number}.conf"))
                     for number, half in cls.pair.halves.items()}
        cls.birds["router"] = BirdDaemon(lab, lab.client, "router", example(BIRD_EXAMPLE, "bird-router.conf"))
        cls.watches = {number: Watch(lab, half.director, cls.birds[number], " ".join(cls.vips.values()))
                       for number, half in cls.pair.halves.items()}
        for daemon in (*cls.birds.values(), *cls.watches.values()):
            daemon.start()

    @classmethod
    def tearDownClass(cls):
        for daemon in (*getattr(cls, "watches", {}).values(), *getattr(cls, "birds", {}).values()):
            daemon.stop()
        super().tearDownClass()

    def number_of(self, gateway: str):
        """Of the director whose twin has that address; for IPv6 it is the link-local one."""
        return next((number for number, half in self.pair.halves.items()
                     if f" {gateway}/" in half.namespace.ip(f"-o addr show dev {TWIN}").stdout), gateway)

    def hops(self, vip: str) -> set:
        """Directors to which the router sends what is for that address."""
        version = "-6" if ":" in vip else "-4"
        routes = json.loads(self.pair.lab.client.ip(f"{version} -j route show {vip} proto bird").stdout or "[]")
        return {self.number_of(hop["gateway"]) for route in routes for hop in route.get("nexthops", [route]) if "gateway" in hop}

    def wait_hops(self, wanted: set, what: str, timeout: float = 30):
        seen = {}

        def is_so() -> bool:
            seen.update({vip: self.hops(vip) for vip in self.vips})
            return all(hops == wanted for hops in seen.values())
        try:
            wait_until(is_so, what, timeout=timeout)
        except ShellError as error:
            birds = "".join(f"\n---- BIRD {name}:\n{bird.ask('show', 'protocols')}" for name, bird in self.birds.items())
            raise ShellError(f"{error}: {seen}{birds}{self.pair.logs()}") from None

    def connections(self, number: int) -> dict:
        """{client: real server} of what director `number` knows, but for what has ended."""
        rows = self.pair[number].director.json("connection", "list")["connections"]
        return {row["client"]: row["real"] for row in rows if row["state"] == "ESTABLISHED"}
