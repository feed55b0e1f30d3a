"""ICMP as an operator meets it: path MTU discovery through a tunnel, ping and traceroute to a virtual address."""

import subprocess
import sys

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest

UDP_VIP = "192.0.2.191"


class Icmp(LabTest):
    @classmethod
    def configure(cls):
        reals = [{"address": at.real_address(index)} for index in (1, 2)]
        return configuration([
            {"name": "nat", "address": at.VIP, "protocol": "tcp", "port": 80, "reals": reals},
            {"name": "tun", "address": at.VIP_TUN, "protocol": "tcp", "port": 80, "forward": "tun", "reals": reals},
            {"name": "udp", "address": UDP_VIP, "protocol": "udp", "port": at.UDP_PORT, "forward": "tun",
             "scheduler": "rr", "reals": reals},
        ])

    def forget_paths(self):
        self.lab.client.run("ip", "route", "flush", "cache")
        self.lab.client.run("sysctl", "-q", "-w", "net.ipv4.tcp_mtu_probing=0")

    def upload_full_size(self, vip: str) -> str:
        """2 MB to the tunnel in segments that fill 1500 bytes: the route to the VIP promises the server more than fits."""
        self.forget_paths()
        program = (
            "import socket,sys\n"
            "s=socket.create_connection((sys.argv[1],80),20)\n"
            "s.settimeout(20)\n"
            "n=2000000\n"
            "s.sendall(b'PUT /upload/'+sys.argv[2].encode()+b' HTTP/1.0\\r\\nContent-Length: %d\\r\\n\\r\\n' % n)\n"
            "s.sendall(b'x'*n)\n"
            "print(s.recv(100).split()[1].decode(), s.getsockopt(6,2))")  # TCP_MAXSEG
        return self.lab.client.run(sys.executable, "-c", program, vip, "pmtu").stdout.strip()

    def test_a_full_size_upload_through_a_tunnel_finds_the_path_mtu(self):
        before = self.director.metric("fairlead_dropped_packets_total", reason="too_big")
        self.set_advmss()
        self.addCleanup(self.set_advmss, "advmss", 1440)
        status, segment = self.upload_full_size(at.VIP_TUN).split()
        self.assertIn(status, ("201", "204"))  # created, or put in place of the one of an earlier run
        self.assertLessEqual(int(segment), 1480 - 40)
        self.assertGreater(self.director.metric("fairlead_dropped_packets_total", reason="too_big"), before)

    def test_a_download_whose_request_fills_the_link_does_not_hang(self):
        """A request of 4,000 bytes goes in segments of 1500: without the ICMP answer it would never reach the server."""
        self.forget_paths()
        before = self.director.metric("fairlead_dropped_packets_total", reason="too_big")
        self.set_advmss()
        self.addCleanup(self.set_advmss, "advmss", 1440)
        got = client.curl(self.lab, f"http://{at.VIP_TUN}/20mb", "-f", "-o", "/dev/null", "-w", "%{size_download}",
                          "-H", "X-Filler: " + "x" * 4000, source="198.51.100.77").stdout
        self.assertEqual(got, str(20 << 20))
        self.assertGreater(self.director.metric("fairlead_dropped_packets_total", reason="too_big"), before)

    def set_advmss(self, *words):
        """The lab's real servers ask for small segments so that nobody needs path MTU discovery; here it is needed."""
        for index in (1, 2):
            self.lab.reals[index].run("ip", "route", "replace", "default", "via", at.CLIENT_LEG, "dev", "eth0",
                                      "onlink", *words, "table", 100)

    def test_a_learnt_mtu_of_the_path_reaches_the_client(self):
        """A router behind the director complains of our tunnel packet: here a raw message says what it would."""
        program = (
            "import socket,sys,time\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
            "s.setsockopt(socket.IPPROTO_IP,10,2)\n"  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
            "s.settimeout(20)\n"
            "s.connect((sys.argv[1],int(sys.argv[2])))\n"
            "s.send(b'?')\n"
            "print(s.getsockname()[1],s.recv(100).decode().split()[0],flush=True)\n"
            "for _ in range(200):\n"
            "  mtu=s.getsockopt(socket.IPPROTO_IP,14)\n"  # IP_MTU
            "  if mtu!=1500: break\n"
            "  time.sleep(0.1)\n"
            "s.getsockopt(socket.SOL_SOCKET,socket.SO_ERROR)\n"  # the ICMP error is pending there
            "s.send(b'y'*(mtu-28));print(mtu,len(s.recv(65535)))")
        process = self.lab.client.spawn(sys.executable, "-c", program, UDP_VIP, at.UDP_PORT, stdout=subprocess.PIPE,
                                        text=True)
        self.addCleanup(process.kill)
        port, name = process.stdout.readline().split()
        real = at.real_address(int(name[4:]))
        sender = (
            "import socket,struct,sys\n"
            "def s16(b):\n"
            "  b+=b'\\0'*(len(b)%2);s=sum(struct.unpack('!%dH'%(len(b)//2),b))\n"
            "  while s>>16: s=(s>>16)+(s&65535)\n"
            "  return ~s&65535\n"
            "A=socket.inet_aton\n"
            "def ip(src,dst,proto,length):\n"
            "  h=struct.pack('!BBHHHBBH4s4s',69,0,length,1,0x4000,60,proto,0,A(src),A(dst))\n"
            "  return h[:10]+struct.pack('!H',s16(h))+h[12:]\n"
            "client,vip,real,port,vport,us=sys.argv[1:7]\n"
            "quote=ip(us,real,4,1400)+ip(client,vip,17,1380)+struct.pack('!HHHH',int(port),int(vport),1360,0)\n"
            "m=struct.pack('!BBHHH',3,4,0,0,1300)+quote\n"
            "m=m[:2]+struct.pack('!H',s16(m))+m[4:]\n"
            "socket.socket(2,3,1).sendto(m,(us,0))\n")
        for _ in range(15):  # errors to one client are limited: a router repeats its complaint, and so does this
            self.lab.reals[3].run(sys.executable, "-c", sender, at.CLIENT, UDP_VIP, real, port, at.UDP_PORT,
                                  at.DIRECTOR_INSIDE)
            try:
                process.wait(timeout=1)
                break
            except subprocess.TimeoutExpired:
                pass
        out, _ = process.communicate(timeout=60)
        self.assertEqual(out.strip(), f"1280 {1280 - 28 + len('real1 ')}")
        self.assertGreater(self.director.metric("fairlead_dropped_packets_total", reason="tunnel_error"), 0)
        # Others are told by the director itself from now on.
        before = self.director.metric("fairlead_dropped_packets_total", reason="too_big")
        self.lab.client.run("ip", "route", "flush", "cache")
        other = (
            "import socket,sys,time\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
            "s.setsockopt(socket.IPPROTO_IP,10,3)\n"  # IP_PMTUDISC_PROBE: DF, whatever the cache says
            "s.bind((sys.argv[3],0))\n"
            "for _ in range(20): s.sendto(b'z'*1400,(sys.argv[1],int(sys.argv[2]))); time.sleep(0.02)\n")
        self.lab.client.run(sys.executable, "-c", other, UDP_VIP, at.UDP_PORT, "198.51.100.9")
        self.assertGreater(self.director.metric("fairlead_dropped_packets_total", reason="too_big") +
                           self.director.metric("fairlead_dropped_packets_total", reason="icmp_rate_limited"), before)

    def test_ping_says_that_the_director_lives(self):
        said = self.lab.client.run("ping", "-n", "-c3", "-i0.2", "-W10", at.VIP).stdout
        self.assertIn(" 0% packet loss", said)
        self.assertEqual(self.director.metric("fairlead_service_in_packets_total", service="nat"), 0)

    def test_traceroute_ends_at_the_virtual_address(self):
        """What traceroute sends: UDP to high ports with rising TTL. The first hop answers for the VIP itself."""
        program = (
            "import socket,sys\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
            "s.setsockopt(0,11,1)\n"  # IP_RECVERR
            "s.settimeout(1)\n"
            "for ttl in (1,2):\n"
            "  s.setsockopt(0,2,ttl)\n"
            "  for _ in range(15):\n"  # errors to one client are limited: ask again, as traceroute does
            "    s.sendto(b'probe',(sys.argv[1],33434+ttl))\n"
            "    try: s.recv(100)\n"
            "    except TimeoutError: continue\n"
            "    except OSError: break\n"
            "  _,aux,_,_=s.recvmsg(100,500,socket.MSG_ERRQUEUE)\n"
            "  e=aux[0][2]\n"
            "  print(ttl,e[5],e[6],socket.inet_ntoa(e[20:24]))\n")
        said = self.lab.client.run(sys.executable, "-c", program, at.VIP).stdout
        self.assertEqual(said, f"1 3 3 {at.VIP}\n2 3 3 {at.VIP}\n")
        self.assertIn("ok", client.curl(self.lab, f"http://{at.VIP}/health").stdout)
