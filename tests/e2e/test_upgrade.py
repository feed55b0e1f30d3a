"""A new program takes over while traffic goes on; one that fails before that changes nothing."""

import os
import shutil
import socket
import subprocess
import threading

from fairlead_lab import wait_until
from fairlead_lab.director import BUILD
from fairlead_lab.restarts import RestartTest

DAEMON = f"{BUILD}/src/main/fairleadd"


class ApiCalls:
    """Connects to the director's socket again and again while the body of the `with` runs."""

    def __init__(self, path: str):
        self.path = path
        self.refused = []
        self.connected = 0
        self.stop = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.call)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def call(self):
        while not self.stop.wait(0.002):
            with socket.socket(socket.AF_UNIX) as sock:
                try:
                    sock.connect(self.path)
                    self.connected += 1
                except OSError as error:
                    self.refused.append(str(error))


class Upgrades(RestartTest):
    def test_three_upgrades(self):
        self.change_by_hand()
        with self.under_load():
            for by in ("upgrade", "signal", "upgrade"):
                with self.kept(reasons=("after-stop",)):
                    self.end(by)

    def test_nobody_is_refused_and_the_twin_keeps_its_carrier(self):
        monitor = self.lab.director.spawn("ip", "monitor", "link", stdout=subprocess.PIPE, text=True)
        try:
            with ApiCalls(self.director.socket) as calls:
                self.director.upgrade()
        finally:
            monitor.terminate()
            said, _ = monitor.communicate()
        self.assertEqual(calls.refused, [])
        self.assertGreater(calls.connected, 0)
        self.assertNotIn("NO-CARRIER", "".join(line for line in said.splitlines() if "fl-inside" in line))


class OtherUpgrades(RestartTest):
    worker_counts = (2,)

    def test_under_one_load(self):
        other = f"{self.lab.state}/fairleadd-next"
        shutil.copy(DAEMON, other)
        with self.under_load():
            with self.kept(reasons=("after-stop",)):
                self.director.upgrade(other)
            self.assertEqual(os.readlink(f"/proc/{self.director.process.pid}/exe"), other)
            with self.kept(reasons=("after-stop",)):
                self.director.upgrade(DAEMON)  # and back
            with self.kept(reasons=("reshaped",)):
                self.end("upgrade", self.configure(connections=131072))
            self.director.workers = 1
            with self.kept(reasons=("reshaped",)):
                self.end("upgrade", self.configure())
            self.director.workers = self.workers
            with self.kept(reasons=("reshaped",)):
                self.end("upgrade", self.configure())


class FailingUpgrades(RestartTest):
    """The one that runs goes on, with the reason."""

    worker_counts = (2,)
    downloads, clients = 50, 50

    def program(self, name: str, script: str) -> str:
        path = f"{self.lab.state}/{name}"
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)
        return path

    def unlinked(self) -> str:
        """A daemon that needs a library which is not there."""
        path = f"{self.lab.state}/unlinked"
        with open(DAEMON, "rb") as file:
            program = file.read()
        self.assertIn(b"librte_eal.so", program)
        with open(path, "wb") as file:
            file.write(program.replace(b"librte_eal.so", b"librte_xxx.so"))
        os.chmod(path, 0o755)
        return path

    def nothing_changes(self, words: str, *binary):
        """An upgrade that fails with a reason that has these words."""
        process = self.director.process.pid
        failed = self.director.cli("upgrade", *binary, check=False, timeout=150)
        self.assertEqual(failed.returncode, 1, failed.stdout + failed.stderr)
        self.assertIn(f"process {process} goes on as before: ", failed.stderr)
        self.assertIn(words, failed.stderr)
        state = self.director.upgrade_state()
        self.assertEqual((state["pid"], state["phase"]), (process, "failed"))
        self.assertIn(words, state["reason"])
        self.assertIn("upgrade failed: this director goes on as before", self.director.log_since_start())
        self.assertIsNone(self.director.process.poll())

    def test_programs(self):
        text = self.program("text", "")
        with open(text, "w") as file:
            file.write("nothing that a kernel runs\n")
        with self.under_load():
            self.nothing_changes("cannot be started: Exec format error", text)
            self.nothing_changes("cannot be started: No such file or directory", text + "-not-there")
            self.nothing_changes("ended with status 127 before it was ready; it said: ", self.unlinked())
            self.assertIn("librte_xxx.so", self.director.upgrade_state()["reason"])
            self.nothing_changes("signal 11", self.program("crashing", "kill -SEGV $$"))
            with self.kept(reasons=("after-stop",)):
                self.director.upgrade()  # after all that

    def test_files(self):
        self.addCleanup(lambda: self.director.write(self.configure()))
        with self.under_load():
            self.director.write_text("version: 2\n")
            self.nothing_changes("the configuration has errors; ")
            self.director.write(self.configure(name="another"))
            self.nothing_changes("cannot take up what the director keeps")
            self.director.write(self.configure(arena="none"))
            self.nothing_changes("director.arena is none")

    def test_a_program_that_hangs_and_a_second_upgrade_meanwhile(self):
        hanging = self.program("hanging", "exec sleep 1000")
        with self.under_load():
            self.assertEqual(self.director.get("/v1/upgrade", "POST", {"binary": hanging})[0], 202)
            refused = self.director.cli("upgrade", check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("is on its way", refused.stderr)
            wait_until(lambda: self.director.upgrade_state()["phase"] == "failed", "it is given up", timeout=90)
        self.assertIn("was not ready within 60 s and was ended", self.director.upgrade_state()["reason"])


class UpgradesUnderAServiceManager(RestartTest):
    """What systemd is told: the new process is the main one before the old one ends, and is ready by itself."""

    worker_counts = (1,)

    @classmethod
    def setUpClass(cls):
        path = f"{cls.lab.state}/notify.sock"
        cls.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        cls.manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        cls.manager.settimeout(30)
        cls.manager.bind(path)
        os.environ.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="2000000")
        try:
            super().setUpClass()
        finally:
            os.environ.pop("NOTIFY_SOCKET")
            os.environ.pop("WATCHDOG_USEC")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.manager.close()

    def hear(self, words: str) -> int:
        """Waits for that message; who has sent it."""
        while True:
            said, ancillary, _, _ = self.manager.recvmsg(4096, 1024)
            self.assertNotIn(b"STOPPING=1", said)
            if said.decode() == words:
                return int.from_bytes(ancillary[0][2][:4], "little")

    def test_main_pid(self):
        before = self.director.process.pid
        self.assertEqual(self.hear("READY=1"), before)
        self.assertEqual(self.hear("WATCHDOG=1"), before)
        self.director.upgrade()
        after = self.director.process.pid
        self.assertEqual(self.hear(f"MAINPID={after}"), before)
        self.assertEqual(self.hear("READY=1"), after)
        self.assertEqual(self.hear("WATCHDOG=1"), after)
