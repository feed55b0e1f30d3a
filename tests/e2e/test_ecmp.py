"""Two directors announce the same addresses to a router that shares the clients out between them. BIRD on all three."""

import re
import signal
import time

from fairlead_lab import addresses as at, client
from fairlead_lab.ecmp import EcmpTest
from fairlead_lab.shell import wait_until

CLIENTS = 16  # of each IP version


def sources(vip: str) -> list:
    return [(f"2001:db8:2::{n}" if ":" in vip else f"198.51.100.{n}") for n in range(1, CLIENTS + 1)]


class MovedConnections(EcmpTest):
    """Downloads from every address, slow enough to be moved again and again."""

    LENGTH, DRIP = 4 << 20, 20_000

    def begin(self):
        self.reals = {}  # of each client, as any director has told
        self.old = {who for number in (1, 2) for who in self.connections(number)}  # of tests before
        self.downloads = [client.Downloads(self.pair.lab, vip, CLIENTS, sources(vip), length=self.LENGTH, drip=self.DRIP)
                          for vip in self.vips]
        self.addCleanup(lambda: [each.kill() for each in self.downloads])

    def note(self, number: int) -> int:
        """Looks at the connections of a director: none may have another real server than before, wherever that was. How
        many there are."""
        found = {who: real for who, real in self.connections(number).items() if who not in self.old}
        moved = {who: (self.reals[who], real) for who, real in found.items() if self.reals.get(who, real) != real}
        self.assertEqual(moved, {})
        self.reals.update(found)
        return len(found)

    def wait_all_at(self, number: int, what: str):
        wait_until(lambda: self.note(number) == CLIENTS * len(self.vips), what, timeout=20)

    def finish(self):
        self.assertEqual([each.finish() for each in self.downloads], [each.all_complete() for each in self.downloads])
        self.assertEqual(len(self.reals), CLIENTS * len(self.vips))
        self.assertEqual(len({real for real in self.reals.values()}), 2 * len(self.vips), "real servers of all of them")


class ByHash(MovedConnections):
    """Direct routing by `mh`: the two tell each other nothing."""

    def test_1_both_have_clients(self):
        self.wait_hops({1, 2}, "both announce all addresses")
        for vip in self.vips:
            url = f"http://[{vip}]/" if ":" in vip else f"http://{vip}/"
            self.assertEqual(set(client.spread(self.pair.lab, url, sources(vip))), {"real1", "real2"})
        for number in (1, 2):
            for service in ("web", "web6"):
                self.assertGreater(self.pair[number].director.metric("fairlead_service_connections_total", service=service), 0)

    def test_2_connections_that_move_keep_their_real_server(self):
        self.wait_hops({1, 2}, "both announce")
        self.begin()
        first, second = self.note(1), self.note(2)
        self.assertTrue(first and second, f"{first} at the first, {second} at the second")
        # As `systemctl stop fairleadd`, which stops the watch before.
        self.watches[1].stop()
        self.wait_hops({2}, "the first has withdrawn before it stops")
        self.wait_all_at(2, "all connections are at the second")
        self.pair[1].director.stop()
        self.watches[1].start()
        time.sleep(2)
        self.assertEqual([self.hops(vip) for vip in self.vips], [{2}] * len(self.vips), "nobody is ready there")
        self.pair[1].director.start(extra=("--fresh",))
        self.wait_hops({1, 2}, "the first is ready, and announces again")
        wait_until(lambda: self.note(1), "connections have come back to one that knows none of them", timeout=20)
        self.pair[2].director.kill()
        self.wait_hops({1}, "the router misses the second")
        self.wait_all_at(1, "all connections are at the first")
        self.finish()

    def test_3_who_was_killed_returns(self):
        self.pair[2].director.start()
        self.wait_hops({1, 2}, "both announce")

    def test_4_who_hangs_withdraws(self):
        """One in service: its twin carries nothing any more, and BFD says so before the watch does."""
        self.wait_hops({1, 2}, "both announce")
        self.begin()
        self.assertTrue(self.note(1))
        process = self.pair[1].director.process
        process.send_signal(signal.SIGSTOP)
        try:
            self.wait_hops({2}, "its addresses are withdrawn")
            self.wait_all_at(2, "all connections are at the second")
            wait_until(lambda: re.search(r"vip4 .* down ", self.birds[1].ask("show", "protocols")), "the watch has told BIRD")
        finally:
            process.send_signal(signal.SIGCONT)
        self.wait_hops({1, 2}, "it goes on, and announces again")
        self.finish()


class Synchronised(MovedConnections):
    """Any scheduler, here `wlc`: what one director knows the other one is told. Who does not know it yet does not announce."""

    example = "synchronised-pair"
    vips = {at.VIP_DR: "vip4"}

    def wait_told(self, number: int):
        self.wait_all_at(number, f"director {number} has been told of all connections")

    def test_connections_that_move_keep_their_real_server(self):
        self.wait_hops({1, 2}, "both announce")
        self.begin()
        for number in (1, 2):
            self.wait_told(number)
        self.watches[1].stop()
        self.wait_hops({2}, "the first has withdrawn before it stops")
        self.pair[1].director.stop()
        self.starts_apart(self.pair[1].director)
        self.wait_hops({1, 2}, "the first is ready, and announces again")
        self.wait_told(1)
        self.pair[2].director.kill()
        self.wait_hops({1}, "the router misses the second")
        self.finish()

    def starts_apart(self, director):
        """It has lost all, and cannot be told: its session with the router is up, but it announces nothing."""
        director.namespace.ip("link set sync down")
        try:
            director.launch(extra=("--fresh",))
            self.watches[1].start()
            wait_until(lambda: "Established" in self.birds[1].ask("show", "protocols", "router4"), "BGP is established")
            wait_until(lambda: "cannot be reached" in director.cli("ready", check=False).stdout, "it says why it is not ready")
            time.sleep(2)
            self.assertEqual(director.cli("ready", check=False).returncode, 1)
            self.assertEqual([self.hops(vip) for vip in self.vips], [{2}])
        finally:
            director.namespace.ip("link set sync up")
        director.wait_ready()
