"""Load over the socket of IPVS, as classes that test files make their own.

    class ManyChanges(ChangesTest):
        SECONDS = 5

What is bounded by time here (a list in three seconds, two hundred changes a second) is printed with what it cost.
"""

import json
import os
import subprocess
import sys
import time

from . import addresses as at
from . import client
from .director import configuration
from .flood import Flood, mac_of
from .hostile_ipvs import Hostiles
from .ipvs_programs import IpvsTest, RAW_IPVS

MEGABYTE = 1024 * 1024


def web(name: str, address: str, port: int, reals, **extra) -> dict:
    return {"name": name, "address": address, "protocol": "tcp", "port": port, "scheduler": "rr",
            "reals": [{"address": real} for real in reals], **extra}


class ManyServicesTest(IpvsTest):
    SERVICES, REALS = 1000, 100
    SECONDS = 3.0

    @classmethod
    def configure(cls):
        reals = [f"10.0.0.{n}" for n in range(11, 11 + cls.REALS)]
        return configuration([web(f"web{port}", at.VIP, port, reals) for port in range(1, cls.SERVICES + 1)])

    def test_a_list_in_three_seconds(self):
        path = f"{self.lab.state}/listing"
        before = self.resident_bytes()
        spent, program = min(self.measured(path, "ipvsadm", "-Ln") for _ in range(3))
        grown = self.resident_bytes() - before
        print(f"     {self.SERVICES} x {self.REALS} listed in {spent:.2f} s; ipvsadm had {program / MEGABYTE:.0f} MB, "
              f"the daemon {before / MEGABYTE:.0f} and {grown / MEGABYTE:+.1f} MB", flush=True)
        with open(path) as file:
            lines = file.read().splitlines()
        self.assertEqual(len(lines), 3 + self.SERVICES * (1 + self.REALS))
        self.assertEqual(sum(line.startswith("TCP  192.0.2.80:") for line in lines), self.SERVICES)
        self.assertLess(spent, self.SECONDS)
        self.assertLess(program, 64 * MEGABYTE)
        self.assertLess(grown, 16 * MEGABYTE)

    def test_the_table_as_a_file(self):
        path = f"{self.lab.state}/listing"
        before = self.resident_bytes()
        spent, program = self.measured(path, "cat", "/proc/net/ip_vs")
        print(f"     /proc/net/ip_vs in {spent:.2f} s, cat had {program / MEGABYTE:.0f} MB", flush=True)
        with open(path) as file:
            self.assertEqual(sum(1 for _ in file), 3 + self.SERVICES * (1 + self.REALS))
        self.assertLess(program, 64 * MEGABYTE)
        self.assertLess(self.resident_bytes() - before, 16 * MEGABYTE)


class ManyConnectionsTest(IpvsTest):
    CONNECTIONS = 1_000_000

    @classmethod
    def configure(cls):
        dns = {"name": "dns", "address": at.VIP_DR, "protocol": "udp", "port": 5000, "scheduler": "rr",
               "reals": [{"address": at.real_address(1), "forward": "dr"}]}
        config = configuration([dns])
        config["director"]["connections"] = 1 << 21
        return config

    def test_a_million_as_a_stream(self):
        mac = mac_of(self.lab.director, "outside")
        with Flood(self.lab.client, "outside", mac, "198.18.0.0/15", at.VIP_DR, port=5000, rate=100_000,
                   seconds=200, most=self.CONNECTIONS * 21 // 20) as flood:
            flood.wait()
        path = f"{self.lab.state}/listing"
        before = self.resident_bytes()
        peak = before
        process = self.lab.director.spawn(
            *self.words_for(self.lab, "sh", "-c", f"ipvsadm -Lnc > {path}"), stdin=subprocess.DEVNULL)
        start = time.monotonic()
        while process.poll() is None:
            peak = max(peak, self.resident_bytes())
            time.sleep(0.05)
        spent = time.monotonic() - start
        with open(path, "rb") as file:
            count = sum(line.startswith(b"UDP ") for line in file)
        size = os.path.getsize(path)
        os.unlink(path)
        print(f"     {flood.sent} sent, {count} listed in {spent:.1f} s, {size / MEGABYTE:.0f} MB of text; the daemon "
              f"{before / MEGABYTE:.0f} and {(peak - before) / MEGABYTE:+.1f} MB", flush=True)
        self.assertEqual(process.returncode, 0)
        self.assertGreaterEqual(count, self.CONNECTIONS)
        self.assertLess(peak - before, 16 * MEGABYTE)


class ChangesTest(IpvsTest):
    """Two hundred changes a second by netlink, of weights and of real servers that come and go, while clients ask."""

    SECONDS = 0
    RATE = 200
    SERVICES = 100

    @classmethod
    def configure(cls):
        reals = [at.real_address(1), at.real_address(2)]
        others = [web(f"other{n}", at.VIP2, n, reals) for n in range(1, cls.SERVICES)]
        return configuration([web("web", at.VIP, 80, reals), *others])

    def test_no_request_is_lost(self):
        with client.Loops(self.lab, f"http://{at.VIP}/", 20, 0.05) as loops:
            done = self.program(sys.executable, RAW_IPVS, "changes", at.VIP, 80, at.real_address(2),
                                at.VIP2, 50, at.real_address(3), self.RATE, self.SECONDS,
                                check=True, timeout=self.SECONDS * 3 + 60)
        said = json.loads(done.stdout)
        rate = said["made"] / said["seconds"]
        print(f"     {said['made']} changes, {rate:.0f} a second, the longest {said['longest_ms']:.0f} ms; "
              f"{len(loops.answers)} answers", flush=True)
        self.assertEqual(said["refused"], 0)
        self.assertEqual(loops.failures, [])
        self.assertGreater(len(loops.answers), 20 * self.SECONDS)
        self.assertGreater(rate, self.RATE / 4)  # of a machine that does other things as well


class HostileTest(IpvsTest):
    """Local programs that mean harm are at the socket while clients ask."""

    @classmethod
    def configure(cls):
        return configuration([web("web", at.VIP, 80, [at.real_address(1), at.real_address(2)])])

    def under_traffic(self, harm) -> int:
        """Does harm while clients ask, none of which may fail; returns how much more memory the daemon has."""
        before = self.resident_bytes()
        with client.Loops(self.lab, f"http://{at.VIP}/", 20, 0.05) as loops:
            harm(Hostiles(f"{self.lab.state}/ipvs.sock"))
        self.assertEqual(loops.failures, [])
        self.assertGreaterEqual(len(loops.answers), 20)
        self.assertEqual(self.listing("-Ln").count("-> 10.0.0."), 2)  # and everybody else is served as before
        grown = self.resident_bytes() - before
        print(f"     {len(loops.answers)} answers meanwhile; the daemon {before / MEGABYTE:.0f} and "
              f"{grown / MEGABYTE:+.1f} MB", flush=True)
        return grown

    def test_wrong_lengths_and_noise(self):
        grown = self.under_traffic(lambda hostiles: hostiles.noise(3000))
        self.assertLess(grown, 8 * MEGABYTE)

    def test_thousands_of_connections(self):
        grown = self.under_traffic(lambda hostiles: hostiles.connections(3000))
        self.assertLess(grown, 32 * MEGABYTE)

    def test_dumps_that_nobody_reads(self):
        grown = self.under_traffic(lambda hostiles: hostiles.unread(300))
        self.assertLess(grown, 32 * MEGABYTE)

    def test_a_flood_of_requests(self):
        grown = self.under_traffic(lambda hostiles: hostiles.flood(3.0))
        self.assertLess(grown, 16 * MEGABYTE)

    def test_others_may_not_connect(self):
        code = ("import os,socket,sys\nos.setgid(65534);os.setuid(65534)\n"
                "try: socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET).connect(sys.argv[1]);print('in')\n"
                "except OSError as e: print(e.strerror)\n")
        path = f"{self.lab.state}/ipvs.sock"
        self.assertEqual(self.lab.director.run(sys.executable, "-c", code, path).stdout, "Permission denied\n")
        os.chmod(path, 0o666)  # by accident
        try:
            harm = self.lab.director.run(sys.executable, HOSTILE, path)
        finally:
            os.chmod(path, 0o660)
        self.assertEqual(harm.stdout, "family 32560\n" + "Operation not permitted\n" * 17)
        self.assertEqual(self.listing("-Ln").count("-> 10.0.0."), 2)


HOSTILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile_ipvs.py")
