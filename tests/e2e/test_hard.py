"""A hard life in short: 20,000 addresses, neighbours and connections from everywhere, reloads and edits meanwhile, a
clean end. What it shows best is a daemon built with AddressSanitizer and UBSan: scripts/test --only e2e-asan."""

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.flood import Flood, mac_of

MANY = 10_000  # of each family
NETWORK4 = "192.1.0.0/16"
NETWORK6 = "2001:db8:80::/64"
FLOOD_SECONDS = 6


def many(real4: str, real6: str, count: int = MANY) -> list:
    services = []
    for i in range(count):
        for family, address, real in (("4", f"192.1.{i // 250}.{i % 250 + 1}", real4),
                                      ("6", f"2001:db8:80::{i + 1:x}", real6)):
            services.append({"name": f"v{family}-{i}", "address": address, "protocol": "tcp", "port": 80,
                             "reals": [{"address": real}]})
    return services


class HardLife(LabTest):
    worker_counts = (2,)
    sanitized = True

    @classmethod
    def setUpClass(cls):
        cls.lab.client.ip(f"route replace {NETWORK4} via {at.DIRECTOR_OUTSIDE}")
        cls.lab.client.ip(f"route replace {NETWORK6} via {at.DIRECTOR_OUTSIDE6}")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        for network in (NETWORK4, NETWORK6):
            cls.lab.client.ip(f"route del {network}")
        super().tearDownClass()

    @classmethod
    def configure(cls, real: int = 1, count: int = MANY):
        config = configuration(many(at.real_address(real), at.real_address6(real), count))
        config["services"].append({"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80,
                                   "scheduler": "wlc", "persistence": {"timeout": "60s"},
                                   "reals": [{"address": at.real_address(index)} for index in (1, 2, 3)]})
        return config

    def ask(self) -> list:
        urls = ("http://192.1.39.250/", "http://192.1.0.1/", "http://[2001:db8:80::1]/", "http://[2001:db8:80::2710]/",
                f"http://{at.VIP}/")
        return [client.curl(self.lab, url, "-o", "/dev/null", "-w", "%{http_code}").stdout for url in urls]

    def flood(self, destination: str, **how) -> Flood:
        mac = mac_of(self.lab.director, "outside")
        return Flood(self.lab.client, "outside", mac, destination=destination, seconds=FLOOD_SECONDS, **how)

    def test_everything_at_once(self):
        self.assertEqual(self.ask(), ["200"] * 5)
        with self.flood("fd00:10::/64", source=at.CLIENT6, rate=3000) as neighbours, \
                self.flood("10.0.0.0/16", source=at.CLIENT, rate=3000) as neighbours4, \
                self.flood(f"{at.VIP}/32", source="198.51.100.0/24", kind="syn", port=80, rate=2000) as connections, \
                self.flood(f"{at.VIP6}/128", source="2001:db8:1::/64", port=9, rate=2000) as errors:
            for real in (2, 1):
                self.director.reload(self.configure(real, MANY - 50 * real))
                self.director.cli("real", "set", "web", f"{at.real_address(2)}:80", "--weight", "0")
                self.director.cli("real", "remove", "web", f"{at.real_address(3)}:80")
                self.director.cli("connection", "count", "--by", "real")
        for flood in (neighbours, neighbours4, connections, errors):
            self.assertGreater(flood.sent, 1000)
        self.director.reload(self.configure())
        self.director.cli("connection", "flush", "--service", "web")
        self.assertEqual(self.ask(), ["200"] * 5)
