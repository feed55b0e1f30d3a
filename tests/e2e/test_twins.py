"""Kernel twins outlive the director: what others have put on them is there after a crash and a restart."""

import json

from fairlead_lab import addresses as at, wait_until
from fairlead_lab.case import LabTest
from fairlead_lab.director import with_twins

BY_HAND = "192.0.2.7/32"
BY_HAND6 = "2001:db8:1::7/128"
FAR = "203.0.113.5"  # of the client
FAR_ROUTE = f"203.0.113.0/24 via {at.CLIENT} dev fl-outside proto static"


class TwinsOverRestarts(LabTest):
    worker_counts = (1,)

    @classmethod
    def configure(cls):
        return with_twins()

    def setUp(self):
        super().setUp()
        self.director.restart(with_twins())
        self.lab.director.batch([f"addr replace {BY_HAND} dev fl-outside",
                                 f"addr replace {BY_HAND6} dev fl-outside nodad",
                                 f"route replace {FAR_ROUTE}"])

    def links(self) -> dict:
        """What `ip` says of each interface of the director's namespace, by name."""
        return {link["ifname"]: link for link in json.loads(self.lab.director.ip("-json addr show").stdout)}

    def addresses(self, interface: str) -> set:
        return {f"{each['local']}/{each['prefixlen']}" for each in self.links()[interface]["addr_info"]}

    def routes(self) -> str:
        return self.lab.director.ip("route show dev fl-outside").stdout

    def assert_kept(self):
        self.assertLessEqual({BY_HAND, BY_HAND6, f"{at.DIRECTOR_OUTSIDE}/24", f"{at.DIRECTOR_OUTSIDE6}/64"},
                             self.addresses("fl-outside"))
        self.assertIn("203.0.113.0/24 via", self.routes())
        self.assertIn("default via", self.routes())

    def assert_dead(self):
        wait_until(lambda: "NO-CARRIER" in self.links()["fl-outside"]["flags"], "the twin has lost its carrier")
        self.assert_kept()

    def assert_alive(self, index: int):
        wait_until(lambda: "NO-CARRIER" not in self.links()["fl-outside"]["flags"], "the twin has its carrier")
        self.assertEqual(self.links()["fl-outside"]["ifindex"], index)
        self.assert_kept()
        self.assert_pings()

    def assert_pings(self):
        """Over the twin both ways: from this machine by the route that was added by hand, and from outside."""
        before = self.from_host()
        self.assertIn(" 3 received", self.ping(self.lab.director, FAR))
        wait_until(lambda: self.from_host() >= before + 3, "the twin has carried the pings")
        self.assertIn(" 3 received", self.ping(self.lab.client, at.DIRECTOR_OUTSIDE))

    def ping(self, namespace, address: str) -> str:
        return namespace.run("ping", "-n", "-c3", "-i0.2", "-W5", address, check=False).stdout

    def from_host(self) -> float:
        return self.director.metric("fairlead_exception_packets_total", port="outside", direction="from_host")

    def test_a_kill_and_a_start(self):
        index = self.links()["fl-outside"]["ifindex"]
        self.assert_alive(index)
        self.director.kill()
        self.assert_dead()
        self.director.start()
        self.assert_alive(index)

    def test_sigterm_and_a_start(self):
        index = self.links()["fl-outside"]["ifindex"]
        self.director.stop()
        self.assert_dead()
        self.director.start()
        self.assert_alive(index)

    def test_what_the_configuration_no_longer_names_goes(self):
        self.director.restart(with_twins(addresses=["192.0.2.1/24", "192.0.2.2/24", "2001:db8:1::2/64"]))
        self.assertIn("192.0.2.2/24", self.addresses("fl-outside"))
        self.assertNotIn(f"{at.DIRECTOR_OUTSIDE6}/64", self.addresses("fl-outside"))
        self.director.restart(with_twins())
        self.assertNotIn("192.0.2.2/24", self.addresses("fl-outside"))
        self.assert_kept()

    def test_the_twin_of_a_port_without_one_goes(self):
        self.director.restart(with_twins(exception="none"))
        self.assertNotIn("fl-outside", self.links())
        self.assertIn("fl-inside", self.links())

    def test_another_interface_of_that_name_stops_the_start(self):
        self.director.stop()
        self.director.release()
        self.lab.director.ip("link add fl-outside type bridge")
        try:
            with self.assertRaisesRegex(Exception, "interface of kind bridge; rename it"):
                self.director.start()
        finally:
            self.director.kill()
            self.lab.director.ip("link del fl-outside")
        self.director.start()

    def test_release_removes_what_was_left_and_nothing_else(self):
        refused = self.director.release("fl-outside", check=False)
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn("fl-outside is the kernel twin of director lab, which is running", refused.stderr)
        self.assertIn("fl-outside", self.links())
        self.director.kill()
        self.assertEqual(self.director.release("fl-outside").stdout,
                         "fl-outside: removed, with its addresses and routes\n")
        self.assertEqual({"fl-outside", "fl-inside"} & set(self.links()), {"fl-inside"})
        self.assertIn("fl-inside: removed, with its addresses and routes\n", self.director.release().stdout)
        self.assertNotIn("fl-inside", self.links())
        self.director.start()
