"""The world as inside hosts see it by source NAT: an nginx there with and without TLS, and a server of names over UDP,
over IPv4 and IPv6. The director is their gateway, and the world has no route to them."""

import hashlib
import json
import os
import subprocess
import sys

from fairlead_lab import addresses as at, configuration
from fairlead_lab.authority import Authority
from fairlead_lab.case import LabTest
from fairlead_lab.nginx import Nginx
from fairlead_lab.shell import wait_until

LOCAL, LOCAL6 = "192.0.2.3", "2001:db8:1::3"
SMALL = "192.0.2.4"  # a pool of ten ports, for real3
WORLD, WORLD6 = "198.51.100.7", "2001:db8:2::7"  # on the client's lo
HTTP, HTTPS, NAMES, SLOW = 8088, 8443, 5300, 8089
INSIDE = 2  # the real server that asks

NGINX = """
  server {{
    listen {http}; listen [::]:{http}; listen {https} ssl; listen [::]:{https} ssl;
    ssl_certificate {certificate}; ssl_certificate_key {certificate};
    location = / {{ return 200 "$remote_addr\\n"; }}
    location = /20mb {{ alias {files}/20mb; }}
    location /upload/ {{ root {folder}; dav_methods PUT; create_full_put_path on; }}
  }}
  server {{
    listen {slow} backlog=1024;
    location = / {{ return 200 "$remote_port\\n"; }}
  }}"""

# Answers each question with the address that it came from.
NAME_SERVER = """
import select, socket, sys
socks = []
for host in sys.argv[2:]:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind((host, int(sys.argv[1])))
    socks.append(sock)
print("ready", flush=True)
while True:
    for sock in select.select(socks, [], [])[0]:
        data, peer = sock.recvfrom(512)
        sock.sendto(data + b" " + peer[0].encode(), peer)
"""

# 200 questions, each from a port of its own, all before the first answer is read.
ASK_NAMES = """
import json, socket, sys
kind = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
socks = [socket.socket(kind, socket.SOCK_DGRAM) for _ in range(200)]
answers = []
for number, sock in enumerate(socks):
    sock.settimeout(20)
    sock.connect((sys.argv[1], int(sys.argv[2])))
    sock.send(b"name %d" % number)
for sock in socks:
    answers.append(sock.recv(512).decode())
print(json.dumps(answers))
"""

# 64 connections at once, until standard input closes.
HOLD = """
import socket, sys
socks = [socket.socket() for _ in range(64)]
for sock in socks:
    sock.setblocking(False)
    sock.connect_ex((sys.argv[1], int(sys.argv[2])))
sys.stdin.read()
"""


class TheWorldBehindSourceNat(LabTest):
    @classmethod
    def configure(cls):
        return configuration([], snat=[
            {"source": f"{at.real_address(3)}/32", "output": "outside", "addresses": [SMALL], "ports": "2000-2009"},
            {"source": "10.0.0.0/24", "output": "outside", "addresses": [LOCAL]},
            {"source": "fd00:10::/64", "addresses": [LOCAL6]},
        ])

    @classmethod
    def setUpClass(cls):
        world, folder = cls.lab.client, f"{cls.lab.state}/world"
        for line in ("route del 10.0.0.0/24", "-6 route del fd00:10::/64"):
            world.ip(line)
        cls.addClassCleanup(world.batch, [f"route add 10.0.0.0/24 via {at.DIRECTOR_OUTSIDE}",
                                          f"route add fd00:10::/64 via {at.DIRECTOR_OUTSIDE6}"])
        authority = Authority(f"{folder}/ca")
        cls.ca = authority.file
        cls.nginx = Nginx(world, folder, NGINX.format(
            http=HTTP, https=HTTPS, slow=SLOW, folder=folder, files=f"{cls.lab.state}/files",
            certificate=authority.issue("world", [WORLD, WORLD6])))
        cls.nginx.__enter__()
        cls.addClassCleanup(cls.nginx.__exit__)
        names = world.spawn(sys.executable, "-c", NAME_SERVER, NAMES, WORLD, WORLD6, stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(names.communicate)
        cls.addClassCleanup(names.kill)
        names.stdout.readline()
        super().setUpClass()

    def curl(self, url: str, *options, index: int = INSIDE):
        return self.lab.reals[index].run("curl", "-gsSf", "--max-time", "60", "--cacert", self.ca, *options, url)

    def urls(self) -> list:
        """(begin of a URL, the address that the world sees)"""
        return [(f"{scheme}://{host}:{port}", seen) for scheme, port in (("http", HTTP), ("https", HTTPS))
                for host, seen in ((WORLD, LOCAL), (f"[{WORLD6}]", LOCAL6))]

    def rule(self, source: str) -> dict:
        return next(rule for rule in self.director.json("snat", "list")["rules"] if rule["source"] == source)

    def test_the_world_sees_our_address(self):
        for url, seen in self.urls():
            self.assertEqual(self.curl(f"{url}/").stdout, f"{seen}\n", url)

    def test_downloads(self):
        for url, _ in self.urls():
            path = f"{self.nginx.folder}/downloaded"
            self.curl(f"{url}/20mb", "-o", path)
            with open(path, "rb") as file:
                self.assertEqual(hashlib.sha256(file.read()).hexdigest(), self.lab.download_sha256, url)
            os.unlink(path)

    def test_uploads(self):
        for number, (url, _) in enumerate(self.urls()):
            self.curl(f"{url}/upload/{number}", "-T", f"{self.lab.state}/files/20mb")
            path = f"{self.nginx.folder}/upload/{number}"
            with open(path, "rb") as file:
                self.assertEqual(hashlib.sha256(file.read()).hexdigest(), self.lab.download_sha256, url)
            os.unlink(path)

    def test_two_hundred_at_once(self):
        for url, seen in self.urls():
            others = [f"{url}/"] * 199
            said = self.curl(f"{url}/", "-Z", "--parallel-immediate", "--parallel-max", "200", *others).stdout
            self.assertEqual(said, f"{seen}\n" * 200, url)

    def test_questions_over_udp(self):
        for host, seen in ((WORLD, LOCAL), (WORLD6, LOCAL6)):
            done = self.lab.reals[INSIDE].run(sys.executable, "-c", ASK_NAMES, host, NAMES)
            self.assertEqual(json.loads(done.stdout), [f"name {number} {seen}" for number in range(200)])

    def test_ping_and_traceroute(self):
        inside = self.lab.reals[INSIDE]
        for host, gateway in ((WORLD, at.DIRECTOR_INSIDE), (at.CLIENT6, at.DIRECTOR_INSIDE6)):
            self.assertIn("3 received", inside.run("ping", "-c", "3", "-i", "0.2", "-W", "5", host).stdout)
            said = inside.run("traceroute", "-n", "-q", "1", "-w", "3", "-m", "5", host).stdout
            self.assertEqual([line.split()[1] for line in said.splitlines()[1:]], [gateway, host], said)

    def test_a_pool_of_ten_ports_has_ten_connections(self):
        source, inside = f"{at.real_address(3)}/32", self.lab.reals[3]
        holder = inside.spawn(sys.executable, "-c", HOLD, WORLD, SLOW, stdin=subprocess.PIPE)
        try:
            wait_until(lambda: self.rule(source)["flows"] == 10 and self.rule(source)["exhausted_total"] >= 54,
                       "ten have a port, and the others none")
            # The others send their SYN again, and it is dropped each time.
            open_ones = inside.run("ss", "-Htn", "state", "established", "dst", WORLD).stdout.splitlines()
            self.assertEqual(len(open_ones), 10)
            self.assertGreaterEqual(self.director.metric("fairlead_snat_exhausted_total", source=source, output="outside"),
                                    54)
            # To another endpoint the same ten ports are free, and another rule has its own.
            self.assertEqual(self.curl(f"http://{WORLD}:{HTTP}/", index=3).stdout, f"{SMALL}\n")
            self.assertEqual(self.curl(f"http://{WORLD}:{HTTP}/").stdout, f"{LOCAL}\n")
        finally:
            holder.communicate(b"")
