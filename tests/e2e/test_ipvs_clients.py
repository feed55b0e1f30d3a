"""Debian's ipvsadm and other programs of the kernel's IPVS, unmodified, by the library, with traffic."""

import os
import subprocess
import sys

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.compiled import compiled
from fairlead_lab.ipvs_programs import HEAD, IpvsTest, RAW_IPVS, SERVICES
from fairlead_lab.keepalived import GLOBAL, Keepalived, vrrp
from fairlead_lab.shell import run, wait_until

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


def data(name: str) -> str:
    with open(f"{DATA}/{name}") as file:
        return file.read()


INVALID = "Invalid operation.  Possibly wrong module version, address not unicast, ...\n"


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
                ("--start-daemon master --mcast-interface nosuch", 255, "No such device\n"),
                ("--start-daemon master --mcast-interface outside --syncid 300", 2, "illegal syncid specified\n"),
                ("-A --sctp-service 192.0.2.99:80", 255, "Protocol not supported\n"),
                ("-a -t 192.0.2.80:80 -r 10.0.0.14 -m -x 5 -y 10", 255, "Numerical result out of range\n"),
                ("-a -t 192.0.2.80:80 -r 10.0.0.14 -m -w 65536", 255, "Numerical result out of range\n"),
                ("-a -t 192.0.2.80:80 -r 127.0.0.1 -m", 255, INVALID),
                ("-a -t 192.0.2.80:80 -r 10.0.0.14 -m -w -1", 2, "illegal weight specified\n"),
                ("-A -t 192.0.2.99:0", 2, "Zero port specified for non-persistent service\n"),
                ("-A -t 192.0.2.99:80 -o", 2, "One-Packet Scheduling is only for UDP virtual services\n"),
                ("-A -t 192.0.2.99:80 -b sh-port", 2, "incompatible scheduler flag `sh-port'\n"),
                ("--set 1 2", 2, "--set option requires 3 timeout values\n"),
        ):
            done = self.ipvsadm(line)
            self.assertEqual((line, done.returncode, done.stderr), (line, code, said))
        self.assertEqual(self.listing("-Sn"), data("setup-guide.saved"))


class Daemons(IpvsTest):
    """--start-daemon and --stop-daemon of Debian's ipvsadm and of ours, and keepalived's lvs_sync_daemon: one section."""

    @classmethod
    def configure(cls):
        config = configuration([])
        config["director"]["arena"] = cls.lab.arena
        return config

    @classmethod
    def setUpClass(cls):
        cls.lab.director.ip("link add e1 type veth peer name e1-peer")
        cls.lab.director.ip("addr add 10.255.1.1/24 dev e1")
        for end in ("e1", "e1-peer"):
            cls.lab.director.ip(f"link set {end} up")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.lab.director.ip("link del e1")

    def ours(self, line: str) -> str:
        return self.director.cli("ipvsadm", *line.split()).stdout

    def test_1_start_list_stop(self):
        line = " sync daemon (mcast=e1, syncid=5, maxlen=1400, group=224.0.0.99, port=9000, ttl=3)\n"
        words = "--mcast-interface e1 --syncid 5 --sync-maxlen 1400 --mcast-group 224.0.0.99 --mcast-port 9000 --mcast-ttl 3"
        self.assertEqual(self.listing(f"--start-daemon master {words}"), "")
        self.assertEqual(self.listing("-L --daemon"), "master" + line)
        done = self.ipvsadm(f"--start-daemon master {words}")
        self.assertEqual((done.returncode, done.stderr), (255, "Daemon has already run\n"))
        self.assertEqual(self.ours(f"--start-daemon backup {words}"), "")
        for listing in (self.listing, self.ours):
            self.assertEqual(listing("-L --daemon"), "master" + line + "backup" + line)
        self.assertTrue(self.director.json("sync", "status")["ipvs"]["open"])
        self.assertEqual(self.director.json("diff")["changes"], ["sync.ipvs.role off → both"])
        self.assertEqual(self.listing("--stop-daemon master"), "")
        self.assertEqual(self.ours("-L --daemon"), "backup" + line)
        self.assertEqual(self.ours("--stop-daemon backup"), "")
        self.assertEqual(self.listing("-L --daemon"), "")
        done = self.ipvsadm("--stop-daemon backup")
        self.assertEqual((done.returncode, done.stderr), (255, "No daemon is running\n"))

    def test_2_it_outlives_a_restart_and_a_reload_takes_it_back(self):
        self.listing("--start-daemon backup --mcast-interface e1 --syncid 3")
        running = "backup sync daemon (mcast=e1, syncid=3, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n"
        self.director.stop_and_start()
        self.assertEqual(self.ours("-L --daemon"), running)
        self.director.cli("reload", "--yes")
        self.assertEqual(self.ours("-L --daemon"), "")

    def test_3_lvs_sync_daemon_of_keepalived_follows_vrrp(self):
        keepalived = Keepalived(self.lab, self.director)
        conf = GLOBAL.replace("}", "  lvs_sync_daemon e1 pair id 5\n}") + vrrp("pair", "e1", 100, "10.255.1.9")
        running = " sync daemon (mcast=e1, syncid=5, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n"
        try:
            keepalived.start(conf)
            wait_until(lambda: self.ours("-L --daemon") == "master" + running, "the master synchronises", timeout=30)
            self.assertRegex(self.director.cli("diff").stdout, r"sync\.ipvs\.role off → master")
        finally:
            keepalived.stop()
        wait_until(lambda: self.ours("-L --daemon") == "", "keepalived has stopped it", timeout=30)


class OtherPrograms(IpvsTest):
    """One written with libnl, one with raw sockets, and some that have another business. A kernel lists real servers the
    newest first."""

    def test_a_program_of_libnl(self):
        flags = run("pkg-config", "--cflags", "--libs", "libnl-genl-3.0").stdout.split()
        program = compiled("libnl_ipvs", *flags)
        process = self.lab.director.spawn(*self.words_for(self.lab, program, at.VIP, 80, "10.0.0.11", "10.0.0.12"),
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = ""
        while not said.endswith("set up\n"):
            line = process.stdout.readline()
            self.assertTrue(line, said)
            said += line
        self.assertEqual(said, (
            "new service: Success\nnew real: Success\nnew real: Success\nthe same again: Object exists\n"
            f"service {at.VIP}:80 rr\nservices: Success\n"
            "real 10.0.0.12:80 weight 1\nreal 10.0.0.11:80 weight 1\nreals: Success\n"
            "ethtool: Success\nethtool has links: yes\nlinks: Success\nroute has links: yes\nset up\n"))
        names = client.spread(self.lab, f"http://{at.VIP}/", [f"198.51.100.{n}" for n in range(1, 9)])
        self.assertEqual(self.address_counts(names), {"real1": 4, "real2": 4})
        self.assertEqual(process.communicate("\n", timeout=60)[0], "removed: Success\n")
        self.assertEqual(self.listing("-Ln"), HEAD + SERVICES)

    def test_a_program_with_raw_sockets(self):
        done = self.program(sys.executable, RAW_IPVS, "dialogue", at.VIP6, 80, "fd00:10::11", "fd00:10::12", check=True)
        self.assertEqual(done.stdout, (
            f"services [{at.VIP6}]:80\nreals [fd00:10::12]:80 1 [fd00:10::11]:80 1\nagain: File exists\n"
            "ethtool there\nservices\n"))

    def test_programs_with_another_business_see_no_difference(self):
        for words in (["ethtool", "outside"], ["ethtool", "-i", "outside"], ["ip", "-d", "link"], ["ip", "-4", "route"],
                      ["genl", "ctrl", "get", "name", "ethtool"], ["ss", "-Hltn"], ["cat", "/proc/net/dev_mcast"]):
            plain = self.lab.director.run(*words, check=False)
            loaded = self.program(*words, env=dict(os.environ))
            self.assertEqual((plain.returncode, plain.stdout, plain.stderr),
                             (loaded.returncode, loaded.stdout, loaded.stderr), words)
