"""Debian's ipvsadm prints to the byte what it printed over a Linux 6.1, set up and used in the same way.

data/formats has what was recorded. What the director does not do was in the recorded set-up as well and is taken out of
it: the SCTP service. Times in listings of connections may differ by the seconds between set-up and look; the order of
connections is that of a kernel's hash.
"""

import os
import re

from fairlead_lab import addresses as at, configuration
from fairlead_lab.ipvs_programs import IpvsTest
from fairlead_lab.recorded_network import RecordedNetwork

FORMATS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "formats")
SETUP = """-A -t 10.100.0.1:80 -s wlc
-a -t 10.100.0.1:80 -r 10.1.0.11:80 -m -w 1
-a -t 10.100.0.1:80 -r 10.1.0.12:8080 -m -w 2 -x 100 -y 50
-a -t 10.100.0.1:80 -r 10.1.0.13:80 -g -w 0
-a -t 10.100.0.1:80 -r 10.1.0.14:80 -i -w 65535
-A -t 10.100.0.2:443 -s rr -p 300 -M 255.255.255.0
-a -t 10.100.0.2:443 -r 10.1.0.11:443 -g
-a -t 10.100.0.2:443 -r 10.1.0.12:443 -g -w 10
-A -t 10.100.0.3:0 -s wrr -p 60
-a -t 10.100.0.3:0 -r 10.1.0.11:0 -g
-A -u 10.100.0.1:53 -s rr -o
-a -u 10.100.0.1:53 -r 10.1.0.11:53 -g
-a -u 10.100.0.1:53 -r 10.1.0.12:53 -g
-A -u 10.100.0.4:5060 -s sh -b sh-port,sh-fallback
-a -u 10.100.0.4:5060 -r 10.1.0.11:5060 -m
-A -f 7 -s mh -b mh-port -p 120
-a -f 7 -r 10.1.0.11 -g
-a -f 7 -r 10.1.0.12 -g -w 3
-A -f 8 -6 -s rr
-A -t [fd64::1]:80 -s lc
-a -t [fd64::1]:80 -r [fd01::11]:80 -m
-a -t [fd64::1]:80 -r [fd01::12]:80 -g
-A -t [fd64::1]:443 -s rr -p 360 -M 64
-a -t [fd64::1]:443 -r [fd01::13]:443 -g
-A -u [fd64::2]:53 -s rr
-A -t 10.100.0.7:80 -s dh
-a -t 10.100.0.7:80 -r 10.1.0.11:80 -i --tun-type gue --tun-port 6080 --tun-nocsum
-a -t 10.100.0.7:80 -r 10.1.0.12:80 -i --tun-type gre --tun-nocsum
-a -t 10.100.0.7:80 -r 10.1.0.13:80 -i --tun-type ipip
"""
TIME = re.compile(r"(?<= )\d\d:\d\d(?= )|\d+$")


def seconds(text: str) -> int:
    minutes, _, rest = text.rpartition(":")
    return int(minutes or 0) * 60 + int(rest)


def recorded(name: str) -> str:
    """Without the lines of what the director does not do."""
    with open(f"{FORMATS}/{name}.txt") as file:
        lines = file.read().splitlines(keepends=True)
    kept, service = [], ""
    for line in lines:
        if line.startswith(("TCP", "UDP", "SCTP", "FWM", "-A", "-a")):
            service = line
        is_sctp = service.startswith("SCTP") or "--sctp-service" in line
        if not is_sctp:
            kept.append(line)
    return "".join(kept)


class Listings(IpvsTest):
    @classmethod
    def configure(cls):
        rule = {"name": "seven", "mark": 7, "protocol": "tcp", "destination": "10.100.0.5", "destination_port": [80, 443]}
        config = configuration([], classifier=[rule])
        config["ports"][1]["addresses"] += ["10.1.0.1/24", "fd01::1/64"]
        return config

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = RecordedNetwork(cls.lab)
        cls.network.__enter__()
        try:
            cls.program("ipvsadm", "-R", input=SETUP, check=True)
            cls.network.talk()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.network.__exit__()
        finally:
            super().tearDownClass()

    def printed(self, line: str) -> str:
        done = self.ipvsadm(line)
        return done.stdout + done.stderr

    def test_1_to_the_byte(self):
        for name, line in (("Ln", "-Ln"), ("Ln", "-L -n"), ("Ln", "-ln --sort"), ("L(names)", "-L"),
                           ("Ln-f", "-Ln -f 7"), ("Ln-t", "-Ln -t 10.100.0.1:80"), ("Ln-t-v6", "-Ln -t [fd64::1]:80"),
                           ("Ln-t--stats", "-Ln --stats -t 10.100.0.1:80"), ("Ln--stats", "-Ln --stats"),
                           ("Ln--stats--exact", "-Ln --stats --exact"), ("Ln--thresholds", "-Ln --thresholds"),
                           ("Ln--persistent-conn", "-Ln --persistent-conn"), ("Sn", "-Sn"), ("Sn", "-S -n"),
                           ("L--timeout", "-L --timeout"), ("Lcn-t", "-Lcn -t 10.100.0.1:80"),
                           ("Ln-U(nosort)", "-Ln -U")):
            with self.subTest(line):
                wanted = recorded(name)
                seen = self.printed(line)
                self.assertEqual(seen[:len(wanted)] if name.startswith("Ln-U") else seen, wanted)
        def without_figures(text: str) -> list:
            lines = text.splitlines()
            return lines[:3] + [(line[:33], len(line)) for line in lines[3:]]
        self.assertEqual(without_figures(self.printed("-Ln --rate")), without_figures(recorded("Ln--rate")))
        self.assertEqual(self.printed("-L --daemon"), "")
        self.assertEqual(self.printed("--version"), recorded("version"))

    def assert_rows(self, seen: str, wanted: str):
        """The same rows in any order, each with about the same time left: the machine may be slow."""
        def parsed(text: str) -> tuple:
            lines = text.splitlines()
            heads = 2 if lines[0].startswith("IPVS") else 1
            return lines[:heads], {TIME.sub("-", line, count=1): seconds(TIME.search(line)[0]) for line in lines[heads:]}

        (head, rows), (wanted_head, wanted_rows) = parsed(seen), parsed(wanted)
        self.assertEqual((head, sorted(rows)), (wanted_head, sorted(wanted_rows)))
        for row, left in wanted_rows.items():
            self.assertLess(abs(rows[row] - left), 30, row)

    def test_2_connections(self):
        for name, line in (("Lcn", "-Lcn"), ("Lcn", "-Lcn --sort"), ("Lcn--persistent-conn", "-Lcn --persistent-conn")):
            with self.subTest(line):
                self.assert_rows(self.listing(line), recorded(name))
        for name in ("ip_vs_conn", "ip_vs_conn_sync"):
            with self.subTest(name):
                text = self.program("cat", f"/proc/net/{name}", check=True).stdout
                self.assert_rows(text, recorded(f"proc_net_{name}"))

    def test_3_files(self):
        def services(text: str) -> tuple:  # the order is that of a kernel's hash
            head, *blocks = re.split(r"^(?=TCP|UDP|FWM)", text, flags=re.M)
            return head, sorted("".join(sorted(block.splitlines(keepends=True))) for block in blocks)
        text = self.program("cat", "/proc/net/ip_vs", check=True).stdout
        self.assertEqual(services(text), services(recorded("proc_net_ip_vs")))
        stats = self.program("cat", "/proc/net/ip_vs_stats", check=True).stdout
        wanted = recorded("proc_net_ip_vs_stats").splitlines()
        self.assertEqual(stats.splitlines()[:5], wanted[:5])  # the last line has rates
        self.assertEqual([len(line) for line in stats.splitlines()], [len(line) for line in wanted])

    def test_4_zero(self):
        self.assertEqual(self.printed("-Z"), "")
        for line in self.listing("-Ln --stats").splitlines()[3:]:
            self.assertRegex(line, r"(        0){5}$")
