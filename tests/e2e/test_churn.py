"""Floods to addresses that nobody has: real servers stay up, no request is lost, memory stays flat. A short look;
long_churn.py takes its time."""

from fairlead_lab.churn import ChurnTest

RATE = 40_000
SECONDS = 4


class Churn(ChurnTest):
    def test_inside_ipv6(self):
        self.churn("inside_ipv6", RATE, SECONDS)

    def test_inside_ipv4(self):
        self.churn("inside_ipv4", RATE, SECONDS)

    def test_spoofed_inside_ipv4(self):
        self.churn("spoofed_inside_ipv4", RATE, SECONDS)

    def test_forged_neighbours(self):
        self.churn("forged_neighbours", RATE, SECONDS)
