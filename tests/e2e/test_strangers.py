"""What strangers send to hurt others: forged sources beside health checks, a flood beside path MTU discovery; and
addresses that nobody serves, with a router in front."""

import json
import sys
import time

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.flood import Flood, mac_of

RANGE = "198.51.101.0/24"  # routed to the director; no host is there


class ForgedSources(LabTest):
    """One lost answer of a check takes a real server down here."""

    @classmethod
    def configure(cls):
        health = {"type": "http", "path": "/health", "interval": "2s", "timeout": "2s", "fall": 1, "rise": 1}
        reals = [{"address": at.real_address(index)} for index in (1, 2, 3)]
        return configuration([{"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "rr",
                               "health": health, "reals": reals}])

    def downs(self) -> int:
        with open(self.director.log, errors="replace") as file:
            return sum("real server is down" in line for line in file)

    def test_1_take_no_real_server_down(self):
        # Few ports for the checks, so that the flood meets each of them.
        self.lab.director.sysctl(net__ipv4__ip_local_port_range="40000 40999")
        self.addCleanup(self.lab.director.sysctl, net__ipv4__ip_local_port_range="32768 60999")
        for index in (1, 2, 3):
            self.director.wait_metric("fairlead_real_up", 1, service="web", real=f"{at.real_address(index)}:80")
        before = self.downs()
        mac = mac_of(self.lab.director, "outside")
        with Flood(self.lab.client, "outside", mac, kind="syn", source=at.DIRECTOR_INSIDE, source_port=0,
                   destination=at.VIP, port=80, rate=1000, seconds=30) as flood:
            while flood.process.poll() is None and self.downs() == before:
                time.sleep(0.5)
        time.sleep(5)  # a check that waits for its answer ends
        self.assertEqual(self.downs(), before, "a real server was taken down")
        self.assertGreater(flood.sent, 25000)
        dropped = self.director.metric("fairlead_dropped_packets_total", reason="bad_source")
        self.assertGreater(dropped, flood.sent * 0.9)
        names = client.spread(self.lab, f"http://{at.VIP}/", [f"198.51.100.{n}" for n in range(1, 13)])
        self.assertEqual(set(names), {"real1", "real2", "real3"})

    def test_2_are_explained(self):
        said = self.director.cli("explain", f"{at.DIRECTOR_INSIDE}:40000", f"{at.VIP}:80/tcp").stdout
        self.assertIn("is dropped", said)
        self.assertIn("bad_source", said)


class Bystanders(LabTest):
    @classmethod
    def configure(cls):
        reals = [{"address": at.real_address(index)} for index in (1, 2)]
        return configuration(
            [
                {"name": "tunnel", "address": at.VIP_TUN, "protocol": "udp", "port": at.UDP_PORT, "forward": "tun",
                 "reals": reals},
                {"name": "marked", "mark": 7, "reals": reals},
                {"name": "single", "address": at.VIP2, "protocol": "udp", "port": at.UDP_PORT, "one_packet": True,
                 "scheduler": "rr", "reals": reals},
            ],
            classifier=[{"name": "range", "mark": 7, "protocol": "tcp", "destination": RANGE,
                         "destination_port": 80}])

    def test_path_mtu_discovery_beside_a_flood(self):
        """40 clients send what is too long for the tunnel, while 10,000 datagrams a second meet a closed port."""
        program = (
            "import json,select,socket,sys,time\n"
            "told=[]\n"
            "socks={}\n"
            "for n in range(1,41):\n"
            "  s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
            "  s.setsockopt(socket.IPPROTO_IP,10,3)\n"  # IP_PMTUDISC_PROBE: DF, whatever the cache says
            "  s.setsockopt(0,11,1)\n"                   # IP_RECVERR
            "  s.bind(('198.51.100.%d'%n,0)); s.connect((sys.argv[1],int(sys.argv[2]))); s.settimeout(0)\n"
            "  socks[n]=s\n"
            "for _ in range(5):\n"
            "  for n,s in list(socks.items()):\n"
            "    try: s.send(b'x'*1472)\n"
            "    except OSError: pass\n"
            "  time.sleep(1)\n"
            "  for n,s in list(socks.items()):\n"
            "    try: aux=s.recvmsg(100,500,socket.MSG_ERRQUEUE)[1]\n"
            "    except OSError: continue\n"
            "    e=aux[0][2]\n"                           # sock_extended_err: errno, origin, type, code
            "    if (e[5],e[6])==(3,4): told.append(n); socks.pop(n).close()\n"
            "print(json.dumps(sorted(told)))")
        mac = mac_of(self.lab.director, "outside")
        with Flood(self.lab.client, "outside", mac, kind="udp", source="100.64.0.0/10", destination=at.VIP_TUN,
                   port=9, rate=10000, seconds=30):
            time.sleep(2)
            done = self.lab.client.run(sys.executable, "-c", program, at.VIP_TUN, at.UDP_PORT)
        self.assertEqual(json.loads(done.stdout), list(range(1, 41)))
        self.assertGreater(self.director.metric("fairlead_dropped_packets_total", reason="icmp_rate_limited"), 1000)

    def test_what_nobody_serves_does_not_circle(self):
        """The client is the router in front: what comes back to it, it would send again."""
        client_ns = self.lab.client
        client_ns.ip(f"route add {RANGE} via {at.DIRECTOR_OUTSIDE}")
        self.addCleanup(client_ns.ip, f"route del {RANGE} via {at.DIRECTOR_OUTSIDE}")
        client_ns.sysctl(net__ipv4__ip_forward=1)
        self.addCleanup(client_ns.sysctl, net__ipv4__ip_forward=0)
        self.assertIn(client.curl(self.lab, "http://198.51.101.5/").stdout.strip(), ("real1", "real2"))
        before = self.director.metric("fairlead_port_rx_packets_total", port="outside")
        refused = client.curl(self.lab, "http://198.51.101.5:8081/", check=False)
        self.assertEqual(refused.returncode, 7, refused.stderr)  # at once; 28 would be a timeout
        said = client_ns.run("ping", "-n", "-c3", "-i0.2", "-W10", "198.51.101.5").stdout
        self.assertIn(" 0% packet loss", said)
        self.assertLess(self.director.metric("fairlead_port_rx_packets_total", port="outside") - before, 30)

    def test_a_reply_of_one_packet_scheduling_comes_from_the_virtual_address(self):
        """A connected socket takes no other."""
        names = {client.udp(self.lab, at.VIP2, at.UDP_PORT, "hello", source=f"198.51.100.{n}") for n in range(1, 9)}
        self.assertEqual(names, {"real1 hello", "real2 hello"})
