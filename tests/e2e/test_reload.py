"""Reloading under traffic: nobody notices, counters only rise; a bad file changes nothing."""

import copy
import signal
import time

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest

RELOADS = 50
COUNTERS = ("_total", "_count", "_sum")


def web(weights) -> dict:
    return {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "wrr",
            "reals": [{"address": at.real_address(index), "weight": weight}
                      for index, weight in enumerate(weights, 1)]}


def shop() -> dict:
    return {"name": "shop", "address": at.VIP2, "protocol": "tcp", "port": 8080, "scheduler": "rr",
            "persistence": {"timeout": "10m"},
            "reals": [{"address": at.real_address(index)} for index in (1, 2, 3)]}


class ReloadUnderLoad(LabTest):
    worker_counts = (2,)

    @classmethod
    def configure(cls):
        return configuration([web((1, 1, 1))])

    def test_fifty_reloads_and_no_request_fails(self):
        before = self.director.metrics()
        generation = self.director.metric("fairlead_config_generation")
        with client.Loops(self.lab, f"http://{at.VIP}/", 100) as loops:
            time.sleep(1)
            for number in range(1, RELOADS + 1):
                services = [web((1 + number % 3, 1 + number % 2, 1))]
                if number % 2:
                    services.append(shop())
                self.director.reload(configuration(services))
                after = self.director.metrics()
                self.no_counter_fell(before, after)
                before = after
            time.sleep(1)
        self.assertEqual(loops.failures, [])
        self.assertGreater(len(loops.answers), 200)
        self.assertEqual({name for _, _, name in loops.answers}, {"real1", "real2", "real3"})
        self.assertEqual(self.director.metric("fairlead_config_generation"), generation + RELOADS)
        self.assertEqual(self.director.metric("fairlead_config_last_reload_success"), 1)

    def no_counter_fell(self, before: dict, after: dict):
        for sample, value in before.items():
            if sample.split("{")[0].endswith(COUNTERS) and 'service="shop"' not in sample:
                self.assertIn(sample, after)
                self.assertGreaterEqual(after[sample], value, sample)


class ReloadKeepsWhatItKnows(LabTest):
    @classmethod
    def configure(cls):
        return configuration([web((3, 2, 1)), shop()])

    def test_templates_and_scheduler_state_survive(self):
        sources = [f"198.51.100.{n}" for n in range(1, 10)]
        first = client.spread(self.lab, f"http://{at.VIP2}:8080/", sources)
        changed = copy.deepcopy(shop())
        changed["reals"][0]["weight"] = 5
        self.director.reload(configuration([web((3, 2, 1)), changed]))
        self.assertEqual(client.spread(self.lab, f"http://{at.VIP2}:8080/", sources), first)
        self.assert_metric(len(sources), "fairlead_templates", service="shop")

    def test_a_bad_file_is_refused_and_nothing_changes(self):
        served = self.director.json("service", "list")
        generation = self.director.metric("fairlead_config_generation")
        good = configuration([web((3, 2, 1)), shop()])
        bad = copy.deepcopy(good)
        bad["services"][0]["shceduler"] = "wrr"
        bad["services"][1]["reals"][0]["weight"] = "heavy"
        refused = self.director.reload(bad, check=False)
        self.assertNotEqual(refused.returncode, 0)
        said = refused.stdout + refused.stderr
        self.assertIn("shceduler", said)
        self.assertIn("scheduler", said)  # the suggestion
        self.assertIn("heavy", said)      # every problem at once
        self.assertRegex(said, r"fairlead\.yaml:\d+:\d+: ")
        self.assertEqual(self.director.metric("fairlead_config_generation"), generation)
        self.assertEqual(self.director.metric("fairlead_config_last_reload_success"), 0)
        self.assertEqual(self.names(self.director.json("service", "list")), self.names(served))
        self.assertEqual(len(client.spread(self.lab, f"http://{at.VIP}/", [at.CLIENT] * 6)), 6)
        self.director.reload(good)
        self.assertEqual(self.director.metric("fairlead_config_last_reload_success"), 1)

    def test_the_file_in_force_is_the_one_loaded_last(self):
        other = self.director.config_path.replace(".yaml", "-other.yaml")
        self.director.write(configuration([web((1, 1, 1)), shop()]), other)
        self.director.cli("reload", "--yes", other)
        self.assertEqual(self.director.json("status")["config"]["path"], other)
        self.director.write(configuration([web((2, 2, 2))]), other)
        refused = self.director.cli("reload", check=False)  # would take shop away
        self.assertEqual(refused.returncode, 4)
        self.assertIn("service shop", refused.stderr)
        self.director.cli("reload", "--yes")
        self.assertEqual(self.names(self.director.json("service", "list")), ["web"])
        self.director.cli("reload", "--yes", self.director.config_path)

    def test_sighup_reloads_too(self):
        generation = self.director.metric("fairlead_config_generation")
        self.director.write(configuration([web((1, 1, 1)), shop()]))
        self.director.process.send_signal(signal.SIGHUP)
        self.director.wait_metric("fairlead_config_generation", generation + 1)
        self.director.reload(configuration([web((3, 2, 1)), shop()]))

    def names(self, listed) -> list:
        entries = listed["services"] if isinstance(listed, dict) else listed
        return sorted(entry["name"] for entry in entries)


class ReloadDropsAReal(LabTest):
    """What is on the way to it: a download has an end and goes on, a flow of datagrams has none and moves."""

    FLOW_PORT = 4242

    @classmethod
    def configure(cls, real: int = 1):
        return configuration([{"name": name, "address": at.VIP, "protocol": protocol, "port": port,
                               "reals": [{"address": at.real_address(real)}]}
                              for name, protocol, port in (("web", "tcp", 80), ("echo", "udp", at.UDP_PORT))])

    def test_udp_moves_and_a_download_goes_on(self):
        self.assertEqual(self.echo("before"), "real1 before")
        downloads = client.Downloads(self.lab, at.VIP, 4, [f"198.51.100.{n}" for n in range(1, 5)])
        self.addCleanup(downloads.kill)
        self.director.reload(self.configure(real=2))
        said = self.director.cli("explain", f"{at.CLIENT}:{self.FLOW_PORT}", f"{at.VIP}:{at.UDP_PORT}/udp").stdout
        self.assertIn("that real server is down or removed: the next packet begins a new one", said)
        self.assertIn(f"goes to {at.real_address(2)}:{at.UDP_PORT}", said)
        self.assertEqual(self.echo("after"), "real2 after")
        self.assertEqual(downloads.finish(), downloads.all_complete())
        self.assertEqual(client.spread(self.lab, f"http://{at.VIP}/", [at.CLIENT]), ["real2"])
        self.director.reload(self.configure())

    def echo(self, message: str) -> str:
        return client.udp(self.lab, at.VIP, at.UDP_PORT, message, at.CLIENT, self.FLOW_PORT)
