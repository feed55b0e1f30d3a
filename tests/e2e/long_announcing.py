"""6,000 and 20,000 virtual addresses: started, announced completely, stopped in order."""

from fairlead_lab.many_addresses import ManyAddressesTest


class LongAnnouncing(ManyAddressesTest):
    def test_6000_addresses(self):
        self.announce(6_000, workers=1)

    def test_20000_addresses(self):
        self.announce(20_000, workers=2)
