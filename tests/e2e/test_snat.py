"""Source NAT: the director is the gateway of the real servers, and the client is the world.

The world (the client's namespace) has no route to the inside network but by the director; here it is taken away, so that
what is not translated finds no way back.
"""

import re
import sys

from fairlead_lab import addresses as at, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.flood import Flood, mac_of
from fairlead_lab.shell import wait_until

LOCAL = "192.0.2.3"
LOCAL6 = "2001:db8:1::3"
SMALL = "192.0.2.4"  # a pool of ten ports, for real2
WORLD = "198.51.100.7"  # on the client's lo
WORLD6 = "2001:db8:2::7"
HTTP_PORT = 8088

SERVER = """
import http.server, socket
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = (self.client_address[0].removeprefix("::ffff:") + "\\n").encode() if self.path == "/" else b"x" * (20 << 20)
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
Server(("::", %d), Handler).serve_forever()
""" % HTTP_PORT


class World(LabTest):
    """A web server in the world, which says whom it sees."""

    @classmethod
    def configure(cls):
        config = configuration([
            {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80,
             "reals": [{"address": at.real_address(1)}]},
            {"name": "web6", "address": at.VIP6, "protocol": "tcp", "port": 80,
             "reals": [{"address": at.real_address6(1)}]}])
        config["snat"] = [
            {"source": f"{at.real_address(2)}/32", "output": "outside", "addresses": [SMALL], "ports": "2000-2009"},
            {"source": "10.0.0.0/24", "output": "outside", "addresses": [LOCAL]},
            {"source": "fd00:10::/64", "addresses": [LOCAL6]},
        ]
        return config

    @classmethod
    def setUpClass(cls):
        world = cls.lab.client
        for line in ("route del 10.0.0.0/24", "-6 route del fd00:10::/64"):
            world.ip(line)
        cls.addClassCleanup(world.batch, [f"route add 10.0.0.0/24 via {at.DIRECTOR_OUTSIDE}",
                                          f"route add fd00:10::/64 via {at.DIRECTOR_OUTSIDE6}"])
        server = world.spawn(sys.executable, "-c", SERVER)
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.kill)
        wait_until(lambda: f":{HTTP_PORT}" in world.run("ss", "-Hltn").stdout, "the server in the world listens")
        super().setUpClass()

    @property
    def inside(self):
        return self.lab.reals[1]

    def rule(self, source: str) -> dict:
        return next(rule for rule in self.director.json("snat", "list")["rules"] if rule["source"] == source)


class SourceNat(World):
    def test_curl_sees_the_world_and_the_world_sees_our_address(self):
        url = f"http://{WORLD}:{HTTP_PORT}"
        for _ in range(20):
            self.assertEqual(self.inside.run("curl", "-sS", "--max-time", "20", url).stdout, LOCAL + "\n")
        got = self.inside.run("curl", "-sS", "--max-time", "60", "-o", "/dev/null", "-w", "%{size_download}", url + "/20mb")
        self.assertEqual(got.stdout, str(20 << 20))
        url6 = f"http://[{WORLD6}]:{HTTP_PORT}/"
        self.assertEqual(self.inside.run("curl", "-gsS", "--max-time", "20", url6).stdout, LOCAL6 + "\n")
        self.assertGreaterEqual(self.rule("10.0.0.0/24")["flows_total"], 21)
        self.assertGreater(self.rule("10.0.0.0/24")["in_bytes"], 20 << 20)

    def test_ping(self):
        for program, target in (("-4", WORLD), ("-6", WORLD6)):
            said = self.inside.run("ping", program, "-c", "5", "-i", "0.2", "-W", "5", target).stdout
            self.assertIn("5 received", said)
        # In fragments. IPv6: net_af_packet has the kernel put those of IPv4 together (docs/fragments.md).
        long = self.inside.run("ping", "-6", "-c", "3", "-i", "0.2", "-W", "5", "-s", "4000", WORLD6).stdout
        self.assertIn("3 received", long)

    def test_several_pings_at_once(self):
        pings = [self.lab.reals[index].spawn("ping", "-q", "-c", "10", "-i", "0.1", "-W", "5", WORLD, stdout=-1, text=True)
                 for index in (1, 1, 1, 3, 3)]
        for ping in pings:
            self.assertIn("10 received", ping.communicate(timeout=60)[0])

    def test_traceroute_names_the_director_and_the_target(self):
        for kind in ("-U", "-I", "-T"):
            said = self.inside.run("traceroute", kind, "-n", "-q", "1", "-w", "3", "-m", "5", WORLD).stdout
            hops = re.findall(r"^ *\d+ +(\S+)", said, re.MULTILINE)
            self.assertEqual(hops, [at.DIRECTOR_INSIDE, WORLD], said)

    def test_services_go_on(self):
        got = self.lab.client.run("curl", "-sS", "--max-time", "20", f"http://{at.VIP}/").stdout
        self.assertEqual(got, "real1\n")

    def test_inside_hosts_reach_a_service_of_their_own_network(self):
        """Another inside host, and the real server itself; it sees an address of the rule and answers through the director."""
        for index in (1, 3):
            host = self.lab.reals[index]
            for address, local in ((at.VIP, LOCAL), (f"[{at.VIP6}]", LOCAL6)):
                for _ in range(10):
                    said = host.run("curl", "-gsS", "--max-time", "20", f"http://{address}/whoami").stdout
                    self.assertEqual(said.split()[:2], ["real1", local], said)
                got = host.run("curl", "-gsS", "--max-time", "60", "-o", "/dev/null", "-w", "%{size_download}",
                               f"http://{address}/20mb")
                self.assertEqual(got.stdout, str(20 << 20))
        said = self.lab.client.run("curl", "-sS", "--max-time", "20", f"http://{at.VIP}/whoami").stdout
        self.assertNotIn(LOCAL, said)

    def test_twenty_thousand_flows(self):
        """From addresses of the inside network that nobody has; each draws a port of its own, in one run of UDP."""
        before = self.rule("10.0.0.0/24")["flows_total"]
        with Flood(self.lab.reals[3], "eth0", mac_of(self.lab.director, "inside"), source="10.0.0.128/26",
                   destination=f"{WORLD}/32", port=9, rate=5000, seconds=60, most=20000) as flood:
            flood.wait()
        self.assertEqual(flood.sent, 20000)
        # Two packets in a thousand may draw the endpoint of one before them.
        wait_until(lambda: self.rule("10.0.0.0/24")["flows_total"] - before >= 19900, "the flows were made", timeout=20)
        rule = self.rule("10.0.0.0/24")
        self.assertGreater(rule["flows"], 19000)
        self.assertEqual(rule["exhausted_total"], 0)
        self.assertEqual(self.inside.run("curl", "-sS", "--max-time", "20", f"http://{WORLD}:{HTTP_PORT}").stdout,
                         LOCAL + "\n")
        self.assertIn("2 received", self.inside.run("ping", "-c", "2", "-i", "0.2", "-W", "5", WORLD).stdout)

    def test_a_pool_that_is_used_up_is_named(self):
        before = self.director.metric("fairlead_dropped_packets_total", reason="snat_exhausted")
        program = ("import socket,sys\n"
                   "for _ in range(300):\n"
                   "  s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
                   "  s.sendto(b'?',(sys.argv[1],9)); s.close()\n")
        self.lab.reals[2].run(sys.executable, "-c", program, WORLD)
        source = f"{at.real_address(2)}/32"
        wait_until(lambda: self.rule(source)["exhausted_total"] > 0, "a flow finds no port")
        rule = self.rule(source)
        self.assertEqual(rule["flows"], 10)
        dropped = self.director.metric("fairlead_dropped_packets_total", reason="snat_exhausted") - before
        self.assertGreaterEqual(dropped, 1)
        self.assertEqual(self.director.metric("fairlead_snat_exhausted_total", source=source, output="outside"),
                         rule["exhausted_total"])
        wait_until(lambda: "a rule has no port left" in self.director.log_since_start(), "the log names the rule", timeout=20)
        listed = self.director.cli("snat", "list").stdout
        self.assertIn(source, listed)


class SourceNatSurvives(World):
    """Two hosts speak from one port with one server, so one of them has another port there: nobody could guess which."""

    @classmethod
    def configure(cls):
        config = super().configure()
        config["director"]["arena"] = cls.lab.arena_of(1)
        return config

    def download(self, index: int, port: int):
        return self.lab.reals[index].spawn(
            "curl", "-sS", "--local-port", port, "--limit-rate", "5M", "--max-time", "60", "-o", "/dev/null",
            "-w", "%{size_download}", f"http://{WORLD}:{HTTP_PORT}/20mb", stdout=-1, text=True)

    def test_downloads_go_on(self):
        # Not among those that kernels give by themselves; those of the class before are in TIME_WAIT.
        first = 21000 + 10 * self.workers
        for port, begin_anew in enumerate((self.director.crash, self.director.stop_and_start, self.director.upgrade), first):
            before = self.rule("10.0.0.0/24")["in_bytes"]
            downloads = [self.download(index, port) for index in (1, 3)]
            try:
                wait_until(lambda: self.rule("10.0.0.0/24")["in_bytes"] > before + (1 << 20), "the downloads are on their way")
                begin_anew()
                self.assertGreaterEqual(self.director.metric("fairlead_restored_snat_flows"), 2)
                self.assertGreaterEqual(self.rule("10.0.0.0/24")["flows"], 2)
                for download in downloads:
                    self.assertEqual(download.communicate(timeout=60)[0], str(20 << 20))
            finally:
                for download in downloads:
                    download.kill()
                    download.wait()
