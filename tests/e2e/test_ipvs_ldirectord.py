"""Debian's ldirectord with Debian's ipvsadm, both unmodified, by the library. test_ipvsadm.py has it with our ipvsadm."""

import os
import time
from collections import Counter

from fairlead_lab import addresses as at, client, servers
from fairlead_lab.ipvs_programs import IpvsTest
from fairlead_lab.shell import ShellError, wait_until
from test_ipvsadm import Ldirectord

ROUNDS = 5
CONFIGURATION = """
checktimeout = 2
negotiatetimeout = 2
checkinterval = 1
failurecount = 1
autoreload = yes
quiescent = no
logfile = "{log}"
virtual = {vip}:80
{reals}
        fallback = 10.0.0.14:80 masq
        service = http
        request = "health"
        receive = "ok"
        scheduler = wrr
        protocol = tcp
        checktype = negotiate
"""


class LdirectordByLibrary(Ldirectord):
    """All that it does with `fairlead ipvsadm` mounted in place of the other. A failed server stays in the table with weight
    0, where LdirectordDaemon below takes it out."""

    quiescent = "yes"

    def out(self, *names) -> dict:
        return {name: 0 for name in names}

    @classmethod
    def command(cls, path: str) -> list:
        return IpvsTest.words_for(cls.lab, "ldirectord", path, "start")


class LdirectordDaemon(IpvsTest):
    """As Debian's unit runs it, which forks, and is reloaded and stopped by a second ldirectord."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = f"{cls.lab.state}/{cls.lab.name}.cf"  # the name is in that of its pid file
        cls.pid_file = f"/run/ldirectord.{cls.lab.name}.cf.pid"
        cls.log_path = f"{cls.lab.state}/ldirectord.log"
        cls.write(1, 2)
        cls.ldirectord("start")

    @classmethod
    def tearDownClass(cls):
        try:
            if os.path.exists(cls.pid_file):
                cls.ldirectord("stop")
            for index in (1, 2, 3):
                servers.ensure_nginx(cls.lab, index)
        finally:
            super().tearDownClass()

    @classmethod
    def ldirectord(cls, verb: str):
        cls.program("ldirectord", cls.path, verb, check=True)

    @classmethod
    def write(cls, *reals):
        lines = "\n".join(f"        real = {at.real_address(index)}:80 masq {index}" for index in reals)
        with open(cls.path + ".new", "w") as file:
            file.write(CONFIGURATION.format(log=cls.log_path, vip=at.VIP, reals=lines))
        # ldirectord reads a file again when its time of modification differs, in whole seconds.
        cls.written = max(int(time.time()), getattr(cls, "written", 0) + 1)
        os.utime(cls.path + ".new", (cls.written, cls.written))
        os.rename(cls.path + ".new", cls.path)

    def pid(self) -> str:
        """Written a little after the command has returned."""
        def read():
            with open(self.pid_file) as file:
                return file.read().strip()
        return wait_until(read, "ldirectord has written its number")

    def wait_reals(self, *reals):
        """Those of the file's that are in the table, each with its number as weight; the fallback is number 4."""
        wanted = {f"{at.real_address(index)}:80": 1 if index == 4 else index for index in reals}

        def has_it():
            """Not for a moment: ldirectord adds a real server, removes it, and adds it again when it has been checked."""
            for _ in range(4):
                if self.reals() != wanted:
                    return False
                time.sleep(0.1)
            return True
        try:
            wait_until(has_it, f"the table has {wanted}", timeout=40, interval=0.2)
        except ShellError:
            with open(self.log_path) as file:
                print("---- ldirectord's log\n" + file.read() + self.listing("-Ln"))
            raise

    def reals(self) -> dict:
        words = [line.split() for line in self.listing("-Ln").splitlines()[3:]]
        return {word[1]: int(word[3]) for word in words if word[0] == "->"}

    def names(self, count: int = 30) -> Counter:
        type(self).network = getattr(type(self), "network", 0) + 1
        sources = [f"100.64.{self.network}.{n}" for n in range(1, count + 1)]
        return Counter(client.spread(self.lab, f"http://{at.VIP}/", sources))

    def test_1_it_fills_the_table(self):
        self.wait_reals(1, 2)
        self.assertEqual(self.names(), {"real1": 10, "real2": 20})

    def test_2_no_request_fails_once_a_real_is_out(self):
        with client.Loops(self.lab, f"http://{at.VIP}/", 20, 0.1) as loops:
            servers.stop_nginx(self.lab, 1)
            self.wait_reals(2)
            out = time.monotonic()
            time.sleep(1)
            servers.start_nginx(self.lab, 1)
            back = time.monotonic()
            self.wait_reals(1, 2)
            time.sleep(1)
        self.assertEqual([failure for failure in loops.failures if failure[0] > out], [])
        between = [name for start, _, name in loops.answers if out < start < back]
        self.assertEqual(set(between), {"real2"})
        self.assertEqual({name for start, _, name in loops.answers if start > back}, {"real1", "real2"})

    def test_3_without_any_the_fallback_answers(self):
        servers.stop_nginx(self.lab, 1)
        servers.stop_nginx(self.lab, 2)
        self.wait_reals(4)
        self.assertEqual(self.names(), {"real4": 30})
        servers.start_nginx(self.lab, 1)
        servers.start_nginx(self.lab, 2)
        self.wait_reals(1, 2)
        self.assertEqual(self.names(), {"real1": 10, "real2": 20})

    def test_4_a_changed_file_is_read_by_itself(self):
        self.write(1, 2, 3)
        self.wait_reals(1, 2, 3)
        self.assertEqual(self.names(), {"real1": 5, "real2": 10, "real3": 15})
        self.write(2, 3)
        self.wait_reals(2, 3)
        self.assertEqual(set(self.names()), {"real2", "real3"})

    def test_5_a_reload_of_each_side(self):
        for _ in range(ROUNDS):  # at whatever it is doing
            self.director.cli("reload", "--yes")
            self.assertEqual(self.reals(), {})
            self.ldirectord("reload")
            self.wait_reals(2, 3)
        self.assertEqual(set(self.names()), {"real2", "real3"})

    def test_6_a_restart_of_each_side(self):
        self.director.crash()
        self.ldirectord("reload")
        self.wait_reals(2, 3)
        before = self.pid()
        self.ldirectord("restart")
        self.assertNotEqual(self.pid(), before)
        self.wait_reals(2, 3)
        self.assertEqual(set(self.names()), {"real2", "real3"})

    def test_7_it_leaves_nothing_behind(self):
        self.ldirectord("stop")  # does not wait for the one that ends
        wait_until(lambda: not os.path.exists(self.pid_file), "ldirectord has ended")
        self.assertEqual(self.listing("-Ln").count("\n"), 3)
        with open(self.log_path) as file:
            log = file.read()
        self.assertIn("Purged virtual server", log)
        self.assertNotIn(" failed: ", log)  # what it says of a command that ended with an error
