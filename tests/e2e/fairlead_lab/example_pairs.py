"""Two directors in a lab of their own, run by the files of a folder of config/examples: as they are, but for the folder of the
API's socket and what a director takes of the machine."""

import os

from .case import LabTest
from .lab import ROOT
from .pairs import DirectorPair
from .shell import ShellError, wait_until


def example_path(name: str, file: str) -> str:
    return f"{ROOT}/config/examples/{name}/{file}"


def example(name: str, file: str) -> str:
    with open(example_path(name, file)) as opened:
        return opened.read()


def changed_example(name: str, file: str, changes: dict) -> str:
    """With each key of `changes`, which has to be there, replaced by its value."""
    text = example(name, file)
    for here, there in changes.items():
        if here not in text:
            raise ShellError(f"{example_path(name, file)} has no {here!r} any more")
        text = text.replace(here, there)
    return text


class ExamplePairTest(LabTest):
    """With keepalived on the twins of each, where the example has a keepalived.conf."""

    worker_counts = (1,)
    needs_daemon = False
    example = ""
    outside, inside = (), ()  # addresses that one of the two speaks for

    @classmethod
    def setUpClass(cls):
        cls.pair = DirectorPair(f"{cls.lab.name[:12]}pair")
        cls.pair.lab.down()  # of a run that was killed
        cls.pair.__enter__()
        try:
            cls.prepare()
            cls.start()
            cls.pair.macs_of_all()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def start(cls):
        cls.pair.start(cls.file_of, cls.conf_of)

    @classmethod
    def tearDownClass(cls):
        cls.pair.__exit__()

    @classmethod
    def file_of(cls, number: int) -> str:
        """What director `number` is started with."""
        lab = cls.pair.lab
        folder = f"{lab.state}/director{number}" if number > 1 else lab.state
        text = example(cls.example, f"edge-{number}.yaml").replace("/run/fairlead/", f"{folder}/")
        text = text.replace("/etc/fairlead/sync.key", cls.sync_key())
        text = text.replace("director:\n", "director:\n  idle: sleep\n  hugepages: off\n  connections: 65536\n")
        path = f"{lab.state}/edge-{number}.yaml"
        with open(path, "w") as file:
            file.write(text)
        return path

    @classmethod
    def sync_key(cls) -> str:
        path = f"{cls.pair.lab.state}/sync.key"
        if not os.path.exists(path):
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
                file.write("0123456789abcdef0123456789abcdef\n")
        return path

    @classmethod
    def conf_of(cls, _number: int) -> str:
        return example(cls.example, "keepalived.conf")

    def master(self) -> int:
        """The one with the addresses, once there is one."""
        return wait_until(lambda: sum(n for n in (1, 2) if self.pair[n].has(self.outside[0])) % 3,
                          "one of them is master", timeout=40)
