"""keepalived and BIRD on the director's kernel twin do not notice that the director is killed, or stopped and started,
as long as it is back before they lose patience."""

import time

from fairlead_lab import addresses as at, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.director import Director
from fairlead_lab.routers import ADVERT_SECONDS, BgpPair, DEAD_SECONDS, TWIN, VrrpPair

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
