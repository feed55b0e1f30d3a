"""A link that goes and comes: traffic moves by the routes, what the director shows follows, nothing else is disturbed."""

import os
import subprocess
import sys
from collections import Counter

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.shell import wait_until
from fairlead_lab.speakers import WHO_SPEAKS

SOURCE = "198.51.100.7"


def told(path: str, mac: str) -> Counter:
    """How often that MAC has told all the neighbours of each address."""
    with open(path) as file:
        lines = [line.split() for line in file if line.endswith("\n")]
    return Counter(address for _, kind, address, by in lines if kind == "tell" and by == mac)


class Links(LabTest):
    """The client has a second leg on the inside network; a second default route leads over it."""

    @classmethod
    def configure(cls):
        config = configuration([{"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80,
                                 "reals": [{"address": at.real_address(1)}]}])
        for port in config["ports"]:
            port["role"] = "both"
        config["routes"].insert(1, {"to": "0.0.0.0/0", "via": at.CLIENT_LEG})
        return config

    def tearDown(self):
        self.set_link(True)
        self.wait_link("outside", True)

    def set_link(self, is_up: bool):
        """Pull or plug the cable at the client's end, and let the client take the other way, or its own again."""
        self.lab.client.ip(f"link set outside {'up' if is_up else 'down'}")
        if is_up:
            self.lab.client.run("ip", "route", "del", f"{at.VIP}/32", check=False)
            # An interface that was down has lost its routes and its IPv6 address.
            self.lab.client.ip(f"route replace 10.0.0.0/24 via {at.DIRECTOR_OUTSIDE}")
            self.lab.client.ip(f"addr replace {at.CLIENT6}/64 dev outside nodad")
            self.lab.client.ip(f"route replace fd00:10::/64 via {at.DIRECTOR_OUTSIDE6}")
        else:
            self.lab.client.ip(f"route replace {at.VIP}/32 via {at.DIRECTOR_INSIDE} dev direct onlink")

    def link(self, port: str) -> dict:
        ports = self.director.json("port", "list")["ports"]
        return next(each["link"] for each in ports if each["name"] == port)

    def wait_link(self, port: str, is_up: bool):
        wait_until(lambda: self.link(port)["up"] == is_up, f"the link of {port} is {'up' if is_up else 'down'}")

    def ask(self) -> str:
        return client.curl(self.lab, f"http://{at.VIP}/", "--retry", "5", "--retry-all-errors", "--retry-delay", "1",
                           "--connect-timeout", "2", source=SOURCE).stdout.strip()

    def test_1_a_download_goes_on_over_the_other_port_and_back(self):
        downs = self.link("outside")["downs"]
        downloads = client.Downloads(self.lab, at.VIP, 5, [SOURCE], drip=65536)
        self.addCleanup(downloads.kill)
        self.set_link(False)
        self.wait_link("outside", False)
        self.assertEqual(self.ask(), "real1")
        self.set_link(True)
        self.wait_link("outside", True)
        self.assertEqual(self.ask(), "real1")
        self.assertEqual(downloads.finish(), downloads.all_complete())
        self.assertEqual(self.link("outside")["downs"], downs + 1)

    def test_2_what_is_shown_follows(self):
        self.assertEqual(self.director.metric("fairlead_port_up", port="outside"), 1)
        self.set_link(False)
        self.wait_link("outside", False)
        self.assertEqual(self.director.metric("fairlead_port_up", port="outside"), 0)
        self.assertEqual(self.director.metric("fairlead_port_up", port="inside"), 1)
        self.assertIn("DOWN since", self.director.cli("port", "list").stdout)
        self.assertIn('msg="link is down" port=outside', self.director.log_since_start())
        self.set_link(True)
        self.wait_link("outside", True)
        self.assertIn('msg="link is up" port=outside', self.director.log_since_start())

    def test_3_explain_says_so(self):
        self.lab.bridge.ip("link set director down")
        try:
            self.wait_link("inside", False)
            said = self.director.cli("explain", f"{SOURCE}:4242", f"{at.VIP}:80/tcp").stdout
            self.assertIn("It leaves by port inside, which has no link: packets to it are lost.", said)
        finally:
            self.lab.bridge.ip("link set director up")
        self.wait_link("inside", True)
        self.assertEqual(self.ask(), "real1")

    def test_4_addresses_are_announced_when_the_link_is_back(self):
        addresses = (at.VIP, at.DIRECTOR_OUTSIDE, at.DIRECTOR_OUTSIDE6)
        mac = next(port["mac"] for port in self.director.json("port", "list")["ports"] if port["name"] == "outside")
        self.set_link(False)
        self.wait_link("outside", False)
        path = f"{self.lab.state}/announced{self.workers}"
        listener = self.lab.client.spawn(sys.executable, WHO_SPEAKS, "outside", path, *addresses, stdin=subprocess.PIPE)
        try:
            wait_until(lambda: os.path.exists(path) and os.path.getsize(path), "somebody listens")
            self.assertEqual(told(path, mac), Counter())
            self.set_link(True)
            # As the client's own link hears it: the port's two addresses and the virtual one, three times each.
            wait_until(lambda: told(path, mac).total() >= 9, "they are announced again", timeout=20)
        finally:
            listener.communicate()
        self.assertEqual(told(path, mac), Counter(dict.fromkeys(addresses, 3)))
