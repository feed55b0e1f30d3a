"""Floods to addresses that nobody has: real servers stay up, no request is lost, memory stays flat. A short look;
long_churn.py takes its time."""

from fairlead_lab.churn import ChurnTest


class Churn(ChurnTest):
    SECONDS = 4
