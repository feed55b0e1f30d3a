"""The process ends, and nobody notices: kill -9, stop and start, another number of workers, another capacity."""

from fairlead_lab import addresses as at, client
from fairlead_lab.restarts import RestartTest


class RestartsByNat(RestartTest):
    def test_kill(self):
        for _ in range(self.rounds):
            self.nothing_is_lost(self.director.crash)

    def test_stop_and_start(self):
        def stop_and_start():
            self.director.stop()
            self.director.start()
        self.nothing_is_lost(stop_and_start)

    def test_another_capacity(self):
        def restart():
            config = self.configure()
            config["director"]["connections"] = 131072
            self.director.restart(config)
        self.nothing_is_lost(restart)

    def test_changes_by_hand_stay(self):
        self.director.cli("real", "set", "web", f"{at.real_address(3)}:80", "--weight", "7")
        self.director.cli("real", "disable", "shop", f"{at.real_address(3)}:8080")
        diff = self.diff()
        self.assertIn("weight", diff)
        states = self.admin_states()
        self.director.crash()
        self.assertEqual(self.diff(), diff)
        self.assertEqual(self.admin_states(), states)
        self.director.reload(self.configure())

    def admin_states(self) -> dict:
        return {real["address"]: real["admin"] for real in self.director.json("real", "list", "shop")["reals"]}

    def test_fresh_forgets(self):
        client.spread(self.lab, f"http://{self.vip}:8080/", ["198.51.100.1"])
        self.assertGreater(self.director.metric("fairlead_templates", service="shop"), 0)
        self.director.stop()
        self.director.start(extra=("--fresh",))
        self.assertEqual(self.director.metric("fairlead_templates", service="shop"), 0)


class RestartsByDr(RestartTest):
    method, vip, vip6 = "dr", at.VIP_DR, at.VIP_DR6

    def test_kill(self):
        for _ in range(self.rounds):
            self.nothing_is_lost(self.director.crash)


class RestartsByTun(RestartTest):
    method, vip, vip6 = "tun", at.VIP_TUN, ""

    def test_kill(self):
        for _ in range(self.rounds):
            self.nothing_is_lost(self.director.crash)
