"""Two directors with keepalived on the kernel twins of each: a lab of its own, beside the one of the run.

    with DirectorPair("pair") as pair:
        pair.start(configuration_of, keepalived_conf_of)      # each is asked with 1 and 2
        pair.macs_of_all()
        pair[1].director.kill()
"""

from .director import Director
from .keepalived import Keepalived
from .lab import Lab
from .shell import ShellError, wait_until


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

    def reload_keepalived(self):
        """SIGHUP with the file as it is, until VRRP goes on."""
        before = self.keepalived.said().count("Reload complete")
        self.keepalived.reload(self.conf)
        wait_until(lambda: self.keepalived.said().count("Reload complete") > before, "keepalived has read its file again")

    def has(self, address: str) -> bool:
        """On one of its twins."""
        return f" {address}/" in self.namespace.ip("-o addr show").stdout

    def state(self) -> str:
        process = self.director.process
        if process is None:
            return "which is not to run"
        return "which runs" if process.poll() is None else f"which has ended with {process.returncode}"

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

    def start(self, configuration, conf=None):
        """`configuration(number)` is what the director gets, a dictionary or a file's name; `conf(number)` is
        keepalived.conf; without `conf` there is none."""
        for number in (1, 2):
            director = self.add(number).director
            config = configuration(number)
            if isinstance(config, str):
                director.take_file(config)
                config = None
            director.launch(config)
        for number, half in self.halves.items():  # with `sync.peers` each waits for the other one
            half.director.wait_ready()
            if conf:
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

    def wait(self, condition, what: str, timeout: float = 30, **options):
        """wait_until, with the logs when it gives up."""
        try:
            return wait_until(condition, what, timeout=timeout, **options)
        except ShellError as error:
            raise ShellError(f"{error}{self.logs()}") from None

    def logs(self) -> str:
        """The end of what all of them have said."""
        return "".join(f"\n---- keepalived {n}:\n{half.keepalived.said()[-5000:] if half.conf else ''}"
                       f"\n---- director {n}, {half.state()}:\n{half.director.log_tail(25)}" for n, half in self.halves.items())

    def default_route(self, gateway: str, gateway6: str = ""):
        """Of the real servers."""
        for real in self.lab.reals.values():
            real.ip(f"route replace default via {gateway}")
            if gateway6:
                real.ip(f"-6 route replace default via {gateway6}")
