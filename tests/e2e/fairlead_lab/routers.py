"""keepalived and BIRD on the director's kernel twin, and their peers in the client's namespace.

    with VrrpPair(lab, "192.0.2.90") as vrrp:      # the director's is MASTER
        ...
    vrrp.transitions()                              # of both, since then: [] when nobody noticed anything

    with BgpPair(lab, "192.0.2.80/32") as bgp:     # established; the director's announces the prefix
        before = bgp.sessions()
        ...
        self.assertTrue(bgp.is_still(before))       # the same session since the same moment

Each daemon runs in the foreground of its namespace, and its files lie with the lab's.
"""

import os
import re
import subprocess

from . import addresses as at
from .shell import ShellError, wait_until

TWIN = "fl-outside"  # of the director; the client's end of that link is `outside`

# A twin without a director has no carrier, and keepalived waits so long before it minds. It has to be less than twice
# the interval between advertisements, or the backup would not wait for the outcome.
ADVERT_SECONDS, PATIENCE_SECONDS = 3, 5.8
# After how much silence the backup takes over: three intervals, and a skew of less than one second.
DEAD_SECONDS = 3 * ADVERT_SECONDS + 1

KEEPALIVED_CONF = """
global_defs {{
  router_id {role}
}}
interface_up_down_delays {{
  {interface} {patience}
}}
vrrp_instance lab {{
  state {state}
  interface {interface}
  virtual_router_id 51
  priority {priority}
  advert_int {advert}
  virtual_ipaddress {{
    {address}/32 dev {interface}
  }}
}}
"""

BIRD_CONF = """
log syslog all;
router id {own};
protocol device {{ scan time 1; }}
protocol static {{ ipv4; {route} }}
{kernel}
protocol bgp lab {{
  local {own} as {own_as};
  neighbor {peer} as {peer_as};
  direct;
  check link off;
  hold time 60;
  keepalive time 2;
  connect delay time 1;
  connect retry time 1;
  debug {{ states, events }};
  ipv4 {{ import all; export all; }};
}}
"""


class Daemon:
    """A program in the foreground of a namespace, with a file for what it says."""

    def __init__(self, lab, namespace, role: str, name: str):
        self.lab, self.namespace, self.role = lab, namespace, role
        self.folder = f"{lab.state}/{name}-{role}"
        self.log = f"{self.folder}/log"
        self.process = None
        os.makedirs(self.folder, exist_ok=True)

    def write(self, name: str, text: str) -> str:
        path = f"{self.folder}/{name}"
        with open(path, "w") as file:
            file.write(text)
        return path

    def spawn(self, *command):
        with open(self.log, "w") as log:
            self.process = self.namespace.spawn(*command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def said(self) -> str:
        with open(self.log, errors="replace") as file:
            return file.read()

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def wait_said(self, text: str):
        try:
            wait_until(lambda: text in self.said() or self.process.poll() is not None, text, timeout=30)
        except ShellError as error:
            raise ShellError(f"{error}; {self.role} said:\n{self.said()}") from None
        if text not in self.said():
            raise ShellError(f"{self.role} has ended, and said:\n{self.said()}")


class Keepalived(Daemon):
    def __init__(self, lab, namespace, role: str, interface: str, address: str, is_master: bool):
        super().__init__(lab, namespace, role, "keepalived")
        self.conf = self.write("keepalived.conf", KEEPALIVED_CONF.format(
            role=role, interface=interface, address=address, state="MASTER" if is_master else "BACKUP",
            # 255 is master at once; a lower one would wait for the dead time first.
            priority=255 if is_master else 100, advert=ADVERT_SECONDS, patience=PATIENCE_SECONDS))

    def start(self):
        self.spawn("keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp", "--use-file", self.conf,
                   "--pid", f"{self.folder}/pid", "--vrrp_pid", f"{self.folder}/vrrp.pid")

    def states(self) -> list:
        """That it has entered, in their order."""
        return re.findall(r"Entering (\w+) STATE", self.said())


class VrrpPair:
    """keepalived on the director's twin as master, and a backup at the client's end of the outside link."""

    def __init__(self, lab, address: str):
        self.address = address
        self.master = Keepalived(lab, lab.director, "director", TWIN, address, True)
        self.backup = Keepalived(lab, lab.client, "client", "outside", address, False)
        self.before = {}

    def __enter__(self):
        try:
            self.master.start()
            self.master.wait_said("Entering MASTER STATE")
            wait_until(self.is_on_twin, "the master has put its address on the twin")
            self.backup.start()
            self.backup.wait_said("Entering BACKUP STATE")
        except BaseException:
            self.__exit__()
            raise
        self.before = self._states()
        return self

    def __exit__(self, *_):
        for daemon in (self.master, self.backup):
            daemon.stop()

    def is_on_twin(self) -> bool:
        return f" {self.address}/32 " in self.master.namespace.ip(f"-o addr show dev {TWIN}").stdout

    def transitions(self) -> list:
        return [f"{role}: {state}" for role, states in self._states().items()
                for state in states[len(self.before[role]):]]

    def _states(self) -> dict:
        return {daemon.role: daemon.states() for daemon in (self.master, self.backup)}


class BirdDaemon(Daemon):
    """BIRD by the text of a file."""

    def __init__(self, lab, namespace, role: str, text: str):
        super().__init__(lab, namespace, role, "bird")
        self.socket = f"{self.folder}/bird.ctl"
        self.conf = self.write("bird.conf", text.replace("log syslog all;", f'log "{self.folder}/bird.log" all;'))

    def start(self):
        self.spawn("bird", "-f", "-c", self.conf, "-s", self.socket, "-P", f"{self.folder}/pid")

    def ask(self, *words) -> str:
        """What birdc answers; empty until it listens."""
        return self.namespace.run("birdc", "-r", "-s", self.socket, *words, check=False).stdout


class Bird(BirdDaemon):
    def __init__(self, lab, namespace, role: str, own: tuple, peer: tuple, routes=(), gives_kernel: bool = False):
        """own, peer: (address, AS number). `gives_kernel`: what is learnt becomes a route of the kernel."""
        super().__init__(lab, namespace, role, BIRD_CONF.format(
            own=own[0], own_as=own[1], peer=peer[0], peer_as=peer[1],
            route="".join(f"route {route} blackhole;" for route in routes),
            kernel="protocol kernel { ipv4 { export where source = RTS_BGP; }; }" if gives_kernel else ""))

    def session(self) -> tuple:
        """(state, since when, in seconds of the day), such as ("Established", 10801.481)."""
        for line in self.ask("show", "protocols").splitlines():  # lab BGP --- up 03:00:01.481 Established
            if line.startswith("lab "):
                words = line.split()
                hours, minutes, seconds = words[4].split(":")
                return " ".join(words[5:]), int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        return "none", 0.0


class BgpPair:
    """BIRD on the director's twin, which announces `prefix` to another one at the client's end of the outside link."""

    def __init__(self, lab, prefix: str):
        director, client = (at.DIRECTOR_OUTSIDE, 65001), (at.CLIENT, 65002)
        self.prefix = prefix
        self.director = Bird(lab, lab.director, "director", director, client, [prefix])
        self.client = Bird(lab, lab.client, "client", client, director)

    def __enter__(self):
        try:
            self.client.start()
            self.director.start()
            for bird in (self.director, self.client):
                wait_until(lambda: bird.session()[0] == "Established", f"BGP of {bird.role} is established")
            wait_until(self.is_announced, f"{self.prefix} has been learnt")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for bird in (self.director, self.client):
            bird.stop()

    def is_announced(self) -> bool:
        return self.prefix in self.client.ask("show", "route", "protocol", "lab")

    def sessions(self) -> list:
        return [bird.session() for bird in (self.director, self.client)]

    def is_still(self, sessions: list) -> bool:
        """BIRD's moments differ by a millisecond from one question to the next; a new session takes two seconds."""
        return all(state == state_before and abs(since - since_before) < 1
                   for (state, since), (state_before, since_before) in zip(self.sessions(), sessions))
