"""FULLNAT with thousands of connections of real TCP to one nginx; long_fullnat.py has ten and twenty times as many."""

from fairlead_lab import addresses as at
from fairlead_lab.fullnat_bulk import FullnatBulk


class FullnatInBulk(FullnatBulk):
    HELD, SHORT = 5000, 10_000

    def test_held_at_once(self):
        self.held_at_once()

    def test_held_at_once_ipv6(self):
        self.held_at_once(at.VIP6)

    def test_short_ones(self):
        self.short_ones()

    def test_short_ones_without_timestamps(self):
        self.timestamps(client=0, real=0)
        self.short_ones()

    def test_short_ones_ipv6(self):
        self.short_ones(at.VIP6)
