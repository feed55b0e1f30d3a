"""Who stays together with whom: a mark over two ports, a netmask, port 0 beside an exact port, the AOL case."""

from fairlead_lab import addresses as at, client, configuration, servers
from fairlead_lab.case import LabTest

PERSISTENT = {"timeout": "10m"}


def reals(*indexes) -> list:
    return [{"address": at.real_address(index)} for index in indexes]


class MarkBindsTwoPorts(LabTest):
    """HTTP and HTTPS of one shop: one mark, one persistent service."""

    @classmethod
    def configure(cls):
        rule = {"name": "shop", "mark": 2, "protocol": "tcp", "destination": at.VIP,
                "destination_port": [80, 443]}
        service = {"name": "shop", "mark": 2, "scheduler": "rr", "persistence": PERSISTENT,
                   "reals": reals(1, 2, 3)}
        return configuration([service], classifier=[rule])

    def test_a_client_meets_one_real_on_both_ports(self):
        sources = [f"198.51.100.{host}" for host in range(1, 31)]
        plain = client.spread(self.lab, f"http://{at.VIP}:80/", sources)
        secure = client.spread(self.lab, f"http://{at.VIP}:443/", sources)
        again = client.spread(self.lab, f"http://{at.VIP}:80/", reversed(sources))
        self.assertEqual(plain, secure)
        self.assertEqual(plain, list(reversed(again)))
        self.assertEqual(set(plain), {"real1", "real2", "real3"})
        if self.workers == 1:
            self.assertEqual(self.address_counts(plain), {"real1": 10, "real2": 10, "real3": 10})
        self.assert_metric(30, "fairlead_templates", service="shop")
        self.assert_metric(90, "fairlead_service_connections_total", service="shop")


class NetmaskBindsNeighbours(LabTest):
    @classmethod
    def configure(cls):
        service = {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "rr",
                   "persistence": {"timeout": "10m", "netmask": 24}, "reals": reals(1, 2, 3)}
        return configuration([service])

    def test_a_slash_24_is_one_client(self):
        networks = {}
        for network in ("100.64.1", "100.64.2", "100.64.3", "198.51.100", "203.0.113", "172.16.9"):
            sources = [f"{network}.{host}" for host in (1, 9, 77, 130, 254)]
            networks[network] = client.spread(self.lab, f"http://{at.VIP}/", sources)
            self.assertEqual(len(set(networks[network])), 1, networks)
        self.assert_metric(6, "fairlead_templates", service="web")
        if self.workers == 1:  # rr: six networks, twice round three reals
            self.assertEqual(self.address_counts([n[0] for n in networks.values()]),
                             {"real1": 2, "real2": 2, "real3": 2})
        else:
            self.assertGreater(len({n[0] for n in networks.values()}), 1)


class PortZeroBesideAnExactPort(LabTest):
    """The exact port wins; all other ports of the address stick together."""

    @classmethod
    def configure(cls):
        services = [
            {"name": "telnet", "address": at.VIP, "protocol": "tcp", "port": 23, "scheduler": "rr",
             "reals": reals(1, 2, 3)},
            {"name": "everything", "address": at.VIP, "protocol": "tcp", "port": 0, "allow_any_port": True,
             "scheduler": "rr", "persistence": PERSISTENT, "reals": reals(1, 2, 3)},
        ]
        return configuration(services)

    def test_exact_port_is_spread_and_others_stick(self):
        used = set()
        for host in (11, 12, 13, 14, 15, 16):
            source = f"198.51.100.{host}"
            others = [client.spread(self.lab, f"http://{at.VIP}:{port}/", [source])[0]
                      for port in (21, 80, 443, 5000, 8080)]
            self.assertEqual(len(set(others)), 1, (source, others))
            used.add(others[0])
        self.assertGreater(len(used), 1)
        exact = client.spread(self.lab, f"http://{at.VIP}:23/", ["198.51.100.11"] * 12)
        self.assertEqual(set(exact), {"real1", "real2", "real3"})
        if self.workers == 1:
            self.assertEqual(self.address_counts(exact), {"real1": 4, "real2": 4, "real3": 4})
        self.assert_metric(12, "fairlead_service_connections_total", service="telnet")
        self.assert_metric(30, "fairlead_service_connections_total", service="everything")
        self.assert_metric(0, "fairlead_templates", service="telnet")
        self.assert_metric(6, "fairlead_templates", service="everything")


class ProxiesOfOneProvider(LabTest):
    """The AOL case: one user's requests come from several unrelated networks. 100,000 prefixes in a file mark them;
    the mark's service treats them all as one client (netmask 0), so all share one real, the other is standby."""

    PREFIXES = 100_000
    # Networks of the file that the lab's client can speak from, far from each other.
    INSIDE = ["100.64.5.0/24", "100.100.7.0/24", "172.16.200.0/24", "172.31.3.128/25", "198.51.100.64/26",
              "203.0.113.32/27"]
    SOURCES = ["100.64.5.9", "100.100.7.200", "172.16.200.1", "172.31.3.130", "198.51.100.65", "203.0.113.40"]
    OUTSIDERS = ["100.64.6.9", "172.31.3.1", "198.51.100.1", "203.0.113.1"]

    @classmethod
    def configure(cls):
        # Every third /24 of 20.0.0.0 upward: none of them a neighbour of another, so nothing can be merged.
        numbers = range(0, 3 * (cls.PREFIXES - len(cls.INSIDE)), 3)
        lines = [f"{20 + n // 65536}.{n // 256 % 256}.{n % 256}.0/24" for n in numbers]
        with open(f"{cls.lab.state}/proxies.txt", "w") as file:
            file.write("# proxies of one provider\n" + "\n".join(lines + cls.INSIDE) + "\n")
        rules = [{"name": "proxies", "mark": 1, "protocol": "tcp", "source": "@proxies", "destination": at.VIP,
                  "destination_port": [80, 443]}]
        health = {"type": "http", "path": "/health", "interval": "500ms", "timeout": "500ms", "fall": 2, "rise": 1}
        services = [
            {"name": "proxied", "mark": 1, "scheduler": "wlc", "persistence": {"timeout": "10m", "netmask": 0},
             "health": {**health, "port": 80}, "reals": reals(1, 2)},
            {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "rr",
             "reals": reals(3, 4)},
        ]
        return configuration(services, classifier=rules,
                             prefix_sets={"proxies": {"file": f"{cls.lab.state}/proxies.txt"}})

    def test_all_proxies_share_one_real_and_move_together(self):
        first = client.spread(self.lab, f"http://{at.VIP}/", self.SOURCES * 3)
        first += client.spread(self.lab, f"http://{at.VIP}:443/", self.SOURCES)
        self.assertEqual(len(set(first)), 1, first)
        self.assertIn(first[0], ("real1", "real2"))
        others = client.spread(self.lab, f"http://{at.VIP}/", self.OUTSIDERS * 2)
        self.assertEqual(set(others), {"real3", "real4"})
        self.assert_metric(1, "fairlead_templates", service="proxied")

        active, standby = first[0], {"real1": "real2", "real2": "real1"}[first[0]]
        index = int(active.removeprefix("real"))
        servers.stop_nginx(self.lab, index)
        try:
            self.director.wait_metric("fairlead_real_up", 0, service="proxied",
                                      real=f"{at.real_address(index)}:0")
            moved = client.spread(self.lab, f"http://{at.VIP}/", self.SOURCES * 2)
            self.assertEqual(set(moved), {standby})
        finally:
            servers.start_nginx(self.lab, index)

    def test_the_file_has_what_it_says(self):
        with open(f"{self.lab.state}/proxies.txt") as file:
            self.assertEqual(len({line for line in file if line[0] != "#"}), self.PREFIXES)
