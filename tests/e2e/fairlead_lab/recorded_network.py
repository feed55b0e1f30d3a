"""The network of the recordings (docs/testing.md, golden replay) on the lab: clients 10.9.0.0/16 and fd09::/16, virtual
addresses 10.100.0.x and fd64::x, real servers rsN at 10.1.0.1N and fd01::1N, which say one line to whoever connects.

As a program, on a real server or on the client:

    recorded_network.py serve NAME             TCP 22, 80, 443, 8080, 8081 and UDP 53, 5060, until standard input closes
    recorded_network.py talk                   the connections of the recording; "done" when all is as it was there, and
                                               those that stay open end with standard input
"""

import select
import socket
import struct
import subprocess
import sys
import time

from_lab = __package__
if from_lab:
    from . import addresses as at
    from . import servers

VIPS = ["10.100.0.1", "10.100.0.2", "10.100.0.3", "10.100.0.5"]
VIPS6 = ["fd64::1"]
TCP_PORTS = (22, 80, 443, 8080, 8081)


def recorded(index: int) -> str:
    return f"10.1.0.1{index}"


def recorded6(index: int) -> str:
    return f"fd01::1{index}"


class RecordedAddresses:
    """Adds the addresses while the body of the `with` runs; nginx answers there. `clients`: who the client is."""

    def __init__(self, lab, clients: str = "10.9.0.0/16"):
        self.lab, self.clients = lab, clients

    def lines(self, index: int) -> list:
        lines = [f"addr {{}} {recorded(index)}/24 dev eth0", f"addr {{}} {recorded6(index)}/64 dev eth0 nodad"]
        for vip in VIPS:
            lines += [f"addr {{}} {vip}/32 dev lo", f"rule {{}} from {vip} table 100"]
        for vip in VIPS6:
            lines += [f"addr {{}} {vip}/128 dev lo nodad", f"-6 rule {{}} from {vip} table 100"]
        return lines

    def client_lines(self) -> list:
        return [f"route {{}} local {self.clients} dev lo", "route {} local fd09::/16 dev lo",
                f"route {{}} 10.100.0.0/24 via {at.DIRECTOR_OUTSIDE}", f"-6 route {{}} fd64::/64 via {at.DIRECTOR_OUTSIDE6}"]

    def change(self, verb: str, check: bool):
        for namespace, lines in [(self.lab.client, self.client_lines()),
                                 *((real, self.lines(index)) for index, real in self.lab.reals.items())]:
            for line in lines:
                namespace.run("ip", *line.format(verb).split(), check=check)

    def __enter__(self):
        try:
            self.change("add", True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.change("del", False)


class RecordedNetwork(RecordedAddresses):
    """The same, and runs the servers of the recordings; nginx rests meanwhile."""

    def __init__(self, lab):
        super().__init__(lab)
        self.servers, self.talker = [], None

    def __enter__(self):
        super().__enter__()
        try:
            for index, real in self.lab.reals.items():
                servers.stop_nginx(self.lab, index)
                server = real.spawn(sys.executable, __file__, "serve", index, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)
                self.servers.append(server)
                assert server.stdout.readline() == "ready\n", "the servers of the recording do not run"
        except BaseException:
            self.__exit__()
            raise
        return self

    def talk(self):
        self.talker = self.lab.client.spawn(sys.executable, __file__, "talk", stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True)
        said = self.talker.stdout.readline()
        assert said == "done\n", f"the connections of the recording could not be made: {said}"

    def __exit__(self, *_):
        for process in [*self.servers, *([self.talker] if self.talker else [])]:
            process.communicate(timeout=30)
        super().__exit__()
        for index in self.lab.reals:
            servers.ensure_nginx(self.lab, index)


# ---- on a real server

def serve(index: int):
    """The lines are as long as the recorded ones: 21 bytes for port 80, 23 for 8080 and 5060."""
    listeners = {}
    for port in TCP_PORTS:
        listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=16)
        listeners[listener] = port
    echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    echo.bind((f"10.1.0.1{index}", 5060))
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("", 53))
    print("ready", flush=True)
    peers = []
    while True:
        ready, _, _ = select.select([sys.stdin, echo, silent, *listeners, *peers], [], [])
        for one in ready:
            if one is sys.stdin:
                return
            if one in listeners:
                peer, _ = one.accept()
                peer.send(line_of(index, listeners[one]))
                peers.append(peer)
            elif one is echo:
                _, source = echo.recvfrom(100)
                echo.sendto(line_of(index, 5060), source)
            elif one is silent:
                silent.recv(100)
            else:  # the client has closed
                peers.remove(one)
                one.close()


def line_of(index: int, port: int) -> bytes:
    return f"rs{index} ".ljust(18 + len(str(port)), ".").encode() + b"\n"


# ---- on the client

def connect(source: str, source_port: int, vip: str, port: int, wanted: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in vip else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((source, source_port))
    sock.settimeout(20)
    sock.connect((vip, port))
    name = sock.recv(100)
    assert name.startswith(f"rs{wanted} ".encode()), f"{source}:{source_port} came to {name}"
    return sock


def open_and_close(*words):
    with connect(*words) as sock:
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)  # the other side's end, which is acknowledged


def datagram(source: str, source_port: int, vip: str, port: int, is_answered: bool):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, source_port))
        sock.settimeout(20)
        sock.sendto(b"x\n", (vip, port))
        if is_answered:
            sock.recv(100)


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def lonely_syn(source: str, source_port: int, vip: str, port: int):
    """One segment without options, 40 bytes, from an address where nobody is."""
    addresses = socket.inet_aton(source) + socket.inet_aton(vip)
    head = struct.pack("!HHIIBBHHH", source_port, port, 1000, 0, 0x50, 2, 64240, 0, 0)
    total = checksum(addresses + struct.pack("!HH", 6, len(head)) + head)
    head = head[:16] + struct.pack("!H", total) + head[18:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + addresses + head, (vip, 0))


def talk():
    held = [connect("10.9.0.1", 3001, "10.100.0.1", 80, 4), connect("10.9.0.1", 3002, "10.100.0.1", 80, 2),
            connect("10.9.0.1", 3003, "10.100.0.1", 80, 1)]
    open_and_close("10.9.0.2", 3010, "10.100.0.1", 80, 4)
    held.append(connect("10.9.0.3", 3011, "10.100.0.2", 443, 2))
    open_and_close("10.9.0.4", 3012, "10.100.0.2", 443, 2)
    open_and_close("10.9.0.5", 3013, "10.100.0.3", 8080, 1)
    open_and_close("10.9.0.5", 3014, "10.100.0.3", 22, 1)
    for _ in range(4):
        datagram("10.9.0.6", 4001, "10.100.0.1", 53, False)
    datagram("10.9.0.7", 4002, "10.100.0.4", 5060, True)
    open_and_close("10.9.0.8", 3015, "10.100.0.5", 80, 2)
    held.append(connect("10.9.0.8", 3016, "10.100.0.5", 443, 2))
    held.append(connect("fd09::5", 3017, "fd64::1", 80, 2))
    open_and_close("fd09::6", 3018, "fd64::1", 443, 3)
    lonely_syn("10.8.0.1", 1234, "10.100.0.1", 80)
    last = connect("10.9.0.9", 3019, "10.100.0.1", 80, 4)
    last.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    last.close()
    time.sleep(0.2)
    print("done", flush=True)
    sys.stdin.read()
    del held


if __name__ == "__main__":
    serve(int(sys.argv[2])) if sys.argv[1] == "serve" else talk()
