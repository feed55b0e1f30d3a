"""What people and programs see: explain, the lists, status, metrics for promtool and for a real Prometheus."""

import json
import random
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from fairlead_lab import addresses as at, client, configuration, run
from fairlead_lab.case import LabTest
from fairlead_lab.director import BUILD
from fairlead_lab.prometheus import Prometheus

SEED = 20


def reals(*weights) -> list:
    return [{"address": at.real_address(index), "weight": weight} for index, weight in enumerate(weights, 1)]


def services() -> list:
    return [
        {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "wrr",
         "reals": reals(3, 2, 1)},
        {"name": "shop", "address": at.VIP, "protocol": "tcp", "port": 8080, "scheduler": "rr",
         "persistence": {"timeout": "10m"}, "reals": reals(1, 1, 1)},
        {"name": "hash", "address": at.VIP2, "protocol": "tcp", "port": 443, "scheduler": "sh",
         "reals": reals(1, 1, 1)},
    ]


class Explain(LabTest):
    """50 random clients: what explain names is where the client then goes (the path and explain share one code;
    the unit tests do this for 1,000)."""

    @classmethod
    def configure(cls):
        return configuration(services())

    def test_agrees_with_what_happens(self):
        dice = random.Random(SEED)
        for number in range(50):
            vip, port = dice.choice([(at.VIP, 80), (at.VIP, 8080), (at.VIP2, 443)])
            # Few hosts, so that some come back and meet their template.
            source = f"{dice.choice(['198.51.100', '100.64.7'])}.{dice.randrange(1, 12)}"
            endpoint = f"{source}:{20000 + number}"
            said = self.director.json("explain", endpoint, f"{vip}:{port}/tcp")
            went = client.spread(self.lab, f"http://{vip}:{port}/", [endpoint])[0]
            self.assertIn(f'"{at.real_address(int(went[4:]))}:{port}"', json.dumps(self.chosen(said)), endpoint)

    def chosen(self, said: dict):
        return [said.get("real")]

    def test_says_why(self):
        client.spread(self.lab, f"http://{at.VIP}:8080/", ["198.51.100.99"])
        text = self.director.cli("explain", "198.51.100.99", f"{at.VIP}:8080/tcp").stdout
        for word in ("shop", "template", "10.0.0.1"):
            self.assertIn(word, text)


class Lists(LabTest):
    @classmethod
    def configure(cls):
        return configuration(services())

    def test_status_and_lists(self):
        client.spread(self.lab, f"http://{at.VIP}/", [f"198.51.100.{n}" for n in range(1, 13)])
        client.spread(self.lab, f"http://{at.VIP}:8080/", ["198.51.100.1", "203.0.113.1"])
        self.assertIn("lab", self.director.cli("status").stdout)
        listed = self.director.cli("service", "list").stdout
        for word in ("web", "shop", "hash", "wrr", at.VIP):
            self.assertIn(word, listed)
        connections = self.director.json("connection", "list")["connections"]
        self.assertEqual(len(connections), 14)
        templates = self.director.json("template", "list")["templates"]
        self.assertEqual(len(templates), 2)
        self.assertIn("198.51.100.1", self.director.cli("template", "list").stdout)
        self.assertIn("198.51.100.12", self.director.cli("connection", "list").stdout)

    def test_drops_are_followed(self):
        """A client asks at a port that nobody serves: who it was is told while one looks."""
        words = [f"{BUILD}/src/cli/fairlead", "--api", self.director.api, "-o", "json", "drops", "--follow"]
        follower = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.communicate)
        self.addCleanup(follower.kill)
        self.assertEqual(client.curl(self.lab, f"http://{at.VIP}:81/", check=False, source="198.51.100.77").returncode, 7)
        for line in follower.stdout:
            drop = json.loads(line)
            if drop["reason"] == "closed_port":
                break
        self.assertEqual((drop["client"].rsplit(":", 1)[0], drop["destination"], drop["protocol"], drop["port"]),
                         ("198.51.100.77", f"{at.VIP}:81", "tcp", "outside"))
        self.assertIn("closed_port", self.director.cli("drops").stdout)

    def test_check_needs_no_director(self):
        good = self.director.write_text(json.dumps(configuration(services())), f"{self.lab.state}/good.yaml")
        self.assertEqual(run(f"{BUILD}/src/main/fairleadd", "--check", good).returncode, 0)
        self.assertEqual(self.director.cli("check", good).returncode, 0)
        bad = self.director.write_text("version: 1\nservises: []\n", f"{self.lab.state}/bad.yaml")
        for done in (run(f"{BUILD}/src/main/fairleadd", "--check", bad, check=False),
                     self.director.cli("check", bad, check=False)):
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("bad.yaml:2:1: ", done.stdout + done.stderr)


class Top(LabTest):
    """Two clients, one of them with four times the connections of the other."""

    @classmethod
    def configure(cls):
        return configuration(services())

    def look(self, *words) -> dict:
        """What a look of three seconds says in whose middle both have talked."""
        with ThreadPoolExecutor() as pool:
            look = pool.submit(self.director.json, "top", *words, "--interval", "3s", "--once")
            time.sleep(0.5)
            client.spread(self.lab, f"http://{at.VIP}/", ["198.51.100.9"] * 5 + ["198.51.100.7"] * 20)
            return look.result()

    def test_clients_in_their_order(self):
        for by in ("packets", "bytes", "new"):
            clients = self.look("clients", "--by", by)["clients"]
            self.assertEqual([c["client"] for c in clients], ["198.51.100.7", "198.51.100.9"], by)
            self.assertAlmostEqual(clients[0]["amount"] / clients[1]["amount"], 4, delta=0.5, msg=by)
            self.assertEqual([c["error"] for c in clients], [0, 0])
        held = self.director.json("top", "clients", "--by", "connections", "--once")
        self.assertEqual([c["client"] for c in held["clients"]], ["198.51.100.7", "198.51.100.9"])
        # What was before a look does not count in it.
        quiet = self.director.json("top", "clients", "--interval", "200ms", "--once")
        self.assertEqual((quiet["total"], quiet["clients"]), (0, []))

    def test_services_and_their_screen(self):
        services = self.look("services")["services"]
        self.assertEqual(services[0]["service"], "web")
        self.assertEqual(services[0]["new"], 25)
        self.assertEqual([s["packets"] for s in services[1:]], [0, 0])
        self.assertIn("PACKETS/S", self.director.cli("top", "services", "--interval", "100ms", "--once").stdout)


class Metrics(LabTest):
    worker_counts = (2,)

    @classmethod
    def configure(cls):
        return configuration(services())

    def test_promtool_is_content(self):
        client.spread(self.lab, f"http://{at.VIP}/", [at.CLIENT] * 6)
        scraped = run("curl", "-sS", "--unix-socket", self.director.socket, "http://fairlead/metrics").stdout
        done = run("promtool", "check", "metrics", input=scraped, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_a_real_prometheus_scrapes_it(self):
        client.spread(self.lab, f"http://{at.VIP}/", [at.CLIENT] * 9)
        expected = self.director.metric("fairlead_service_connections_total", service="web")
        self.assertGreaterEqual(expected, 9)
        with Prometheus(self.lab) as prometheus:
            prometheus.wait_value('up{job="fairlead"}', 1)
            prometheus.wait_value('fairlead_service_connections_total{service="web"}', expected)
