"""The director as IPVS's tools see it: a set-up guide typed in unmodified, and ldirectord in charge of the table."""

import os
import signal
import subprocess
from collections import Counter

from fairlead_lab import addresses as at, client, configuration, servers
from fairlead_lab.case import LabTest
from fairlead_lab.director import BUILD
from fairlead_lab.shell import run, wait_until

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
PROGRAM = f"{BUILD}/src/cli/fairlead"


class IpvsadmTest(LabTest):
    def ipvsadm(self, *words, check: bool = True, **options) -> subprocess.CompletedProcess:
        return self.director.cli("ipvsadm", *words, check=check, **options)

    def table(self) -> dict:
        """{service: {real: weight}} of `ipvsadm -Ln`."""
        table, reals = {}, {}
        for line in self.ipvsadm("-Ln").stdout.splitlines()[3:]:
            words = line.split()
            if words[0] == "->":
                reals[words[1]] = int(words[3])
            else:
                reals = table.setdefault(words[1], {})
        return table


class SetupGuide(IpvsadmTest):
    worker_counts = (2,)

    @classmethod
    def configure(cls):
        rule = {"name": "bundle", "mark": 2, "protocol": "tcp", "destination": at.VIP2, "destination_port": [8080]}
        return configuration([], classifier=[rule])

    def read(self, name: str) -> str:
        with open(f"{DATA}/{name}") as file:
            return file.read()

    def test_1_every_line_of_the_guide_runs(self):
        bin_directory = f"{self.lab.state}/bin"
        os.makedirs(bin_directory, exist_ok=True)
        for name in ("ipvsadm", "ipvsadm-save", "ipvsadm-restore"):
            os.symlink(PROGRAM, f"{bin_directory}/{name}")
        environment = {**os.environ, "PATH": f"{bin_directory}:{os.environ['PATH']}",
                       "FAIRLEAD_API": self.director.api, "RULES": f"{self.lab.state}/rules"}
        script = f"{DATA}/setup-guide.sh"
        self.assertGreaterEqual(self.read("setup-guide.sh").count("\nipvsadm"), 60)
        done = run("sh", "-e", script, env=environment, timeout=300)
        # The guide's mark 1, IPv4 and IPv6, is set by iptables; no rule of the classifier does. It is added three times, once
        # by a line of a command and else by lines of a file.
        warning = "warning: no classifier rule sets this mark\n"
        by_file = "".join(f"ipvsadm: line {line}: {warning}" for line in
                          ("30: -A -f 1 -s wlc -p 300 -M 255.255.255.0", "33: -A -f 1 -6 -s rr"))
        self.assertEqual(done.stderr, f"ipvsadm: {warning}" * 2 + by_file * 2)
        self.assertEqual(self.ipvsadm("-Sn").stdout, self.read("setup-guide.saved"))
        self.assertIn("TCP  192.0.2.80:http rr\n", done.stdout)  # ipvsadm -L
        self.assertIn("Timeout (tcp tcpfin udp): 7200 120 300\n", done.stdout)
        self.assertIn("  -> 10.0.0.11:8080               500        400        0          0         \n", done.stdout)

    def test_1b_restoring_reads_all_before_it_clears(self):
        """The writer of the pipe may be slow: what it lists must still be there."""
        bin_directory = f"{self.lab.state}/bin"
        environment = {**os.environ, "PATH": f"{bin_directory}:{os.environ['PATH']}",
                       "FAIRLEAD_API": self.director.api}
        run("sh", "-e", "-c", "(sleep 1; ipvsadm -Sn) | ipvsadm-restore", env=environment)
        self.assertEqual(self.ipvsadm("-Sn").stdout, self.read("setup-guide.saved"))

    def test_2_what_it_set_up_forwards(self):
        self.assertEqual(self.ipvsadm("-Z").stdout, "")
        names = client.spread(self.lab, f"http://{at.VIP}/", [f"198.51.100.{n}" for n in range(1, 31)])
        self.assertEqual(set(names), {"real1", "real2", "real3"})
        stuck = client.spread(self.lab, f"http://{at.VIP_DR}/", ["198.51.100.7"] * 5)
        self.assertEqual(len(set(stuck)), 1)
        marked = client.spread(self.lab, f"http://{at.VIP2}:8080/", ["198.51.100.8"] * 3)
        self.assertEqual(set(marked), {"real3"})

        def counted():
            for line in self.ipvsadm("-Ln", "--stats").stdout.splitlines():
                if line.startswith("TCP  192.0.2.80:80 "):
                    return int(line.split()[2])
            return None
        wait_until(lambda: counted() == 30, "--stats counts 30 connections", timeout=10)
        entries = self.ipvsadm("-Lcn").stdout
        self.assertRegex(entries, r"TCP [0-9:]+ +[A-Z_]+ +198\.51\.100\.1:\d+ +192\.0\.2\.80:80 +10\.0\.0\.1\d:80")
        self.assertRegex(entries, r"TCP [0-9:]+ +ASSURED +198\.51\.100\.7:0 +192\.0\.2\.180:80 +10\.0\.0\.1\d:80\n")
        self.ipvsadm("-Z", "-t", "192.0.2.80:80")
        self.assertEqual(counted(), 0)

    def test_3_errors_have_the_codes_of_ipvsadm(self):
        for code, words in (
                (255, "-A -t 192.0.2.80:80"), (255, "-D -t 192.0.2.99:80"), (255, "-E -t 192.0.2.99:80"),
                (255, "-a -t 192.0.2.80:80 -r 10.0.0.11:80 -m"), (255, "-e -t 192.0.2.80:80 -r 10.0.0.99 -m"),
                (255, "-d -t 192.0.2.80:80 -r 10.0.0.99:80"), (255, "-a -t 192.0.2.99:80 -r 10.0.0.11"),
                (255, "-A -t 192.0.2.99:80 -s nonsense"), (255, "-Z -t 192.0.2.99:80"),
                (255, "-a -t 192.0.2.80:80 -r 10.0.0.14:80 -m -y 5"), (255, "--start-daemon master"),
                (255, "-A --sctp-service 192.0.2.80:80"), (1, "-L -t 192.0.2.99:80"),
                (2, "-A -t 192.0.2.99:80 -o"), (2, "-A -t 192.0.2.99:0"), (255, "-Q")):
            done = self.ipvsadm(*words.split(), check=False)
            self.assertEqual(done.returncode, code, f"{words}: {done.stderr}")
            self.assertTrue(done.stderr, words)
        self.assertEqual(self.ipvsadm("-Sn").stdout, self.read("setup-guide.saved"))

    def test_4_an_edit_takes_back_what_it_does_not_say(self):
        web = ("-t", "192.0.2.180:80")
        self.ipvsadm("-E", *web)
        self.assertIn("TCP  192.0.2.180:80 wlc\n", self.ipvsadm("-Ln").stdout)
        limited = ("-t", "192.0.2.83:8080", "-r", "10.0.0.11:8080")
        self.ipvsadm("-e", *limited, "-m", "-w", "7")
        self.assertIn("  -> 10.0.0.11:8080               0          0 ", self.ipvsadm("-Ln", "--thresholds").stdout)
        self.ipvsadm("-e", *limited)
        self.assertIn("  -> 10.0.0.11:8080               Route   1 ", self.ipvsadm("-Ln").stdout)


LDIRECTORD = """
checktimeout = 2
negotiatetimeout = 2
checkinterval = 1
failurecount = 1
autoreload = no
quiescent = {quiescent}
supervised = yes
virtual = {vip}:80
        real = 10.0.0.11:80 masq 1
        real = 10.0.0.12:80 masq 2
        fallback = 10.0.0.14:80 masq
        service = http
        request = "health"
        receive = "ok"
        scheduler = wrr
        persistent = 600
        protocol = tcp
        checktype = negotiate
virtual = 7
        real = 10.0.0.12:80 masq 1
        real = 10.0.0.13:80 masq 1
        service = http
        scheduler = rr
        protocol = fwm
        checktype = connect
        checkport = 80
"""


class Ldirectord(IpvsadmTest):
    """Debian's ldirectord, unmodified: it runs /sbin/ipvsadm, over which the director's is mounted for it alone."""

    worker_counts = (1,)
    quiescent = "no"

    @classmethod
    def configure(cls):
        rule = {"name": "both", "mark": 7, "protocol": "tcp", "destination": at.VIP2, "destination_port": [80, 8080]}
        return configuration([], classifier=[rule])

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.log_path = f"{cls.lab.state}/ldirectord.log"
        path = f"{cls.lab.state}/ldirectord.cf"
        with open(path, "w") as file:
            file.write(LDIRECTORD.format(quiescent=cls.quiescent, vip=at.VIP))
        with open(cls.log_path, "w") as log:
            cls.process = cls.lab.director.spawn(
                *cls.command(path), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "FAIRLEAD_API": cls.director.api}, start_new_session=True)

    @classmethod
    def command(cls, path: str) -> list:
        mount_and_run = f"mount --bind {PROGRAM} /usr/sbin/ipvsadm && exec ldirectord {path} start"
        return ["unshare", "--mount", "sh", "-c", mount_and_run]

    @classmethod
    def tearDownClass(cls):
        try:
            if cls.process.poll() is None:
                cls.process.send_signal(signal.SIGTERM)
                cls.process.wait(timeout=30)
            for index in (1, 2, 3):
                servers.ensure_nginx(cls.lab, index)
        finally:
            super().tearDownClass()

    def wait_reals(self, service: str, reals: dict):
        try:
            wait_until(lambda: self.table().get(service) == reals, f"{service} has {reals}", timeout=40,
                       interval=0.2)
        except Exception:
            with open(self.log_path) as file:
                print("---- ldirectord's log\n" + file.read() + self.ipvsadm("-Ln").stdout)
            raise

    def ask(self, count: int = 30, base: str = "198.51.100") -> Counter:
        return Counter(client.spread(self.lab, f"http://{at.VIP}/", [f"{base}.{n}" for n in range(1, count + 1)]))

    def new_clients(self) -> Counter:
        """Of clients that nobody has seen: no template says where they go."""
        type(self).network = getattr(type(self), "network", 0) + 1
        return self.ask(30, f"100.64.{self.network}")

    # What a real that failed is in the table: gone, or of weight 0.
    def out(self, *names) -> dict:
        return {}

    def test_1_it_fills_the_table(self):
        self.wait_reals(f"{at.VIP}:80", {"10.0.0.11:80": 1, "10.0.0.12:80": 2})
        self.wait_reals("7", {"10.0.0.12:80": 1, "10.0.0.13:80": 1})
        listing = self.ipvsadm("-Ln").stdout
        self.assertIn(f"TCP  {at.VIP}:80 wrr persistent 600\n", listing)
        self.assertIn("FWM  7 rr\n", listing)
        self.assertEqual(self.new_clients(), {"real1": 10, "real2": 20})
        marked = client.spread(self.lab, f"http://{at.VIP2}:8080/", ["198.51.100.9"] * 4)
        self.assertEqual(set(marked), {"real2", "real3"})

    def test_2_a_server_goes_and_comes_back(self):
        servers.stop_nginx(self.lab, 1)
        self.wait_reals(f"{at.VIP}:80", {"10.0.0.12:80": 2, **self.out("10.0.0.11:80")})
        self.assertEqual(self.new_clients(), {"real2": 30})
        servers.start_nginx(self.lab, 1)
        self.wait_reals(f"{at.VIP}:80", {"10.0.0.11:80": 1, "10.0.0.12:80": 2})
        self.assertEqual(set(self.new_clients()), {"real1", "real2"})

    def test_3_without_any_the_fallback_answers(self):
        servers.stop_nginx(self.lab, 1)
        servers.stop_nginx(self.lab, 2)
        self.wait_reals(f"{at.VIP}:80", {"10.0.0.14:80": 1, **self.out("10.0.0.11:80", "10.0.0.12:80")})
        self.wait_reals("7", {"10.0.0.13:80": 1, **self.out("10.0.0.12:80")})
        self.assertEqual(self.new_clients(), {"real4": 30})
        servers.start_nginx(self.lab, 1)
        servers.start_nginx(self.lab, 2)
        self.wait_reals(f"{at.VIP}:80", {"10.0.0.11:80": 1, "10.0.0.12:80": 2})
        self.wait_reals("7", {"10.0.0.12:80": 1, "10.0.0.13:80": 1})
        self.assertEqual(set(self.new_clients()), {"real1", "real2"})

    def test_4_it_sets_up_again_what_a_reload_took_back(self):
        self.director.cli("reload", "--yes")
        self.assertEqual(self.table(), {})
        self.process.send_signal(signal.SIGHUP)  # what `systemctl reload ldirectord` sends
        self.wait_reals(f"{at.VIP}:80", {"10.0.0.11:80": 1, "10.0.0.12:80": 2})
        self.wait_reals("7", {"10.0.0.12:80": 1, "10.0.0.13:80": 1})
        self.assertEqual(set(self.new_clients()), {"real1", "real2"})

    def test_5_it_leaves_nothing_behind(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.assertEqual(self.table(), {})
        with open(self.log_path) as file:
            log = file.read()
        self.assertIn("Purged virtual server", log)
        self.assertNotIn("ipvsadm:", log)  # no command was refused
        self.assertNotIn(" failed: ", log)  # what it says of a command that ended with an error


class LdirectordQuiescent(Ldirectord):
    """The same with quiescent=yes: a failed server stays in the table with weight 0."""

    quiescent = "yes"

    def out(self, *names) -> dict:
        return {name: 0 for name in names}
