"""Packets of connections that the director does not know: a client that was silent while it was restarted."""

import subprocess
import sys

from fairlead_lab import addresses as at, configuration, wait_until
from fairlead_lab.case import LabTest

# Connects, waits for a line, asks, and prints the answer's body or "reset". The kernel repeats what nobody answers.
CLIENT = (
    "import socket,sys\n"
    "s=socket.create_connection((sys.argv[1],80),timeout=90)\n"
    "print('open',s.getsockname()[1],flush=True)\n"
    "sys.stdin.readline()\n"
    "data=b''\n"
    "try:\n"
    "  s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')\n"
    "  while chunk:=s.recv(4096): data+=chunk\n"
    "  print(data.decode().split('\\r\\n\\r\\n')[1].strip(),flush=True)\n"
    "except ConnectionResetError: print('reset',flush=True)\n")


class UnknownConnections(LabTest):
    """policy.unknown_connections after a restart. One real server, so that scheduling names the one of before."""

    @classmethod
    def configure(cls, unknown: str = "reset"):
        def web(name: str, address: str, real: str) -> dict:
            return {"name": name, "address": address, "protocol": "tcp", "port": 80,
                    "policy": {"unknown_connections": unknown}, "reals": [{"address": real}]}
        return configuration([web("web", at.VIP, at.real_address(1)), web("web6", at.VIP6, at.real_address6(1))])

    def open(self, address: str):
        """A client with a connection, silent until it gets a line; and the client's port."""
        process = self.lab.client.spawn(sys.executable, "-c", CLIENT, address, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        word, port = process.stdout.readline().split()
        self.assertEqual(word, "open")
        return process, port

    def restart(self, unknown: str):
        """With an empty table, whatever a restart keeps of it."""
        self.director.restart(self.configure(unknown))
        self.director.cli("connection", "flush", "--all")
        self.assertEqual(self.dropped("not_a_syn") + self.dropped("unknown_connection"), 0)

    def dropped(self, reason: str) -> float:
        return self.director.metric("fairlead_dropped_packets_total", reason=reason)

    def state(self, port: str) -> str:
        """Of the client's socket, as its kernel has it."""
        return self.lab.client.run("ss", "-Htn", "sport", "=", f":{port}").stdout

    def policy_for(self, address: str) -> list:
        """What `explain --later` says decides about another client's packet of that kind."""
        client, vip = (f"[{at.CLIENT6}]", f"[{address}]") if ":" in address else (at.CLIENT, address)
        steps = self.director.json("explain", "--later", f"{client}:1024", f"{vip}:80")["steps"]
        return [f"{step['policy']} {step['value']}" for step in steps if step["step"] == "unknown_connection"]

    def go(self, process):
        process.stdin.write("go\n")
        process.stdin.flush()

    def test_reset_ends_a_live_client(self):
        for address in (at.VIP, at.VIP6):
            with self.subTest(address):
                process, _ = self.open(address)
                self.restart("reset")
                self.go(process)
                self.assertEqual(process.communicate(timeout=90)[0], "reset\n")
                self.assertGreater(self.dropped("not_a_syn"), 0)
                self.assertEqual(self.dropped("unknown_connection"), 0)

    def test_drop_sends_no_reset_and_schedule_takes_the_client_in(self):
        for address in (at.VIP, at.VIP6):
            with self.subTest(address):
                process, port = self.open(address)
                self.restart("drop")
                self.go(process)
                # The client has repeated its request, and still takes its connection for established.
                wait_until(lambda: self.dropped("unknown_connection") >= 2, "packets were dropped")
                self.assertEqual(self.dropped("not_a_syn"), 0)
                self.assertIn("ESTAB", self.state(port))
                self.assertIsNone(process.poll())
                self.assertEqual(self.policy_for(address), ["unknown_connections drop"])
                self.director.reload(self.configure("schedule"))
                self.assertEqual(process.communicate(timeout=90)[0], "real1\n")
                self.assertEqual(self.dropped("not_a_syn"), 0)
