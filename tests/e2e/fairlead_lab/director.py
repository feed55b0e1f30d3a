"""The director under test: fairleadd in the director's namespace, its configuration and its command line."""

import glob
import json
import os
import re
import signal
import socket
import subprocess
from urllib.parse import urlencode

from . import addresses as at
from .adopted import Adopted, adopting_orphans
from .lab import ROOT
from .shell import ShellError, run, wait_until

BUILD = os.environ.get("FAIRLEAD_BUILD", f"{ROOT}/build/release")

# Read by a daemon that was built with sanitizers, without effect on others. A report goes to a file of the lab, where
# `check_sanitizers` finds it; the first one of ASan and UBSan ends the daemon.
SANITIZER_ENV = {
    "ASAN_OPTIONS": "log_path={path}:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "log_path={path}:print_stacktrace=1:halt_on_error=1",
}

DEFAULT_SOCKET = "/run/fairlead/api.sock"


class DirectorError(ShellError):
    pass


def device(interface: str, workers: int) -> str:
    """The lab port. 4096 frames: the driver's default of 512 drops by the thousand."""
    queues = f",qpairs={workers}" if workers > 1 else ""
    unit = {"outside": 0, "inside": 1}[interface]
    return f"net_af_packet{unit},iface={interface},blocksz=65536,framesz=2048,framecnt=4096{queues}"


def configuration(services: list, workers: int = 1, number: int = 1, **extra) -> dict:
    """A whole configuration around `services`, of director `number`. Written as JSON, which is YAML too."""
    config = {
        "version": 1,
        "director": {"name": "lab" if number == 1 else f"lab{number}", "workers": workers, "idle": "sleep", "connections": 65536,
                     "hugepages": "off"},
        "ports": [
            {"name": "outside", "device": device("outside", workers), "role": "outside",
             "addresses": [f"{at.director_outside(number)}/24", f"{at.director_outside6(number)}/64"]},
            {"name": "inside", "device": device("inside", workers), "role": "inside", "exception": "tap",
             "addresses": [f"{at.director_inside(number)}/24", f"{at.director_inside6(number)}/64"]},
        ],
        "routes": [{"to": "0.0.0.0/0", "via": at.CLIENT}, {"to": "::/0", "via": at.CLIENT6}],
        "services": services,
    }
    config.update(extra)
    return config


def with_twins(**outside) -> dict:
    """One service, and a kernel twin on both ports. `outside`: what else the outside port has."""
    config = configuration([{"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80,
                             "reals": [{"address": at.real_address(1)}]}])
    config["ports"][0].update({"exception": "tap"}, **outside)
    return config


class Director:
    def __init__(self, lab, workers: int = 1, number: int = 1):
        """`number`: which of the lab's directors, counted from 1."""
        self.lab = lab
        self.number = number
        self.namespace = lab.directors[number - 1]
        self.workers = workers
        self.process = None
        self.prefix = ()  # words before fairleadd, of a program that becomes it: ("prlimit", "--nofile=1024:1024")
        self.folder = lab.state if number == 1 else f"{lab.state}/director{number}"
        if number > 1:
            os.makedirs(self.folder, exist_ok=True)
        self.socket = f"{self.folder}/api.sock"
        self.api = f"unix:{self.socket}"
        self.config_path = f"{self.folder}/fairlead.yaml"
        self.log = f"{self.folder}/fairleadd.log"
        self.log_begin = 0  # of what the daemon that runs has written
        self.reports = f"{self.folder}/sanitizer"

    # ---- life ----

    def write(self, config: dict, path: str = "") -> str:
        config.setdefault("api", {"listen": [self.api, "http://127.0.0.1:9480"]})
        config["director"]["workers"] = self.workers
        # Each test begins with empty tables, and a test of restarts keeps its state where the lab is.
        config["director"].setdefault("arena", "none")
        for port, interface in zip(config["ports"], ("outside", "inside")):
            if f"iface={interface}," in port["device"]:  # and not a device of the test's own
                port["device"] = device(interface, self.workers)
        return self.write_text(json.dumps(config, indent=1), path)

    def write_text(self, text: str, path: str = "") -> str:
        path = path or self.config_path
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)
        return path

    def start_file(self, path: str):
        """Start with a copy of a file written for the lab's ports, for this number of workers."""
        self.take_file(path)
        self.start()

    def take_file(self, path: str):
        """The same without the start."""
        with open(path) as file:
            text = file.read()
        listens = re.search(r"unix:([^\s\"',\]]+)", text)
        self.socket = listens.group(1) if listens else DEFAULT_SOCKET
        self.api = f"unix:{self.socket}"
        self.refuse_second()
        if self.workers > 1:
            text = re.sub(r"(?m)^(\s+workers:) .*", rf"\1 {self.workers}", text)
            text = re.sub(r"(framecnt=\d+)", rf"\1,qpairs={self.workers}", text)
        if "arena:" not in text:  # what it keeps goes with the lab
            if not re.search(r"(?m)^director:", text):
                text += "\ndirector:\n"
            text = re.sub(r"(?m)^director:\n", f"director:\n  arena: {self.arena}\n", text, count=1)
        self.write_text(text)

    def refuse_second(self):
        """A director that answers already would be taken for the one about to start."""
        if self.get("/healthz")[0] != 0:
            raise DirectorError(f"a director answers on {self.socket} already; stop it, or take its lab down")

    def start(self, config: dict = None, extra=()):
        """Start with that configuration, or with the file as it was last written, and wait until it is ready. `extra`:
        further arguments of fairleadd."""
        self.launch(config, extra)
        self.wait_ready()

    def launch(self, config: dict = None, extra=()):
        """The same without waiting: one of a pair is ready once the other one is there."""
        if config is not None:
            self.write(config)
        self.refuse_second()
        log = self.open_log()
        self.process = self.namespace.spawn(
            *self.prefix, f"{BUILD}/src/main/fairleadd", "-c", self.config_path, *extra, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, **{key: value.format(path=self.reports) for key, value in SANITIZER_ENV.items()}})
        log.close()

    def wait_ready(self):
        wait_until(lambda: self.process.poll() is not None or self.get("/readyz")[0] == 200,
                   "fairleadd is ready; its log:\n" + self.log, timeout=90)
        if self.process.poll() is not None:
            self.check_sanitizers()
            raise DirectorError(f"fairleadd ended with {self.process.returncode}:\n{self.log_tail()}")

    def open_log(self):
        log = open(self.log, "ab")
        self.log_begin = log.tell()
        return log

    def stop(self, expect: int = 0):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise DirectorError(f"fairleadd did not stop on SIGTERM:\n{self.log_tail()}")
        finally:
            self.process = None
        self.check_sanitizers()
        if code != expect:
            raise DirectorError(f"fairleadd ended with {code} on SIGTERM:\n{self.log_tail()}")

    def check_sanitizers(self):
        """Raise with what ASan, LeakSanitizer or UBSan said of a daemon that has ended, if they said anything."""
        said = ""
        for path in sorted(glob.glob(f"{self.reports}.*")):
            with open(path, errors="replace") as file:
                said += file.read()
            os.unlink(path)
        if said:
            raise DirectorError(f"a sanitizer of fairleadd spoke:\n{said}")

    def restart(self, config: dict):
        self.stop()
        self.start(config)

    @property
    def arena(self) -> str:
        """Where a director of a test of restarts keeps its state: `config["director"]["arena"]`."""
        return self.lab.arena_of(self.number)

    def crash(self):
        """kill -9, and a start with the file as it is."""
        self.kill()
        self.start()

    def stop_and_start(self):
        """SIGTERM, and a start with the file as it is."""
        self.stop()
        self.start()

    def refused(self) -> str:
        """What it logs at a start that has to fail."""
        try:
            self.start()
        except DirectorError:
            self.kill()  # it has ended by itself
            return self.log_since_start()
        self.stop()
        raise DirectorError(f"fairleadd started, and should have refused to:\n{self.log_since_start()}")

    def upgrade(self, *words):
        """Replace the daemon by a new one, which is the process of this object from then on."""
        with adopting_orphans():
            answer = json.loads(self.cli("-o", "json", "upgrade", *words, timeout=150).stdout)
            self.take_successor(answer["pid"])

    def upgrade_by_signal(self):
        before = self.process.pid
        with adopting_orphans():
            self.process.send_signal(signal.SIGUSR2)
            wait_until(lambda: self.upgrade_state().get("pid", before) != before and self.get("/readyz")[0] == 200,
                       "another process answers; the log:\n" + self.log, timeout=120)
            self.take_successor(self.upgrade_state()["pid"])

    def upgrade_state(self) -> dict:
        """{} while nobody answers."""
        status, text = self.get("/v1/upgrade")
        return json.loads(text) if status == 200 else {}

    def take_successor(self, pid: int):
        """The one before has to end in order, and by itself."""
        code = self.process.wait(timeout=60)
        self.check_sanitizers()
        if code != 0:
            raise DirectorError(f"the daemon that was replaced ended with {code}:\n{self.log_tail()}")
        self.process = Adopted(pid)

    def reload(self, config: dict, check: bool = True) -> subprocess.CompletedProcess:
        """Write the configuration and load it by the command line, which returns when it is in force."""
        self.write(config)
        return self.cli("reload", "--yes", check=check)

    def log_since_start(self) -> str:
        with open(self.log, errors="replace") as file:
            file.seek(self.log_begin)
            return file.read()

    def log_tail(self, lines: int = 60) -> str:
        try:
            with open(self.log, errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"

    # ---- asking ----

    def cli(self, *words, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess:
        return run(f"{BUILD}/src/cli/fairlead", "--api", self.api, *words, check=check, timeout=timeout)

    def json(self, *words):
        """The command's answer as a Python value."""
        return json.loads(self.cli("-o", "json", *words).stdout)

    def get(self, path: str, method: str = "GET", body=None, **query):
        """(status, text) of one request over the Unix socket; status 0 when nobody answers."""
        target = path + ("?" + urlencode(query) if query else "")
        data = b"" if body is None else json.dumps(body).encode()
        request = (f"{method} {target} HTTP/1.1\r\nHost: fairlead\r\nConnection: close\r\n"
                   f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(30)
                sock.connect(self.socket)
                sock.sendall(request)
                reply = b""
                while chunk := sock.recv(65536):
                    reply += chunk
        except OSError:
            return 0, ""
        head, _, text = reply.partition(b"\r\n\r\n")
        words = head.split()
        return (int(words[1]) if len(words) > 1 else 0), text.decode()

    def metrics(self) -> dict:
        """{'name{label="x"}': value} of /metrics."""
        status, text = self.get("/metrics")
        if status != 200:
            raise DirectorError(f"/metrics answered {status}")
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")
        return {name: float(value) for name, value in pairs}

    def metric(self, name: str, **labels) -> float:
        """Sum of the samples of that name that carry these labels. None at all is an error: a misspelt name would
        be 0 for ever."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        values = [value for sample, value in self.metrics().items()
                  if sample.split("{")[0] == name and all(w in sample for w in wanted)]
        if not values:
            raise DirectorError(f"there is no metric {name}{labels}")
        return sum(values)

    def wait_metric(self, name: str, value: float, timeout: float = 60, **labels):
        wait_until(lambda: self.metric(name, **labels) == value,
                   f"{name}{labels} is {value}", timeout=timeout)

    # Where a packet can come from and where it can end; docs/counters.md states the law.
    SOURCES = ("packets_total", "handed_in_total", "originated_total")
    ENDS = ("sent_total", "handed_off_total", "delivered_to_host_total", "held_packets")

    def imbalance(self) -> float:
        """Packets that came minus packets that ended: 0 whenever nothing is in flight."""
        total = {}
        for sample, value in self.metrics().items():
            name = sample.split("{")[0]
            total[name] = total.get(name, 0) + value
        came = sum(total[f"fairlead_worker_{name}"] for name in self.SOURCES)
        ended = sum(total[f"fairlead_worker_{name}"] for name in self.ENDS)
        return came - ended - total["fairlead_dropped_packets_total"]

    def wait_conserved(self):
        try:
            wait_until(lambda: self.imbalance() == 0, "every packet ended in one column", timeout=20)
        except ShellError:
            raise DirectorError(f"{self.imbalance():+.0f} packets ended in no column or in two") from None

    def release(self, *words, check: bool = True) -> subprocess.CompletedProcess:
        """Take away what it left in its namespace; there, as one would run the command on the machine."""
        return self.namespace.run(f"{BUILD}/src/cli/fairlead", "--api", self.api, "port", "release", *words,
                                     check=check)

    def kill(self):
        """End it without ceremony: kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
