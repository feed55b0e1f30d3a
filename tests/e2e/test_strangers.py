"""What strangers send to hurt others: a flood beside path MTU discovery."""

import json
import sys

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.flood import Flood, mac_of



class Bystanders(LabTest):
    @classmethod
    def configure(cls):
        reals = [{"address": at.real_address(index)} for index in (1, 2)]
        return configuration(
            [
                {"name": "tunnel", "address": at.VIP_TUN, "protocol": "udp", "port": at.UDP_PORT, "forward": "tun",
                 "reals": reals},
            ])

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
