"""The process ends, and nobody notices: kill -9, stop and start, another number of workers, another capacity, another
file, a real server that died meanwhile. NAT, DR and TUN over both families, 200 downloads and 100 clients of each."""

from fairlead_lab import addresses as at, client, servers
from fairlead_lab.restarts import RestartTest, SHOP, service

HEALTH = {"type": "http", "path": "/health", "interval": "500ms", "timeout": "500ms", "fall": 2, "rise": 1}


class Kills(RestartTest):
    def test_three_kills(self):
        self.change_by_hand()
        with self.under_load():
            for _ in range(3):
                with self.kept(reasons=("after-crash",)):
                    self.end("kill")
        pinned = client.spread(self.lab, f"http://{at.VIP}:{SHOP}/", ["203.0.113.5"])
        self.assertEqual(pinned, ["real2"])


class OtherEnds(RestartTest):
    """One round of each. Service mortal has real4, which no other has: it may die."""

    worker_counts = (2,)
    MORTAL = 4
    CUSTOMERS = [f"203.0.113.{n}" for n in range(11, 31)]

    @classmethod
    def services(cls) -> list:
        return [*super().services(), service("mortal", at.VIP2, SHOP, reals=(3, cls.MORTAL), health=HEALTH,
                                              persistence={"timeout": "10m"})]

    def up(self) -> float:
        return self.director.metric("fairlead_real_up", service="mortal",
                                    real=f"{at.real_address(self.MORTAL)}:{SHOP}")

    def wait_up(self, value: int):
        self.director.wait_metric("fairlead_real_up", value, service="mortal",
                                  real=f"{at.real_address(self.MORTAL)}:{SHOP}")

    def ask_mortal(self) -> list:
        return client.spread(self.lab, f"http://{at.VIP2}:{SHOP}/", self.CUSTOMERS)

    def test_under_one_load(self):
        self.wait_up(1)
        self.change_by_hand()
        with self.under_load():
            with self.kept(reasons=("after-stop",)):
                self.end("stop")
            self.a_real_dies_meanwhile()
            self.director.workers = 1
            with self.kept(reasons=("reshaped",)):
                self.end("stop", self.configure())
            self.director.workers = self.workers
            with self.kept(reasons=("reshaped",)):
                self.end("kill", self.configure())  # from one to two, after a crash
            with self.kept(reasons=("reshaped",)):
                self.end("stop", self.configure(connections=131072))
            self.the_file_has_changed(self.configure(connections=131072))

    def a_real_dies_meanwhile(self):
        self.assertEqual(set(self.ask_mortal()), {"real3", "real4"})
        self.addCleanup(servers.ensure_nginx, self.lab, self.MORTAL)
        with self.kept(but=("ipvsadm",)):  # which shows that it is down as soon as that is found
            self.director.kill()
            servers.stop_nginx(self.lab, self.MORTAL)
            self.director.start()
        self.wait_up(0)
        self.assertEqual(set(self.ask_mortal()), {"real3"})
        with self.kept():
            self.end("stop")
        self.assertEqual(self.up(), 0, "known to be dead without a check")
        self.assertEqual(set(self.ask_mortal()), {"real3"})
        servers.start_nginx(self.lab, self.MORTAL)
        self.wait_up(1)

    def the_file_has_changed(self, config: dict):
        """It adds a service, and says of a weight what it did not say before, as somebody did by hand."""
        hand = next(one for one in config["services"] if one["name"] == "hand")
        hand["reals"][2]["weight"] = 5  # 7 by hand
        config["services"].append(service("late", at.VIP2, 443))
        with self.kept(but=("diff", "ipvsadm", "admin")):
            self.end("stop", config)
        reals = sorted(self.director.json("real", "list", "hand")["reals"], key=lambda real: real["address"])
        self.assertEqual([real["admin"] for real in reals], ["drain", "down", "up"])
        self.assertEqual(reals[2]["weight"], 5)
        self.assertEqual(self.director.json("status")["restored"]["dropped_edits"],
                         [f"service hand: real {at.real_address(3)}:80: weight was changed in the file as well"])
        self.assertIn("a change by hand is dropped: the file wins", self.director.log_since_start())
        names = client.spread(self.lab, f"http://{at.VIP2}:443/", ["198.51.100.1", "198.51.100.2"])
        self.assertLessEqual(set(names), {"real1", "real2", "real3"})
