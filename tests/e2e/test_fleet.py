"""A fleet: two directors that have their configuration from one etcd.

The second one runs beside the first in its namespace, without a line.
"""

import os
import signal
import time

from fairlead_lab import addresses as at, configuration
from fairlead_lab.authority import Authority
from fairlead_lab.case import LabTest
from fairlead_lab.fleet import SOON, Etcd, FleetDirector, quickest_change, wait_mesh
from fairlead_lab.shell import wait_until

LEASE = 10


def service(name: str, port: int = 80) -> dict:
    return {"name": name, "address": at.VIP_DR, "protocol": "tcp", "port": port, "scheduler": "rr", "forward": "dr",
            "reals": [{"address": at.real_address(1)}, {"address": at.real_address(2)}]}


def common(*services) -> dict:
    return {"version": 1, "services": list(services)}


def own(director: FleetDirector) -> dict:
    config = configuration([])
    del config["version"], config["services"], config["director"]["name"]
    config["director"]["arena"] = "none"
    if director.name != "edge-1":
        config["ports"] = [{"name": "none", "device": "net_null0,no-rx=1", "exception": "none",
                            "addresses": ["10.0.0.250/24"]}]
        config["routes"] = []
    config["api"] = {"listen": [director.api], "ipvs_socket": f"{director.folder}/ipvs.sock"}
    return config


class FleetTest(LabTest):
    worker_counts = (1,)
    needs_daemon = False
    store = None
    directors = ()

    @classmethod
    def setUpClass(cls):
        cls.store = Etcd(cls.lab)
        cls.addClassCleanup(lambda: cls.store.stop())  # which prepare() may have replaced
        cls.directors = []
        cls.addClassCleanup(cls.kill_directors)
        cls.prepare()

    @classmethod
    def prepare(cls):
        raise NotImplementedError

    @classmethod
    def tearDownClass(cls):
        for director in cls.directors:
            director.stop()

    @classmethod
    def kill_directors(cls):
        for director in cls.directors:
            director.kill()

    def wait_all(self, condition, what: str, timeout: float = SOON):
        for director in self.directors:
            wait_until(lambda: condition(director), f"{director.name}: {what}; {director.get('/v1/fleet')}", timeout=timeout)


class Follows(FleetTest):
    @classmethod
    def prepare(cls):
        cls.store.start()
        cls.store.put("common", common(service("web")))
        cls.directors = [FleetDirector(cls.lab, cls.store, name) for name in ("edge-1", "edge-2")]
        for director in cls.directors:
            cls.store.put(f"directors/{director.name}", own(director))
            director.start()

    def test_1_both_are_members(self):
        for director in self.directors:
            for name in ("edge-1", "edge-2"):
                wait_until(lambda: director.member(name).get("ready"), f"{director.name} sees that {name} is ready",
                           timeout=SOON)
        shown = self.directors[0].cli("fleet", "status").stdout
        self.assertIn("edge-1 *", shown)
        self.assertRegex(shown, r"edge-2 +127\.0\.0\.1 +\d+ +\d+ +yes")
        self.assertIn("watched", shown)

    def test_2_a_change_reaches_both(self):
        reply = self.lab.client.run("curl", "-s", "--max-time", "5", f"http://{at.VIP_DR}/").stdout
        self.assertIn("real", reply)
        ports = {"first": 8085, "second": 8086, "more": 8080}
        versions = {name: common(service("web"), service(name, port)) for name, port in ports.items()}
        self.assertLess(quickest_change(self.store, self.directors, versions), 1, "docs/fleet.md promises a second")
        revision = self.store.revision("common")
        self.wait_all(lambda director: director.fleet()["revision"] == revision, "its revision is shown")
        for name in ("edge-1", "edge-2"):
            self.wait_all(lambda director: director.member(name).get("revision") == revision,
                          f"it is told which revision {name} runs")

    def test_3_a_change_of_ones_own_reaches_that_one(self):
        config = own(self.directors[1])
        config["services"] = [service("own", 8081)]
        self.store.put("directors/edge-2", config)
        wait_until(lambda: self.directors[1].runs("own"), "edge-2 has it", timeout=SOON)
        self.assertFalse(self.directors[0].runs("own"))
        self.assertTrue(self.directors[1].runs("web"))

    def test_3b_the_store_is_checked_without_a_start(self):
        edge = self.directors[1]
        code, said = edge.check()
        self.assertEqual(code, 0, said)
        self.assertTrue(said.endswith(f"{self.store.place}: ok\n"), said)
        bad = service("bad", 8082)
        bad["schedular"] = bad.pop("scheduler")
        config = own(edge)
        self.store.put("directors/edge-3", {**config, "services": [bad], "director": {"eal": ["-l", "1"]}})
        code, said = edge.check(name="edge-3")
        self.assertEqual(code, 1)
        self.assertRegex(said, r"(?m)^etcd:/fairlead/directors/edge-3:\d+:\d+: services\[\d+\]\.schedular: .*\"scheduler\"")
        self.assertRegex(said, r"(?m)^etcd:/fairlead/directors/edge-3:\d+:\d+: director\.eal: is for the machine alone")
        self.assertEqual(self.store.names("members"), ["edge-1", "edge-2"], "it is no member")
        self.store.delete("directors/edge-3")
        code, said = edge.check(name="edge-3", place=f"{self.store.place}/none")
        self.assertEqual(code, 1)
        self.assertIn("has neither /fairlead/none/common nor /fairlead/none/directors/edge-3", said)

    def test_4_a_bad_one_is_refused_by_both_and_shown(self):
        before = self.directors[0].fleet()["revision"]
        bad = service("bad", 8082)
        bad["schedular"] = bad.pop("scheduler")
        self.store.put("common", common(service("web"), bad))
        self.wait_all(lambda director: director.fleet()["refused"] is not None, "it is refused")
        for director in self.directors:
            reason = director.fleet()["refused"]["reasons"][0]
            self.assertRegex(reason, r"^etcd:/fairlead/common:\d+:\d+: services\[1\]\.schedular: .*\"scheduler\"")
            self.assertFalse(director.runs("bad"))
            self.assertTrue(director.runs("web"))
            self.assertEqual(director.metric("fairlead_fleet_refused"), 1)
        self.assertEqual(self.directors[0].fleet()["revision"], before)
        wait_until(lambda: self.directors[0].member("edge-2").get("refused"), "edge-1 is told that edge-2 refuses it",
                   timeout=SOON)
        shown = self.directors[0].cli("fleet", "status", check=False)
        self.assertEqual(shown.returncode, 1)
        self.assertIn("edge-2 refuses revision", shown.stdout)
        self.store.put("common", common(service("web")))
        self.wait_all(lambda director: director.fleet()["refused"] is None, "what was corrected is in force")
        self.wait_all(lambda director: not director.runs("more"), "all of it")

    def test_5_a_director_that_dies_leaves(self):
        self.directors[1].kill()
        wait_until(lambda: not self.directors[0].member("edge-2"), "its lease has ended", timeout=LEASE + SOON)
        self.assertEqual(self.store.names("members"), ["edge-1"])
        self.directors[1].start()
        wait_until(lambda: self.directors[0].member("edge-2").get("ready"), "it is back", timeout=SOON)
        self.directors[1].stop()
        self.assertEqual(self.store.names("members"), ["edge-1"], "who is stopped in order leaves at once")
        self.directors[1].start()

    def test_6_without_etcd_both_go_on(self):
        self.store.stop()
        self.wait_all(lambda director: not director.fleet()["connected"], "it has seen that etcd is away", timeout=30)
        for director in self.directors:
            self.assertEqual(director.get("/readyz")[0], 200)
            director.kill()
            director.start()
            self.assertTrue(director.runs("web"))
            self.assertTrue(director.fleet()["from_disk"])
            self.assertIn("the last good configuration that was kept is in force", director.log_since_start())
        shown = self.directors[0].cli("fleet", "status", check=False)
        self.assertEqual(shown.returncode, 1)
        self.assertIn("NOT WATCHED", shown.stdout)
        self.store.start()
        self.wait_all(lambda director: director.fleet()["connected"], "etcd is heard again", timeout=30)
        self.store.put("common", common(service("web"), service("again", 8083)))
        self.wait_all(lambda director: director.runs("again"), "a change is in force", timeout=30)
        self.assertFalse(self.directors[0].fleet()["from_disk"])

    def test_7_a_start_with_a_bad_one_takes_the_last_good_one(self):
        self.store.put("common", "services: [\n")
        self.wait_all(lambda director: director.fleet()["refused"] is not None, "it is refused")
        self.directors[0].stop()
        self.directors[0].start()
        self.assertTrue(self.directors[0].runs("again"))
        self.assertIn("etcd:/fairlead/common:", self.directors[0].fleet()["refused"]["reasons"][0])
        self.store.put("common", common(service("web")))
        self.wait_all(lambda director: director.fleet()["refused"] is None, "what was corrected is in force")

    def test_8_a_frozen_etcd_is_noticed(self):
        """Its kernel keeps the connection of the watch."""
        self.wait_all(lambda director: director.fleet()["connected"], "etcd is heard")
        self.store.process.send_signal(signal.SIGSTOP)
        try:
            self.wait_all(lambda director: not director.fleet()["connected"], "it has seen that etcd is frozen", timeout=40)
        finally:
            self.store.process.send_signal(signal.SIGCONT)
        self.store.put("common", common(service("web"), service("thawed", 8084)))
        self.wait_all(lambda director: director.runs("thawed"), "a change is in force", timeout=30)


class HasRights(FleetTest):
    """With users in etcd, over TLS."""

    @classmethod
    def prepare(cls):
        authority = Authority(f"{cls.lab.state}/fleet-ca")
        server = authority.issue("etcd", ["127.0.0.1"])
        cls.ca = authority.file
        cls.store = Etcd(cls.lab, scheme="https", flags=("--cert-file", server, "--key-file", f"{server}.key"))
        cls.store.login = ("--cacert", authority.file)
        cls.store.start()
        edge = FleetDirector(cls.lab, cls.store, "edge-1")
        cls.directors = [edge]
        cls.store.put("common", common(service("web")))
        cls.store.put("directors/edge-1", own(edge))
        cls.store.ctl("user", "add", "other:secret of other")
        cls.store.add_users("secret of edge")

    def test_1_says_what_is_wrong(self):
        edge = self.directors[0]
        for keys, sentence in [
                ({"ca": self.ca, "user": "edge", "password": "a guess"},
                 "etcd refuses the user or the password; correct them in"),
                ({"ca": self.ca}, "etcd wants a user; write"),
                ({"ca": self.ca, "user": "other", "password": "secret of other"}, "etcd denies this user the keys"),
                ({"ca": "system", "user": "edge", "password": "secret of edge"}, "its certificate is refused")]:
            edge.write_local(**keys)
            self.assertIn(sentence, edge.refused())
            self.check_says(sentence)
        edge.write_local(ca=self.ca, user="edge", password="secret of edge")
        self.assertEqual(edge.check(), (0, f"{self.store.place}: ok\n"))
        os.chmod(edge.local, 0o644)
        self.assertIn("chmod o=", edge.refused())
        self.check_says("chmod o=")

    def check_says(self, sentence: str):
        code, said = self.directors[0].check()
        self.assertEqual(code, 1, said)
        self.assertIn(sentence, said)
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertNotIn("secret of", said)

    def test_2_runs_with_the_right_ones(self):
        edge = self.directors[0]
        edge.write_local(ca=self.ca, user="edge", password="secret of edge")
        os.chmod(edge.local, 0o600)
        edge.start()
        wait_until(lambda: edge.member("edge-1").get("ready"), "it is a member", timeout=SOON)
        self.store.put("common", common(service("web"), service("more", 8080)))
        wait_until(lambda: edge.runs("more"), "a change is in force", timeout=SOON)
        self.assertNotIn("secret", edge.log_since_start())


class FindsSyncPeers(FleetTest):
    """`sync.peers: fleet`: three directors, each on a port of the loopback device of one namespace."""

    NAMES = ("edge-1", "edge-2", "edge-3")

    @classmethod
    def prepare(cls):
        cls.store.start()
        key = f"{cls.lab.state}/fleet-sync.key"
        with open(os.open(key, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(os.urandom(32).hex())
        web = {**service("web"), "persistence": {"timeout": "10m"}}
        cls.store.put("common", {**common(web), "sync": {"peers": "fleet", "key_file": key}})
        cls.directors = [FleetDirector(cls.lab, cls.store, name) for name in cls.NAMES]
        for number, director in enumerate(cls.directors):
            cls.store.put(f"directors/{director.name}", {**own(director), "sync": {"listen": f"127.0.0.1:{8851 + number}"}})

    def test_1_one_alone_is_ready(self):
        first = self.directors[0]
        first.start()
        wait_until(lambda: first.get("/readyz")[0] == 200, "it waits for nobody", timeout=SOON)
        shown = first.cli("sync", "status").stdout
        self.assertIn("listening", shown)
        self.assertIn("no other director of the fleet synchronises", shown)
        self.assertEqual(first.fleet()["sync_problem"], None)

    def test_2_two_find_each_other_and_know_the_same(self):
        first, second = self.directors[:2]
        second.start()
        wait_mesh([first, second])
        self.lab.client.run("curl", "-s", "--max-time", "5", f"http://{at.VIP_DR}/")
        wait_until(lambda: second.metric("fairlead_templates") == 1, "edge-2 knows the client of edge-1", timeout=SOON)
        wait_until(lambda: second.metric("fairlead_sync_entries_total", peer="edge-1", direction="in") >= 2,
                   "the connection and its template have come", timeout=SOON)
        self.assertEqual(first.metric("fairlead_fleet_sync_peers"), 1)
        wait_until(lambda: first.member("edge-2")["sync"] == "in-sync", "fleet status shows it", timeout=SOON)
        self.assertRegex(first.cli("fleet", "status").stdout, r"edge-2 .* in-sync +\d")

    def test_3_a_third_joins(self):
        self.directors[2].start()
        wait_mesh(self.directors)
        wait_until(lambda: self.directors[2].metric("fairlead_templates") == 1, "edge-3 knows it too", timeout=SOON)
        wait_until(lambda: self.directors[2].get("/readyz")[0] == 200, "it may serve", timeout=SOON)

    def test_4_without_etcd_all_stay(self):
        self.store.stop()
        self.wait_all(lambda director: not director.fleet()["connected"], "it has seen that etcd is away", timeout=30)
        time.sleep(LEASE + 2)  # no lease would have lasted
        wait_mesh(self.directors)
        third = self.directors[2]
        third.kill()
        third.start()
        wait_mesh(self.directors, timeout=30)
        self.assertTrue(third.fleet()["from_disk"])
        wait_until(lambda: third.get("/readyz")[0] == 200, "it may serve", timeout=SOON)
        self.store.start()
        self.wait_all(lambda director: director.fleet()["connected"], "etcd is heard again", timeout=30)
        wait_mesh(self.directors)
        for director in self.directors[:2]:
            self.assertNotIn("is no peer any more", director.log_since_start())

    def test_5_one_dies_and_leaves(self):
        first, second, third = self.directors
        third.kill()
        wait_mesh([first, second], timeout=30 + LEASE + SOON)
        self.assertIn("is no peer any more", first.log_since_start())
        self.assertEqual(first.cli("sync", "status").returncode, 0)

    def test_6_one_stops_and_comes_back(self):
        first, second = self.directors[:2]
        second.stop()
        wait_until(lambda: first.sync_states() == {}, "edge-2 has left", timeout=30 + SOON)
        second.start()
        wait_mesh([first, second])

    def test_7_who_cannot_say_where_it_is_says_what_to_do(self):
        second = self.directors[1]
        config = own(second)
        config["sync"] = {"listen": "0.0.0.0:8852"}
        self.store.put("directors/edge-2", config)
        wait_until(lambda: second.fleet()["sync_problem"], "it says what is missing", timeout=SOON)
        self.assertIn(f'write "address" into {second.local}', second.cli("fleet", "status").stdout)
        wait_until(lambda: self.directors[0].sync_states() == {}, "it is no peer", timeout=SOON)
