"""Two directors that know the same: nothing is lost when one of them leaves or returns, nor when both serve at once."""

import collections
import json
import os
import sys
import time

from fairlead_lab import addresses as at, client, servers
from fairlead_lab.restarts import WAYS, Load, service, shop_url
from fairlead_lab.shell import wait_until
from fairlead_lab.sync_pair import OUTSIDE, READY_LAG, SyncPairTest

UPLOADS = os.path.join(os.path.dirname(os.path.abspath(client.__file__)), "uploads.py")


class Moves(SyncPairTest):
    """The addresses move by keepalived, away from a director that leaves and back to it: downloads go on and clients keep
    their real servers, by NAT, DR and TUN over IPv4 and IPv6."""

    rounds, rounds_of_a_load = 3, 3
    downloads, clients = 5, 8  # of each of the six ways

    def test_stop_kill_and_link(self):
        for begin in range(0, self.rounds, self.rounds_of_a_load):
            load = Load(self.pair.lab, self.downloads, self.clients)
            self.addCleanup(load.kill)
            load.begin()
            time.sleep(READY_LAG)  # then both know all that has begun
            for done in range(begin, begin + self.rounds_of_a_load):
                for how in ("stop", "kill", "link"):
                    self.pair.leaves(how)
                    # Each second time it has lost all: what it then knows is what it has been told.
                    self.pair.returns(how, extra=("--fresh",) if done % 2 == 0 else ())
            load.end(self, self.pair.moments)


class SlowLink(SyncPairTest):
    """A master that returns and knows nothing is not ready, and does not get the addresses, before it has the table."""

    CLIENTS = 1500
    sync = {"ready_timeout": "60s"}

    def test_not_ready_before_it_has_the_table(self):
        sources = [f"198.18.{n // 250}.{1 + n % 250}" for n in range(self.CLIENTS)]
        before = client.spread(self.pair.lab, shop_url(WAYS[2]), sources)
        wait_until(lambda: self.templates(2) >= self.CLIENTS, "director 2 has been told")
        self.pair.leaves("kill")
        returned, seen = self.pair[1].director, []
        with self.pair.slow_link("600kbit"):
            returned.launch(extra=("--fresh",))
            wait_until(lambda: self.look(seen), "director 1 is ready", timeout=60)
        for ready, _, templates, has_address in seen:
            if not ready:
                self.assertFalse(has_address, seen)
        self.assertGreater(sum("peer-not-taken-in" in reason for _, reason, *_ in seen), 3, seen)
        self.assertGreaterEqual(seen[-1][2], self.CLIENTS, seen)
        self.pair.wait_master(1, "director 1 has its addresses back, now that it is ready")
        self.assertEqual(client.spread(self.pair.lab, shop_url(WAYS[2]), sources), before, "clients have moved")

    def templates(self, number: int) -> int:
        return int(self.pair[number].director.metric("fairlead_templates"))

    def look(self, seen: list) -> bool:
        """Adds (ready, words of the reasons, templates, whether it has an address). What is not ready must not have one; so
        that is looked at before."""
        has_address = self.pair[1].has(OUTSIDE[0])
        status, text = self.pair[1].director.get("/readyz")
        if status:
            seen.append((status == 200, text, self.templates(1), has_address))
        return status == 200


class CutOff(SyncPairTest):
    """A master that lives, but had no line to anybody: it gets the addresses back when it knows what the other one has done
    meanwhile, and not before."""

    def test_who_was_cut_off_is_asked_again(self):
        first, shop = self.pair[1].director, shop_url(WAYS[0])
        self.pair.lab.bridge.ip("link set outside1 down")
        self.pair[1].namespace.ip("link set sync down")
        self.pair.wait_master(2, "director 2 has taken over")
        sources = [f"203.0.113.{host}" for host in range(1, 31)]
        names = client.spread(self.pair.lab, shop, sources)
        wait_until(lambda: "peer-unreachable" in first.get("/readyz")[1], "director 1 is not ready any more", timeout=30)
        self.assertIn("cut-off", first.get("/readyz")[1])
        self.pair.lab.bridge.ip("link set outside1 up")
        wait_until(lambda: "cut-off" not in first.get("/readyz")[1], "director 1 has its line back")
        self.assertEqual(first.cli("ready", check=False).returncode, 1)
        # An old advertisement that waited for the line calls for an election.
        time.sleep(2)
        self.pair.wait_master(2, "director 2 has won it")
        self.pair[1].namespace.ip("link set sync up")
        wait_until(lambda: self.pair[1].has(OUTSIDE[0]), "director 1 has its addresses back", timeout=60)
        self.assertEqual(first.metric("fairlead_templates"), len(sources))
        self.pair.wait_master(1, "director 2 has given them up")
        self.assertEqual(client.spread(self.pair.lab, shop, sources), names, "clients have moved")


class Apart(SyncPairTest):
    """They do not hear of each other."""

    sync = {"ready_timeout": "3s"}

    def test_1_the_link_between_them_is_lost(self):
        """Who serves goes on, and tells later what has happened meanwhile."""
        shop, sources = shop_url(WAYS[0]), [f"203.0.113.{host}" for host in range(1, 31)]
        link = self.pair[2].namespace
        link.ip("link set sync down")
        try:
            wait_until(lambda: all(half.director.metric("fairlead_sync_connected") == 0
                                   for half in self.pair.halves.values()), "both have noticed", timeout=30)
            names = client.spread(self.pair.lab, shop, sources)
            for half in self.pair.halves.values():
                self.assertEqual(half.director.cli("ready", check=False).returncode, 0, "who was ready stays so")
            self.assertTrue(self.pair.has_all(1), "the addresses have moved")
            self.assertEqual(self.pair[2].director.metric("fairlead_templates"), 0)
        finally:
            link.ip("link set sync up")
        self.pair.wait_in_sync()
        self.assertEqual(self.pair[2].director.metric("fairlead_templates"), len(sources))
        self.pair[1].keepalived.stop()
        self.pair.wait_master(2, "director 2 has taken over")
        self.assertEqual(client.spread(self.pair.lab, shop, sources), names, "clients have moved")
        self.pair[1].start_keepalived()
        self.pair.wait_master(1, "director 1 has its addresses back")

    def test_2_both_were_off_and_one_returns(self):
        """It waits for the other one until it no longer counts, and then it serves."""
        for number in (2, 1):
            self.pair[number].director.stop()
        first = self.pair[1].director
        first.launch(extra=("--fresh",))
        wait_until(lambda: "peer-unreachable" in first.get("/readyz")[1], "it waits for its peer", timeout=20)
        self.assertEqual(first.cli("ready", check=False).returncode, 1)
        first.wait_ready()
        self.assertEqual(first.cli("ready", check=False).returncode, 0)
        self.assertEqual(first.metric("fairlead_peer_given_up", peer="edge-2"), 1)
        self.pair.wait_master(1, "it has the addresses")
        names = client.spread(self.pair.lab, f"http://{at.VIP}/", ["198.51.100.1", "198.51.100.2", "198.51.100.3"])
        self.assertEqual(sorted(names), ["real1", "real2", "real3"])
        # Who comes later finds one that serves, and that stays ready.
        self.pair[2].director.start()
        self.pair.wait_in_sync()
        self.assertEqual(first.metric("fairlead_peer_given_up", peer="edge-2"), 0)
        self.assertTrue(self.pair.has_all(1))


class BothServing(SyncPairTest):
    """Routers or DNS spread connections over both: pieces of one client's upload go through one or the other."""

    with_keepalived = False

    @classmethod
    def configure(cls, number: int) -> dict:
        config = super().configure(number)
        config["policy"]["announce"] = "never"
        return config

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for side in (1, 2):
            cls.pair.lab.client.ip(f"route add {at.VIP_DR}/32 via {at.director_outside(side)} table {100 + side}")
            cls.pair.lab.client.ip(f"rule add fwmark {side} table {100 + side}")

    def upload(self, name: str, port: int, pieces: int, pause: float, start: str, sources: list) -> dict:
        """{source: {piece: the real server that has it}}, when no upload has failed."""
        done = self.pair.lab.client.run(sys.executable, UPLOADS, f"http://{at.VIP_DR}:{port}/upload/{name}", pieces, pause,
                                        start, *sources, timeout=300)
        self.assertEqual(json.loads(done.stdout), [])
        found = {source: {} for source in sources}
        for index in self.pair.lab.reals:
            for source in sources:
                folder = f"{servers.state_of(self.pair.lab, index)}/upload/{name}/{source}"
                for piece in os.listdir(folder) if os.path.exists(folder) else ():
                    self.assertNotIn(piece, found[source], f"{source}: on two real servers")
                    found[source][piece] = at.real_name(index)
        for source in sources:
            self.assertEqual(len(found[source]), pieces + (start == "both"), source)
        return found

    def assert_spread(self, packets: int = 1):
        """Both directors have forwarded."""
        for half in self.pair.halves.values():
            self.assertGreater(half.director.metric("fairlead_service_connections_total"), packets)

    def assert_pieces_stay(self, name: str, sources: list, pieces: int):
        """Each client's pieces change sides and meet one real server; every real server has some."""
        found = self.upload(name, 80, pieces, READY_LAG, "in-turn", sources)
        split = {source: seen for source, seen in found.items() if len(set(seen.values())) > 1}
        self.assertEqual(split, {})
        self.assertEqual(len({each for seen in found.values() for each in seen.values()}), 3)
        self.assert_spread(len(sources) * pieces * 4 // 10)

    def assert_networks_stay(self, name: str, port: int):
        """Two neighbours of each of 25 networks: their pieces change sides and meet one real server."""
        networks = [f"198.19.{number}" for number in range(25)]
        sources = [f"{network}.{host}" for network in networks for host in (3, 250)]
        names = collections.defaultdict(set)
        for source, pieces in self.upload(name, port, 10, 0, "in-turn", sources).items():
            names[source.rpartition(".")[0]] |= set(pieces.values())
        self.assertEqual({network: seen for network, seen in names.items() if len(seen) > 1}, {})
        self.assertEqual(len(set.union(*names.values())), 3)


class BothServe(BothServing):
    """Pieces of one client's upload meet one real server, as the directors tell each other."""

    @classmethod
    def services(cls) -> list:
        return [service("templates", at.VIP_DR, 80, forward="dr", persistence={"timeout": "10m"}),
                service("again", at.VIP_DR, 8080, forward="dr", persistence={"timeout": "10m"},
                        policy={"unknown_connections": "schedule"})]

    def test_pieces_that_change_sides_meet_one_real_server(self):
        self.assert_pieces_stay("turns", [f"198.51.100.{host}" for host in range(1, 101)], pieces=10)

    def test_after_a_first_connection_on_both_they_agree(self):
        # Else both schedulers would choose alike, one client after the other.
        self.upload("before", 80, 1, 0, "in-turn", ["203.0.113.1"])
        sources = [f"203.0.113.{host}" for host in range(11, 61)]
        found = self.upload("both", 80, 5, READY_LAG, "both", sources)
        differed = [source for source, pieces in found.items() if pieces["0-1"] != pieces["0-2"]]
        self.assertGreater(len(differed), 0, "no client has met two real servers, so nothing is shown")
        split = {source: pieces for source, pieces in found.items()
                 if len({name for piece, name in pieces.items() if "-" not in piece}) > 1}
        self.assertEqual(split, {})
        # It is one of the two that were chosen.
        for source, pieces in found.items():
            self.assertIn(pieces["1"], (pieces["0-1"], pieces["0-2"]), source)

    def test_connections_that_change_sides_midway_go_on(self):
        """As when a router spreads anew. The other director may be told of one later than its packets come; it is silent
        until then, and the client sends them again."""
        sources = [f"203.0.113.{host}" for host in range(101, 151)]
        self.upload("midway", 80, 3, 0, "midway", sources)

    def test_a_handshake_that_changes_sides_goes_on_by_schedule(self):
        """No director tells of what is half open. The client's template says where the rest of it belongs."""
        sources = [f"203.0.113.{host}" for host in range(151, 201)]
        first = self.upload("known", 8080, 1, READY_LAG, "in-turn", sources)
        found = self.upload("handshake", 8080, 3, 0, "handshake", sources)
        for source in sources:
            self.assertEqual(set(found[source].values()), set(first[source].values()), source)


class NothingShared(BothServing):
    """Two directors that do not know of each other: their schedulers find the same real server by themselves."""

    @classmethod
    def services(cls) -> list:
        return [service(name, at.VIP_DR, port, forward="dr", scheduler=name, scheduler_flags=[f"{name}-netmask"], netmask=24)
                for name, port in (("mh", 443), ("sh", 80))]

    @classmethod
    def configure(cls, number: int) -> dict:
        config = super().configure(number)
        del config["sync"]
        return config

    def test_neighbours_agree_by_mh_netmask(self):
        self.assert_networks_stay("mh", 443)

    def test_neighbours_agree_by_sh_netmask(self):
        self.assert_networks_stay("sh", 80)

    def test_they_do_not_speak(self):
        for half in self.pair.halves.values():
            self.assertIn("off:", half.director.cli("sync", "status").stdout)
