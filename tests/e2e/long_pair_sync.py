"""Fifty moves of each kind between two directors, away and back, under 200 downloads."""

import test_pair_sync


class FiftyMoves(test_pair_sync.Moves):
    rounds, rounds_of_a_load, downloads, clients = 50, 5, 34, 17
