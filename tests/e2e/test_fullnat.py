"""FULLNAT carries real traffic as the other methods do (test_forwarding), to real servers that have no way to the client,
also between the IP versions; and real servers learn their client's address: nginx by a PROXY header of either version,
over IPv4 and IPv6. Of TOA the bytes are compared that come to a real server: what reads them is a kernel module that the
lab does not have."""

import ipaddress
import sys

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.shell import wait_until
from fairlead_lab.toa_reader import ACK, FIN, SYN, Reader, kernel_reads, options_of
from test_forwarding import Forwarding, ForwardingIpv6

SOURCE, SOURCE6 = "198.51.100.7", "2001:db8:2::7"
POOLS = [ipaddress.ip_network(text) for text in at.LOCAL_ADDRESSES]

# A router that complains of what a client was sent from the service: too long for 1300 bytes. Arguments: the service, the
# client, its port, the service's port.
ROUTER = """
import socket, struct, sys
vip, client, port, vport = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
udp = struct.pack("!HHHH", vport, port, 1300, 0)
if ":" in vip:
    A = lambda text: socket.inet_pton(socket.AF_INET6, text)
    quote = struct.pack("!IHBB", 6 << 28, 1300, 17, 60) + A(vip) + A(client) + udp
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)  # the kernel puts the checksum in
    sock.sendto(struct.pack("!BBHI", 2, 0, 0, 1300) + quote, (vip, 0))
else:
    def checksum(data):
        total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
        while total >> 16: total = (total >> 16) + (total & 0xffff)
        return struct.pack("!H", ~total & 0xffff)
    A = socket.inet_aton
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1320, 1, 0x4000, 60, 17, 0, A(vip), A(client))
    message = struct.pack("!BBHHH", 3, 4, 0, 0, 1300) + ip[:10] + checksum(ip) + ip[12:] + udp
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    sock.sendto(message[:2] + checksum(message) + message[4:], (vip, 0))
"""


def forward(told: str) -> dict:
    return {"method": "fullnat", "local_addresses": at.LOCAL_ADDRESSES, "client_address": told}


def services(told: str, real_port: int, mixes: bool = False) -> list:
    """`mixes`: real servers are of the other IP version than their service."""
    made = []
    of_reals = [at.real_address, at.real_address6][::-1 if mixes else 1]
    for name, vip, real in zip(("v4", "v6"), (at.VIP, at.VIP6), of_reals):
        reals = [real(index) for index in (1, 2, 3)]
        made.append({"name": f"tcp-{name}", "address": vip, "protocol": "tcp", "port": 80, "scheduler": "rr",
                     "forward": forward(told), "reals": [{"address": each, "port": real_port} for each in reals]})
        made.append({"name": f"udp-{name}", "address": vip, "protocol": "udp", "port": at.UDP_PORT, "scheduler": "rr",
                     "forward": forward("none"), "reals": [{"address": each} for each in reals]})
    return made


class FullnatTraffic(Forwarding, ForwardingIpv6):
    # `method` is in the names of uploaded files.
    method, vip, vip6, told, real_port, mixes = "fullnat", at.VIP, at.VIP6, "none", 80, False

    @classmethod
    def configure(cls):
        return configuration(services(cls.told, cls.real_port, cls.mixes))

    def whoami(self, vip: str, source: str) -> list:
        url = f"http://[{vip}]/whoami" if ":" in vip else f"http://{vip}/whoami"
        return client.curl(self.lab, url, source=source).stdout.split()

    def is_local(self, address: str) -> bool:
        return any(ipaddress.ip_address(address) in pool for pool in POOLS)


class LocalAddressesAreAnnounced(LabTest):
    """A machine that takes the place of another has its local addresses, and another MAC."""
    OLD = "02:00:00:00:00:99"

    @classmethod
    def configure(cls):
        return configuration(services("none", 80))

    def test_real_servers_learn_where_they_are(self):
        real = self.lab.reals[1]
        addresses = [str(address) for pool in POOLS for address in pool][:40]
        device = real.run("ip", "-o", "route", "get", addresses[0]).stdout.split(" dev ")[1].split()[0]
        for address in addresses:
            real.ip(f"neigh replace {address} lladdr {self.OLD} nud stale dev {device}")
        self.director.stop_and_start()
        wait_until(lambda: self.OLD not in real.run("ip", "neigh", "show").stdout, "all are known by the new MAC")


class ForwardsByFullnat(FullnatTraffic, LabTest):
    def test_real_sees_a_local_address(self):
        for vip, source in ((at.VIP, SOURCE), (at.VIP6, SOURCE6)):
            self.assertTrue(self.is_local(self.whoami(vip, source)[1]))

    def test_real_needs_no_route_to_the_client(self):
        real = self.lab.reals[1]
        route = real.run("ip", "route", "show", "default").stdout.split()
        real.run("ip", "route", "del", "default")
        try:
            answers = client.parallel(self.lab, f"http://{self.vip}/", 30)
        finally:
            real.run("ip", "route", "add", *route)
        self.assertEqual(set(answers), {"real1", "real2", "real3"})
        self.assertEqual(sum(answers.values()), 30)
        if self.workers == 1:
            self.assertEqual(answers, {"real1": 10, "real2": 10, "real3": 10})

    def real_learns_the_path_mtu(self, vip: str, source: str, port: int):
        name = client.udp(self.lab, vip, at.UDP_PORT, "?", source, port).split()[0]
        real, version = self.lab.reals[int(name.removeprefix("real"))], "-6" if ":" in vip else "-4"
        self.addCleanup(real.ip, f"{version} route flush cache")

        pool = next(pool for pool in POOLS if f"-{pool.version}" == version)

        def narrow() -> list:
            """Local addresses to which the real server has learnt of a path for 1300 bytes."""
            said = real.run("ip", "-o", "-batch", "-", input="".join(f"route get {address}\n" for address in pool))
            return [line.split()[0] for line in said.stdout.splitlines() if "mtu 1300" in line]

        self.assertEqual(narrow(), [])
        self.lab.client.run(sys.executable, "-c", ROUTER, vip, source, port, at.UDP_PORT)
        wait_until(lambda: len(narrow()) == 1, "the real's kernel has learnt of the path to one of them")

    def test_an_error_reaches_the_real(self):
        self.real_learns_the_path_mtu(at.VIP, SOURCE, 4001)

    def test_an_error_reaches_the_real_ipv6(self):
        self.real_learns_the_path_mtu(at.VIP6, SOURCE6, 4001)


class FullnatMixesVersions(FullnatTraffic, LabTest):
    """IPv4 clients of IPv6 real servers, and IPv6 clients of IPv4 ones."""
    method, mixes = "fullnat-mixed", True

    def test_real_sees_a_local_address_of_its_own_version(self):
        for vip, source in ((at.VIP, SOURCE), (at.VIP6, SOURCE6)):
            seen = self.whoami(vip, source)[1]
            self.assertTrue(self.is_local(seen), seen)
            self.assertEqual(":" in seen, ":" not in vip)


class FullnatCarriesToa(FullnatTraffic, LabTest):
    method, told = "fullnat-toa", "toa"
    TOA_PORT = 8080

    @classmethod
    def configure(cls):
        config = super().configure()
        for vip, real in ((at.VIP, at.real_address(1)), (at.VIP6, at.real_address6(1))):
            config["services"].append({"name": f"one-{real}", "address": vip, "protocol": "tcp", "port": cls.TOA_PORT,
                                       "forward": forward("toa"), "reals": [{"address": real}]})
        return config

    def real_reads(self, host: str, source: str, option: str):
        with Reader(self.lab.reals[1], self.TOA_PORT) as reader:
            answer, port = client.curl(self.lab, f"http://{host}:{self.TOA_PORT}/", "-w", "%{local_port}",
                                       source=source).stdout.split()
        self.assertEqual(answer, "real1")
        syn, third, request, last = *reader.segments[:3], reader.segments[-1]
        self.assertEqual((syn[0], third[0], third[2], last[0] & FIN), (SYN, ACK, 0, FIN))
        self.assertGreater(request[2], 0)
        for name, read in (("the handshake's third", third), ("the request", request)):
            self.assertEqual(options_of(read[1])[0], (254, option % int(port)), name)
            self.assertEqual(kernel_reads(read[1]), (source, int(port)), name)
        for name, read in (("a SYN", syn), ("what comes after the real's data", last)):
            self.assertIsNone(kernel_reads(read[1]), name)

    def test_real_reads_the_client(self):
        self.real_reads(at.VIP, "198.51.100.7", "fe08" "%04x" "c6336407")

    def test_real_reads_the_client_ipv6(self):
        self.real_reads(f"[{at.VIP6}]", "2001:db8:2::7", "fe14" "%04x" "20010db8" "00020000" "00000000" "00000007")


class FullnatTellsByProxy(FullnatTraffic):
    real_port = at.PROXY_PORT

    def told_of(self, vip: str, source: str):
        _, seen, address, port, server, server_port = self.whoami(vip, source)
        self.assertTrue(self.is_local(seen), seen)
        self.assertEqual((address, server, server_port), (source, vip, "80"))
        self.assertGreater(int(port), 1023)

    def test_real_is_told_of_the_client(self):
        self.told_of(at.VIP, SOURCE)

    def test_real_is_told_of_the_client_ipv6(self):
        self.told_of(at.VIP6, SOURCE6)

    def test_each_of_a_hundred_clients_is_told_apart(self):
        for url, prefix in ((f"http://{at.VIP}/whoami", "198.51.100."), (f"http://[{at.VIP6}]/whoami", "2001:db8:2::")):
            sources = [f"{prefix}{number}" for number in range(1, 101)]
            answers = client.spread(self.lab, url, sources)
            self.assertEqual([answer.split()[2] for answer in answers], sources)


class FullnatTellsByProxyV1(FullnatTellsByProxy, LabTest):
    method, told = "fullnat-v1", "proxy-v1"


class FullnatMixesVersionsAndTells(FullnatTellsByProxy, LabTest):
    method, told, mixes = "fullnat-mixed-v2", "proxy-v2", True


class FullnatTellsByProxyV2(FullnatTellsByProxy, LabTest):
    method, told = "fullnat-v2", "proxy-v2"

    @classmethod
    def configure(cls):
        config = super().configure()
        config["services"].append({"name": "udp-told", "address": at.VIP2, "protocol": "udp", "port": at.UDP_PORT,
                                   "forward": forward("proxy-v2"), "reals": [{"address": at.real_address(1)}]})
        return config

    def test_each_datagram_begins_with_the_header(self):
        program = ("import socket,sys\n"
                   "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
                   "s.bind((sys.argv[1],4321));s.connect((sys.argv[2],int(sys.argv[3])));s.settimeout(10)\n"
                   "for text in (b'one',b'two'):\n"
                   "  s.send(text);print(s.recv(65535).hex())\n")
        done = self.lab.client.run(sys.executable, "-c", program, SOURCE, at.VIP2, at.UDP_PORT)
        header = (b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c" + ipaddress.ip_address(SOURCE).packed
                  + ipaddress.ip_address(at.VIP2).packed + (4321).to_bytes(2, "big") + at.UDP_PORT.to_bytes(2, "big"))
        self.assertEqual([bytes.fromhex(line) for line in done.stdout.split()],
                         [b"real1 " + header + b"one", b"real1 " + header + b"two"])


class FullnatThroughANarrowLink(LabTest):
    """The link to the real servers takes 1400 bytes, and clients learn of it from the director alone."""
    WAYS = {"none": ("192.0.2.83", "2001:db8:1::83", 80), "toa": ("192.0.2.84", "2001:db8:1::84", 80),
            "proxy-v1": ("192.0.2.85", "2001:db8:1::85", at.PROXY_PORT),
            "proxy-v2": ("192.0.2.86", "2001:db8:1::86", at.PROXY_PORT)}

    @classmethod
    def configure(cls):
        services = [{"name": f"{told}-{vip}", "address": vip, "protocol": "tcp", "port": 80, "forward": forward(told),
                     "reals": [{"address": real, "port": port}]}
                    for told, (vip4, vip6, port) in cls.WAYS.items()
                    for vip, real in ((vip4, at.real_address(1)), (vip6, at.real_address6(1)))]
        config = configuration(services)
        config["ports"][1]["mtu"] = 1400
        return config

    def setUp(self):
        for version in ("-4", "-6"):
            self.lab.client.ip(f"{version} route flush cache")

    def test_uploads_find_the_path_mtu(self):
        for told, (vip4, vip6, _) in self.WAYS.items():
            for host in (vip4, f"[{vip6}]"):
                with self.subTest(told=told, host=host):
                    before = self.director.metric("fairlead_dropped_packets_total", reason="too_big")
                    name = f"narrow-{told}-{self.workers}-{'v6' if '[' in host else 'v4'}"
                    stored = client.upload(self.lab, f"http://{host}", name)
                    self.assertEqual(stored[0], self.lab.download_sha256)
                    self.assertGreater(self.director.metric("fairlead_dropped_packets_total", reason="too_big"), before)
