"""More health checks than the machine has time for."""

import time

from fairlead_lab import addresses as at, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.director import Director
from fairlead_lab.latency import ControlLatency, resident_bytes
from fairlead_lab.shell import wait_until


class MoreChecksThanTime(LabTest):
    """30,000 checks a second of servers that are well: none is called down, all intervals are stretched."""

    SERVICES = 334  # of three reals, each asked three other questions every 100 ms

    @classmethod
    def configure(cls):
        reals = [{"address": at.real_address(n), "port": 80} for n in (1, 2, 3)]
        return configuration([
            {"name": f"s{n}", "address": at.VIP, "protocol": "tcp", "port": 1000 + n, "scheduler": "rr", "reals": reals,
             "health": [{"type": "http", "path": f"/health?{n}-{k}", "interval": "100ms", "timeout": "100ms", "fall": 2}
                        for k in range(3)]}
            for n in range(cls.SERVICES)])

    def test_nobody_is_called_down(self):
        def stretch():
            return self.director.metric("fairlead_health_interval_stretch")
        wait_until(lambda: stretch() > 1.25, "intervals are stretched", timeout=60)
        for _ in range(10):
            self.assertEqual(self.director.metric("fairlead_real_up"), 3 * self.SERVICES)
            time.sleep(1)
        log = self.director.log_since_start()
        self.assertNotIn("real server is down", log)
        self.assertIn("all intervals are stretched\"", log)
        looks = [value for sample, value in self.director.metrics().items()
                 if sample.startswith("fairlead_health_check_duration_seconds_count")]
        self.assertEqual(len(looks), 3 * self.SERVICES)
        self.assertLessEqual(max(looks), 2 * min(looks) + 5, "some checks starve")


class TenThousandChecks(LabTest):
    """10,000 checks of mixed types, a second apart, for a minute: what they cost workers, control requests and memory.
    Figures are printed, beside those of a run without a check."""

    SERVICES = 209  # of three reals, each asked 16 different questions
    SECONDS = 60
    needs_daemon = False

    @classmethod
    def configure(cls, has_checks: bool = True):
        reals = [{"address": at.real_address(n), "port": 80} for n in (1, 2, 3)]
        services = [{"name": f"s{n}", "address": at.VIP, "protocol": "tcp", "port": 1000 + n, "scheduler": "rr",
                     "reals": reals} for n in range(cls.SERVICES)]
        for number, service in enumerate(services if has_checks else []):
            service["health"] = cls.questions(number)
        config = configuration([*services, {"name": "probe", "address": at.VIP2, "protocol": "tcp", "port": 80,
                                            "reals": reals}])
        config["director"]["connections"] = 65536
        return config

    @staticmethod
    def questions(number: int) -> list:
        # The same question with another timeout is another check.
        times = {"interval": "1s", "timeout": f"{3000 + number}ms", "fall": 3}
        asked = [{"type": "http", "path": f"/health?{number}-{n}"} for n in range(5)]
        asked += [{"type": "tcp", "port": port} for port in (21, 23, 443, 5000)]
        asked += [{"type": "http", "method": "HEAD", "host": f"shop{number}.example"},
                  {"type": "http", "path": "/health", "expect_body": {"matches": "^ok$"}},
                  {"type": "tcp", "send": "GET /health HTTP/1.0\\r\\n\\r\\n", "receive": {"contains": "ok"}},
                  {"type": "udp", "port": at.UDP_PORT, "send": f"look {number}", "receive": {"contains": "real"}},
                  {"type": "udp", "port": at.UDP_PORT, "send": f"look again {number}", "needs_answer": True},
                  {"type": "ping"}]
        asked += [{"type": "script", "command": ["/bin/true", str(number), "{address}"], "interval": "10s"}]
        return [{**times, **question} for question in asked]

    def setUp(self):
        self.director = Director(self.lab, self.workers)
        self.addCleanup(self.director.release)
        self.addCleanup(self.director.kill)

    def measure(self, has_checks: bool) -> dict:
        self.director.start(self.configure(has_checks))
        time.sleep(5)  # the start is over
        with ControlLatency(self.lab, self.director, f"{at.real_address(1)}:80") as latency:
            if has_checks:
                self.watch_states()
            else:
                time.sleep(self.SECONDS / 3)
        found = {name: self.director.metric(f"fairlead_{name}") for name in
                 ("worker_longest_turn_seconds", "control_longest_work_seconds", "health_checks",
                  "health_interval_stretch", "health_script_interval_stretch")}
        found["looks"] = sum(value for sample, value in self.director.metrics().items()
                             if sample.startswith("fairlead_health_check_duration_seconds_count"))
        found["resident MiB"] = resident_bytes(self.director) >> 20
        print(f"{'with' if has_checks else 'without'} checks, {self.workers} workers: "
              f"{', '.join(f'{name} {value:.6g}' for name, value in found.items())}; {latency}", flush=True)
        self.assertEqual(latency.failed, [])
        self.director.stop()
        return found

    def watch_states(self):
        end = time.monotonic() + self.SECONDS
        while time.monotonic() < end:
            self.assertEqual(self.director.metric("fairlead_real_up"), 3 * self.SERVICES + 3)
            time.sleep(5)

    def test_what_they_cost(self):
        self.before = self.measure(has_checks=False)
        self.after = found = self.measure(has_checks=True)
        self.assertEqual(found["health_checks"], 16 * 3 * self.SERVICES)
        self.assertNotIn("real server is down", self.director.log_since_start())
        self.assertGreater(found["looks"], 16 * 3 * self.SERVICES, "each has been asked")


class TenThousandChecksBesideTheWorkers(TenThousandChecks):
    """The same by a link that no port has, so that workers carry none of their packets: what is left is what the control
    core's work costs them. It must be nothing."""

    @classmethod
    def configure(cls, has_checks: bool = True):
        config = super().configure(has_checks)
        for service in config["services"]:
            checks = service.pop("health", [])
            service["reals"] = [{**real, "health": [{**check, "address": f"10.1.0.{10 + n}"} for check in checks
                                                    if check["type"] != "script"] + checks[-1:]}
                                for n, real in enumerate(service["reals"], 1)] if checks else service["reals"]
        return config

    def setUp(self):
        super().setUp()
        director, bridge = self.lab.director, self.lab.bridge
        director.ip(f"link add side type veth peer name side netns {bridge.name}")
        self.addCleanup(director.ip, "link del side")
        director.ip("addr add 10.1.0.1/24 dev side")
        director.ip("link set side up")
        bridge.ip("link set side up master br0")
        for n in (1, 2, 3):
            self.lab.reals[n].ip(f"addr add 10.1.0.{10 + n}/24 dev eth0")
            self.addCleanup(self.lab.reals[n].ip, f"addr del 10.1.0.{10 + n}/24 dev eth0")

    def test_what_they_cost(self):
        super().test_what_they_cost()
        turn = "worker_longest_turn_seconds"
        self.assertLess(self.after[turn], self.before[turn] + 0.001, "a worker's turn is longer with checks")
