"""Every virtual address is announced, however many there are. A short look; long_announcing.py has thousands."""

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.many_addresses import ManyAddressesTest


class Announcing(ManyAddressesTest):
    def test_1200_addresses(self):
        self.announce(1_200, workers=2)


class WhenReady(LabTest):
    """announce: when-ready. A director without peers is ready once it forwards; over an upgrade it stays so."""

    worker_counts = (1,)

    @classmethod
    def configure(cls):
        web = {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "rr",
               "reals": [{"address": at.real_address(1)}, {"address": at.real_address(2)}]}
        config = configuration([web], policy={"announce": "when-ready"})
        config["director"]["arena"] = cls.lab.arena
        return config

    def assert_serves(self):
        self.assertEqual(self.director.cli("ready").stdout, "ready\n")
        self.assertEqual(self.director.get("/readyz")[0], 200)
        self.assertNotIn("not announced", self.director.cli("service", "list").stdout)
        names = client.spread(self.lab, f"http://{at.VIP}/", [f"198.51.100.{n}" for n in range(1, 5)])
        self.assertEqual(set(names), {"real1", "real2"})

    def test_1_it_is_announced_once_the_director_is_ready(self):
        self.assert_serves()
        self.assertIn("msg=ready peers=0\n", self.director.log_since_start())

    def test_2_a_successor_is_as_ready_as_the_one_before(self):
        self.director.upgrade()
        self.assert_serves()

    def test_3_a_silent_address_is_said_to_be_so(self):
        self.director.get("/v1/services/web", "PATCH", {"announce": "never"})
        self.assertIn("not announced, 1 service: announce is never\n", self.director.cli("service", "list").stdout)
        said = self.director.cli("explain", "198.51.100.7", f"{at.VIP}:80/tcp").stdout
        self.assertIn("This director does not announce the address: announce is never.\n", said)
        self.director.get("/v1/services/web", "PATCH", {"announce": "when-ready"})
        self.assert_serves()
