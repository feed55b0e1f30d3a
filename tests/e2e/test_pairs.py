"""Two directors, each with keepalived on its kernel twins: exactly one of them speaks for an address, whatever ends."""

import signal
import time

from fairlead_lab import addresses as at, client
from fairlead_lab.director import BUILD
from fairlead_lab.example_pairs import ExamplePairTest
from fairlead_lab.keepalived import reals, wait_table
from fairlead_lab.shell import wait_until
from fairlead_lab.speakers import Speakers

GATEWAY, GATEWAY6 = "10.0.0.250", "fd00:10::250"


class PairTest(ExamplePairTest):
    """Who speaks for the addresses is heard from the first test to the last."""

    speakers = None

    @classmethod
    def start(cls):
        super().start()
        cls.pair.macs_of_all()
        cls.speakers = Speakers(cls.pair, cls.outside, cls.inside)
        cls.speakers.__enter__()

    @classmethod
    def tearDownClass(cls):
        if cls.speakers is not None:
            cls.speakers.__exit__()
            cls.speakers = None
        super().tearDownClass()

    def settle(self, by: int, what: str) -> float:
        """The moment since when director `by` alone speaks for all addresses."""
        return self.speakers.wait_only(by, what)

    def assert_quiet(self, begin: float, by: int, what: str):
        """Since that moment it has stayed so: every question was answered once, by the same one."""
        self.assertEqual(self.speakers.against(begin, by), [], what)


class NatPair(PairTest):
    """NAT with a gateway that moves, IPv4 and IPv6."""

    example = "keepalived-nat-pair"
    outside, inside = (at.VIP, at.VIP6), (GATEWAY, GATEWAY6)

    # An odd number before they begin again, so that each kind meets both directors. A director that is killed a fourth time
    # within minutes would begin without its arena.
    CHANGES = (("keepalived_stops", "keepalived_is_killed", "keepalived_stops", "a_link_goes_down", "the_director_is_killed") * 3 +
               ("keepalived_stops", "keepalived_is_killed", "keepalived_stops", "keepalived_is_killed", "keepalived_stops"))

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
        out = self.pair.lab.reals[1].run("ping", "-n", "-c3", "-i0.1", "-w5", at.CLIENT, check=False).stdout
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

    def test_2_twenty_changes_of_the_master(self):
        by = self.master()
        begin = self.settle(by, "one is master")
        for number, change in enumerate(self.CHANGES, 1):
            started = time.monotonic()
            by, begin = getattr(self, change)(by)
            settled = time.monotonic()
            if number % 2:
                self.reload_both()
            self.assert_serves()
            self.assert_quiet(begin, by, f"after change {number}: {change}")
            print(f"# {number} {change}: {settled - started:.1f} s, quiet since {time.monotonic() - begin:.1f} s")
        time.sleep(1)
        self.assert_quiet(begin, by, "after the last change")
        print(f"# {self.speakers.count('ask')} questions, {self.speakers.count('answer')} answers, "
              f"{self.speakers.count('tell')} announcements")

    def reload_both(self):
        for number in (1, 2):
            self.pair[number].director.cli("reload", "--yes")
            self.pair[number].reload_keepalived()

    # Each ends something of the master, puts it right again, and returns who speaks then and since when. Who returns takes
    # nothing back.

    def keepalived_stops(self, by: int) -> tuple:
        self.pair[by].keepalived.stop()
        begin = self.settle(3 - by, "keepalived has stopped, and the other one has taken over")
        self.pair[by].start_keepalived()
        return 3 - by, begin

    def keepalived_is_killed(self, by: int) -> tuple:
        """All of it at once, which leaves its addresses behind; systemd starts it again."""
        self.pair[by].keepalived.kill()
        self.assertTrue(self.pair[by].has(at.VIP))
        self.pair.wait(lambda: self.pair[3 - by].has(at.VIP), "the other one has become master", timeout=20)
        self.pair[by].start_keepalived()
        return 3 - by, self.settle(3 - by, "the one that was started again has taken its old addresses away")

    def the_director_is_killed(self, by: int) -> tuple:
        """The twins lose their carrier."""
        self.pair[by].director.kill()
        begin = self.settle(3 - by, "the director is gone, and the other one has taken over")
        self.pair[by].director.start()
        return 3 - by, begin

    def a_link_goes_down(self, by: int) -> tuple:
        bridge = self.pair.lab.bridge
        bridge.ip(f"link set outside{by} down")
        try:
            self.settle(3 - by, "the other one has taken over, inside too")
            self.assert_serves()
        finally:
            bridge.ip(f"link set outside{by} up")
        # What its port had queued when the link went is sent with the next packet. An old advertisement may be among it,
        # which calls for a new election, and maybe for another one; one of them wins.
        self.pair.lab.client.run("ping", "-n", "-c1", "-w10", at.director_outside(by))
        time.sleep(1)
        return self.speakers.wait_one((1, 2), "the link is back")


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


class DirectPair(PairTest):
    """Direct routing with services of keepalived, IPv4 and IPv6: a hash, so connections go on at the other one."""

    example = "keepalived-dr-pair"
    outside = (at.VIP_DR, at.VIP_DR6)

    @classmethod
    def conf_of(cls, number: int) -> str:
        director = cls.pair[number].director
        return super().conf_of(number).replace("/usr/bin/fairlead ", f"{BUILD}/src/cli/fairlead --api {director.api} ")

    def begin_downloads(self) -> list:
        sources = {at.VIP_DR: [f"198.51.100.{n}" for n in range(1, 9)], at.VIP_DR6: [f"2001:db8:2::{n}" for n in range(1, 9)]}
        downloads = [client.Downloads(self.pair.lab, vip, 8, sources[vip], length=4 << 20, drip=20_000) for vip in self.outside]
        self.addCleanup(lambda: [each.kill() for each in downloads])
        return downloads

    def test_1_downloads_go_on(self):
        by = self.master()
        begin = self.settle(by, "one has become master")
        wait_table(self.pair[by].director, {f"tcp {at.VIP_DR}:80": reals(1, 2)}, "its services are there")
        downloads = self.begin_downloads()
        self.assert_quiet(begin, by, "before anything ends")
        self.pair[by].keepalived.stop()
        begin = self.settle(3 - by, "the other one has taken over")
        self.pair[by].start_keepalived()
        self.pair[by].keepalived.wait_said("Entering BACKUP STATE")
        self.assert_quiet(begin, 3 - by, "who returns takes nothing back")
        self.pair[3 - by].director.kill()
        begin = self.settle(by, "the first one has taken over again")
        self.pair[3 - by].director.start()
        self.assertEqual([each.finish() for each in downloads], [each.all_complete() for each in downloads])
        self.assert_quiet(begin, by, "who returns takes nothing back")

    def test_2_a_director_that_hangs(self):
        """keepalived does not hang, and its script says so: when the director goes on, the other one has the addresses."""
        by = self.master()
        self.settle(by, "one is master")
        process = self.pair[by].director.process
        process.send_signal(signal.SIGSTOP)
        try:
            self.settle(3 - by, "the other one has taken over")
            wait_until(lambda: not any(self.pair[by].has(vip) for vip in self.outside), "the script has told keepalived",
                       timeout=20)
            begin = time.monotonic()
        finally:
            process.send_signal(signal.SIGCONT)
        # Questions of all that time wait in its queues.
        time.sleep(2)
        self.assert_quiet(begin, 3 - by, "it has answered none of the old questions")
        self.assertGreater(self.pair[by].director.metric("fairlead_dropped_packets_total", reason="kernel_unheard"), 0)
