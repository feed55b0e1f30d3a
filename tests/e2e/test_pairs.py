"""Two directors, each with keepalived on its kernel twins: exactly one of them speaks for an address, whatever ends.

The files are those of config/examples, as they are but for the folder of the API's socket and what a director takes of
the machine.
"""

import time

from fairlead_lab import addresses as at
from fairlead_lab.case import LabTest
from fairlead_lab.lab import ROOT
from fairlead_lab.pairs import DirectorPair
from fairlead_lab.shell import wait_until

GATEWAY, GATEWAY6 = "10.0.0.250", "fd00:10::250"


def example(name: str, file: str) -> str:
    with open(f"{ROOT}/config/examples/{name}/{file}") as opened:
        return opened.read()


class PairTest(LabTest):
    """A lab with two directors, run by an example."""

    worker_counts = (1,)
    needs_daemon = False
    example = ""
    outside, inside = (), ()

    @classmethod
    def setUpClass(cls):
        cls.pair = DirectorPair(f"{cls.lab.name[:12]}pair")
        cls.pair.lab.down()  # of a run that was killed
        cls.pair.__enter__()
        try:
            cls.prepare()
            cls.pair.start(cls.file_of, cls.conf_of)
            cls.pair.macs_of_all()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        cls.pair.__exit__()

    @classmethod
    def file_of(cls, number: int) -> str:
        folder = f"{cls.pair.lab.state}/director{number}" if number > 1 else cls.pair.lab.state
        text = example(cls.example, f"edge-{number}.yaml").replace("/run/fairlead/", f"{folder}/")
        text = text.replace("director:\n", "director:\n  idle: sleep\n  hugepages: off\n  connections: 65536\n")
        path = f"{cls.pair.lab.state}/edge-{number}.yaml"
        with open(path, "w") as file:
            file.write(text)
        return path

    @classmethod
    def conf_of(cls, _number: int) -> str:
        return example(cls.example, "keepalived.conf")

    def settle(self, by: int, what: str):
        self.pair.wait_spoken_for(self.outside, self.inside, [by], what)
        # And it stays so: who asks once more, a second later, hears the same.
        time.sleep(1)
        self.assertEqual(self.pair.spoken_for(self.outside, self.inside),
                         {address: [by] for address in (*self.outside, *self.inside)}, what)

    def master(self) -> int:
        """The one with the addresses, once there is one."""
        return wait_until(lambda: sum(n for n in (1, 2) if self.pair[n].has(self.outside[0])) % 3,
                          "one of them is master", timeout=40)


class NatPair(PairTest):
    """NAT with a gateway that moves, IPv4 and IPv6."""

    example = "keepalived-nat-pair"
    outside, inside = (at.VIP, at.VIP6), (GATEWAY, GATEWAY6)

    @classmethod
    def prepare(cls):
        cls.pair.default_route(GATEWAY, GATEWAY6)
        # What answers the real servers' own questions comes back the same way.
        cls.pair.lab.client.ip(f"route replace 10.0.0.0/24 via {at.VIP}")

    def assert_serves(self):
        """By both IP versions, through whoever is the gateway."""
        urls = (f"http://{at.VIP}/", f"http://[{at.VIP6}]/")
        for url in urls:
            done = wait_until(lambda: self.fetch(url), f"{url} answers", timeout=20)
            self.assertIn(done, ("real1", "real2"))
        # The real servers' own way out: through the gateway, routed.
        out = self.pair.lab.reals[1].run("ping", "-n", "-c3", "-i0.2", "-W2", at.CLIENT, check=False).stdout
        self.assertIn(" 3 received", out)

    def fetch(self, url: str) -> str:
        done = self.pair.lab.client.run("curl", "-g", "-s", "--max-time", "2", url, check=False)
        return done.stdout.split()[0] if done.returncode == 0 and done.stdout else ""

    def test_1_one_of_them_answers(self):
        by = self.master()
        self.settle(by, "one has become master")
        self.assert_serves()
        log = self.pair[by].director.log_since_start()
        self.assertIn("begins to answer for a virtual address", log)
        self.assertIn("follow-kernel, and a kernel twin has the address", log)
        self.assertIn("an address has come to a kernel twin", log)

    def test_2_reloads_change_nothing(self):
        by = self.master()
        for number in (1, 2):
            self.pair[number].director.cli("reload", "--yes")
        self.settle(by, "after a reload of both")
        self.assert_serves()

    def test_3_keepalived_stops(self):
        by = self.master()
        self.pair[by].keepalived.stop()
        self.settle(3 - by, "the other one has taken over")
        self.assert_serves()
        self.pair[by].start_keepalived()
        self.settle(3 - by, "who returns takes nothing back")

    def test_4_keepalived_is_killed(self):
        """All of it at once, which leaves its addresses behind; systemd starts it again."""
        by = self.master()
        self.pair[by].keepalived.kill()
        self.assertTrue(self.pair[by].has(at.VIP))
        wait_until(lambda: self.pair[3 - by].has(at.VIP), "the other one has become master", timeout=20)
        self.pair[by].start_keepalived()
        self.settle(3 - by, "the one that was started again has taken its old addresses away")
        self.assert_serves()

    def test_5_the_director_is_killed(self):
        by = self.master()
        self.pair[by].director.kill()
        self.settle(3 - by, "the twin has lost its carrier, so the other one has taken over")
        self.assert_serves()
        self.pair[by].director.start()
        self.settle(3 - by, "who returns takes nothing back")
        self.assert_serves()

    def test_6_a_link_goes_down(self):
        by = self.master()
        bridge = self.pair.lab.bridge
        bridge.ip(f"link set outside{by} down")
        try:
            self.settle(3 - by, "the other one has taken over, inside too")
            self.assert_serves()
        finally:
            bridge.ip(f"link set outside{by} up")
        # What its port had queued when the link went is sent now. An old advertisement may be among it, which calls for a
        # new election; one of them wins.
        time.sleep(5)
        self.settle(self.master(), "one of them answers")
        self.assert_serves()


class StatelessPair(PairTest):
    """Direct routing: a connection goes on at a director that has never heard of it."""

    example = "stateless-pair"
    outside = (at.VIP_DR,)

    def test_1_downloads_go_on(self):
        by = self.master()
        self.settle(by, "one has become master")
        clients = [self.pair.lab.client.spawn(
            "curl", "-s", "--limit-rate", "700k", "--max-time", "90", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
            f"http://{at.VIP_DR}/20mb", stdout=-1, text=True) for _ in range(4)]
        time.sleep(3)
        self.pair[by].director.kill()
        self.settle(3 - by, "the other one has taken over")
        self.assertEqual([each.communicate(timeout=100)[0] for each in clients], [f"200 {20 * 1024 * 1024}"] * 4)
        self.pair[by].director.start()
