"""Alarms mean something: of what happens to a director only the unplanned raises any, and each the right one.

A real Prometheus scrapes the director with the rules that are shipped; only their times are shorter here. docs/alarms.md
has the table that comes out.
"""

import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

from fairlead_lab import addresses as at, configuration, servers
from fairlead_lab.case import LabTest
from fairlead_lab.flood import Flood, mac_of
from fairlead_lab.lab import ROOT
from fairlead_lab.prometheus import Prometheus
from fairlead_lab.shell import wait_until

RULES = f"{ROOT}/packaging/prometheus/fairlead-alerts.yaml"
DASHBOARD = f"{ROOT}/packaging/grafana/fairlead-dashboard.json"
# What a rule says → what it is in the lab. A restart there takes seconds, so two minutes stay longer than that.
SHORTER = {"1m": "2s", "2m": "6s", "5m": "4s", "10m": "20s", "15m": "15s", "30m": "20s"}
HEALTH = {"type": "http", "path": "/health", "interval": "500ms", "timeout": "500ms", "fall": 2, "rise": 1}
PORTS = {"web": 80, "shop": 8080}  # the services: the first has a fallback
FALLBACK = 4
CONNECTIONS = 4096

EXPECTED = {
    "planned: drained and quiesced": [],
    "planned: disabled, then its server is stopped": [],
    "planned: weight 0, then its server is stopped": [],
    "planned: a reload removes a real server, then it is stopped": [],
    "planned: an upgrade": [],
    "planned: a restart by hand": [],
    "unplanned: a real server dies": ["FairleadRealServerDown"],
    "unplanned: all real servers die": ["FairleadRealServerDown", "FairleadServiceDown", "FairleadServiceOnFallback"],
    "unplanned: a cable is pulled": ["FairleadPortWithoutLink"],
    "unplanned: the file has an error": ["FairleadReloadRefused"],
    "unplanned: a flood fills the table": ["FairleadPacketsLostForWantOfRoom", "FairleadTableNearlyFull"],
    "unplanned: killed, and started late": ["FairleadDirectorCrashed", "FairleadDirectorGone"],
}


def shorter_rules() -> str:
    with open(RULES) as file:
        text = file.read()
    return re.sub(r"(for: |\[)(\d+m)\b", lambda found: found[1] + SHORTER[found[2]], text)


def dashboard_queries() -> list:
    """Title and query of each target of each panel, for all directors and services."""
    with open(DASHBOARD) as file:
        panels = json.load(file)["panels"]
    found = [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", [])]
    values = {"$instance": ".*", "$service": ".*", "$__rate_interval": "5s"}
    return [(title, re.sub(r"\$\w+", lambda name: values[name[0]], query)) for title, query in found]


class Alarms(LabTest):
    worker_counts = (1,)

    @classmethod
    def setUpClass(cls):
        shutil.rmtree(cls.lab.arena, ignore_errors=True)
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.lab.arena, ignore_errors=True)

    @classmethod
    def configure(cls, indices=(1, 2, 3)):
        reals = [{"address": at.real_address(index)} for index in indices]
        made = [{"name": name, "address": at.VIP, "protocol": "tcp", "port": port, "scheduler": "wrr",
                 "health": HEALTH, "reals": reals} for name, port in PORTS.items()]
        made[0]["fallback"] = {"address": at.real_address(FALLBACK)}
        config = configuration(made)
        config["director"].update(connections=CONNECTIONS, arena=cls.lab.arena)
        return config

    def tearDown(self):
        for index in (1, 2, 3):
            servers.ensure_nginx(self.lab, index)

    def test_only_the_unplanned_raises_alarms(self):
        seen = {}
        with Prometheus(self.lab, "500ms", shorter_rules()) as prometheus:
            self.prometheus = prometheus
            prometheus.wait_value("fairlead_ready", 1)
            for number, name in enumerate(EXPECTED):
                wait_until(lambda: not prometheus.alarms(), f"all is quiet before {name!r}", timeout=60, interval=0.2)
                begin = time.time()
                situation = (self.drained, self.disabled, self.weight_0, self.removed, self.upgraded, self.restarted,
                             self.one_dies, self.all_die, self.cable, self.refused, self.flood, self.killed)[number]
                undo = situation()
                if EXPECTED[name]:
                    self.wait_fired(set(EXPECTED[name]), begin)
                elif name.endswith(("restart by hand", "upgrade")):
                    prometheus.wait_evaluated()
                else:  # what is not even pending never fires
                    prometheus.wait_evaluated()
                    self.assertEqual(prometheus.alarms(), set(), name)
                undo()
                seen[name] = sorted(prometheus.fired(begin))
                print(f"{name}: {', '.join(seen[name]) or '–'} ({time.time() - begin:.1f} s)", flush=True)
        self.assertEqual(seen, EXPECTED)

    def test_the_dashboard_has_answers(self):
        with Prometheus(self.lab, "500ms") as prometheus:
            prometheus.wait_value("fairlead_ready", 1)
            prometheus.wait_value("count_over_time(fairlead_ready[10s]) > bool 5", 1)
            empty = []
            for title, query in dashboard_queries():
                answer = prometheus.ask("query", query=query)
                self.assertIsNotNone(answer, f"Prometheus does not understand {title}: {query}")
                if not answer["result"]:
                    empty.append(title)
        # These show nothing where all is well.
        self.assertEqual([title for title in empty if title != "Dropped"], ["Real servers that are not in service"])

    def wait_fired(self, names: set, since: float):
        """Until these have fired, or something is wrong: the table then shows what."""
        deadline = time.time() + 60
        while not names <= self.prometheus.fired(since) and time.time() < deadline:
            time.sleep(0.2)

    # ---- what happens; each returns how it is undone ----

    def of_each(self, *words, index: int, after=()):
        """A verb of the command line, for that real server in each service."""
        for service, port in PORTS.items():
            self.director.cli("real", *words, service, f"{at.real_address(index)}:{port}", *after)

    def wait_scraped(self, name: str, value: float, index: int, **labels):
        labels = {"real": f"{at.real_address(index)}:80", **labels}
        text = ",".join(f'{key}="{label}"' for key, label in labels.items())
        self.prometheus.wait_value(f'{name}{{service="web",{text}}}', value)

    def stop_server(self, index: int):
        servers.stop_nginx(self.lab, index)

    def start_server(self, index: int):
        servers.start_nginx(self.lab, index)
        self.director.wait_metric("fairlead_real_up", 1, service="web", real=f"{at.real_address(index)}:80")

    def drained(self):
        self.of_each("drain", index=1)
        self.of_each("quiesce", index=2)
        self.wait_scraped("fairlead_real_admin_state", 1, 2, state="quiesce")
        return lambda: [self.of_each("enable", index=index) for index in (1, 2)]

    def disabled(self):
        self.of_each("disable", index=1)
        self.stop_server(1)
        self.wait_scraped("fairlead_real_up", 0, 1)

        def undo():
            self.start_server(1)
            self.of_each("enable", index=1)
        return undo

    def weight_0(self):
        self.of_each("set", index=2, after=("--weight", "0"))
        self.stop_server(2)
        self.wait_scraped("fairlead_real_up", 0, 2)

        def undo():
            self.start_server(2)
            self.of_each("set", index=2, after=("--weight", "1"))
        return undo

    def removed(self):
        self.director.reload(self.configure((1, 2)))
        self.stop_server(3)
        self.prometheus.wait_value('fairlead_service_reals_up{service="web"}', 2)

        def undo():
            servers.start_nginx(self.lab, 3)
            self.director.reload(self.configure())
        return undo

    def wait_started(self):
        started = self.director.metric("fairlead_start_time_seconds")
        self.prometheus.wait_value("fairlead_start_time_seconds", started)

    def upgraded(self):
        self.director.upgrade()
        self.wait_started()
        return lambda: None

    def restarted(self):
        self.director.stop_and_start()
        self.wait_started()
        return lambda: None

    def one_dies(self):
        self.stop_server(1)
        return lambda: self.start_server(1)

    def all_die(self):
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.stop_server, (1, 2, 3)))
        return lambda: [self.start_server(index) for index in (1, 2, 3)]

    def cable(self):
        self.lab.client.ip("link set outside down")

        def undo():
            self.lab.client.ip("link set outside up")
            # An interface that was down has lost its routes and its IPv6 address.
            self.lab.client.ip(f"route replace 10.0.0.0/24 via {at.DIRECTOR_OUTSIDE}")
            self.lab.client.ip(f"addr replace {at.CLIENT6}/64 dev outside nodad")
            self.lab.client.ip(f"route replace fd00:10::/64 via {at.DIRECTOR_OUTSIDE6}")
        return undo

    def refused(self):
        self.director.write_text("version: 1\nservises: []\n")
        self.director.cli("reload", "--yes", check=False)
        return lambda: self.director.reload(self.configure())

    def flood(self):
        mac = mac_of(self.lab.director, "outside")
        flood = Flood(self.lab.client, "outside", mac, "11.0.0.0/8", at.VIP, kind="syn", port=80, rate=2000)
        flood.__enter__()

        def undo():
            flood.__exit__(None, None, None)
            self.director.cli("connection", "flush", "--all")
        return undo

    def killed(self):
        begin = time.time()
        self.director.kill()
        self.wait_fired({"FairleadDirectorGone"}, begin)
        self.director.start()
        return lambda: None
