"""What takes minutes over the socket of IPVS: a million connections as a stream, and changes for a minute."""

from fairlead_lab.ipvs_load import ChangesTest, ManyConnectionsTest


class MillionConnections(ManyConnectionsTest):
    pass


class ChangesForAMinute(ChangesTest):
    SECONDS = 60
