"""Five minutes of floods to addresses that nobody has, and a minute of three of them at the highest rate."""

from fairlead_lab.churn import ChurnTest


class LongChurn(ChurnTest):
    SECONDS = 300


class ChurnAtTheHighestRate(ChurnTest):
    RATE = 0
    SECONDS = 60
    test_spoofed_inside_ipv4 = None  # three of them will do
