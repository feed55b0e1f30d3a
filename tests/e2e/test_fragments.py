"""Datagrams of 8 kB in fragments, in order and shuffled, both ways, by every method and family; and a flood of them."""

import json
import os
import subprocess
import sys

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.latency import resident_bytes

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fairlead_lab", "fragment_peer.py")
SHUFFLED_PORT = 5354
COUNT = 1000
BYTES = 8000
LONE = 100_000


def udp_service(name: str, vip: str, method: str, port: int, ipv6: bool) -> dict:
    address = at.real_address6 if ipv6 else at.real_address
    forward = {"method": method, "local_addresses": at.LOCAL_ADDRESSES} if method == "fullnat" else method
    return {"name": name, "address": vip, "protocol": "udp", "port": port, "scheduler": "rr", "forward": forward,
            "reals": [{"address": address(index)} for index in (1, 2)]}


class Fragments(LabTest):
    worker_counts = (1, 2)  # tests/dataplane/path/fragment_test.cc has three, too
    vips = {"nat": (at.VIP, at.VIP6), "dr": (at.VIP_DR, at.VIP_DR6), "tun": (at.VIP_TUN, at.VIP_TUN6),
            "fullnat": ("192.0.2.82", "2001:db8:1::82")}

    @classmethod
    def configure(cls):
        services = []
        for method, vips in cls.vips.items():
            for ipv6, vip in enumerate(vips):
                services.append(udp_service(f"{method}-{ipv6}", vip, method, at.UDP_PORT, bool(ipv6)))
        for ipv6, vip in enumerate(cls.vips["nat"]):
            services.append(udp_service(f"shuffled-{ipv6}", vip, "nat", SHUFFLED_PORT, bool(ipv6)))
        services.append({"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "rr",
                         "reals": [{"address": at.real_address(1)}]})
        config = configuration(services)
        # Not net_af_packet: for that the kernel puts IPv4 fragments together (docs/fragments.md).
        for unit, port in enumerate(config["ports"]):
            port["device"] = f"net_pcap{unit},rx_iface_in={port['name']},tx_iface={port['name']}"
            port["queues"] = 1
        return config

    def setUp(self):
        self.mac = self.mac_of("outside")

    def mac_of(self, port: str) -> str:
        """The driver has made it."""
        return next(row["mac"] for row in self.director.json("port", "list")["ports"] if row["name"] == port)

    def peer(self, *words) -> dict:
        return json.loads(self.lab.client.run(sys.executable, PEER, *words, timeout=300).stdout)

    def exchange(self, vip: str, port: int, order: str, size: int = 1400):
        source = at.CLIENT6 if ":" in vip else at.CLIENT
        done = self.peer("exchange", "outside", self.mac, source, vip, port, COUNT, BYTES, size, order)
        self.assertEqual(done, {"answered": COUNT}, f"{vip} {order}: {self.director.json('status')['dropped']}")

    def test_every_method_in_order_and_shuffled(self):
        for vips in self.vips.values():
            for vip in vips:
                for order in ("order", "shuffle"):
                    with self.subTest(vip=vip, order=order):
                        self.exchange(vip, at.UDP_PORT, order)

    def test_replies_shuffled(self):
        mac = self.mac_of("inside")
        for index in (1, 2):
            process = self.lab.reals[index].spawn(sys.executable, PEER, "answer", "eth0", mac, SHUFFLED_PORT, 1400,
                                                  stdout=subprocess.PIPE, text=True)
            self.addCleanup(process.wait)
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.kill)
            self.assertEqual(process.stdout.readline(), "ready\n")
        for vip in self.vips["nat"]:
            with self.subTest(vip=vip):
                self.exchange(vip, SHUFFLED_PORT, "shuffle")

    def test_a_kernels_own_fragments(self):
        for vip in (*self.vips["nat"], *self.vips["dr"]):
            message = "x" * BYTES
            self.assertRegex(client.udp(self.lab, vip, at.UDP_PORT, message), rf"^real[12] {message}$")

    def test_large_pings(self):
        """Answered by the director; at an address with a kernel twin, by the kernel."""
        asked = {self.lab.client: (at.VIP, at.VIP6, at.VIP_DR, at.VIP_DR6, at.DIRECTOR_OUTSIDE, at.DIRECTOR_OUTSIDE6),
                 self.lab.reals[1]: (at.DIRECTOR_INSIDE, at.DIRECTOR_INSIDE6)}
        for namespace, addresses in asked.items():
            for address in addresses:
                with self.subTest(address=address):
                    words = ("-n", "-c3", "-i0.2", "-W5", "-s", str(BYTES), address)
                    self.assertIn("3 received", namespace.run("ping", *words, check=False).stdout)

    def flood(self, vip: str) -> int:
        """Lone fragments to that address. How many new connections there were meanwhile."""
        # Another client's: identifications of what follows must not be those of fragments that wait.
        source = "2001:db8:2::99" if ":" in vip else "198.51.100.99"
        words = ("lone", "outside", self.mac, source, vip, at.UDP_PORT, LONE)
        flood = self.lab.client.spawn(sys.executable, PEER, *words, stdout=subprocess.PIPE, text=True)
        answered = 0
        try:
            while True:
                self.assertEqual(client.curl(self.lab, f"http://{at.VIP}/").stdout, "real1\n")
                if flood.poll() is not None:  # it may have ended before that answer
                    return answered
                answered += 1
        finally:
            self.assertEqual(json.loads(flood.communicate(timeout=120)[0]), {"sent": LONE})

    def memory(self) -> dict:
        return {name: value for name, value in self.director.metrics().items()
                if name.startswith("fairlead_memory_bytes")}

    def test_a_flood_of_lone_fragments_leaves_others_alone(self):
        def displaced() -> float:
            return self.director.metric("fairlead_dropped_packets_total", reason="fragment_limit")

        self.exchange(at.VIP, at.UDP_PORT, "shuffle")
        downloads = client.Downloads(self.lab, at.VIP, 4, ["198.51.100.7"], length=4 << 20, drip=65536)
        self.addCleanup(downloads.kill)
        memory, resident = self.memory(), resident_bytes(self.director)
        self.assertGreater(len(memory), 4)
        for vip in (at.VIP, at.VIP6):
            with self.subTest(vip=vip):
                before, connections = displaced(), 0
                while connections < 5:  # one flood may be over sooner, on a fast machine
                    connections += self.flood(vip)
                # All but those that wait, and what the driver's ring had no room for.
                self.assertGreater(displaced() - before, LONE / 2)
        self.assertEqual(self.memory(), memory)
        self.assertLess(resident_bytes(self.director) - resident, 4 << 20)
        self.assertEqual(downloads.finish(), downloads.all_complete())
        # There were many times as many as the pool has packets: none of them has been kept.
        self.exchange(at.VIP, at.UDP_PORT, "shuffle")

