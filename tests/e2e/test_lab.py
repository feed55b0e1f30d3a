"""The lab itself, with the kernel alone: what the other tests stand on."""

import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys

from fairlead_lab import Lab, Namespace, ShellError, addresses as at, census, leaks, run, wait_until
from fairlead_lab.case import LabTest
from fairlead_lab.lab import ROOT


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


def ipv4(source: str, destination: str, protocol: int, payload: bytes) -> bytes:
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


class LabStandsAlone(LabTest):
    worker_counts = (1,)
    needs_daemon = False

    def second_lab(self, suffix: str) -> str:
        """A name for another lab, which goes with this test whatever happens to it."""
        name = self.lab.name + suffix
        self.addCleanup(Lab(name).down)
        return name

    def test_real_strips_ipip_and_replies_by_the_second_leg(self):
        real = self.lab.reals[1]
        mac = real.run("ip", "-o", "link", "show", "eth0").stdout.split("link/ether ")[1].split()[0]
        datagram = struct.pack("!HHHH", 4000, at.UDP_PORT, 8 + 5, 0) + b"hello"
        packet = ipv4(at.DIRECTOR_INSIDE, at.real_address(1), 4,
                      ipv4(at.CLIENT, at.VIP_TUN, 17, datagram))
        listener = self.lab.client.spawn(
            sys.executable, "-c",
            "import socket\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.bind(('192.0.2.10',4000));s.settimeout(20)\n"
            "print('ready',flush=True);print(*s.recvfrom(100))",
            stdout=subprocess.PIPE, text=True)
        self.assertEqual(listener.stdout.readline(), "ready\n")
        self.lab.director.run(
            sys.executable, "-c",
            "import socket,sys\n"
            "s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW);s.bind(('inside',0x800))\n"
            "s.send(bytes.fromhex(sys.argv[1])+s.getsockname()[4]+b'\\x08\\0'+bytes.fromhex(sys.argv[2]))",
            mac.replace(":", ""), packet.hex())
        out, _ = listener.communicate(timeout=30)
        self.assertEqual(out, f"b'real1 hello' ('{at.VIP_TUN}', {at.UDP_PORT})\n")

    def test_dpdk_tools_that_pages_and_messages_name_are_installed(self):
        named = {tool: str(path) for folder, kind in (("docs", "*.md"), ("src", "*.cc"))
                 for path in sorted(pathlib.Path(ROOT, folder).rglob(kind))
                 for tool in re.findall(r"\bdpdk-[a-z]+\.py\b", path.read_text())}
        self.assertIn("dpdk-devbind.py", named)
        for tool, path in named.items():
            self.assertIsNotNone(shutil.which(tool), f"{path} names {tool}; scripts/install-deps brings it")

    def test_nobody_on_the_bridge_answers_arp_for_a_direct_vip(self):
        asker = self.lab.reals[1]
        asker.run("ping", "-c1", "-W5", at.real_address(2))  # the bridge itself works
        asker.ip(f"addr del {at.VIP_DR}/32 dev lo")
        try:
            asker.ip(f"route add {at.VIP_DR} dev eth0")
            asker.run("ping", "-c1", "-W1", at.VIP_DR, check=False)
            entry = asker.run("ip", "neigh", "show", at.VIP_DR).stdout
            self.assertNotIn("lladdr", entry)
        finally:
            asker.run("ip", "route", "del", at.VIP_DR, "dev", "eth0", check=False)
            asker.ip(f"addr add {at.VIP_DR}/32 dev lo")

    def test_down_leaves_nothing_and_a_leak_is_noticed(self):
        name = self.second_lab("x")
        before = census(name)
        with Lab(name, reals=1) as lab:
            self.assertEqual(len(lab.namespaces()), 4)
            self.assertTrue(any("namespace" in line for line in leaks(before, name)))
            self.assertTrue(any("nginx" in line for line in leaks(before, name)))
        self.assertEqual(leaks(before, name), [])

        stray = Namespace(f"fl-{name}-stray")
        stray.create()
        try:
            self.assertIn(f"leaked namespace: fl-{name}-stray", leaks(before, name))
        finally:
            stray.delete()
        self.assertEqual(leaks(before, name), [])

    def test_a_killed_owner_is_cleared_by_name(self):
        name = self.second_lab("y")
        before = census(name)
        program = (f"import sys,os,signal;sys.path.insert(0,{ROOT + '/tests/e2e'!r})\n"
                   f"from fairlead_lab import Lab\nLab({name!r},reals=1).up()\nos.kill(os.getpid(),signal.SIGKILL)")
        killed = run(sys.executable, "-c", program, check=False)
        self.assertEqual(killed.returncode, -signal.SIGKILL)
        with self.assertRaises(ShellError):
            Lab(name, reals=1).up()
        run(f"{ROOT}/scripts/lab", "down", name)
        self.assertEqual(leaks(before, name), [])

    def test_sigterm_tears_down(self):
        name = self.second_lab("z")
        before = census(name)
        program = (f"import sys,time;sys.path.insert(0,{ROOT + '/tests/e2e'!r})\n"
                   f"from fairlead_lab import Lab\n"
                   f"with Lab({name!r},reals=1):\n print('up',flush=True);time.sleep(600)")
        owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        self.assertEqual(owner.stdout.readline(), "up\n")
        owner.send_signal(signal.SIGTERM)
        owner.communicate(timeout=60)
        wait_until(lambda: leaks(before, name) == [], "the lab is gone", timeout=30)
