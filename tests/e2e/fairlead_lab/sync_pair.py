"""Two directors that tell each other of their connections over a link of their own, with keepalived on the twins of each.

    class FailsOver(SyncPairTest):                  # self.pair, both are in sync
        def test_it(self):
            self.pair.leaves("kill")                # director 1, the master; director 2 has the addresses
            self.pair.returns("kill")               # and gives them back once director 1 is ready

keepalived.conf is that of config/examples/synchronised-pair: its script asks `fairlead ready`. Director 1 is preferred:
priority 150 when it is ready and 100 until then, beside 120 of director 2.
"""

import contextlib
import time

from . import addresses as at, configuration
from .case import LabTest
from .director import BUILD
from .keepalived import Keepalived
from .lab import ROOT
from .pairs import DirectorPair, Half
from .restarts import WAYS, services
from .second import sync_key
from .shell import ShellError, wait_until

GATEWAY, GATEWAY6 = "10.0.0.250", "fd00:10::250"
OUTSIDE = [way.address for way in WAYS]

READY_LAG = 0.5  # seconds, the default of sync.ready_lag: what is older is known to both

CONF = f"{ROOT}/config/examples/synchronised-pair/keepalived.conf"
PRIORITIES = {1: 150, 2: 120}


class VrrpAlone(Keepalived):
    """As the distribution starts it: it knows of no virtual servers."""

    def ipvs_exec(self) -> list:
        return []


class SyncPair(DirectorPair):
    def __init__(self, name: str, reals: int = 3, outside=tuple(OUTSIDE), workers=(1, 1)):
        """`outside`: the virtual addresses that keepalived moves. `workers`: of each."""
        super().__init__(name, reals)
        self.workers = workers
        self.outside = outside
        self.moments = []  # (begin, end) of when a connection that began was not known to both yet

    def add(self, number: int) -> Half:
        half = super().add(number)
        half.director.workers = self.workers[number - 1]
        half.keepalived = VrrpAlone(self.lab, half.director, f"pair{number}")
        return half

    def stream(self, number: int, **more) -> dict:
        """The key `sync` of director `number`: a session with the other one, encrypted."""
        return {"name": f"edge-{number}", "listen": at.director_sync(number), "key_file": sync_key(self.lab),
                "peers": [{"name": f"edge-{3 - number}", "address": at.director_sync(3 - number)}], **more}

    def conf(self, number: int) -> str:
        """The example's, but for the addresses, and for where the command and its socket are."""
        excluded = [f"{address}/{128 if ':' in address else 32} dev fl-outside" for address in self.outside[1:]]
        excluded += [f"{GATEWAY}/24 dev fl-inside", f"{GATEWAY6}/64 dev fl-inside"]
        lines = "\n".join(f"    {each}" for each in excluded)
        with open(CONF) as file:
            text = file.read()
        for here, there in {
                "/usr/bin/fairlead ready": f"{BUILD}/src/cli/fairlead --api {self[number].director.api} ready",
                "router_id edge-1": f"router_id edge-{number}",
                "script_user root": "script_user root\n  max_auto_priority -1",
                "priority 150": f"priority {PRIORITIES[number]}",
                "    192.0.2.180/32 dev fl-outside\n  }": f"    {self.outside[0]}/32 dev fl-outside\n  }}\n"
                                                          f"  virtual_ipaddress_excluded {{\n{lines}\n  }}"}.items():
            if here not in text:
                raise ShellError(f"{CONF} has no {here!r} any more")
            text = text.replace(here, there)
        return text

    def begin(self, configuration_of, with_keepalived: bool = True):
        """Both, until both are in sync."""
        for number in (1, 2):
            self.add(number).director.launch(configuration_of(number))
        for half in self.halves.values():
            half.director.wait_ready()
        self.wait_in_sync()
        if with_keepalived:
            for number, half in self.halves.items():
                half.conf = self.conf(number)
                half.start_keepalived()
            self.wait_master(1, "the one that is preferred")

    def wait_in_sync(self):
        for half in self.halves.values():
            wait_until(lambda: half.director.cli("sync", "status", check=False).returncode == 0,
                       f"director {half.number} is in sync", timeout=30)

    def has_all(self, number: int) -> bool:
        """Every virtual address and the gateways are on its twins."""
        text = self[number].namespace.ip("-o addr show").stdout
        return all(f" {address}/" in text for address in (*self.outside, GATEWAY, GATEWAY6))

    def wait_master(self, number: int, what: str):
        """It has all addresses, and the other one none of them."""
        try:
            wait_until(lambda: self.has_all(number) and not self[3 - number].has(self.outside[0]), what, timeout=30)
        except ShellError as error:
            said = "".join(f"\n---- keepalived {n}:\n{half.keepalived.said()[-2500:]}" for n, half in self.halves.items())
            raise ShellError(f"{error}{said}") from None

    def leaves(self, how: str):
        """Director 1 by "stop" (SIGTERM) or "kill" (-9), or its link outside goes down: "link"."""
        begin = time.monotonic()
        if how == "link":
            self.lab.bridge.ip("link set outside1 down")
        else:
            getattr(self[1].director, how)()
        self.moments.append((begin - READY_LAG, time.monotonic()))
        self.wait_master(2, f"director 2 has taken over ({how})")

    def returns(self, how: str, extra=()):
        if how == "link":
            self.lab.bridge.ip("link set outside1 up")
        else:
            self[1].director.start(extra=extra)
        self.wait_master(1, f"director 1 has its addresses back ({how})")
        # One that was half open at the other director is not told; its client sends on to one that does not know it.
        self.moments.append((time.monotonic() - 1, time.monotonic()))
        self.wait_in_sync()

    @contextlib.contextmanager
    def slow_link(self, rate: str):
        """What directors tell each other takes its time."""
        for half in self.halves.values():
            half.namespace.run("tc", "qdisc", "add", "dev", "sync", "root", "tbf", "rate", rate, "burst", "4kb",
                               "latency", "200ms")
        try:
            yield
        finally:
            for half in self.halves.values():
                half.namespace.run("tc", "qdisc", "del", "dev", "sync", "root")


class SyncPairTest(LabTest):
    """A lab of its own with the pair, in sync."""

    worker_counts = (1,)
    needs_daemon = False
    with_keepalived = True
    workers_of = (1, 1)
    sync = {}  # further keys of `sync`

    @classmethod
    def setUpClass(cls):
        cls.pair = SyncPair(f"{cls.lab.name[:12]}pair", reals=3, workers=cls.workers_of)
        cls.pair.lab.down()  # of a run that was killed
        cls.pair.__enter__()
        try:
            cls.pair.default_route(GATEWAY, GATEWAY6)
            cls.pair.begin(cls.configure, cls.with_keepalived)
        except BaseException:
            cls.pair.__exit__()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            for half in cls.pair.halves.values():
                if half.director.process is not None:
                    half.director.wait_conserved()
                    half.director.stop()
        finally:
            cls.pair.__exit__()

    @classmethod
    def services(cls) -> list:
        """A request that was under way when the address moved goes on as well: its client has a template."""
        return [{**each, "policy": {"unknown_connections": "schedule"}} if "persistence" in each else each
                for each in services()]

    @classmethod
    def configure(cls, number: int) -> dict:
        config = configuration(cls.services(), number=number, sync=cls.pair.stream(number, **cls.sync),
                               policy={"announce": "follow-kernel", "unknown_connections": "drop"})
        config["ports"][0]["exception"] = "tap"
        config["director"]["arena"] = cls.pair.lab.arena_of(number)
        return config

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for number, half in self.pair.halves.items():
                ended = half.director.process and half.director.process.poll()
                print(f"---- director {number}, ended with {ended}; the end of its log:\n{half.director.log_tail(30)}----\n"
                      f"{half.director.cli('sync', 'status', check=False).stdout}", flush=True)
