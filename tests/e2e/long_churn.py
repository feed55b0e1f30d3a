"""Five minutes of floods to addresses that nobody has, at 40,000 packets a second and at the highest rate."""

from fairlead_lab.churn import ChurnTest

RATE = 40_000
HIGHEST = 0
SECONDS = 300
SECONDS_AT_THE_HIGHEST = 60


class LongChurn(ChurnTest):
    def test_inside_ipv6(self):
        self.churn("inside_ipv6", RATE, SECONDS)

    def test_inside_ipv4(self):
        self.churn("inside_ipv4", RATE, SECONDS)

    def test_spoofed_inside_ipv4(self):
        self.churn("spoofed_inside_ipv4", RATE, SECONDS)

    def test_forged_neighbours(self):
        self.churn("forged_neighbours", RATE, SECONDS)

    def test_inside_ipv6_at_the_highest_rate(self):
        self.churn("inside_ipv6", HIGHEST, SECONDS_AT_THE_HIGHEST)

    def test_inside_ipv4_at_the_highest_rate(self):
        self.churn("inside_ipv4", HIGHEST, SECONDS_AT_THE_HIGHEST)

    def test_forged_neighbours_at_the_highest_rate(self):
        self.churn("forged_neighbours", HIGHEST, SECONDS_AT_THE_HIGHEST)
