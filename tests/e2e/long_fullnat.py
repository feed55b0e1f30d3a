"""FULLNAT: sixty thousand connections of real TCP to one nginx at once, and a hundred thousand short ones in a row, each
of which nginx closes first."""

from fairlead_lab import addresses as at
from fairlead_lab.fullnat_bulk import FullnatBulk
from fairlead_lab.many_tcp import all_answered, short


class SixtyThousandAtOnce(FullnatBulk):
    HELD = 60_000

    def test_ipv4(self):
        self.held_at_once()

    def test_ipv6(self):
        self.held_at_once(at.VIP6)


class AHundredThousandShortOnes(FullnatBulk):
    """As fast as they go. Two addresses have 129,024 ports, and each rests for two minutes."""
    SHORT = 100_000

    def test_with_timestamps(self):
        self.short_ones()

    def test_ipv6(self):
        self.short_ones(at.VIP6)


class AHundredThousandWithoutTimestamps(FullnatBulk):
    SHORT = 100_000

    def test_without_timestamps(self):
        self.timestamps(client=0, real=0)
        self.short_ones()


class PortsAreUsedAgain(FullnatBulk):
    """One address has 64,512 ports, each of which rests a little longer than nginx's TIME_WAIT: enough for 990 a second."""
    LOCAL, SHORT, RATE = 1, 100_000, 900
    worker_counts = (2,)
    timeouts = {"tcp_fin": "65s", "time_wait": "65s"}

    def test_1_with_timestamps(self):
        self.short_ones()

    def test_2_without_timestamps(self):
        self.timestamps(client=0, real=0)
        self.short_ones()


class APortThatComesTooEarly(FullnatBulk):
    """One address, and the director forgets what was closed after a second: nginx has 15,488 of them in TIME_WAIT still.
    It takes every second SYN that meets one, by the number or the timestamp. Of the others the second one is taken."""
    LOCAL, SHORT = 1, 80_000
    timeouts = {"tcp_fin": "1s", "time_wait": "1s"}

    def test_is_taken_all_the_same(self):
        before = self.mishaps()
        said = short(self.lab, at.VIP, 80, self.SHORT)
        again = self.mishaps()[("client", "TcpExt.TCPSynRetrans")] - before[("client", "TcpExt.TCPSynRetrans")]
        print(f"     {said}, {again} SYNs were sent again", flush=True)
        self.assertEqual(said, all_answered(self.SHORT))
        self.assertLess(again, 10_000)
