"""Real traffic through every tunnel: a second director stands at its inner end, takes packets out (`decapsulate`) and gives
them to real servers by DR, which answer the client directly. So the lab needs no kernel that knows GUE or GRE."""

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.director import Director
from fairlead_lab.lab import Lab

TUNNELS = {"ipip": {"type": "ipip"},
           "gue": {"type": "gue", "port": 6080, "checksum": "none"},
           "gue-checksum": {"type": "gue", "port": 6080, "checksum": "full"},
           "gre": {"type": "gre"},
           "gre-checksum": {"type": "gre", "checksum": True}}


def services(forward, reals) -> list:
    """`reals`: of a service of that IP version, as addresses."""
    return [{"name": f"{protocol}-{version}", "address": vip, "protocol": protocol, "port": port, "scheduler": "rr",
             "forward": forward, "announce": "never" if forward == "dr" else "always",
             "reals": [{"address": address} for address in reals(version)]}
            for version, vip in ((4, at.VIP_DR), (6, at.VIP_DR6)) for protocol, port in (("tcp", 80), ("udp", at.UDP_PORT))]


def outer(tunnel: str, version: int) -> dict:
    """The other director is the real server, by its address of that version."""
    end = at.director_inside(2) if version == 4 else at.director_inside6(2)
    return configuration(services({"method": "tun", **TUNNELS[tunnel]}, lambda _: [end]))


def inner() -> dict:
    config = configuration(services("dr", lambda version: [
        at.real_address(index) if version == 4 else at.real_address6(index) for index in (1, 2)]), number=2)
    config["ports"][1]["decapsulate"] = ["ipip", "gue", "gre"]
    return config


class TrafficThroughTunnels(LabTest):
    needs_daemon = False  # of the run's lab
    worker_counts = (1, 2)

    @classmethod
    def setUpClass(cls):
        own = Lab(f"{cls.lab.name[:12]}tun", reals=2, directors=2)
        own.down()  # of a run that was killed
        own.up()
        cls.addClassCleanup(own.down)
        cls.own = own
        cls.near, cls.far = (Director(own, cls.workers, number) for number in (1, 2))
        for director, config in ((cls.far, inner()), (cls.near, outer("ipip", 4))):
            cls.addClassCleanup(director.kill)
            director.start(config)

    @classmethod
    def tearDownClass(cls):
        for director in (cls.near, cls.far):
            director.wait_conserved()
            director.stop()

    def too_big(self) -> float:
        return self.near.metric("fairlead_dropped_packets_total", reason="too_big")

    def carried(self, tunnel: str):
        """By both versions inside both: 20 MB down and up, and datagrams."""
        for version in (4, 6):
            self.near.reload(outer(tunnel, version))
            for vip, host in ((at.VIP_DR, at.VIP_DR), (at.VIP_DR6, f"[{at.VIP_DR6}]")):
                with self.subTest(outer=version, vip=vip):
                    self.own.client.ip("-6 route flush cache")
                    before = self.too_big()
                    url = f"http://{host}"
                    self.assertEqual(client.download_sha256(self.own, f"{url}/20mb"), self.own.download_sha256)
                    stored = client.upload(self.own, url, f"{tunnel}-{version}-{vip}")
                    self.assertEqual(sorted(stored), ["", self.own.download_sha256])
                    if vip == at.VIP_DR6:  # over IPv4 the real servers ask for segments that leave room
                        self.assertGreater(self.too_big(), before, "the client has learnt what fits")
                    for number in range(3):
                        self.assertRegex(client.udp(self.own, vip, at.UDP_PORT, f"datagram {number}"),
                                         rf"^real[12] datagram {number}$")
        for reason in ("bad_tunnel", "tunnel_nested", "unsupported_protocol"):
            self.assertEqual(self.far.metric("fairlead_dropped_packets_total", reason=reason), 0, reason)

    def test_ipip(self):
        self.carried("ipip")

    def test_gue(self):
        self.carried("gue")

    def test_gue_with_checksum(self):
        self.carried("gue-checksum")

    def test_gre(self):
        self.carried("gre")

    def test_gre_with_checksum(self):
        self.carried("gre-checksum")
