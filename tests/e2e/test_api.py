"""The REST API against who means it no good: crowds of connections, large bodies, files that are none of theirs."""

import json
import subprocess
import sys

from fairlead_lab import addresses as at, configuration, run
from fairlead_lab.case import LabTest

CROWD = 1000

# An unprivileged user of the machine: half of the connections say nothing, half begin a request and never end it.
HOLD = """
import encodings.idna, os, resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
os.setuid(65534)
crowd = []
for number in range(int(sys.argv[1])):
    crowd.append(socket.create_connection(("127.0.0.1", 9480)))
    if number % 2:
        crowd[-1].sendall(b"GET /v1/status HTTP/1.1\\r\\nHost: local")
print("holding", flush=True)
sys.stdin.read()
"""


def services() -> list:
    return [{"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "reals": [{"address": at.real_address(1)}]}]


class ApiCrowd(LabTest):
    @classmethod
    def configure(cls):
        return configuration(services())

    def test_a_thousand_connections_lock_nobody_out(self):
        crowd = self.lab.director.spawn(sys.executable, "-c", HOLD, CROWD, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(crowd.stdout.readline(), "holding\n")
            self.assertIn("ready", self.director.cli("status", timeout=10).stdout)
            # And who comes over the crowded listener itself.
            metrics = self.lab.director.run("curl", "-sf", "-m", "10", "http://127.0.0.1:9480/metrics").stdout
            self.assertIn("fairlead_build_info", metrics)
            self.assertIn("ready", self.director.cli("status", timeout=10).stdout)
        finally:
            crowd.stdin.close()
            crowd.wait(10)
            crowd.stdout.close()

    def test_a_body_of_86000_keys_is_refused_and_changes_nothing(self):
        body = f"{self.lab.state}/many.json"
        with open(body, "w") as file:
            json.dump({f"k{number}": 1 for number in range(86000)}, file, separators=(",", ":"))
        asked = run("curl", "-s", "-m", "20", "--unix-socket", self.director.socket, "-X", "PATCH", "--data-binary",
                    f"@{body}", "http://localhost/v1/services/web").stdout
        self.assertIn("more than 1024 keys in one map", asked)
        self.assertIn("ready", self.director.cli("status", timeout=10).stdout)

    def test_no_file_but_a_configuration_is_read(self):
        secret = f"{self.lab.state}/secret"
        with open(secret, "w") as file:
            file.write("hunter2: [\n")
        for path in (secret, "/etc/shadow", "/etc/hostname"):
            refused = self.director.cli("reload", path, check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("Must be a .yaml", refused.stderr)
        with open(self.director.log) as log:
            text = log.read()
        self.assertNotIn("hunter2", text)
        self.assertNotIn("root:", text)
