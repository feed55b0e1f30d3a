"""keepalived and BIRD on the director's kernel twin do not notice that the director is killed, or stopped and started,
as long as it is back before they lose patience. What BIRD learns is used for forwarding."""

import time

from fairlead_lab import addresses as at, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.director import Director
from fairlead_lab.routers import ADVERT_SECONDS, BgpPair, Bird, DEAD_SECONDS, TWIN, VrrpPair
from fairlead_lab.shell import wait_until

BY_VRRP = "192.0.2.90"
BY_HAND = "192.0.2.7"


class RoutersTest(LabTest):
    """Other ways for a process to end make further tests of it."""

    worker_counts = (1,)

    @classmethod
    def configure(cls):
        config = configuration([{"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80,
                                 "reals": [{"address": at.real_address(1)}]}])
        config["ports"][0]["exception"] = "tap"
        config["director"]["arena"] = cls.lab.arena
        return config

    def nobody_notices(self, *ends):
        """Each of `ends(director)` ends the process and returns when its successor is ready."""
        twin = self.lab.director
        twin.ip(f"addr replace {BY_HAND}/32 dev {TWIN}")
        with VrrpPair(self.lab, BY_VRRP) as vrrp, BgpPair(self.lab, f"{at.VIP}/32") as bgp:
            sessions = bgp.sessions()
            for end in ends:
                end(self.director)
                self.assertTrue(vrrp.is_on_twin())
                self.assertIn(f" {BY_HAND}/32 ", twin.ip(f"-o addr show dev {TWIN}").stdout)
                time.sleep(ADVERT_SECONDS + 1)  # one advertisement between two ends
            time.sleep(DEAD_SECONDS)  # until whoever has missed something has acted on it
            self.assertEqual(vrrp.transitions(), [], "VRRP")
            self.assertTrue(vrrp.is_on_twin())
            self.assertTrue(bgp.is_still(sessions), f"BGP: {sessions}, then {bgp.sessions()}")
            self.assertTrue(bgp.is_announced())


class RoutersOverRestarts(RoutersTest):
    def test_a_kill_and_a_stop(self):
        self.nobody_notices(Director.crash, Director.stop_and_start)

    def test_two_upgrades(self):
        self.nobody_notices(Director.upgrade, Director.upgrade)


class RoutesOfTheKernel(LabTest):
    """No static route at all: answers find their way by what BIRD has learnt, or an administrator has added."""

    worker_counts = (1,)
    LEARNT = [f"198.51.{n}.0/24" for n in range(100, 120)]

    @classmethod
    def configure(cls):
        config = configuration([{"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80,
                                 "reals": [{"address": at.real_address(1)}]}],
                               routes=[], policy={"kernel_routes": 30})
        config["ports"][0]["exception"] = "tap"
        return config

    def kernel_routes(self) -> dict:
        """{network: gateway} of those that are used."""
        return {route["to"]: route["via"] for route in self.director.json("route", "list")["routes"]
                if route["source"] == "kernel" and route["used"]}

    def answers(self, source: str) -> bool:
        return self.lab.client.run("curl", "-s", "-o", "/dev/null", "--max-time", "2", "--interface", source,
                                   f"http://{at.VIP}/", check=False).returncode == 0

    def test_1_what_bird_learns_is_used(self):
        self.assertFalse(self.answers("198.51.100.7"))
        ours, theirs = (at.DIRECTOR_OUTSIDE, 65001), (at.CLIENT, 65002)
        client = Bird(self.lab, self.lab.client, "client", theirs, ours, self.LEARNT)
        bird = Bird(self.lab, self.lab.director, "director", ours, theirs, gives_kernel=True)
        try:
            client.start()
            bird.start()
            wait_until(lambda: self.kernel_routes() == {network: at.CLIENT for network in self.LEARNT},
                       "all routes have been learnt", timeout=40)
            wait_until(lambda: self.answers("198.51.100.7"), "a client behind a learnt route is answered")
            self.assertEqual(self.director.metric("fairlead_kernel_routes"), len(self.LEARNT))
            client.stop()
            wait_until(lambda: self.kernel_routes() == {}, "the session is gone, and its routes", timeout=30)
            self.assertFalse(self.answers("198.51.100.7"))
        finally:
            bird.stop()
            client.stop()

    def test_2_by_hand_and_ipv6(self):
        twin = self.lab.director
        twin.ip(f"route add default via {at.CLIENT} dev {TWIN}")
        wait_until(lambda: self.answers("203.0.113.9"), "the default route is used")
        twin.ip(f"-6 route add 2001:db8:2::/64 via {at.CLIENT6} dev {TWIN}")
        wait_until(lambda: self.kernel_routes().get("2001:db8:2::/64") == at.CLIENT6, "so is one of IPv6")
        twin.ip(f"-6 route del 2001:db8:2::/64 via {at.CLIENT6} dev {TWIN}")
        twin.ip(f"route replace default via 192.0.2.77 dev {TWIN}")
        wait_until(lambda: self.kernel_routes()["0.0.0.0/0"] == "192.0.2.77", "and another gateway")
        twin.ip(f"route del default via 192.0.2.77 dev {TWIN}")
        wait_until(lambda: "0.0.0.0/0" not in self.kernel_routes(), "gone")

    def test_3_too_many_are_refused_and_said(self):
        twin = self.lab.director
        twin.batch([f"route add 100.64.{n}.0/24 via {at.CLIENT} dev {TWIN}" for n in range(40)])
        wait_until(lambda: self.director.metric("fairlead_kernel_routes_refused") > 0, "some are refused")
        self.assertEqual(self.director.metric("fairlead_kernel_routes"), 30)
        self.assertIn("the kernel has more routes than are taken from it", self.director.log_since_start())
        twin.batch([f"route del 100.64.{n}.0/24 via {at.CLIENT} dev {TWIN}" for n in range(40)])
        wait_until(lambda: self.director.metric("fairlead_kernel_routes_refused") == 0, "there is room again")

    def test_4_ten_thousand_that_flap(self):
        config = self.configure()
        config["policy"] = {"kernel_routes": 10_000}
        self.director.reload(config)
        twin = self.lab.director
        networks = [f"100.{64 + n // 256}.{n % 256}.0/24" for n in range(10_000)]
        twin.batch([f"route add {network} via {at.CLIENT} dev {TWIN}" for network in networks])
        self.director.wait_metric("fairlead_kernel_routes", 10_000)
        before = self.director.metric("fairlead_config_generation")
        begin = time.monotonic()
        for _ in range(3):
            twin.batch([f"route replace {network} via 192.0.2.77 dev {TWIN}" for network in networks[:2000]] +
                       [f"route replace {network} via {at.CLIENT} dev {TWIN}" for network in networks[:2000]])
        wait_until(lambda: self.director.metric("fairlead_config_generation") > before, "changes are taken over")
        changes = self.director.metric("fairlead_config_generation") - before
        spent = time.monotonic() - begin
        self.assertLessEqual(changes, 10 * spent + 2, "12,000 changes are taken over ten times a second at most")
        print(f"# {spent:.1f} s of 12,000 changes: {changes:.0f} snapshots, longest work "
              f"{self.director.metric('fairlead_control_longest_work_seconds') * 1000:.0f} ms")
        twin.batch([f"route del {network} via {at.CLIENT} dev {TWIN}" for network in networks])
        self.director.wait_metric("fairlead_kernel_routes", 0)
