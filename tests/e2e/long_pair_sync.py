"""Fifty moves of each kind between two directors with one and with two workers, away and back, under 200 downloads."""

import test_pair_sync


class FiftyMoves(test_pair_sync.Moves):
    workers_of = (1, 2)
    rounds, rounds_of_a_load, downloads, clients = 50, 2, 34, 17
