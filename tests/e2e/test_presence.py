"""The director as a host and a router: ARP and ND, echo, TTL, MTU, closed ports, routing between its ports."""

import sys
import time

from fairlead_lab import addresses as at, configuration, wait_until
from fairlead_lab.case import LabTest


class Presence(LabTest):
    @classmethod
    def configure(cls):
        reals = [{"address": at.real_address(index)} for index in (1, 2)]
        reals6 = [{"address": at.real_address6(index)} for index in (1, 2)]
        return configuration([
            {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "reals": reals},
            {"name": "web6", "address": at.VIP6, "protocol": "tcp", "port": 80, "reals": reals6},
            {"name": "tunnel", "address": at.VIP_TUN, "protocol": "udp", "port": at.UDP_PORT, "forward": "tun",
             "reals": reals},
        ])

    def ping(self, *words, namespace=None, check=True):
        return (namespace or self.lab.client).run("ping", "-n", "-c3", "-i0.2", "-W10", *words, check=check)

    def test_echo(self):
        for address in (at.VIP, at.VIP6, at.DIRECTOR_OUTSIDE, at.DIRECTOR_OUTSIDE6):
            with self.subTest(address):
                self.assertIn(" 0% packet loss", self.ping(address).stdout)

    def test_arp_and_nd_name_the_outside_port(self):
        mac = self.lab.director.run("ip", "-o", "link", "show", "outside").stdout
        mac = mac.split("link/ether ")[1].split()[0]
        for address in (at.VIP, at.VIP_TUN, at.VIP6, at.DIRECTOR_OUTSIDE, at.DIRECTOR_OUTSIDE6):
            with self.subTest(address):
                self.lab.client.run("ip", "neigh", "flush", "to", address)
                self.ping(address)
                self.assertIn(mac, self.lab.client.run("ip", "neigh", "show", address).stdout)

    def test_ttl_runs_out_at_the_director(self):
        for target, router, flag in ((at.real_address(1), at.DIRECTOR_OUTSIDE, "-4"),
                                     (at.real_address6(1), at.DIRECTOR_OUTSIDE6, "-6")):
            with self.subTest(target):
                said = self.ping(flag, "-t1", target, check=False).stdout
                self.assertRegex(said, rf"From {router}.*(Time to live exceeded|Time exceeded: Hop limit)")

    def test_routes_between_its_ports_both_ways(self):
        for target in (at.real_address(1), at.real_address6(1)):
            with self.subTest(target):
                self.assertIn(" 0% packet loss", self.ping(target).stdout)
        for target in (at.CLIENT, at.CLIENT6, "198.51.100.7"):
            with self.subTest(target):
                self.assertIn(" 0% packet loss", self.ping(target, namespace=self.lab.reals[1]).stdout)

    def test_routed_tcp(self):
        done = self.lab.client.run("curl", "-sS", "--max-time", "60", f"http://{at.real_address(1)}/whoami")
        self.assertEqual(done.stdout, f"real1 {at.CLIENT} {at.real_address(1)} 80\n")

    def test_frag_needed_names_what_fits_the_tunnel(self):
        program = (
            "import socket,sys,time\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
            "s.setsockopt(socket.IPPROTO_IP,10,2)\n"  # IP_MTU_DISCOVER, IP_PMTUDISC_DO: DF always
            "s.connect((sys.argv[1],int(sys.argv[2])))\n"
            "mtu=0\n"
            "for _ in range(100):\n"
            "  try: s.send(b'x'*1472)\n"
            "  except OSError: pass\n"
            "  mtu=s.getsockopt(socket.IPPROTO_IP,14)\n"  # IP_MTU
            "  if mtu!=1500: break\n"
            "  time.sleep(0.1)\n"
            "s.getsockopt(socket.SOL_SOCKET,socket.SO_ERROR)\n"  # the ICMP error is pending there
            "s.settimeout(10)\n"
            "s.send(b'y'*(mtu-28));print(mtu,len(s.recv(65535)))")
        done = self.lab.client.run(sys.executable, "-c", program, at.VIP_TUN, at.UDP_PORT)
        self.assertEqual(done.stdout, f"1480 {1480 - 28 + len('real1 ')}\n")

    def test_closed_ports_say_so(self):
        program = (
            "import socket,sys\n"
            "s=socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET,int(sys.argv[2]))\n"
            "s.settimeout(20)\n"
            "try:\n"
            "  s.connect((sys.argv[1],81))\n"
            "  s.send(b'?')\n"
            "  s.recv(10)\n"
            "except ConnectionRefusedError: print('refused')\n"
            "except TimeoutError: print('silence')")
        for address in (at.VIP, at.VIP6):
            for kind, name in ((1, "tcp"), (2, "udp")):
                with self.subTest(f"{name} {address}"):
                    done = self.lab.client.run(sys.executable, "-c", program, address, kind)
                    self.assertEqual(done.stdout, "refused\n")


class BehindASnoopingSwitch(LabTest):
    """A switch that snoops brings a neighbour solicitation only to ports that have reported its group (MLD)."""

    VIP = "fd00:10::80"

    @classmethod
    def configure(cls):
        """The lab's bridge asks who listens, every second, by MLDv1 and then by MLDv2."""
        bridge = cls.lab.bridge
        bridge.sysctl(net__ipv6__conf__br0__disable_ipv6=0)
        bridge.ip("link set br0 type bridge mcast_query_response_interval 50 mcast_query_interval 100 "
                  "mcast_startup_query_interval 100 mcast_membership_interval 250 mcast_snooping 1 mcast_querier 1")
        return configuration([{"name": "web6", "address": cls.VIP, "protocol": "tcp", "port": 80,
                               "reals": [{"address": at.real_address6(1)}]}])

    @classmethod
    def tearDownClass(cls):
        cls.lab.bridge.ip("link set br0 type bridge mcast_snooping 0 mcast_querier 0 mcast_mld_version 1 "
                          "mcast_query_response_interval 1000 mcast_query_interval 12500 "
                          "mcast_startup_query_interval 3125 mcast_membership_interval 26000")
        cls.lab.bridge.sysctl(net__ipv6__conf__br0__disable_ipv6=1)
        super().tearDownClass()

    def groups(self) -> str:
        """What the bridge knows of the port to the director."""
        return self.lab.bridge.run("bridge", "mdb", "show").stdout

    def reported(self, group: str) -> bool:
        return any(f"port director grp {group} " in line for line in self.groups().splitlines())

    def test_the_bridge_learns_the_groups_and_brings_the_questions(self):
        real = self.lab.reals[2]
        for version in (1, 2):
            self.lab.bridge.ip(f"link set br0 type bridge mcast_mld_version {version}")
            time.sleep(3)  # longer than a membership lives that is not reported again
            for address, group in ((at.DIRECTOR_INSIDE6, "ff02::1:ff00:1"), (self.VIP, "ff02::1:ff00:80")):
                with self.subTest(f"version {version}, {address}"):
                    wait_until(lambda: self.reported(group), f"{group} is reported:\n{self.groups()}", timeout=10)
                    real.run("ip", "neigh", "flush", "to", address, check=False)
                    done = real.run("ping", "-6", "-n", "-c3", "-i0.2", "-W2", address, check=False)
                    self.assertIn(" 0% packet loss", done.stdout)
