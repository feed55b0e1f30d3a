"""Open vSwitch as the switch of a lab: VLANs, bonds and LACP, all in user space, so the kernel needs no module for it.

    client ── outside (VLAN 120) ──┐
                                 switch ══ trunk1, trunk2 … ══ director
    bridge, reals ─ inside (VLAN 130) ─┘

    with OpenVswitch(lab, trunks=2) as switch:       # both networks of the lab end at the switch
        switch.bond("balance-tcp", "lacp=active")    # or switch.trunk("trunk1")
        ...
        switch.appctl("bond/show")

It runs in a namespace of its own, and all its files lie with the lab's. While it stands, the director's interfaces
`outside` and `inside` are the switch's, and the director has `trunk1` and so on instead.
"""

import os
import shutil
import subprocess

from . import addresses as at
from .case import LabTest
from .director import configuration
from .shell import run, wait_until

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
OUTSIDE_VLAN, INSIDE_VLAN = 120, 130
BRIDGE = "br0"
BOND = "bond0"


class OpenVswitch:
    def __init__(self, lab, trunks: int = 1):
        self.lab = lab
        self.namespace = lab._namespace("switch")
        self.trunks = [f"trunk{n}" for n in range(1, trunks + 1)]
        self.folder = f"{lab.state}/switch"
        self.database = f"unix:{self.folder}/db.sock"
        self.control = f"{self.folder}/vswitchd.ctl"
        self.daemons = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- life ----

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)  # of a switch before
        os.makedirs(self.folder)
        self.namespace.create()
        self.namespace.sysctl(net__ipv6__conf__all__disable_ipv6=1, net__ipv6__conf__default__disable_ipv6=1)
        run("ovsdb-tool", "create", f"{self.folder}/conf.db", SCHEMA)
        self._spawn("ovsdb-server", f"{self.folder}/conf.db", f"--remote=p{self.database}",
                    f"--unixctl={self.folder}/ovsdb.ctl")
        wait_until(lambda: os.path.exists(f"{self.folder}/db.sock"), "ovsdb-server answers")
        self.vsctl("--no-wait", "init")
        self._spawn("ovs-vswitchd", self.database, f"--unixctl={self.control}")
        self.vsctl("add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev")
        for interface, vlan in (("outside", OUTSIDE_VLAN), ("inside", INSIDE_VLAN)):
            self._move(interface, self.lab.director, self.namespace)
            self.namespace.ip(f"link set {interface} up")
            self.vsctl("add-port", BRIDGE, interface, f"tag={vlan}")
        for trunk in self.trunks:
            self.lab._link(self.lab.director, trunk, self.namespace, trunk)
            self.lab.director.sysctl(**{f"net__ipv6__conf__{trunk}__disable_ipv6": 1})
            self.lab.director.ip(f"link set {trunk} arp off")

    def stop(self):
        for interface in ("outside", "inside"):
            if self._has(interface):
                self._move(interface, self.namespace, self.lab.director)
                self.lab.director.sysctl(**{f"net__ipv6__conf__{interface}__disable_ipv6": 1})
                self.lab.director.ip(f"link set {interface} arp off up")
        for daemon in reversed(self.daemons):
            daemon.terminate()
            daemon.wait(timeout=20)
        self.daemons = []
        self.namespace.delete()  # and with it the trunks

    def _spawn(self, *command):
        with open(f"{self.folder}/log", "a") as log:
            self.daemons.append(self.namespace.spawn(
                *command, "--no-chdir", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "OVS_RUNDIR": self.folder, "OVS_LOGDIR": self.folder, "OVS_DBDIR": self.folder}))

    @staticmethod
    def _move(interface: str, origin, target):
        origin.ip(f"link set {interface} netns {target.name}")

    def _has(self, interface: str) -> bool:
        if not self.namespace.exists():
            return False
        return self.namespace.run("ip", "link", "show", interface, check=False).returncode == 0

    # ---- what it does ----

    def vsctl(self, *words):
        return self.namespace.run("ovs-vsctl", "--timeout=20", f"--db={self.database}", *words)

    def appctl(self, *words) -> str:
        return run("ovs-appctl", "--timeout=20", "-t", self.control, *words).stdout

    def trunk(self, name: str):
        """A port with both VLANs."""
        self.vsctl("add-port", BRIDGE, name, f"trunks={OUTSIDE_VLAN},{INSIDE_VLAN}")

    def bond(self, mode: str, *columns):
        """All trunks as one port with both VLANs. `columns`: of the database, as "lacp=active"."""
        self.vsctl("add-bond", BRIDGE, BOND, *self.trunks, f"trunks={OUTSIDE_VLAN},{INSIDE_VLAN}",
                   f"bond_mode={mode}", *columns)

    def pull(self, trunk: str):
        """Take the cable out of the switch: the director's end loses its carrier."""
        self.namespace.ip(f"link set {trunk} down")

    def plug(self, trunk: str):
        self.namespace.ip(f"link set {trunk} up")

    def packets(self, trunk: str) -> tuple:
        """(from the director, to the director) so far."""
        line = self.vsctl("get", "interface", trunk, "statistics:rx_packets", "statistics:tx_packets").stdout
        received, sent = (int(word) for word in line.split())
        return received, sent


class SwitchTest(LabTest):
    """Base of tests with a switch: it stands as long as the class runs."""
    trunks = 1

    @classmethod
    def attach(cls, switch: OpenVswitch):
        """Make ports of the trunks."""
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        cls.switch = OpenVswitch(cls.lab, cls.trunks).__enter__()
        try:
            cls.attach(cls.switch)
            super().setUpClass()
        except BaseException:
            cls.switch.stop()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.switch.stop()


def one_armed(services: list, device, **extra) -> dict:
    """The configuration around `services` with both networks as VLANs of one device."""
    config = configuration(services, **extra)
    for port, vlan in zip(config["ports"], (OUTSIDE_VLAN, INSIDE_VLAN)):
        port.update(device=device, vlan=vlan)
    return config


def member(number: int) -> str:
    """The device of trunk `number`, counted from 1; what it leaves out is the director's to add."""
    return f"net_af_packet{number - 1},iface=trunk{number}"


def services() -> list:
    """One by NAT and one by DR, over the same two real servers."""
    reals = [{"address": at.real_address(1)}, {"address": at.real_address(2)}]
    return [{"name": "nat", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "rr", "reals": reals},
            {"name": "direct", "address": at.VIP_DR, "protocol": "tcp", "port": 80, "scheduler": "rr", "forward": "dr",
             "reals": reals}]
