"""Set-ups as users published them: the ipvsadm lines that they typed, the marks that they set with iptables as
classifier rules. Each class is named after its source."""

import shlex

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest

ADDRESSES = {"VIP": at.VIP_DR, "RS1": at.real_address(1), "RS2": at.real_address(2), "RS3": at.real_address(3)}


class HowtoTest(LabTest):
    lines = ""  # ipvsadm commands; VIP, RS1… stand for the lab's addresses
    rules = []  # of the classifier

    @classmethod
    def configure(cls):
        return configuration([], classifier=cls.rules)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ipvsadm(cls.lines)

    @classmethod
    def ipvsadm(cls, lines: str) -> str:
        """Runs each line; what the last one printed."""
        output = ""
        for line in filter(None, map(str.strip, lines.splitlines())):
            for name, address in ADDRESSES.items():
                line = line.replace(name, address)
            output = cls.director.cli(*shlex.split(line)).stdout
        return output

    def ask(self, port: int, *sources) -> list:
        return client.spread(self.lab, f"http://{at.VIP_DR}:{port}/", sources)


class LvsHowtoAllPortsPersistentBesideTelnet(HowtoTest):
    """Chapter on persistence, "setting up persistence on all ports" with telnet taken out."""

    lines = """
        ipvsadm -A -t VIP:0 -s rr -p 360
        ipvsadm -a -t VIP:0 -r RS1 -g -w 1
        ipvsadm -a -t VIP:0 -r RS2 -g -w 1
        ipvsadm -A -t VIP:23 -s rr
        ipvsadm -a -t VIP:23 -r RS1 -g -w 1
        ipvsadm -a -t VIP:23 -r RS2 -g -w 1
    """

    def test_telnet_meets_both_and_everything_else_stays(self):
        one = "198.51.100.20"
        telnet = self.ask(23, *[one] * 6)
        self.assertEqual(set(telnet), {"real1", "real2"})
        others = [self.ask(port, one)[0] for port in (80, 443, 5000, 8080, 80)]
        self.assertEqual(len(set(others)), 1, others)
        if self.workers == 1:
            self.assertEqual(self.address_counts(telnet), {"real1": 3, "real2": 3})
            self.assertNotEqual(self.ask(80, "198.51.100.21")[0], others[0])

    def test_the_listing_shows_360(self):
        self.assertIn(f"TCP  {at.VIP_DR}:0 rr persistent 360\n", self.ipvsadm("ipvsadm -L -n"))


class LvsHowtoPersistenceGranularity(HowtoTest):
    """Chapter on persistence, "persistence granularity": proxies that leave through one /24."""

    lines = """
        ipvsadm -A -t VIP:80 -s rr -p 600 -M 255.255.255.0
        ipvsadm -a -t VIP:80 -r RS1 -g
        ipvsadm -a -t VIP:80 -r RS2 -g
        ipvsadm -a -t VIP:80 -r RS3 -g
    """

    def test_neighbours_share_a_real_server(self):
        for network in ("198.51.100", "203.0.113", "100.64.9"):
            names = self.ask(80, *[f"{network}.{host}" for host in (1, 20, 99, 254)])
            self.assertEqual(len(set(names)), 1, (network, names))
        listing = self.ipvsadm("ipvsadm -L -c -n")
        for network in ("198.51.100.0:0", "203.0.113.0:0", "100.64.9.0:0"):
            self.assertIn(network, listing)


class LvsHowtoInsideAndOutside(HowtoTest):
    """Chapter on persistence: /32 for the own network by one mark, /24 for the rest of the world by another."""

    rules = [
        {"name": "inside", "mark": 1, "protocol": "tcp", "source": "172.16.0.0/12", "destination": at.VIP_DR,
         "destination_port": 80},
        {"name": "outside", "mark": 2, "protocol": "tcp", "destination": at.VIP_DR, "destination_port": 80},
    ]
    lines = """
        ipvsadm -A -f 1 -s rr -p 600
        ipvsadm -a -f 1 -r RS1 -g
        ipvsadm -a -f 1 -r RS2 -g
        ipvsadm -A -f 2 -s rr -p 600 -M 255.255.255.0
        ipvsadm -a -f 2 -r RS1 -g
        ipvsadm -a -f 2 -r RS2 -g
    """

    def test_inside_each_is_a_client_and_outside_each_network(self):
        inside = [f"172.16.5.{host}" for host in range(1, 13)]
        names = self.ask(80, *inside)
        self.assertEqual(self.ask(80, *inside), names)
        self.assertEqual(set(names), {"real1", "real2"})
        outside = self.ask(80, *[f"203.0.113.{host}" for host in range(1, 13)])
        self.assertEqual(len(set(outside)), 1, outside)


class SysadminJournalAolProxies(HowtoTest):
    """LVS persistence and AOL proxies: the proxies' networks are marked and have a real server of their own, one hour
    long; everybody else is balanced."""

    proxies = ["100.64.12.0/24", "172.20.0.0/16", "203.0.113.64/26"]
    rules = [{"name": f"proxies-{number}", "mark": 1, "protocol": "tcp", "source": network,
              "destination": at.VIP_DR, "destination_port": 80} for number, network in enumerate(proxies)]
    lines = """
        ipvsadm -A -t VIP:80 -s wrr
        ipvsadm -a -t VIP:80 -r RS2 -g
        ipvsadm -a -t VIP:80 -r RS3 -g
        ipvsadm -A -f 1 -s wrr -p 3600
        ipvsadm -a -f 1 -r RS1 -g
    """

    def test_proxies_go_to_one_and_others_do_not(self):
        proxied = self.ask(80, "100.64.12.7", "172.20.1.1", "172.20.200.9", "203.0.113.65", "203.0.113.127")
        self.assertEqual(set(proxied), {"real1"})
        others = self.ask(80, "100.64.13.7", "203.0.113.1", "198.51.100.9", "172.21.0.1")
        self.assertEqual(set(others), {"real2", "real3"})


class RedHatMarksBundleHttpAndHttps(HowtoTest):
    """Persistence and firewall marks with keepalived: one mark for ports 80 and 443 and a persistent service."""

    rules = [{"name": "shop", "mark": 80, "protocol": "tcp", "destination": at.VIP_DR,
              "destination_port": [80, 443]}]
    lines = """
        ipvsadm -A -f 80 -s wlc -p 300
        ipvsadm -a -f 80 -r RS1 -g -w 1
        ipvsadm -a -f 80 -r RS2 -g -w 1
        ipvsadm -a -f 80 -r RS3 -g -w 1
    """

    def test_a_client_keeps_its_server_from_http_to_https(self):
        sources = [f"198.51.100.{host}" for host in range(1, 19)]
        plain = self.ask(80, *sources)
        self.assertEqual(self.ask(443, *sources), plain)
        self.assertEqual(set(plain), {"real1", "real2", "real3"})


class ServerFaultUploadsSurviveAnAddressChange(HowtoTest):
    """Active/active directors behind DNS, uploads in pieces: a client that changes its address inside its network
    stays where its upload is, by its template. A director that has never seen the network knows no template and
    mh alone hashes whole addresses: mh-netmask, which IPVS has not, sends it to the same real server."""

    lines = """
        ipvsadm -A -t VIP:80 -s mh -p 3600 -M 255.255.255.0
        ipvsadm -a -t VIP:80 -r RS1 -g
        ipvsadm -a -t VIP:80 -r RS2 -g
        ipvsadm -a -t VIP:80 -r RS3 -g
        ipvsadm -A -t VIP:443 -s mh -b mh-netmask -p 3600 -M 255.255.255.0
        ipvsadm -a -t VIP:443 -r RS1 -g
        ipvsadm -a -t VIP:443 -r RS2 -g
        ipvsadm -a -t VIP:443 -r RS3 -g
    """

    def test_a_new_address_of_the_same_network_meets_the_same_server(self):
        networks = [f"198.18.{number}" for number in range(8)]
        first = self.ask(80, *[f"{network}.3" for network in networks])
        self.assertEqual(self.ask(80, *[f"{network}.250" for network in networks]), first)
        self.assertGreater(len(set(first)), 1)

    def test_mh_netmask_needs_no_template(self):
        networks = [f"198.19.{number}" for number in range(12)]
        first = self.ask(443, *[f"{network}.3" for network in networks])
        self.director.cli("template", "flush", "--all")  # as a director that has never seen them
        self.assertEqual(self.ask(443, *[f"{network}.250" for network in networks]), first)
        self.assertGreater(len(set(first)), 1)


class LvsHowtoQuiescedServerKeepsItsClients(HowtoTest):
    """Chapter on persistence: with weight 0 known clients stay, new ones go elsewhere."""

    lines = """
        ipvsadm -A -t VIP:80 -s rr -p 360
        ipvsadm -a -t VIP:80 -r RS1 -g -w 1
        ipvsadm -a -t VIP:80 -r RS2 -g -w 1
    """

    def test_known_clients_stay_and_new_ones_avoid_it(self):
        known = [f"198.51.100.{host}" for host in range(1, 9)]
        before = self.ask(80, *known)
        self.assertEqual(set(before), {"real1", "real2"})
        self.ipvsadm("ipvsadm -e -t VIP:80 -r RS1 -g -w 0")
        self.assertEqual(self.ask(80, *known), before)
        self.assertEqual(set(self.ask(80, *[f"203.0.113.{host}" for host in range(1, 9)])), {"real2"})
