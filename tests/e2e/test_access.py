"""Who may do what on which listener of the API, and that strangers reach neither it nor the traffic."""

import grp
import http.client
import json
import os
import socket
import subprocess
import sys

from fairlead_lab import addresses as at, client, configuration, run, wait_until
from fairlead_lab.authority import Authority, write_secret
from fairlead_lab.case import LabTest
from fairlead_lab.director import BUILD
from fairlead_lab.openapi_fuzz import OpenApiFuzz
from fairlead_lab.second import Second

READ, ADMIN, OLD = "read-token-0123456789abcdef", "admin-token-0123456789abcdef", "old-token-0123456789abcdef"
SECRETS = (READ, ADMIN, OLD, "PRIVATE KEY")
TLS, TLS_READ = "https://127.0.0.1:9443", "https://127.0.0.1:9444"
GROUP = "games"  # of every Debian
MEMBER, STRANGER = (4242, grp.getgrnam(GROUP).gr_gid), (4343, 4343)

# A third of the thousand says nothing, a third stops within its handshake, and a third within its first request.
CROWD = """
import encodings.idna, resource, socket, ssl, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
port, authority = int(sys.argv[1]), sys.argv[2]
context = ssl.create_default_context(cafile=authority)
crowd, through = [], 0
for number in range(1000):
    crowd.append(socket.create_connection(("127.0.0.1", port)))
    crowd[-1].settimeout(10)
    try:
        if number % 3 == 1:
            crowd[-1].sendall(bytes.fromhex("160301020001"))
        elif number % 3 == 2:
            crowd[-1] = context.wrap_socket(crowd[-1], server_hostname="127.0.0.1")
            crowd[-1].sendall(b"GET /v1/status HTTP/1.1\\r\\nHost: a\\r\\n")
            through += 1
    except OSError:
        pass
print("holding", through, flush=True)
sys.stdin.read()
"""


def services() -> list:
    return [{"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80,
             "reals": [{"address": at.real_address(1)}, {"address": at.real_address(2)}]}]


class Access(LabTest):
    worker_counts = (1,)

    @classmethod
    def configure(cls):
        state = cls.lab.state
        cls.ours, cls.foreign = Authority(f"{state}/ours"), Authority(f"{state}/foreign")
        cls.certificate = cls.ours.issue("edge", ("127.0.0.1", at.DIRECTOR_INSIDE))
        cls.tokens = f"{state}/tokens"
        cls.write_tokens(f"read:{READ} prometheus\nadmin:{ADMIN} alice\nadmin:{OLD} bob\n")
        cls.read_socket, cls.group_socket = f"{state}/read.sock", f"{state}/group.sock"
        tls = {"certificate": cls.certificate, "key": cls.certificate, "client_ca": cls.ours.file, "tokens": cls.tokens}
        config = configuration(services(), api={"listen": [
            f"unix:{state}/api.sock", "http://127.0.0.1:9480",
            {"address": f"unix:{cls.read_socket}", "mode": "0666", "role": "read"},
            {"address": f"unix:{cls.group_socket}", "group": GROUP},
            {"address": TLS.replace("127.0.0.1", "0.0.0.0"), **tls},
            {"address": TLS_READ, "role": "read", **tls}]})
        os.chmod(state, 0o755)
        return config

    @classmethod
    def write_tokens(cls, text: str):
        write_secret(cls.tokens, text)

    def curl(self, *words, token: str = "", certificate: str = "") -> str:
        """The status; 000: no answer."""
        more = ["-H", f"Authorization: Bearer {token}"] if token else []
        more += ["--cert", certificate] if certificate else []
        done = self.lab.director.run("curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", "--cacert",
                                     self.ours.file, *more, *words, check=False)
        return done.stdout

    def row(self, base: str, *words, **who) -> str:
        """Scrape, look, ask, change: what each is answered with."""
        patch = f"{base}/v1/services/web/reals/{at.real_address(1)}:80"
        question = json.dumps({"client": at.CLIENT, "destination": f"{at.VIP}:80", "protocol": "tcp"})
        return " ".join([self.curl(*words, f"{base}/metrics", **who), self.curl(*words, f"{base}/v1/status", **who),
                         self.curl(*words, "-d", question, f"{base}/v1/explain", **who),
                         self.curl(*words, "-X", "PATCH", "-d", '{"weight": 1}', patch, **who)])

    def test_matrix(self):
        ops = self.ours.issue("ops")
        everything, looking = "200 200 200 200", "200 200 200 403"
        nothing, scraping = "401 401 401 401", "200 401 401 401"
        unix = "http://localhost"
        for expected, row in [
                (everything, lambda: self.row(unix, "--unix-socket", self.director.socket)),
                (looking, lambda: self.row(unix, "--unix-socket", self.read_socket)),
                (everything, lambda: self.row(unix, "--unix-socket", self.group_socket)),
                (everything, lambda: self.row("http://127.0.0.1:9480")),
                (nothing, lambda: self.row(TLS)),
                (nothing, lambda: self.row(TLS, token="no-such-token-0123456789")),
                (looking, lambda: self.row(TLS, token=READ)),
                (everything, lambda: self.row(TLS, token=ADMIN)),
                (everything, lambda: self.row(TLS, certificate=ops)),
                (scraping, lambda: self.row(TLS_READ)),
                (looking, lambda: self.row(TLS_READ, token=ADMIN)),
                (looking, lambda: self.row(TLS_READ, certificate=ops)),
                ("000 000 000 000", lambda: self.row(TLS, certificate=self.ours.issue("late", days=-1))),
                ("000 000 000 000", lambda: self.row(TLS, certificate=self.foreign.issue("ops")))]:
            with self.subTest(expected=expected):
                self.assertEqual(row(), expected)

    def test_from_another_machine(self):
        real = self.lab.reals[1]
        url = f"https://{at.DIRECTOR_INSIDE}:9443/v1/status"
        done = real.run("curl", "-s", "-m", "10", "--cacert", self.ours.file, "-H", f"Authorization: Bearer {READ}",
                        url)
        self.assertEqual(json.loads(done.stdout)["director"], "lab")

    def test_an_old_token_is_refused_when_the_file_is_replaced(self):
        self.assertEqual(self.curl(f"{TLS}/v1/status", token=OLD), "200")
        self.write_tokens(f"read:{READ} prometheus\nadmin:{ADMIN} alice\n")
        self.assertEqual(self.curl(f"{TLS}/v1/status", token=OLD), "401")
        self.assertEqual(self.curl(f"{TLS}/v1/status", token=ADMIN), "200")

    def test_a_socket_is_for_its_group(self):
        def ask(path, uid, gid):
            script = ("import os,socket,sys\nos.setgroups([]);os.setgid(int(sys.argv[2]));os.setuid(int(sys.argv[3]))\n"
                      "s=socket.socket(socket.AF_UNIX)\ntry: s.connect(sys.argv[1]);print('in')\n"
                      "except OSError as e: print(e.strerror)\n")
            return run(sys.executable, "-c", script, path, str(gid), str(uid)).stdout.strip()
        denied = "Permission denied"
        for path, who, expected in [(self.group_socket, MEMBER, "in"), (self.group_socket, STRANGER, denied),
                                    (self.director.socket, MEMBER, denied), (self.read_socket, STRANGER, "in")]:
            self.assertEqual(ask(path, *who), expected, path)

    def test_the_command_line_over_tls(self):
        token = write_secret(f"{self.lab.state}/token", f"{READ}\n")
        def say(*words):
            return self.lab.director.run(f"{BUILD}/src/cli/fairlead", "--api", TLS, *words, check=False)
        known = ("--ca", self.ours.file, "--token-file", token)
        self.assertIn("ready", say(*known, "status").stdout)
        refused = say(*known, "real", "set", "web", at.real_address(1), "--weight", "2")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("token prometheus may only look", refused.stderr)
        untrusted = say("status")
        self.assertEqual(untrusted.returncode, 3)
        self.assertIn("its certificate cannot be trusted", untrusted.stderr)
        self.assertIn("--ca FILE", untrusted.stderr)
        nobody = say("--ca", self.ours.file, "-o", "json", "status")
        self.assertEqual(json.loads(nobody.stderr)["type"], "urn:fairlead:problem:needs-token")
        os.chmod(token, 0o644)
        self.assertIn("chmod o=", say(*known, "status").stderr)
        late = say("--ca", self.ours.file, "--certificate", self.ours.issue("late", days=-1), "status")
        self.assertEqual(late.returncode, 3)
        self.assertIn("look at --certificate", late.stderr)

    def test_crowds_and_rubbish_touch_neither_the_api_nor_the_traffic(self):
        with client.Loops(self.lab, f"http://{at.VIP}/", 40, 0.1) as loops:
            crowd = self.lab.director.spawn(sys.executable, "-c", CROWD, "9443", self.ours.file, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True)
            try:
                self.assertTrue(crowd.stdout.readline().startswith("holding"))
                self.assertEqual(self.curl(f"{TLS}/v1/status", token=READ), "200")
                self.assertEqual(self.curl(f"{TLS_READ}/metrics"), "200")
                self.assertIn("ready", self.director.cli("status", timeout=10).stdout)
                descriptors = len(os.listdir(f"/proc/{self.director.process.pid}/fd"))
                self.assertLess(descriptors, 400, "a listener has room for 128")
            finally:
                crowd.stdin.close()
                crowd.wait(20)
                crowd.stdout.close()
            self.assertEqual(self.curl("-H", f"X: {'x' * 20000}", f"{TLS}/v1/status", token=READ), "431")
            self.assertEqual(self.curl("--data-binary", f"@{self.lab.state}/files/20mb", f"{TLS}/v1/services",
                                       token=ADMIN), "413")
            self.assertEqual(self.curl("--data-binary", f"@{self.lab.state}/files/20mb", f"{TLS}/v1/services"), "413")
        self.assertEqual(loops.failures, [])
        self.assertGreater(len(loops.answers), 100)

    def test_changes_are_in_the_log_and_secrets_nowhere(self):
        real = f"{at.real_address(2)}:80"
        patch = ["-X", "PATCH", "-d", '{"weight": 7}', f"{TLS}/v1/services/web/reals/{real}"]
        self.assertEqual(self.curl(*patch, token=ADMIN), "200")
        self.assertEqual(self.curl(*patch, token=READ), "403")
        self.director.cli("real", "set", "web", real, "--weight", "8")
        def is_logged(words) -> bool:
            lines = [line for line in self.director.log_since_start().splitlines() if f"/reals/{real}" in line]
            return any(all(word in line for word in words) for line in lines)

        for words in [('by="token alice"', "from=127.0.0.1:", "status=200", "generation="),
                      ('by="token prometheus"', "status=403", "problem=needs-admin"),
                      ('by="uid 0 pid ', "from=unix", "status=200")]:
            wait_until(lambda words=words: is_logged(words), f"the log has a line with {words}", timeout=10)
        log = self.director.log_since_start()
        shown = self.director.get("/v1/config")[1] + self.director.get("/v1/diff")[1] + log
        for secret in SECRETS:
            self.assertNotIn(secret, shown)

    def test_a_listener_with_open_secrets_stays_closed(self):
        """Traffic is worth more than a listener: the director forwards, and says why it does not listen there."""
        os.chmod(self.certificate, 0o644)
        other = Second(self.lab, 1)
        self.addCleanup(other.kill)
        try:
            other.listen = ({"address": "https://127.0.0.1:9445", "certificate": self.certificate, "key": self.certificate,
                             "tokens": self.tokens},)
            other.start(configuration([]))
            faults = other.json("status")["api_faults"]
            self.assertEqual(len(faults), 1)
            self.assertIn(f"chmod o= {self.certificate}", faults[0])
            self.assertIn(f"chmod o= {self.certificate}", other.log_since_start())
            self.assertEqual(self.curl("https://127.0.0.1:9445/v1/status", token=READ), "000")
            other.stop()
        finally:
            os.chmod(self.certificate, 0o600)


class OpenApiOfALiveDirector(LabTest):
    """The API is asked what its own document describes, rightly and wrongly."""
    worker_counts = (1,)
    seconds = 5

    @classmethod
    def configure(cls):
        return configuration(services())

    def ask(self, method: str, target: str, body: bytes):
        """Over one connection as long as it lasts."""
        try:
            return self.ask_once(method, target, body)
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return self.ask_once(method, target, body)

    def ask_once(self, method: str, target: str, body: bytes):
        self.connection.request(method, target, body, {"Host": "localhost"})
        answer = self.connection.getresponse()
        return answer.status, answer.getheader("Content-Type", ""), answer.read().decode()

    def test_fuzz(self):
        self.connection = UnixConnection(self.director.socket)
        document = json.loads(self.director.get("/v1/openapi.json")[1])
        real, config = f"{at.real_address(1)}:80", self.director.get("/v1/config")[1]
        question = {"client": at.CLIENT, "destination": f"{at.VIP}:80", "protocol": "tcp"}
        fuzz = OpenApiFuzz(document, self.ask, seed=20, hints={
            "name": ["web"], "service": ["web"], "real": [real, at.real_address(1)], "client": [at.CLIENT],
            "address": [at.VIP2, at.real_address(3)], "protocol": ["tcp"], "port": [80, 81], "state": ["up", "drain"],
            "weight": [0, 3], "tcp": ["15m"], "tcp_fin": ["2m"], "udp": ["5m"], "path": [self.director.config_path],
            "deadline": ["1m"], "scheduler": ["rr", "wlc"], "level": ["info"], "dry_run": ["0", "1"], "limit": [10],
            "persistence": [{"timeout": "5m"}], "body of setConfig": [config], "body of explain": [question]})
        fuzz.run(self.seconds, restore=lambda: self.director.get("/v1/reload", "POST"))
        self.connection.close()
        self.assertEqual(fuzz.faults, [])
        self.assertGreater(sum(fuzz.counts.values()), 200, fuzz.counts)
        self.assertEqual(fuzz.counts.get(500, 0), 0)
        self.assertGreater(len(fuzz.reached), len(fuzz.operations) // 2, "most operations have succeeded once")
        self.assertEqual(self.director.get("/v1/reload", "POST")[0], 200)
        self.assertIn("ready", self.director.cli("status").stdout)
        self.assertIn(client.spread(self.lab, f"http://{at.VIP}/", [at.CLIENT])[0], ("real1", "real2"))


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)
