"""Fifty moves of each kind between two directors with one and with two workers, away and back, under 200 downloads; and
1,000 uploads whose pieces change sides."""

import test_pair_sync
from fairlead_lab import addresses as at
from fairlead_lab.restarts import service


class FiftyMoves(test_pair_sync.Moves):
    workers_of = (1, 2)
    rounds, rounds_of_a_load, downloads, clients = 50, 2, 34, 17


class ThousandUploads(test_pair_sync.BothServing):
    workers_of = (1, 2)

    @classmethod
    def services(cls) -> list:
        return [service("templates", at.VIP_DR, 80, forward="dr", persistence={"timeout": "10m"})]

    def test_pieces_that_change_sides_meet_one_real_server(self):
        self.assert_pieces_stay("turns", [f"198.18.{n // 250}.{1 + n % 250}" for n in range(1000)], pieces=3)
