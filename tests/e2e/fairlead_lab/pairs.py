"""Two directors with keepalived on the kernel twins of each: a lab of its own, beside the one of the run.

    with DirectorPair("pair") as pair:
        pair.start(configuration_of, keepalived_conf_of)      # each is asked with 1 and 2
        pair.macs_of_all()
        pair.answers(pair.lab.client, "outside", at.VIP)      # {VIP: [1]}: which directors answer for it
        pair[1].director.kill()
"""

import json
import os
import sys

from . import addresses as at
from .director import Director
from .keepalived import Keepalived
from .lab import Lab
from .shell import ShellError, wait_until

WHO_ANSWERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "who_answers.py")


class Half:
    """One machine of the pair."""

    def __init__(self, lab, number: int):
        self.number = number
        self.director = Director(lab, number=number)
        self.keepalived = Keepalived(lab, self.director, f"pair{number}")
        self.conf = ""

    @property
    def namespace(self):
        return self.director.namespace

    def start_keepalived(self):
        self.keepalived.start(self.conf)

    def has(self, address: str) -> bool:
        """On one of its twins."""
        return f" {address}/" in self.namespace.ip("-o addr show").stdout

    def stop(self):
        self.keepalived.stop()
        self.director.kill()


class DirectorPair:
    def __init__(self, name: str, reals: int = 2):
        self.lab = Lab(name, reals=reals, directors=2)
        self.halves = {}
        self.macs = {}  # number of the director by the MAC of its port

    def __enter__(self):
        self.lab.up()
        return self

    def __exit__(self, *_):
        try:
            for half in self.halves.values():
                half.stop()
        finally:
            self.lab.down()

    def __getitem__(self, number: int) -> Half:
        return self.halves[number]

    def start(self, configuration, conf):
        """`configuration(number)` is what the director gets, a dictionary or a file's name; `conf(number)` is
        keepalived.conf."""
        for number in (1, 2):
            half = self.add(number)
            config = configuration(number)
            if isinstance(config, str):
                half.director.start_file(config)
            else:
                half.director.start(config)
            half.conf = conf(number)
            half.start_keepalived()

    def add(self, number: int) -> Half:
        self.halves[number] = Half(self.lab, number)
        return self.halves[number]

    def macs_of_all(self):
        """Remembers them: a director that is gone cannot be asked."""
        self.macs = {}
        for number, half in self.halves.items():
            for port in half.director.json("status")["ports"]:
                self.macs[port["mac"]] = number

    def answers(self, namespace, device: str, *addresses) -> dict:
        """{address: [number, …]} of the directors that answer for it, as heard on `device`; of others the MAC."""
        if not addresses:
            return {}
        out = namespace.run(sys.executable, WHO_ANSWERS, device, "0.8", *addresses).stdout
        return {address: sorted((self.macs.get(mac, mac) for mac in heard), key=str) for address, heard in json.loads(out).items()}

    def spoken_for(self, outside: tuple, inside: tuple) -> dict:
        """The same for addresses of clients and of real servers."""
        return {**self.answers(self.lab.client, "outside", *outside),
                **self.answers(self.lab.reals[1], "eth0", *inside)}

    def wait_spoken_for(self, outside: tuple, inside: tuple, by, what: str, timeout: float = 40):
        """Until exactly the directors `by` answer for each."""
        wanted = {address: sorted(by) for address in (*outside, *inside)}
        seen = {}

        def is_so() -> bool:
            seen.clear()
            seen.update(self.spoken_for(outside, inside))
            return seen == wanted
        try:
            wait_until(is_so, what, timeout=timeout)
        except ShellError as error:
            said = "".join(f"\n---- keepalived {n}:\n{half.keepalived.said()[-2500:]}\n---- director {n}:\n"
                           f"{half.director.log_tail(25)}" for n, half in self.halves.items())
            raise ShellError(f"{error}: {seen}{said}") from None

    def default_route(self, gateway: str, gateway6: str = ""):
        """Of the real servers."""
        for real in self.lab.reals.values():
            real.ip(f"route replace default via {gateway}")
            if gateway6:
                real.ip(f"-6 route replace default via {gateway6}")
