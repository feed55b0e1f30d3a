"""Every virtual address is announced, however many there are. A short look; long_announcing.py has thousands."""

from fairlead_lab.many_addresses import ManyAddressesTest


class Announcing(ManyAddressesTest):
    def test_1200_addresses(self):
        self.announce(1_200, workers=2)
