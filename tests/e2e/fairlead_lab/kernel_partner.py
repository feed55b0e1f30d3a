"""A director beside a partner that sends and hears what a director of the kernel does.

    class Backup(WithPartner):
        def test_it(self):
            self.send("0007002c0101…")          # datagrams in hex, by multicast
"""

import os
import sys

from .case import LabTest

HERE = os.path.dirname(os.path.abspath(__file__))
PARTNER = os.path.join(HERE, "sync_partner.py")
OURS, THEIRS = "10.255.0.1", "10.255.0.2"


class WithPartner(LabTest):
    """A link of its own between the director and the partner, which is in the client's namespace."""

    @classmethod
    def setUpClass(cls):
        cls.lab.director.ip(f"link add sync type veth peer name partner netns {cls.lab.client.name}")
        cls.addClassCleanup(cls.lab.director.ip, "link del sync")
        for namespace, interface, address in ((cls.lab.director, "sync", OURS), (cls.lab.client, "partner", THEIRS)):
            namespace.ip(f"addr add {address}/24 dev {interface}")
            namespace.ip(f"link set {interface} up")
        super().setUpClass()

    def send(self, *datagrams: str):
        path = f"{self.lab.state}/sync-out"
        with open(path, "w") as file:
            file.write("".join(datagram + "\n" for datagram in datagrams))
        self.lab.client.run(sys.executable, PARTNER, "send", THEIRS, path)

    def entries(self) -> int:
        return self.director.json("sync", "status")["ipvs"]["received"]["entries"]
