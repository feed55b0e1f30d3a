"""What must survive when the director's process ends: downloads, clients' real servers, counters, changes by hand.

    class Kills(RestartTest):
        def test_it(self):
            with self.under_load():          # downloads and asking clients: 0 broken, 0 moved
                with self.kept():            # counters, `fairlead diff`, admin states, pins
                    self.end("kill")         # at a random moment; its successor is ready
                with self.kept(but=("diff",)):
                    self.end("stop", edited_configuration)

NAT, DR and TUN over both families are in one director, so that each end of the process is judged by all six at once.
Mind the guard of the arena: three runs in a row that took it up and lived less than a minute set it aside
(docs/arena.md). So after a first start the fourth kill is one too many, after a stop and start the third.
"""

import collections
import contextlib
import random
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

from . import addresses as at, client, configuration
from .case import LabTest
from .director import Director
from .http_load import loop_source

DOWNLOADS = 200  # of each way
CLIENTS = 100    # likewise
DOWNLOAD_BYTES = 1 << 18
DRIP_BYTES = 4096  # once a second: a download lasts a minute unless it is told to end
PAUSE_SECONDS = 4.0  # of a client between two requests

SHOP = 8080  # port of the persistent services
REALS = (1, 2, 3)

# How a process ends and its successor begins.
ENDS = {"kill": Director.crash, "stop": Director.stop_and_start,
        "upgrade": Director.upgrade, "signal": Director.upgrade_by_signal}

# A forwarding method over one family: what a client's packet meets.
Way = collections.namedtuple("Way", "name method address is_v6")
WAYS = [Way(f"{method}{6 if ':' in address else 4}", method, address, ":" in address)
        for method, addresses in (("nat", (at.VIP, at.VIP6)), ("dr", (at.VIP_DR, at.VIP_DR6)),
                                  ("tun", (at.VIP_TUN, at.VIP_TUN6)))
        for address in addresses]


def shop_url(way: Way) -> str:
    host = f"[{way.address}]" if way.is_v6 else way.address
    return f"http://{host}:{SHOP}/"


def sources(way: Way, count: int) -> list:
    return [loop_source(index, way.is_v6) for index in range(count)]


def service(name: str, address: str, port: int, reals=REALS, **more) -> dict:
    real = at.real_address6 if ":" in address else at.real_address
    return {"name": name, "address": address, "protocol": "tcp", "port": port, "scheduler": "rr",
            "reals": [{"address": real(index)} for index in reals], **more}


def services() -> list:
    """For each way one service for downloads and one with persistence; and one to be changed by hand."""
    made = [service("hand", at.VIP2, 80)]
    for way in WAYS:
        made.append(service(f"web-{way.name}", way.address, 80, forward=way.method))
        made.append(service(f"shop-{way.name}", way.address, SHOP, forward=way.method, persistence={"timeout": "10m"}))
    return made


class Load:
    """Slow downloads and asking clients of every way.

        load = Load(lab)
        load.begin()
        …                    # ends of the process
        load.end(test)       # 0 broken, 0 moved, or the test has failed
    """

    def __init__(self, lab, downloads: int = DOWNLOADS, clients: int = CLIENTS):
        self.lab = lab
        self.count = downloads
        self.clients = {way: sources(way, clients) for way in WAYS}
        self.names = {}      # way → {source: the real server that it is bound to}
        self.downloads = {}  # way → client.Downloads
        self.loops = {}      # way → client.Loops, while they ask

    def begin(self):
        self.names = self._of_each_way(self._ask_once)
        self.loops = {way: client.Loops(self.lab, shop_url(way), len(clients), PAUSE_SECONDS).__enter__()
                      for way, clients in self.clients.items()}
        self._of_each_way(self._begin_downloads)

    def end(self, test, moments=()):
        """The clients' last requests come after all that has happened. A request that began in one of `moments`,
        [(begin, end)…], may have failed."""
        loops, self.loops = self.loops, {}
        try:
            self._of_each_way(lambda way: loops[way].__exit__(None))
        except BaseException:
            self.loops = loops
            raise
        after = self._of_each_way(self._ask_once)
        for way in WAYS:
            failed = [each for each in loops[way].failures if not any(a <= each[0] <= b for a, b in moments)]
            test.assertEqual(failed, [], f"{way.name}: a request failed")
            seen = [(source, name) for _, source, name in loops[way].answers] + list(after[way].items())
            moved = [f"{source}: {self.names[way][source]}, then {name}" for source, name in seen
                     if name != self.names[way][source]]
            test.assertEqual(moved, [], f"{way.name}: clients have moved")
            test.assertGreaterEqual(len(loops[way].answers), len(self.clients[way]), "the clients hardly asked")
        ends = self._of_each_way(lambda way: self.downloads.pop(way).finish())
        whole = self.lab.sha256_of_first(DOWNLOAD_BYTES)
        for way, end in ends.items():
            broken = {"reset": end["reset"], "other": end["other"],
                      "wrong": sum(digest != whole for digest in end["complete"])}
            test.assertEqual(broken, {"reset": 0, "other": [], "wrong": 0}, f"{way.name}: downloads are broken")
            test.assertEqual(len(end["complete"]), self.count)

    def kill(self):
        """What still runs, when a test ends early."""
        for running in [*self.loops.values(), *self.downloads.values()]:
            running.kill()
        self.loops, self.downloads = {}, {}

    def _of_each_way(self, action) -> dict:
        with ThreadPoolExecutor(len(WAYS)) as pool:
            return dict(zip(WAYS, pool.map(action, WAYS)))

    def _ask_once(self, way: Way) -> dict:
        return dict(zip(self.clients[way], client.spread(self.lab, shop_url(way), self.clients[way])))

    def _begin_downloads(self, way: Way):
        self.downloads[way] = client.Downloads(self.lab, way.address, self.count, self.clients[way],
                                               length=DOWNLOAD_BYTES, drip=DRIP_BYTES)


class Known:
    """What a director shows of itself that its successor must show too."""

    def __init__(self, director):
        self.counters = {sample: value for sample, value in director.metrics().items()
                         if re.match(r"fairlead_(service|real)_\w+_total\b", sample)}
        self.words = {"diff": director.cli("diff").stdout, "ipvsadm": director.cli("ipvsadm", "-S", "-n").stdout,
                      "admin": admin_states(director), "pins": pins(director)}

    def assert_kept(self, test, after, but=()):
        """By `after`, which was known later; `but` names words that may differ."""
        for word, value in self.words.items():
            if word not in but:
                test.assertEqual(after.words[word], value, word)
        for sample, value in self.counters.items():
            test.assertGreaterEqual(after.counters.get(sample, -1), value, sample)


def admin_states(director) -> list:
    """Of the reals of service hand: (address, state, weight, whether a drain is on)."""
    return [(real["address"], real["admin"], real["weight"], real["drain"] is not None)
            for real in director.json("real", "list", "hand")["reals"] if not real["removed"]]


def pins(director) -> list:
    return sorted((pin["service"], pin["client"], pin["real"])
                  for pin in director.json("template", "list", "--pinned", "--limit", "0")["templates"])


class RestartTest(LabTest):
    """A director that keeps its state, of six ways. `downloads` and `clients`: how many of each."""

    downloads, clients = DOWNLOADS, CLIENTS

    @classmethod
    def services(cls) -> list:
        return services()

    @classmethod
    def configure(cls, **director) -> dict:
        config = configuration(cls.services())
        config["director"].update({"arena": cls.lab.arena}, **director)
        return config

    @classmethod
    def setUpClass(cls):
        shutil.rmtree(cls.lab.arena, ignore_errors=True)  # of the class before
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.lab.arena, ignore_errors=True)

    def change_by_hand(self):
        """One of everything that is done at run time; on services that no client of the load uses, but for the pin."""
        first, second, third = (f"{at.real_address(index)}:80" for index in REALS)
        cli = self.director.cli
        cli("real", "drain", "hand", first, "--deadline", "10m")
        cli("real", "disable", "hand", second)
        cli("real", "set", "hand", third, "--weight", "7")
        cli("template", "pin", "shop-nat4", "203.0.113.5", f"{at.real_address(2)}:{SHOP}")
        self.assertIn("weight", cli("diff").stdout)
        self.assertEqual(len(pins(self.director)), 1)

    @contextlib.contextmanager
    def under_load(self):
        load = Load(self.lab, self.downloads, self.clients)
        self.addCleanup(load.kill)
        load.begin()
        yield load
        load.end(self)

    def end(self, by: str, config: dict = None):
        """End the process within the next three seconds, by "kill" (-9), "stop" (SIGTERM) or what else ENDS has, and have its
        successor ready; with another configuration, when one is given."""
        # Not sooner: who meets three ends in a row waits for minutes, by TCP's doubled timeouts.
        time.sleep(random.uniform(1, 3))
        if config is not None:
            self.director.write(config)
        ENDS[by](self.director)

    @contextlib.contextmanager
    def kept(self, but=(), reasons=("after-crash", "after-stop")):
        """The process ends within, and what it showed its successor shows. `reasons`: how that may have begun."""
        before = Known(self.director)
        yield
        before.assert_kept(self, Known(self.director), but)
        taken = self.director.json("status")["restored"]
        self.assertIn(taken["reason"], reasons, taken)
        faults = {each["cause"]: each["records"] for each in taken["dropped"]
                  if each["records"] and each["cause"] not in ("expired", "ended")}
        self.assertEqual(faults, {}, "records were dropped")
        self.assertRegex(self.director.log_since_start(),
                         r'msg="taken up" restored=\d+ dropped=0 causes=\S+ down_ms=\d+')
