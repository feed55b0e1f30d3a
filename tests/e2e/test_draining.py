"""Draining a real server under load: running downloads finish, nobody new lands on it, and a deadline is one."""

import subprocess

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.director import BUILD
from fairlead_lab.shell import wait_until

KNOWN = [f"198.51.100.{n}" for n in range(1, 26)]
FRESH = [f"203.0.113.{n}" for n in range(1, 26)]


class Draining(LabTest):
    @classmethod
    def configure(cls):
        def service(name, address, forward, **more):
            # Only real1 takes connections at first.
            reals = [{"address": at.real_address(index), "weight": int(index == 1)} for index in (1, 2, 3)]
            return {"name": name, "address": address, "protocol": "tcp", "port": 80, "scheduler": "rr",
                    "forward": forward, "persistence": {"timeout": "10m"}, "reals": reals, **more}
        # A closed connection is forgotten soon, so that the test need not wait for it.
        return configuration([service("dr", at.VIP_DR, "dr", timeouts={"tcp_fin": "1s"}),
                              service("nat", at.VIP, "nat")])

    def setUp(self):
        super().setUp()
        self.assertEqual(self.director.reload(self.configure()).returncode, 0)
        for what in ("connection", "template"):  # of the test before
            self.director.cli(what, "flush", "--all")

    def begin_downloads(self, address: str, count: int):
        """`count` downloads that stand open, all on real1; then the other reals may take connections too."""
        downloads = client.Downloads(self.lab, address, count, KNOWN)
        self.addCleanup(downloads.kill)
        service = "dr" if address == at.VIP_DR else "nat"
        for index in (2, 3):
            self.director.cli("real", "set", service, f"{at.real_address(index)}:80", "--weight", "1")
        self.assertEqual(self.real(service)["active_connections"], count)
        return downloads

    def real(self, service: str):
        reals = self.director.json("real", "list", service)["reals"]
        found = [real for real in reals if real["address"] == at.real_address(1)]
        return found[0] if found else None

    def drain(self, service: str, *options) -> subprocess.Popen:
        words = [f"{BUILD}/src/cli/fairlead", "--api", self.director.api, "real", "drain", service,
                 f"{at.real_address(1)}:80", "--wait", *options]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.kill)
        wait_until(lambda: (self.real(service) or {"admin": "drain"})["admin"] == "drain", "the drain has begun")
        return process

    def test_wish_1_fifty_downloads_finish_and_nobody_new_comes(self):
        downloads = self.begin_downloads(at.VIP_DR, 50)
        drain = self.drain("dr", "--all")
        # Known clients have a template to real1; it holds no longer. New ones are scheduled.
        names = client.spread(self.lab, f"http://{at.VIP_DR}/", KNOWN + FRESH)
        self.assertEqual(set(names), {"real2", "real3"})
        self.assertEqual(self.real("dr")["active_connections"], 50)
        self.assertIsNone(drain.poll(), "the drain was called over with 50 downloads open")
        result = downloads.finish()
        self.assertEqual(result, {"complete": [self.lab.download_sha256] * 50, "reset": 0, "other": []})
        said, _ = drain.communicate(timeout=60)
        self.assertEqual(drain.returncode, 0, said)
        lines = said.splitlines()
        self.assertRegex(lines[0], r"^10\.0\.0\.11:80 of dr: 50 connections left \(50 active\)")
        self.assertEqual(lines[-1], "10.0.0.11:80 of dr: drained: 50 connections finished, 0 cut, 0 left")
        self.assertEqual(self.real("dr")["connections_left"], 0)

    def deadline_resets(self, service: str, address: str):
        downloads = self.begin_downloads(address, 10)
        drain = self.drain(service, "--deadline", "2s", "--then-remove")
        said, _ = drain.communicate(timeout=60)
        self.assertEqual(drain.returncode, 0, said)
        self.assertRegex(said.splitlines()[0], r"10 connections left .* until the deadline")
        self.assertEqual(said.splitlines()[-1], f"10.0.0.11:80 of {service}: removed: 0 connections finished, "
                         "10 cut (each is reset with its next packet), 0 left")
        result = downloads.finish()
        self.assertEqual(result, {"complete": [], "reset": 10, "other": []})
        # Both sides: the real server keeps no socket either.
        wait_until(lambda: "ESTAB" not in self.lab.reals[1].run("ss", "-tn", "sport", "=", ":80").stdout,
                   "the real server has let go")
        self.assertGreaterEqual(self.director.metric("fairlead_dropped_packets_total", reason="connection_reset"), 10)
        self.assertIn(client.spread(self.lab, f"http://{address}/", ["198.51.100.1"])[0], ("real2", "real3"))

    def test_a_deadline_resets_both_sides_behind_nat(self):
        self.deadline_resets("nat", at.VIP)

    def test_a_deadline_resets_both_sides_behind_dr(self):
        self.deadline_resets("dr", at.VIP_DR)

    def test_a_reload_that_drops_the_real_drains_it(self):
        downloads = self.begin_downloads(at.VIP, 10)
        config = self.configure()
        for service in config["services"]:
            service["reals"] = [{"address": at.real_address(index)} for index in (2, 3)]
        self.director.reload(config)
        names = client.spread(self.lab, f"http://{at.VIP}/", KNOWN)
        self.assertEqual(set(names), {"real2", "real3"})
        self.assertEqual(downloads.finish()["complete"], [self.lab.download_sha256] * 10)

    def test_hold_is_silent_until_the_real_is_back(self):
        downloads = self.begin_downloads(at.VIP, 5)
        name = f"{at.real_address(1)}:80"
        self.assertEqual(self.director.get(f"/v1/services/nat/reals/{name}", "DELETE")[0], 200)
        wait_until(lambda: self.director.metric("fairlead_dropped_packets_total", reason="connection_no_real") > 0,
                   "a packet of the removed real was dropped")
        self.director.get("/v1/services/nat/reals", "POST", {"address": at.real_address(1)})
        self.assertEqual(downloads.finish()["complete"], [self.lab.download_sha256] * 5)

    def test_planned_work_is_no_failure(self):
        """Who alarms on fairlead_real_up == 0 sleeps through planned work."""
        name = f"{at.real_address(1)}:80"
        def series(of: str) -> list:
            """Of the real in service nat: what follows its labels."""
            return [f"{sample.partition(name)[2]} {value:g}" for sample, value in self.director.metrics().items()
                    if sample.startswith(f"fairlead_real_{of}{{service=\"nat\",real=\"{name}\"")]
        self.director.cli("real", "disable", "nat", name)
        self.assertEqual(series("up"), ['"} 1'])
        self.assertEqual(series("state"), ['",state="disabled"} 1'])
        self.assertEqual(series("admin_state"), ['",state="down"} 1'])
        self.director.cli("real", "enable", "nat", name)
        self.assertEqual(series("state"), ['",state="up"} 1'])
        client.spread(self.lab, f"http://{at.VIP}/", KNOWN[:1])  # leaves a template, which names it
        self.director.cli("real", "remove", "nat", name)
        self.assertEqual(series("up") + series("state") + series("admin_state"), [])
        self.assertNotEqual(series("templates"), [], "nothing names the removed real: the test shows nothing")

    def test_closed_connections_are_not_waited_for(self):
        """Behind NAT a closed connection stays for two minutes of TIME_WAIT: nobody's work."""
        downloads = self.begin_downloads(at.VIP, 5)
        drain = self.drain("nat")
        self.assertEqual(downloads.finish()["complete"], [self.lab.download_sha256] * 5)
        said, _ = drain.communicate(timeout=30)  # far below two minutes
        self.assertEqual(drain.returncode, 0, said)
        self.assertEqual(said.splitlines()[-1], "10.0.0.11:80 of nat: drained: 5 connections finished, 0 cut, 5 left "
                         "(closed ones, until their time is over)")

    def test_a_second_drain_keeps_what_it_does_not_name(self):
        downloads = self.begin_downloads(at.VIP, 1)
        name = f"{at.real_address(1)}:80"
        self.director.cli("real", "drain", "nat", name, "--deadline", "10m", "--then-remove")
        said = self.director.cli("real", "drain", "nat", name).stdout
        self.assertRegex(said, r"^10\.0\.0\.11:80 of nat: 1 connection left \(1 active\), .*m.* until the deadline, "
                               "then it is removed$")
        self.director.cli("real", "enable", "nat", name)
        downloads.finish()
