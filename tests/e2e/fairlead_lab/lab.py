"""The namespaces, links and servers of one lab.

    client ── outside ── director ── inside ── bridge ── real1 … realN
       └───────────── second leg (DR/TUN replies) ──┘

With two directors the outside link is a bridge as well, and both are on both of them:

    client ── bridge ─┬─ director ──┬─ bridge ── real1 … realN
                      └─ director2 ─┘

A link of their own, `sync`, is for what the two tell each other.

Every namespace is called `fl-NAME-…` and everything else lives inside one, so labs of different names do not
meet. `down` needs nothing but the name: it also clears what a killed run left behind.
"""

import hashlib
import os
import re
import shutil
import signal

from . import addresses as at
from . import servers
from .shell import Namespace, ShellError, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
STATE = "/run/fairlead-lab"
ARENAS = "/dev/shm/fairlead-lab-"  # and the lab's name: memory, which STATE need not be
DOWNLOAD_BYTES = 20 * 1024 * 1024


class Lab:
    def __init__(self, name: str, reals: int = 3, directors: int = 1):
        if not re.fullmatch(r"[a-z0-9]{1,16}", name):
            raise ShellError(f"a lab's name is 1 to 16 of a-z and 0-9, not {name!r}")
        self.name = name
        self.count = reals
        self.state = f"{STATE}/{name}"
        self.arena = f"{ARENAS}{name}"  # of a director that keeps its state
        self.client = self._namespace("client")
        self.directors = [self._namespace(director_role(n)) for n in range(1, directors + 1)]
        self.director = self.directors[0]
        self.bridge = self._namespace("bridge")
        self.reals = {i: self._namespace(at.real_name(i)) for i in range(1, reals + 1)}
        self.download_sha256 = None

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.down()

    def arena_of(self, number: int) -> str:
        """Where director `number` keeps its state; the name of a lab has no `-`."""
        return self.arena if number == 1 else f"{self.arena}-{number}"

    def _namespace(self, role: str) -> Namespace:
        return Namespace(f"fl-{self.name}-{role}")

    def namespaces(self) -> list:
        """Names of the namespaces of this lab that exist right now, whoever made them."""
        try:
            return sorted(n for n in os.listdir("/run/netns") if n.startswith(f"fl-{self.name}-"))
        except FileNotFoundError:
            return []

    def up(self):
        """Build everything; on any failure take it all down again and raise."""
        if os.geteuid() != 0:
            raise ShellError("the lab needs root: namespaces, veths and BPF")
        if self.namespaces():
            raise ShellError(f"lab {self.name} is up already; `scripts/lab down {self.name}` removes it")
        # SIGTERM must tear down like Ctrl-C: as KeyboardInterrupt it runs every `finally` and unittest lets it by.
        for number in (signal.SIGTERM, signal.SIGINT):  # a background shell would ignore the latter
            signal.signal(number, signal.default_int_handler)
        try:
            os.makedirs(f"{self.state}/files", exist_ok=True)
            self._remember_owner()
            self._make_download()
            self._build_links()
            self._build_client()
            for index in self.reals:
                self._build_real(index)
        except BaseException:
            self.down()
            raise

    def down(self):
        """Remove everything of this name; safe to call at any time, twice, and from another process."""
        for name in self.namespaces():
            Namespace(name).delete()
        shutil.rmtree(self.state, ignore_errors=True)
        for number in (1, 2):
            shutil.rmtree(self.arena_of(number), ignore_errors=True)

    def _remember_owner(self):
        with open(f"{self.state}/owner", "w") as file:
            file.write(f"{os.getpid()}\n")

    def _make_download(self):
        body = os.urandom(DOWNLOAD_BYTES)
        self.download_sha256 = hashlib.sha256(body).hexdigest()
        with open(f"{self.state}/files/20mb", "wb") as file:
            file.write(body)

    def sha256_of_first(self, length: int) -> str:
        """Of the first bytes of /20mb; 0: of all."""
        with open(f"{self.state}/files/20mb", "rb") as file:
            return hashlib.sha256(file.read(length or -1)).hexdigest()

    def _link(self, ns_a: Namespace, if_a: str, ns_b: Namespace, if_b: str):
        """A veth pair made inside the namespaces, so this machine's own never sees it. Checksums are finished
        in software on both ends: the director reads raw frames and veth would leave them half done."""
        ns_a.ip(f"link add {if_a} mtu {at.MTU} type veth peer name {if_b} netns {ns_b.name} mtu {at.MTU}")
        for ns, interface in ((ns_a, if_a), (ns_b, if_b)):
            ns.run("ethtool", "-K", interface, "tx", "off")
            ns.ip(f"link set {interface} up")

    def _build_links(self):
        for ns in (self.client, *self.directors, self.bridge):
            ns.create()
        self.bridge.sysctl(net__ipv6__conf__all__disable_ipv6=1, net__ipv6__conf__default__disable_ipv6=1)
        self._add_bridge("br0")
        if len(self.directors) == 1:
            self._link(self.client, "outside", self.director, "outside")
        else:
            self._add_bridge("br1")
            self._plug(self.client, "outside", "br1", "clients")
        for number, director in enumerate(self.directors, 1):
            if len(self.directors) > 1:
                self._plug(director, "outside", "br1", f"outside{number}")
            self._plug(director, "inside", "br0", director_role(number))
            self._silence(director)
        if len(self.directors) == 2:
            self._link(self.directors[0], "sync", self.directors[1], "sync")
            for number, director in enumerate(self.directors, 1):
                director.ip(f"addr add {at.director_sync(number)}/24 dev sync")
        self._plug(self.client, "direct", "br0", "client")

    def _add_bridge(self, name: str):
        self.bridge.ip(f"link add {name} type bridge forward_delay 0 stp_state 0 mcast_snooping 0")
        self.bridge.ip(f"link set {name} up")

    def _plug(self, ns: Namespace, interface: str, bridge: str, plug: str):
        self._link(ns, interface, self.bridge, plug)
        self.bridge.ip(f"link set {plug} master {bridge}")

    @staticmethod
    def _silence(director: Namespace):
        # The director's two links belong to DPDK: the kernel must neither answer nor speak on them, nor take the
        # replies to its own packets off the veth before the twin brings them.
        director.sysctl(net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__inside__rp_filter=1)
        for interface in ("outside", "inside"):
            director.sysctl(**{f"net__ipv6__conf__{interface}__disable_ipv6": 1})
            director.ip(f"link set {interface} arp off")

    def _build_client(self):
        c = self.client
        c.sysctl(net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__default__rp_filter=0,
                 net__ipv4__conf__outside__rp_filter=0, net__ipv4__conf__direct__rp_filter=0,
                 net__ipv4__ip_local_port_range="1100 65000", net__ipv4__tcp_tw_reuse=1,
                 net__ipv6__ip_nonlocal_bind=1)
        lines = [
            f"addr add {at.CLIENT}/24 dev outside",
            f"addr add {at.CLIENT6}/64 dev outside nodad",
            f"addr add {at.CLIENT_LEG}/32 dev direct",
            f"addr add {at.CLIENT_LEG6}/128 dev direct nodad",
            f"route add 10.0.0.0/24 via {at.DIRECTOR_OUTSIDE}",
            f"route add fd00:10::/64 via {at.DIRECTOR_OUTSIDE6}",
            f"route add local {at.CLIENT_NETWORK6} dev lo",
        ]
        lines += [f"route add local {network} dev lo" for network in at.CLIENT_NETWORKS]
        c.batch(lines)

    def _build_real(self, index: int):
        real = self.reals[index]
        real.create()
        self._plug(real, "eth0", "br0", at.real_name(index))
        # Silent about the VIPs on `lo`: only what eth0 itself holds is answered and announced.
        real.sysctl(net__ipv4__conf__all__arp_ignore=1, net__ipv4__conf__all__arp_announce=2,
                    net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__eth0__rp_filter=0)
        lines = [
            f"addr add {at.real_address(index)}/24 dev eth0",
            f"addr add {at.real_address6(index)}/64 dev eth0 nodad",
            f"route add default via {at.DIRECTOR_INSIDE}",
            f"route add default via {at.DIRECTOR_INSIDE6}",
            # 1440: what the client sends must fit the director's outer IPv4 header of the TUN method.
            f"route add default via {at.CLIENT_LEG} dev eth0 onlink advmss 1440 table 100",
            f"route add default via {at.CLIENT_LEG6} dev eth0 onlink table 100",
        ]
        lines += [f"addr add {vip}/32 dev lo" for vip in at.DIRECT_VIPS]
        lines += [f"addr add {vip}/128 dev lo nodad" for vip in at.DIRECT_VIPS6]
        lines += [f"rule add from {vip} table 100" for vip in at.DIRECT_VIPS]
        real.batch(lines)
        for vip in at.DIRECT_VIPS6:
            real.ip(f"-6 rule add from {vip} table 100")
        real.run("tc", "qdisc", "add", "dev", "eth0", "clsact")
        real.run("tc", "filter", "add", "dev", "eth0", "ingress", "bpf", "da",
                 "obj", decap_object(), "sec", "tc")
        servers.start_nginx(self, index)
        servers.start_udp_echo(self, index)


def director_role(number: int) -> str:
    return "director" if number == 1 else f"director{number}"


def decap_object() -> str:
    """The compiled decapsulation program; compiled when its source is newer."""
    source = f"{ROOT}/tests/e2e/decap.bpf.c"
    target = f"{ROOT}/build/decap.bpf.o"
    if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        triplet = run("gcc", "-print-multiarch").stdout.strip()
        run("clang", "-O2", "-g", "-target", "bpf", f"-I/usr/include/{triplet}", "-c", source,
            "-o", f"{target}.{os.getpid()}")
        os.rename(f"{target}.{os.getpid()}", target)
    return target
