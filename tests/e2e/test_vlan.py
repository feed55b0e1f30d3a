"""VLANs: both networks over one device with Open vSwitch as the switch, frames with two tags, jumbo frames."""

import json
import os
import sys

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.open_vswitch import INSIDE_VLAN, OUTSIDE_VLAN, SwitchTest, member, one_armed, services
from fairlead_lab.shell import wait_until

JUMBO = 9600
TAGGED_PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fairlead_lab", "tagged_peer.py")
# From the switch's end of the trunk: `MAC HEX` sends one frame to that MAC, with HEX after the addresses.
SEND = ("import socket,sys\n"
        "s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW);s.bind(('trunk1',0))\n"
        "mac=bytes.fromhex(sys.argv[1].replace(':',''))\n"
        "head=mac+bytes.fromhex('020000000099')\n"
        "s.send(head+bytes.fromhex(sys.argv[2])+bytes(60))\n")


class OneArmed(SwitchTest):
    """The director has one device, a trunk of the switch with both networks."""
    worker_counts = (1, 2)

    @classmethod
    def attach(cls, switch):
        switch.trunk("trunk1")

    @classmethod
    def configure(cls):
        return one_armed(services(), member(1))

    def both_ways(self, vip: str, name: str):
        url = f"http://{vip}"
        self.assertEqual(client.download_sha256(self.lab, f"{url}/20mb"), self.lab.download_sha256)
        stored = client.upload(self.lab, url, f"{name}{self.workers}")
        self.assertEqual(sorted(stored), sorted([self.lab.download_sha256] + [""] * (len(stored) - 1)))

    def test_nat(self):
        self.both_ways(at.VIP, "vlan-nat")

    def test_direct_routing(self):
        self.both_ways(at.VIP_DR, "vlan-dr")

    def test_each_vlan_is_a_port(self):
        client.curl(self.lab, f"http://{at.VIP}/")
        for port, vlan in (("outside", OUTSIDE_VLAN), ("inside", INSIDE_VLAN)):
            self.assertGreater(self.director.metric("fairlead_port_rx_packets_total", port=port), 0)
            shown = next(p for p in self.director.json("port", "list")["ports"] if p["name"] == port)
            self.assertEqual(shown["vlan"], vlan)
        # The switch has learnt the director's one MAC in both VLANs, from the trunk.
        learnt = [line.split() for line in self.switch.appctl("fdb/show", "br0").splitlines()[1:]]
        mac = self.mac()
        self.assertEqual({int(vlan) for _, vlan, at_mac, _ in learnt if at_mac == mac}, {OUTSIDE_VLAN, INSIDE_VLAN})

    def mac(self) -> str:
        return self.director.json("port", "list")["ports"][0]["mac"]

    def test_foreign_frames_are_dropped_by_name(self):
        # Two tags, the outer one of a VLAN that has a port (802.1Q, and 802.1ad); a VLAN that has none.
        for tags, reason, count in (("8100007881000082" "0800", "second_vlan_tag", 1),
                                    ("88a8007881000082" "0800", "second_vlan_tag", 1),
                                    ("810003e7" "0800", "unknown_vlan", 1)):
            with self.subTest(tags=tags):
                before = self.director.metric("fairlead_dropped_packets_total", reason=reason)
                self.switch.namespace.run("python3", "-c", SEND, self.mac(), tags)
                self.assert_metric(before + count, "fairlead_dropped_packets_total", reason=reason)


class PriorityTags(LabTest):
    """Ports without VLANs; the client's frames have a tag of VLAN 0, which only carries a priority."""

    @classmethod
    def configure(cls):
        return configuration([{"name": f"echo{name}", "address": vip, "protocol": "udp", "port": at.UDP_PORT,
                               "reals": [{"address": real(1)}]}
                              for name, vip, real in (("", at.VIP, at.real_address), ("6", at.VIP6, at.real_address6))])

    def test_are_no_difference(self):
        mac = next(port["mac"] for port in self.director.json("port", "list")["ports"] if port["name"] == "outside")
        for source, vip in ((at.CLIENT, at.VIP), (at.CLIENT6, at.VIP6)):
            with self.subTest(vip=vip):
                done = self.lab.client.run(sys.executable, TAGGED_PEER, "outside", mac, source, vip, at.UDP_PORT, 20)
                self.assertEqual(json.loads(done.stdout), {"spoken_for": [mac], "answered": 20})


class Jumbo(LabTest):
    """Frames of 9,600 bytes from the client to the real servers and back, over two devices."""
    worker_counts = (1,)

    @classmethod
    def links(cls):
        """(namespace, interface) of all ends that the director does not set itself."""
        return [(cls.lab.client, "outside"), (cls.lab.bridge, "director"), (cls.lab.bridge, "br0"),
                (cls.lab.bridge, "real1"), (cls.lab.reals[1], "eth0")]

    @classmethod
    def set_mtu(cls, mtu: int):
        for namespace, interface in cls.links():
            namespace.ip(f"link set {interface} mtu {mtu}")

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.mend_mtu)
        cls.set_mtu(JUMBO)
        super().setUpClass()

    @classmethod
    def mend_mtu(cls):
        cls.set_mtu(at.MTU)
        for interface in ("outside", "inside"):  # which a director has set
            cls.lab.director.ip(f"link set {interface} mtu {at.MTU}")

    @classmethod
    def configure(cls):
        config = configuration([{"name": name, "address": at.VIP, "protocol": protocol, "port": port,
                                 "reals": [{"address": at.real_address(1)}]}
                                for name, protocol, port in (("web", "tcp", 80), ("echo", "udp", at.UDP_PORT))])
        for port, interface, number in zip(config["ports"], ("outside", "inside"), (0, 1)):
            # Without a ring of the lab's own: that holds frames of 2,048 bytes.
            port.update(mtu=JUMBO, device=f"net_af_packet{number},iface={interface}")
        return config

    def test_a_full_frame_passes_in_one_piece(self):
        message = "x" * (JUMBO - 28 - len("real1 "))  # the answer, which has a name before it, is a full frame
        before = self.director.metric("fairlead_port_rx_packets_total", port="inside")
        answer = client.udp(self.lab, at.VIP, at.UDP_PORT, message)
        self.assertEqual(answer, f"real1 {message}")
        wait_until(lambda: self.director.metric("fairlead_port_rx_packets_total", port="inside") > before, "counted")
        self.assertLess(self.director.metric("fairlead_port_rx_packets_total", port="inside"), before + 7)

    def test_download(self):
        packets, volume = (self.director.metric(f"fairlead_port_rx_{what}_total", port="inside")
                           for what in ("packets", "bytes"))
        self.assertEqual(client.download_sha256(self.lab, f"http://{at.VIP}/20mb"), self.lab.download_sha256)
        wait_until(lambda: self.director.metric("fairlead_port_rx_bytes_total", port="inside") > volume + (20 << 20),
                   "it is counted")
        packets = self.director.metric("fairlead_port_rx_packets_total", port="inside") - packets
        self.assertLess(packets, 3000)  # 2,198 full frames; 14,500 at an MTU of 1,500
