"""Much of everything over the socket of IPVS: services, changes under traffic, and programs that mean harm."""

from fairlead_lab.ipvs_load import ChangesTest, HostileTest, ManyServicesTest


class ManyServices(ManyServicesTest):
    pass


class ManyChanges(ChangesTest):
    SECONDS = 5


class Hostile(HostileTest):
    pass
