"""A real server that stops answering is out before clients notice, and back when it answers; when all are out the
fallback answers. While 100 clients keep asking."""

import time

from fairlead_lab import addresses as at, client, configuration, servers
from fairlead_lab.case import LabTest
from fairlead_lab.shell import wait_until

HEALTH = {"type": "http", "path": "/health", "interval": "1s", "timeout": "1s", "fall": 2, "rise": 2}
FALLBACK = 4


class HealthChecks(LabTest):
    worker_counts = (2,)

    @classmethod
    def configure(cls):
        service = {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "rr",
                   "persistence": {"timeout": "10m"}, "health": HEALTH,
                   "fallback": {"address": at.real_address(FALLBACK)},
                   "reals": [{"address": at.real_address(index)} for index in (1, 2, 3)]}
        return configuration([service])

    def wait_up(self, index: int, value: int):
        self.director.wait_metric("fairlead_real_up", value, service="web", real=f"{at.real_address(index)}:80")

    def tearDown(self):
        for index in (1, 2, 3):
            servers.ensure_nginx(self.lab, index)

    def test_1_one_real_out_and_back(self):
        for index in (1, 2, 3):
            self.wait_up(index, 1)
        with client.Loops(self.lab, f"http://{at.VIP}/", 100) as loops:
            time.sleep(3)
            stopped = time.monotonic()
            servers.stop_nginx(self.lab, 2)
            self.wait_up(2, 0)
            down = time.monotonic()
            time.sleep(3)
            servers.start_nginx(self.lab, 2)
            self.wait_up(2, 1)
            back = time.monotonic()
            time.sleep(3)
        names = {"before": set(), "down": set()}
        known = {}  # client → the real that had it before
        for start, source, name in loops.answers:
            if start < stopped:
                names["before"].add(name)
                known[source] = name
            elif down <= start < back - 2.5:
                names["down"].add(name)
                if known.get(source) != "real2":
                    self.assertEqual(name, known.get(source, name), "a client of a living real was moved")
        self.assertEqual(names["before"], {"real1", "real2", "real3"})
        self.assertEqual(names["down"], {"real1", "real3"})
        moved = {source for source, name in known.items() if name == "real2"}
        answered = {source for start, source, _ in loops.answers if start >= down}
        self.assertTrue(moved)
        self.assertLessEqual(moved, answered, "a known client of the dead real got no answer any more")
        late = [failure for failure in loops.failures if failure[0] >= down]
        self.assertEqual(late, [], "requests failed after the real was marked down")

        # Back in rotation: new clients meet it again.
        names = client.spread(self.lab, f"http://{at.VIP}/", [f"198.51.100.{n}" for n in range(1, 13)])
        self.assertEqual(set(names), {"real1", "real2", "real3"})

    def test_2_all_out_and_the_fallback_answers(self):
        for index in (1, 2, 3):
            servers.stop_nginx(self.lab, index)
        for index in (1, 2, 3):
            self.wait_up(index, 0)
        sources = [f"203.0.113.{n}" for n in range(1, 13)]
        self.assertEqual(set(client.spread(self.lab, f"http://{at.VIP}/", sources)), {"real4"})
        for index in (1, 2, 3):
            servers.start_nginx(self.lab, index)
        for index in (1, 2, 3):
            self.wait_up(index, 1)
        self.assertNotIn("real4", client.spread(self.lab, f"http://{at.VIP}/", sources))


class OurOwnLimits(LabTest):
    """1,024 files and 1,500 real servers that do not answer: what this machine cannot ask is no server's failure."""

    prefix = ("prlimit", "--nofile=1024:1024")

    @classmethod
    def configure(cls):
        def service(name, address, reals):
            return {"name": name, "address": address, "protocol": "tcp", "port": 80, "scheduler": "rr",
                    "health": {"type": "tcp", "interval": "1s", "timeout": "1s", "fall": 3}, "reals": reals}
        silent = [{"address": f"10.0.0.{100 + n % 100}", "port": 1000 + n // 100} for n in range(1500)]
        config = configuration([service("good", at.VIP, [{"address": at.real_address(n)} for n in (1, 2, 3)]),
                                service("silent", at.VIP2, silent)])
        config["director"]["connections"] = 65536
        return config

    def test_healthy_servers_stay_up(self):
        def silent_up():
            return self.director.metric("fairlead_real_up", service="silent")
        looks = []
        def all_down():
            looks.append(self.director.metric("fairlead_real_up", service="good"))
            return silent_up() == 0
        wait_until(all_down, "all servers that do not answer are down", timeout=60)
        for _ in range(10):  # what is down is still asked
            looks.append(self.director.metric("fairlead_real_up", service="good"))
            time.sleep(0.5)
        self.assertEqual(set(looks), {3}, "a healthy server was called down")
        log = self.director.log_since_start()
        for index in (1, 2, 3):
            self.assertNotIn(f"real={at.real_address(index)}:80", log)
        # Said once and shown: with 768 looks at once for 1,500 that each take their second.
        self.assertEqual(log.count("more health checks than can be under way at once"), 1)
        self.assertEqual(log.count("all intervals are stretched\""), 1)
        self.assertGreater(self.director.metric("fairlead_health_interval_stretch"), 1.25)
        self.assertEqual(self.director.metric("fairlead_health_local_errors_total"), 0)
        self.assertIn("intervals stretched by", self.director.cli("status").stdout)
        self.assertEqual(self.director.json("status")["health"]["allowed_at_once"], 768)
