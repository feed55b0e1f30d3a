"""Debian's keepalived in the director's namespace, with virtual servers: `fairlead ipvs-exec keepalived`.

    keepalived = Keepalived(lab, director)
    keepalived.start(GLOBAL + virtual(9001, "wrr", real(1, TCP) + real(2, TCP)))
    wait_table(director, {"tcp 192.0.2.80:9001": {"10.0.0.11:80": 1, "10.0.0.12:80": 1}})
    keepalived.reload(...)                       # SIGHUP, as `systemctl reload` does
    keepalived.stop()

keepalived.conf is written here as its users write it, but for intervals of less than a second.
"""

import os
import signal
import time

from . import addresses as at, client
from .case import LabTest
from .checked_servers import CheckedServers
from .director import BUILD, with_twins
from .routers import TWIN, Daemon
from .shell import ShellError, wait_until

# script_user: else scripts are run by a user keepalived_script, where there is one. max_auto_priority: no realtime.
GLOBAL = """
global_defs {
  router_id lab
  script_user root
  max_auto_priority -1
}
"""

# How often is asked. A check that fails once is asked once more before it counts.
TIMES = """
  delay_loop 0.4
  delay_before_retry 0.2
  retry 1
  connect_timeout 5
  warmup 0
"""


def virtual(what: str, body: str, scheduler: str = "rr", kind: str = "NAT", protocol: str = "TCP") -> str:
    """`what`: behind the word virtual_server: "192.0.2.80 9001", "fwmark 7", "group web"."""
    return (f"virtual_server {what} {{\n{TIMES}  lb_algo {scheduler}\n  lb_kind {kind}\n  protocol {protocol}\n"
            f"{body}}}\n")


def real(index: int, check: str = "", weight: int = 1, port: int = 80, more: str = "", is_v6: bool = False) -> str:
    address = at.real_address6(index) if is_v6 else at.real_address(index)
    return f"  real_server {address} {port} {{\n    weight {weight}\n{more}{check}  }}\n"


def vrrp(name: str, interface: str, priority: int, address: str) -> str:
    return (f"vrrp_instance {name} {{\n  state BACKUP\n  interface {interface}\n  virtual_router_id 52\n"
            f"  priority {priority}\n  advert_int 1\n"
            f"  virtual_ipaddress {{\n    {address}/32 dev {interface}\n  }}\n}}\n")


class Keepalived(Daemon):
    """The whole program: parent, checkers and, where the configuration has an instance, VRRP."""

    def __init__(self, lab, director, role: str = "checks"):
        super().__init__(lab, director.namespace, role, "keepalived")
        self.ipvs = f"{os.path.dirname(director.socket)}/ipvs.sock"

    def start(self, text: str):
        conf = self.write("keepalived.conf", text)
        # As packaging/keepalived.service.d has it.
        self.spawn("env", "FAIRLEAD_IPVS_PATIENCE=15000", *self.ipvs_exec(), "keepalived", "--dont-fork", "--log-console", "--log-detail", "--use-file", conf,
                   "--pid", f"{self.folder}/pid", "--checkers_pid", f"{self.folder}/checkers.pid",
                   "--vrrp_pid", f"{self.folder}/vrrp.pid")
        self.wait_said("Startup complete")  # SIGHUP would end it before

    def ipvs_exec(self) -> list:
        return [f"{BUILD}/src/cli/fairlead", "ipvs-exec", "--socket", self.ipvs]

    def ipvsadm(self, *words) -> str:
        """What Debian's ipvsadm prints."""
        return self.namespace.run(*self.ipvs_exec(), "ipvsadm", *words).stdout

    def set_sysctl(self, name: str, value: int):
        """As `sysctl net.ipv4.vs.NAME=VALUE` does."""
        self.namespace.run(*self.ipvs_exec(), "sysctl", "-q", f"net.ipv4.vs.{name}={value}")

    def reload(self, text: str):
        self.write("keepalived.conf", text)
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        """kill -9 of all its processes at once, which leaves everything as it is: none may see that another one has gone."""
        pids = [self.process.pid]
        for name in ("checkers.pid", "vrrp.pid"):
            if os.path.exists(f"{self.folder}/{name}"):
                with open(f"{self.folder}/{name}") as file:
                    pids.append(int(file.read()))
                os.unlink(f"{self.folder}/{name}")
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                os.kill(pid, number)
        self.process.wait()
        self.process = None
        os.unlink(f"{self.folder}/pid")


class VrrpPeer(Daemon):
    """The other machine of the pair, in the client's namespace: the director's goes before it when it ends."""

    def __init__(self, lab, address: str):
        super().__init__(lab, lab.client, "peer", "keepalived")
        self.conf = self.write("keepalived.conf", GLOBAL + vrrp("client", "outside", 200, address))

    def start(self):
        self.spawn("keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp", "--use-file", self.conf,
                   "--pid", f"{self.folder}/pid", "--vrrp_pid", f"{self.folder}/vrrp.pid")


def table(director) -> dict:
    """{"tcp 192.0.2.80:80": {"10.0.0.11:80": weight}} of what is forwarded; "mark 7" or "mark 7 v6" for a mark."""
    found = {}
    for line in director.cli("ipvsadm", "-Sn").stdout.splitlines():
        words = line.split()
        kind = {"-t": "tcp", "-u": "udp", "-f": "mark"}[words[1]]
        key = f"{kind} {words[2]}" + (" v6" if "-6" in words else "")
        pool = found.setdefault(key, {})
        if words[0] == "-a":
            pool[words[words.index("-r") + 1]] = int(words[words.index("-w") + 1])
    return found


def wait_table(director, expected: dict, what: str = "", timeout: float = 60):
    """Until these services have exactly these real servers; a service that is expected as None is not there."""
    def seen() -> dict:
        now = table(director)
        return {key: now.get(key) for key in expected}
    try:
        wait_until(lambda: seen() == expected, what, timeout=timeout, interval=0.1)
    except ShellError:
        now = seen()
        differs = {key: (now[key], pool) for key, pool in expected.items() if now[key] != pool}
        raise ShellError(f"{what}: (is, should be) {differs}") from None


def reals(*indices: int, weight: int = 1, port: int = 80) -> dict:
    return {f"{at.real_address(index)}:{port}": weight for index in indices}


def director_configuration(**extra) -> dict:
    """As docs/keepalived.md has it: twins on both ports, and no service."""
    config = with_twins()
    config.update(services=[], **extra)
    return config


class Change:
    """A change of the table, and when it began and was over: requests that begin meanwhile may fail.

        with Change() as out:
            checked.break_(2, "smtp")
            wait_table(...)
        self.assert_steady(loops, out)
    """

    def __enter__(self):
        self.begin = time.monotonic()
        return self

    def __exit__(self, *_):
        self.end = time.monotonic()


def url(port: int, address: str = at.VIP) -> str:
    return f"http://{address}:{port}/"


class KeepalivedTest(LabTest):
    """A director without services of its own, and one keepalived with `conf` for the whole class."""

    worker_counts = (1,)

    @classmethod
    def configure(cls) -> dict:
        return director_configuration()

    @classmethod
    def expire_connections(cls, value: int):
        """Of removed real servers: 1 ends them, as many keepalived users have it; with 0 they wait for its return."""
        cls.keepalived.set_sysctl("expire_nodest_conn", value)

    @classmethod
    def conf(cls) -> str:
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.checked = CheckedServers(cls.lab)
        cls.keepalived = Keepalived(cls.lab, cls.director)
        try:
            cls.checked.start()
            cls.expire_connections(1)
            cls.keepalived.start(cls.conf())
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.keepalived.stop()
            cls.checked.stop()
        finally:
            super().tearDownClass()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(f"---- keepalived said:\n{self.keepalived.said()[-6000:]}----", flush=True)

    def assert_steady(self, loops, *changes):
        """No request has failed but those that began in one of the changes."""
        self.assertEqual([each for each in loops.failures
                          if not any(change.begin <= each[0] <= change.end for change in changes)], [])

    def names(self, url: str, count: int = 8) -> set:
        """Who answers so many clients."""
        return set(client.spread(self.lab, url, [f"198.51.100.{n}" for n in range(1, count + 1)]))

    def names_between(self, loops, before: Change, after: Change) -> list:
        """Who has answered the requests that began between two changes."""
        return sorted({name for start, _, name in loops.answers if before.end < start < after.begin})


class PairTest(KeepalivedTest):
    """The same with the other machine of the pair, which is master of PEER_ADDRESS before the director is there."""

    PEER_ADDRESS = ""

    @classmethod
    def setUpClass(cls):
        cls.peer = VrrpPeer(cls.lab, cls.PEER_ADDRESS)
        try:
            cls.peer.start()
            super().setUpClass()
        except BaseException:
            cls.peer.stop()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.peer.stop()
        super().tearDownClass()
