"""Debian's ipvsadm and other programs of the kernel's IPVS, unmodified, by the library, with traffic."""

import os

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.ipvs_programs import IpvsTest

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


def data(name: str) -> str:
    with open(f"{DATA}/{name}") as file:
        return file.read()


class GuideOverNetlink(IpvsTest):
    """The lines that set-up guides print, typed into Debian's ipvsadm."""

    @classmethod
    def configure(cls):
        rule = {"name": "bundle", "mark": 2, "protocol": "tcp", "destination": at.VIP2, "destination_port": [8080]}
        return configuration([], classifier=[rule])

    def test_1_every_line_runs(self):
        script = f"{DATA}/setup-guide.sh"
        self.assertGreaterEqual(data("setup-guide.sh").count("\nipvsadm"), 65)
        done = self.program("sh", "-e", script, env={**os.environ, "LC_ALL": "C", "RULES": f"{self.lab.state}/rules"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("TCP  192.0.2.80:http rr\n", done.stdout)
        self.assertIn("Timeout (tcp tcpfin udp): 7200 120 300\n", done.stdout)
        self.assertIn("  -> 10.0.0.11:8080               500        400        0          0         \n", done.stdout)
        self.assertEqual(self.listing("-Sn"), data("setup-guide.saved"))

    def test_2_saved_is_restored(self):
        self.program("sh", "-e", "-c", "ipvsadm-save -n | ipvsadm-restore", check=True)
        self.assertEqual(self.listing("-Sn"), data("setup-guide.saved"))

    def test_3_what_it_set_up_forwards(self):
        names = client.spread(self.lab, f"http://{at.VIP}/", [f"198.51.100.{n}" for n in range(1, 31)])
        self.assertEqual(set(names), {"real1", "real2", "real3"})
        stuck = client.spread(self.lab, f"http://{at.VIP_DR}/", ["198.51.100.7"] * 5)
        self.assertEqual(len(set(stuck)), 1)
        marked = client.spread(self.lab, f"http://{at.VIP2}:8080/", ["198.51.100.8"] * 3)
        self.assertEqual(set(marked), {"real3"})
        six = client.spread(self.lab, f"http://[{at.VIP6}]/", [f"2001:db8:2::{n}" for n in range(1, 5)])
        self.assertEqual(set(six), {"real1", "real2"})
        entries = self.listing("-Lcn")
        self.assertRegex(entries, r"TCP [0-9:]+ +[A-Z_]+ +198\.51\.100\.1:\d+ +192\.0\.2\.80:80 +10\.0\.0\.1\d:80")
        self.assertRegex(entries, r"TCP [0-9:]+ +ASSURED +198\.51\.100\.7:0 +192\.0\.2\.180:80 +10\.0\.0\.1\d:80\n")

    def test_4_refusals_are_the_kernels(self):
        """Exit code and text as ipvsadm 1.31 gives them over a Linux 6.1."""
        for line, code, said in (
                ("-A -t 192.0.2.80:80", 255, "Service already exists\n"),
                ("-D -t 192.0.2.99:80", 255, "No such service\n"),
                ("-E -t 192.0.2.99:80", 255, "No such service\n"),
                ("-Z -t 192.0.2.99:80", 255, "No such service\n"),
                ("-a -t 192.0.2.99:80 -r 10.0.0.11", 255, "Service not defined\n"),
                ("-a -t 192.0.2.80:80 -r 10.0.0.11:80 -m", 255, "Destination already exists\n"),
                ("-e -t 192.0.2.80:80 -r 10.0.0.99 -m", 255, "No such destination\n"),
                ("-d -t 192.0.2.80:80 -r 10.0.0.99:80", 255, "No such destination\n"),
                ("-A -t 192.0.2.99:80 -s nonsense", 255, "Scheduler or persistence engine not found\n"),
                ("-A -t 192.0.2.99:80 --pe nonsense", 255, "Scheduler or persistence engine not found\n"),
                ("-L -t 192.0.2.99:80", 1, "No such service\n"),
                ("--stop-daemon master", 255, "No daemon is running\n"),
        ):
            done = self.ipvsadm(line)
            self.assertEqual((line, done.returncode, done.stderr), (line, code, said))
        self.assertEqual(self.listing("-Sn"), data("setup-guide.saved"))
