"""FULLNAT in bulk, with an nginx as the only real server: very many connections at once, and short ones in a row that
nginx closes first. A subclass says how many:

    class Bulk(FullnatBulk):
        HELD, SHORT = 5000, 5000
"""

from . import addresses as at
from .case import LabTest
from .director import configuration
from .many_tcp import Held, all_answered, short, tcp_counters
from .nginx import Nginx

PORT = 9000
CAPACITY = 131072
# What must not happen at either side: a SYN or a SYN-ACK that is sent again, a connection that is refused or reset, or
# that leaves no TIME_WAIT behind. A RST by itself may be: a slow machine sends a FIN again when the connection is over.
NEVER = ("TcpExt.TCPSynRetrans", "Tcp.AttemptFails", "Tcp.EstabResets", "TcpExt.ListenOverflows",
         "TcpExt.TCPTimeWaitOverflow")


class FullnatBulk(LabTest):
    HELD = SHORT = RATE = 0
    LOCAL = 2  # addresses
    timeouts = {}
    used = 0  # addresses, in this run: each director has others, since nginx remembers for a minute what was closed

    @classmethod
    def configure(cls):
        first = FullnatBulk.used
        FullnatBulk.used += cls.LOCAL
        cls.local = [f"10.0.0.{128 + first + n}" for n in range(cls.LOCAL)]
        cls.local6 = [f"fd00:10::{0x100 + first + n:x}" for n in range(cls.LOCAL)]
        services = [
            {"name": name, "address": vip, "protocol": "tcp", "port": 80, "timeouts": cls.timeouts,
             "forward": {"method": "fullnat", "local_addresses": local}, "reals": [{"address": real, "port": PORT}]}
            for name, vip, local, real in (("v4", at.VIP, cls.local, at.real_address(1)),
                                           ("v6", at.VIP6, cls.local6, at.real_address6(1)))]
        config = configuration(services)
        config["director"].update(connections=CAPACITY, connections6=CAPACITY, side_records=CAPACITY)
        return config

    @classmethod
    def setUpClass(cls):
        nginx = Nginx(cls.lab.reals[1], f"{cls.lab.state}/bulk", f"""
  server {{
    listen {PORT} backlog=4096 reuseport; listen [::]:{PORT} backlog=4096 reuseport;
    location = / {{ return 200 "here\\n"; }}
    location = /status {{ stub_status; }}
  }}""", connections=19000, processes=4)
        for namespace in (cls.lab.client, cls.lab.reals[1]):  # else a TIME_WAIT that has no room is left out
            before = namespace.run("sysctl", "-n", "net.ipv4.tcp_max_tw_buckets").stdout.strip()
            namespace.sysctl(net__ipv4__tcp_max_tw_buckets=1 << 20)
            cls.addClassCleanup(namespace.sysctl, net__ipv4__tcp_max_tw_buckets=before)
        nginx.__enter__()
        cls.addClassCleanup(nginx.__exit__)
        super().setUpClass()

    def timestamps(self, client: int, real: int):
        for namespace, value in ((self.lab.client, client), (self.lab.reals[1], real)):
            namespace.sysctl(net__ipv4__tcp_timestamps=value)
            self.addCleanup(namespace.sysctl, net__ipv4__tcp_timestamps=1)

    def mishaps(self) -> dict:
        return {(side, name): counters[name] for side, counters in (
            ("client", tcp_counters(self.lab.client)), ("real", tcp_counters(self.lab.reals[1]))) for name in NEVER}

    def dropped(self, reason: str) -> float:
        return self.director.metric("fairlead_dropped_packets_total", reason=reason)

    def open_at_nginx(self) -> int:
        """How many connections nginx itself counts, the asking one not."""
        text = self.lab.reals[1].run("curl", "-sS", f"http://127.0.0.1:{PORT}/status").stdout
        return int(text.split("Active connections:")[1].split()[0]) - 1

    def local_endpoints(self) -> dict:
        """{address: how many ports of it} of nginx's open connections to clients."""
        lines = self.lab.reals[1].run("ss", "-Htn", "state", "established", f"sport = :{PORT}").stdout.splitlines()
        peers = {line.split()[3] for line in lines}
        found = {}
        for peer in peers:
            address = peer.rsplit(":", 1)[0].strip("[]").removeprefix("::ffff:")
            found[address] = found.get(address, 0) + 1
        return found

    def nothing_happened(self, before: dict):
        after = self.mishaps()
        changes = {key: after[key] - before[key] for key in after if after[key] != before[key]}
        self.assertEqual(changes, {}, "none is refused, reset or late")
        self.assertEqual((self.dropped("no_local_port"), self.dropped("side_table_full")), (0, 0))

    def held_at_once(self, vip: str = at.VIP):
        local, before = self.local6 if ":" in vip else self.local, self.mishaps()
        with Held(self.lab, vip, 80, self.HELD) as held:
            at_nginx, endpoints = self.open_at_nginx(), self.local_endpoints()
            self.nothing_happened(before)
        print(f"     {held.said}, {at_nginx} at nginx, {endpoints}", flush=True)
        self.assertEqual(held.said, all_answered(self.HELD))
        self.assertEqual(at_nginx, self.HELD)
        self.assertEqual(sorted(endpoints), sorted(local))
        self.assertEqual(sum(endpoints.values()), self.HELD)
        self.assertLess(max(endpoints.values()), 0.6 * self.HELD)
        self.assertEqual(self.dropped("no_local_port"), 0)

    def short_ones(self, vip: str = at.VIP):
        before = self.mishaps()
        said = short(self.lab, vip, 80, self.SHORT, self.RATE)
        print(f"     {said}", flush=True)
        self.assertEqual(said, all_answered(self.SHORT))
        self.nothing_happened(before)
