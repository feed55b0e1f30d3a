"""The files of config/examples/etcd-fleet: both directors at once, and one etcd, with TLS and a user, on the link between them."""

import os

from fairlead_lab import addresses as at, client
from fairlead_lab.authority import Authority
from fairlead_lab.example_pairs import ExamplePairTest, changed_example
from fairlead_lab.fleet import SOON, Etcd, FleetDirector, quickest_change, wait_mesh
from fairlead_lab.shell import wait_until

NAMES = ["edge-1", "edge-2"]
PASSWORD = "secret of edge"
DOWNLOADS = 8

# What a director of the lab takes of the machine; no file of the example says any of it.
MACHINE = "director: { idle: sleep, hugepages: off, connections: 65536, arena: none }\n"


class Example(ExamplePairTest):
    """As they are, but for the places of files, each one's own address, and the three lines that a comment holds ready."""

    example = "etcd-fleet"

    @classmethod
    def prepare(cls):
        lab = cls.pair.lab
        authority = Authority(f"{lab.state}/etcd-ca")
        server = authority.issue("etcd", [at.director_sync(1)])
        cls.store = Etcd(lab, at.director_sync(1), "https", ("--cert-file", server, "--key-file", f"{server}.key"))
        cls.store.login = ("--cacert", authority.file)
        cls.ca = authority.file
        cls.store.start()
        cls.store.add_users(PASSWORD)

    @classmethod
    def start(cls):
        cls.store.put("common", cls.common())
        cls.directors = [FleetDirector(cls.pair.lab, cls.store, name, number) for number, name in enumerate(NAMES, 1)]
        for director in cls.directors:
            cls.pair.add(director.number).director = director
            cls.store.put(f"directors/{director.name}", MACHINE + changed_example(
                cls.example, f"{director.name}.yaml", {"/run/fairlead/": f"{director.folder}/"}))
            cls.write_local(director)
        for director in cls.directors:
            director.launch()
        for director in cls.directors:
            director.wait_ready()

    @classmethod
    def tearDownClass(cls):
        try:
            if hasattr(cls, "store"):
                cls.store.stop()
        finally:
            super().tearDownClass()

    @classmethod
    def common(cls, more: str = "") -> str:
        """`more`: services behind that of the example."""
        return changed_example(cls.example, "common.yaml", {"/etc/fairlead/sync.key": cls.sync_key()}) + more

    @classmethod
    def write_local(cls, director):
        text = changed_example(cls.example, "fleet.yaml", {
            "address: 10.255.0.1 ": f"address: {at.director_sync(director.number)} ",
            "/var/lib/fairlead": f"{director.folder}/state",
            "#   ca: /etc/fairlead/etcd-ca.pem": f"ca: {cls.ca}",
            "#   user: edge": "user: edge",
            "#   password: …": f"password: {PASSWORD}"})
        with open(director.local, "w") as file:
            os.chmod(file.name, 0o640)
            file.write(text)

    def send_clients_to(self, director):
        """As the router would."""
        self.pair.lab.client.ip(f"route replace {at.VIP_DR}/32 via {at.director_outside(director.number)}")

    def answer(self, port: int = 80) -> str:
        done = client.curl(self.pair.lab, f"http://{at.VIP_DR}:{port}/", "--connect-timeout", "3", check=False)
        return done.stdout.split()[0] if done.returncode == 0 else done.stderr

    def test_1_both_are_peers_in_sync(self):
        wait_mesh(self.directors, timeout=30)
        for director, other in zip(self.directors, self.directors[::-1]):
            self.assertEqual([peer["address"] for peer in director.sync_peers()], [f"{at.director_sync(other.number)}:8849"])
            for name in NAMES:
                wait_until(lambda: director.member(name).get("ready"), f"{director.name} sees that {name} is ready", timeout=SOON)
            wait_until(lambda: director.member(other.name)["sync"] == "in-sync", "fleet status shows it", timeout=SOON)
            shown = director.cli("fleet", "status").stdout
            self.assertIn(f"{director.name} at etcd://{at.director_sync(1)}:2379/fairlead: watched", shown)
            self.assertRegex(shown, rf"(?m)^{other.name} +{at.director_sync(other.number)} .* yes +in-sync ")
            self.assertRegex(director.cli("sync", "status").stdout,
                             rf"{director.name} on 0\.0\.0\.0:8849, encrypted: listening")
            self.assertEqual(director.check(), (0, f"{self.store.place}: ok\n"))
        self.assertEqual(self.store.names("members"), NAMES)

    def test_2_clients_are_served_by_either_one(self):
        self.assertNotIn("real", self.answer(), "the address is on no network: the router brings the packets")
        self.assertNotIn("lladdr", self.pair.lab.client.ip(f"neigh show {at.VIP_DR}").stdout)
        for director in self.directors:
            self.send_clients_to(director)
            self.assertIn(self.answer(), ("real1", "real2"))
            director.wait_metric("fairlead_service_connections_total", 1, service="web", timeout=SOON)

    def test_3_connections_move_to_the_other_one(self):
        """Who does not know them drops their packets."""
        first, second = self.directors
        self.send_clients_to(first)
        sources = [f"198.51.100.{number}" for number in range(1, DOWNLOADS + 1)]
        downloads = client.Downloads(self.pair.lab, at.VIP_DR, DOWNLOADS, sources, length=4 << 20, drip=20_000)
        try:
            wait_until(lambda: self.established(second) == DOWNLOADS, "the second has been told of them", timeout=SOON)
            before = second.metric("fairlead_service_in_packets_total", service="web")
            self.send_clients_to(second)
            self.assertEqual(downloads.finish(), downloads.all_complete())
        finally:
            downloads.kill()
        wait_until(lambda: second.metric("fairlead_service_in_packets_total", service="web") >= before + 4 * DOWNLOADS,
                   "their packets came to the second", timeout=SOON)
        self.assertEqual(second.metric("fairlead_service_connections_total", service="web"), 1, "it has chosen for none of them")

    @staticmethod
    def established(director) -> int:
        rows = director.json("connection", "list")["connections"]
        return sum(1 for row in rows if row["state"] == "ESTABLISHED" and row["client"].startswith("198.51.100."))

    def test_4_a_change_reaches_both(self):
        def service(name: str, port: int) -> str:
            return (f"  - {{ name: {name}, address: {at.VIP_DR}, protocol: tcp, port: {port}, scheduler: mh, forward: dr,\n"
                    f"      reals: [{{ address: {at.real_address(2)} }}] }}\n")
        ports = {"first": 443, "second": 5000, "third": 8080}
        versions = {name: self.common(service(name, port)) for name, port in ports.items()}
        self.assertLess(quickest_change(self.store, self.directors, versions), 1, "docs/fleet.md promises a second")
        for director in self.directors:
            self.send_clients_to(director)
            self.assertEqual(self.answer(8080), "real2")
            self.assertFalse(director.runs("second"), "a document is replaced whole")
            self.assertEqual(director.fleet()["refused"], None)
        wait_mesh(self.directors)

    def test_5_one_stops_and_comes_back(self):
        first, second = self.directors
        second.wait_conserved()
        second.stop()
        self.assertEqual(self.store.names("members"), ["edge-1"])
        self.send_clients_to(first)
        self.assertIn(self.answer(), ("real1", "real2"))
        second.start()
        wait_mesh(self.directors, timeout=30)
        self.assertTrue(second.runs("third"))
        for director in self.directors:
            director.wait_conserved()
            director.stop()
        self.assertEqual(self.store.names("members"), [])
