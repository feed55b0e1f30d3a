"""Every way to a real server, set and listed by Debian's ipvsadm and by the director's own: both print the same."""

from fairlead_lab import addresses as at, configuration
from fairlead_lab.ipvs_programs import IpvsTest

LOCAL = "10.0.0.224/28"
# The method, what a tunnel has beside it (written as -S does), and what -L --tun-info shows.
WAYS = (("-m", "", "Masq    n/a"),
        ("-g", "", "Route   n/a"),
        ("-i", " --tun-type ipip", "Tunnel  ipip"),
        ("-i", " --tun-type gue --tun-port 6080 --tun-nocsum", "Tunnel  gue:6080:-c"),
        ("-i", " --tun-type gue --tun-port 6080 --tun-csum", "Tunnel  gue:6080:+c"),
        ("-i", " --tun-type gue --tun-port 1 --tun-remcsum", "Tunnel  gue:1:r+c"),
        ("-i", " --tun-type gre --tun-nocsum", "Tunnel  gre:-c"),
        ("-i", " --tun-type gre --tun-csum", "Tunnel  gre:+c"))


class Ways(IpvsTest):
    @classmethod
    def configure(cls):
        forward = {"method": "fullnat", "local_addresses": [LOCAL], "client_address": "proxy-v2"}
        real = {"address": "10.0.0.11", "port": 80, "forward": forward}
        return configuration([{"name": "full", "address": at.VIP, "protocol": "tcp", "port": 8080, "reals": [real]}])

    def own(self, line: str) -> str:
        return self.director.cli("ipvsadm", *line.split()).stdout

    def rows(self, line: str) -> tuple:
        """What both print of this test's real server, which must be the same. (IPVS has no FULLNAT: Debian's calls it Masq.)"""
        debians, own = (tuple(row for row in text.splitlines() if "10.0.0.12" in row)
                        for text in (self.listing(line), self.own(line)))
        self.assertEqual(debians, own, line)
        return own

    def test_each_is_listed_alike_by_both(self):
        service, real = f"-t {at.VIP}:80", "-r 10.0.0.12:80"
        for by in (self.listing, self.own):
            by(f"-A {service} -s rr")
            by(f"-a {service} {real} -g")
            for method, tunnel, shown in WAYS:
                with self.subTest(method + tunnel, by=by.__name__):
                    line = f"{service} {real} {method} -w 3{tunnel}"
                    by(f"-e {line}")
                    row, = self.rows("-Ln --tun-info")
                    self.assertIn(f" {shown} ", row)
                    self.assertEqual(self.rows("-Sn"), (f"-a {line}",))
            by(f"-D {service}")

    def test_a_weight_is_changed_and_fullnat_stays(self):
        self.assertIn("fullnat", str(self.director.json("service", "show", "full")))
        real = f"-t {at.VIP}:8080 -r 10.0.0.11:80"
        self.listing(f"-e {real} -m -w 5")
        shown = self.director.json("service", "show", "full")["reals"][0]
        self.assertEqual((shown["forward"], shown["weight"]), ("fullnat", 5))
        self.assertEqual(shown["fullnat"]["client_address"], "proxy-v2")
        self.assertIn("Masq    5", self.listing("-Ln"))
        self.own(f"-e {real} --fullnat -w 6")
        shown = self.director.json("service", "show", "full")["reals"][0]
        self.assertEqual((shown["forward"], shown["weight"], shown["fullnat"]["client_address"]), ("fullnat", 6, "proxy-v2"))
