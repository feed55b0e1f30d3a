"""Each type of check against a server that is well, and against servers that are slow, wrong or hostile: what the
director calls them, the reason that it gives, and what it costs it."""

import os
import re
import time

from fairlead_lab import addresses as at, configuration, protocol_servers as well
from fairlead_lab.case import LabTest
from fairlead_lab.latency import resident_bytes
from fairlead_lab.protocol_servers import NAME, ProtocolServers
from fairlead_lab.shell import wait_until

GOOD, HOSTILE, NOBODY = 1, 2, "10.0.0.99"
UP, DOWN = "up", "down"
FIRST_PORT = 7000  # of the hostile ones, each on a port of its own
TIMES = {"interval": "1s", "retry_interval": "200ms", "timeout": "2s", "fall": 2, "rise": 1}


def hexed(text) -> str:
    return (text if isinstance(text, bytes) else text.encode()).hex()


def http(status: str, body: str = "", length: int = -1) -> str:
    return hexed(f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length < 0 else length}\r\n\r\n{body}")


def keys_of(folder: str) -> dict:
    """type → the keys with which a good server is asked; `name` has a word behind the type where one has several."""
    tls = {"ca": f"{folder}/ca.pem", "sni": NAME}
    secret = {"password_file": f"{folder}/password"}
    return {
        "tcp": {},
        "tcp tls": {"tls": True, **tls},
        "tcp text": {"steps": [{"receive": {"contains": "220"}}, {"send": "NOOP\\r\\n", "receive": {"matches": "^250 "}}]},
        "http": {"path": "/health", "expect_body": {"contains": "ok"}},
        "https": {"host": NAME, "ca": tls["ca"], "expect_body": {"matches": "^the shop .* open$"}},
        "smtp": {"helo": "director.example"},
        "dns": {"name": NAME, "record": "A"},
        "udp": {"send": "hello", "receive": {"contains": "real1 hello"}},
        "ping": {},
        "mysql": {"user": "health", **secret},
        "ldap": {"bind_dn": "cn=config", **secret},
        "redis": secret,
        "agent": {},
        "grpc": {},
    }


# What none of them may do: hold a check for longer than its timeout, or make it remember what they say.
EVIL = {
    "silent": r"^no (whole )?(answer|TLS handshake) in 2000 ms",
    "reset": r"connection reset|closed|^no answer",  # it waits for a first word, which not all say
    "reset_at_once": r"connection reset|closed",
    "garbage": r".",
    "drip:32": r".",  # of no protocol the end of anything
    "endless:32": r".",
}
TALKING = ("tcp tls", "tcp text", "http", "https", "smtp", "mysql", "ldap", "redis", "grpc")

# (type, other keys, port of a good server or way of a hostile one, state, reason)
CASES = [
    ("tcp", {}, 80, UP, r"^connected in \d+ ms"),
    ("tcp", {}, 81, DOWN, r"^connection refused"),
    ("tcp", {"address": NOBODY}, 80, DOWN, r"no answer|no route to host"),
    ("tcp", {}, "silent", UP, r"^connected"),
    ("tcp tls", {}, well.TLS, UP, r"."),
    ("tcp tls", {"sni": "other.example"}, well.TLS, DOWN, r"^TLS certificate refused: .*mismatch"),
    ("tcp tls", {"ca": "/etc/ssl/certs/ca-certificates.crt"}, well.TLS, DOWN, r"^TLS certificate refused: "),
    ("tcp tls", {"ca": None, "sni": "other.example", "verify": False}, well.TLS, UP, r"."),
    ("tcp tls", {"min_tls": "1.3"}, well.TLS, UP, r"."),
    ("tcp text", {}, well.SMTP, UP, r"."),
    ("tcp text", {}, "say:" + hexed("220 hello\r\n500 what?\r\n"), DOWN, r"no (whole )?answer|does not|without"),
    ("http", {}, 80, UP, r"^HTTP 200 in \d+ ms"),
    ("http", {"path": "/missing"}, 80, DOWN, r"^HTTP 404"),
    ("http", {"expect_body": {"contains": "ready"}}, 80, DOWN, r'^HTTP 200, but its body does not contain "ready"'),
    ("http", {}, "say:" + http("503 Busy"), DOWN, r"^HTTP 503"),
    ("http", {}, "say:" + http("200", "ok"), UP, r"^HTTP 200"),
    ("http", {}, "say_and_close:" + http("200", "nothing", 100), DOWN, r"closed before the end of its body|cut"),
    ("http", {}, "say_and_close:" + hexed("HTTP/1.1 200 OK\r\nA: b\r\n"), DOWN, r"^closed before the end of its headers"),
    ("http", {}, "endless:" + hexed("HTTP/1.1 200 OK\r\n\0A: b\r\n"), DOWN, r"^over 64 KiB of headers"),
    ("http", {}, "endless:" + hexed("\0HTTP/1.1 100 Continue\r\n\r\n"), DOWN, r"interim|1xx|100"),
    ("http", {}, "endless:" + hexed("HTTP/1.1 200 OK\r\n\r\n\0no "), DOWN, r"body"),
    ("http", {}, "endless:" + hexed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x001\r\nx\r\n"), DOWN, r"^over 2 MiB"),
    ("http", {}, "drip:" + http("200 OK", "ok"), DOWN, r"^no whole answer in 2000 ms"),
    ("https", {}, well.HTTPS, UP, r"^HTTP 200"),
    ("https", {"path": "/closed"}, well.HTTPS, DOWN, r"^HTTP 503"),
    ("https", {}, 80, DOWN, r"TLS"),
    ("https", {"host": "other.example"}, well.HTTPS, DOWN, r"^TLS certificate refused"),
    ("https", {}, "endless:" + hexed(b"\x16\x03\x03\x40\x00"), DOWN, r"TLS|reset"),
    ("smtp", {}, well.SMTP, UP, r"^SMTP"),
    ("smtp", {}, "say:" + hexed("554 no\r\n"), DOWN, r'^SMTP "554 no"'),
    ("smtp", {}, "endless:" + hexed("220-more\r\n"), DOWN, r"."),
    ("dns", {}, well.DNS, UP, r"."),
    ("dns", {"name": "other.example"}, well.DNS, DOWN, r"REFUSED|rcode"),
    ("dns", {}, "dns_refused", DOWN, r"REFUSED|rcode"),
    ("dns", {}, "dns_others", DOWN, r"^an answer to another question"),
    ("dns", {}, "dns_long", DOWN, r"."),
    ("dns", {}, "dns_huge", DOWN, r"."),
    ("dns", {}, 81, DOWN, r"^connection refused|^no answer"),
    ("udp", {}, at.UDP_PORT, UP, r"."),
    ("udp", {"receive": {"contains": "nobody"}}, at.UDP_PORT, DOWN, r"."),
    ("udp", {}, 81, DOWN, r"^connection refused|^no answer"),  # the kernel does not refuse all of many
    ("udp", {}, "dns_long", DOWN, r"."),
    ("ping", {}, None, UP, r"."),
    ("ping", {"address": NOBODY}, None, DOWN, r"no answer|no route to host"),
    ("mysql", {}, well.MYSQL, UP, r"."),
    ("mysql", {"user": "nobody"}, well.MYSQL, DOWN, r"Access denied"),
    ("mysql", {}, "say:" + hexed(b"\x17\0\0\0\xff\x69\x04Host is blocked here"), DOWN, r"blocked"),
    ("mysql", {}, "say:ffffff00", DOWN, r"."),
    ("ldap", {}, well.LDAP, UP, r"."),
    ("ldap", {"bind_dn": "cn=nobody,cn=config"}, well.LDAP, DOWN, r"49|invalid credentials"),
    ("ldap", {}, "say:3084ffffffff", DOWN, r"."),
    ("redis", {}, well.REDIS, UP, r"PONG"),
    ("redis", {"password_file": None}, well.REDIS, DOWN, r"NOAUTH"),
    ("redis", {}, "say:" + hexed("-LOADING the data\r\n"), DOWN, r"LOADING"),
    ("grpc", {}, well.GRPC, UP, r"^gRPC SERVING"),
    ("grpc", {"service": "sick"}, well.GRPC, DOWN, r"^gRPC NOT_SERVING"),
    ("grpc", {"service": "unknown"}, well.GRPC, DOWN, r"^gRPC NOT_FOUND"),
    ("grpc", {}, 80, DOWN, r"."),
] + [(kind, {}, way, DOWN, reason) for kind in TALKING for way, reason in EVIL.items()]
# The word of an agent counts; one that says nothing that can be understood has said nothing, and its server stays as it is.
AGENTS = [
    ("ready up\n", UP, r"."),
    ("down # by hand\n", DOWN, r"down"),
    ("75% frobnicate\n", UP, r"frobnicate"),
]
# A script that is slow, wrong or hostile.
SCRIPTS = [
    ("exit 0", UP, r"^exit status 0 in \d+ ms"),
    ("echo no database; exit 3", DOWN, r"^exit status 3: no database"),
    ("echo begun; sleep 1000", DOWN, r"^not done in 2000 ms: begun"),
    ("trap '' TERM HUP INT; while :; do sleep 1; done", DOWN, r"^not done in 2000 ms"),
    ("for i in $(seq 100); do sleep 1000 & done; wait", DOWN, r"^not done in 2000 ms"),
    ("sleep 1000 & sleep 1000 & exit 0", UP, r"^exit status 0"),
    ("yes", DOWN, r"signal 13: y|status 141: y"),
    ("head -c 100000000 /dev/zero", DOWN, r"signal 13|status"),
    ("kill -9 $$", DOWN, r"^ended by signal 9"),
]


class CheckTypes(LabTest):
    worker_counts = (1,)

    @classmethod
    def setUpClass(cls):
        cls.servers = {index: ProtocolServers(cls.lab, index) for index in (GOOD, HOSTILE)}
        for servers in cls.servers.values():
            cls.addClassCleanup(servers.stop)
        cls.servers[GOOD].start_good()
        super().setUpClass()

    @classmethod
    def configure(cls):
        cls.expected = {}  # service → (state, pattern of the reason, what is checked)
        cls.services, ways = [], {}
        folder = cls.servers[GOOD].folder
        for name, more, whom, state, reason in cls.cases():
            keys = {"type": name.split()[0], **TIMES, **keys_of(folder).get(name, {}), **more}
            keys = {key: value for key, value in keys.items() if value is not None}
            index = GOOD
            if isinstance(whom, str):
                index, port = HOSTILE, FIRST_PORT + len(ways)
                ways[port] = whom
                keys["port"] = port
            elif whom is not None:
                keys["port"] = whom
            # So that each state has been found out.
            keys["initial"] = UP if state == DOWN or "agent" in name and reason != "." else DOWN
            cls.add_service(keys, index, state, reason, f"{name} {more} {whom}")
        cls.servers[HOSTILE].start_hostile(ways)
        return configuration(list(cls.services))

    @staticmethod
    def cases() -> list:
        agents = [("agent", dict.fromkeys(("fall", "rise", "retry_interval")), "say:" + hexed(words), state, reason)
                  for words, state, reason in AGENTS]
        scripts = [("script", {"command": ["/bin/sh", "-c", text]}, None, state, reason)
                   for text, state, reason in SCRIPTS]
        return CASES + agents + scripts

    @classmethod
    def add_service(cls, keys: dict, index: int, state: str, reason: str, what: str):
        number = len(cls.services)
        service = f"s{number}"
        cls.expected[service] = (state, reason, what)
        cls.services.append({"name": service, "address": at.VIP, "protocol": "tcp", "port": 10000 + number, "health": keys,
                             "reals": [{"address": at.real_address(index), "port": 80}]})

    def found(self) -> dict:
        """service → (state, reason), of those that have answered."""
        return {real["service"]: (real["health"], real["health_detail"])
                for real in self.director.json("real", "list")["reals"]}

    def cost(self):
        """(descriptors, resident bytes) of the daemon."""
        return len(os.listdir(f"/proc/{self.director.process.pid}/fd")), resident_bytes(self.director)

    def test_1_state_and_reason(self):
        def others():
            found = self.found()
            return [f"{what}: {found[service][0]}, {found[service][1]!r}; {state}, {reason!r} was expected"
                    for service, (state, reason, what) in self.expected.items()
                    if found[service][0] != state or not re.search(reason, found[service][1])]
        try:
            wait_until(lambda: not others(), "all are as expected", timeout=60, interval=0.5)
        except Exception:
            self.assertEqual(others(), [])
            raise

    def test_2_what_it_costs(self):
        most = 0, 0
        begun = self.cost()
        for _ in range(20):
            time.sleep(0.25)
            most = tuple(map(max, most, self.cost()))
        # A look has one descriptor, a script two.
        self.assertLess(most[0], 40 + 2 * len(self.expected), begun)
        self.assertLess(most[1] - begun[1], 16 << 20, "the answers of hostile servers are kept")
        self.assertEqual(self.director.metric("fairlead_health_local_errors_total"), 0)
        # And nothing stays when nobody is asked any more.
        self.director.reload(configuration(
            [{key: value for key, value in service.items() if key != "health"} for service in self.services]))
        wait_until(lambda: self.cost()[0] <= 40, "the descriptors are closed")
        wait_until(lambda: not [pid for pid in self.lab.director.pids() if self.is_script(pid)], "the scripts are over")

    @staticmethod
    def is_script(pid: int) -> bool:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                return file.read().split(b"\0")[0] in (b"/bin/sh", b"sleep", b"yes", b"head")
        except OSError:
            return False
