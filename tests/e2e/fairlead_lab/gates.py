"""Checks that a test answers: scripts whose exit status is what the test has said last.

    gates = Gates(lab)
    service = {"name": "web", …, "health": gates.check("web"), "on_down": gates.notify(), …}
    gates.say("web", 2, 0)      # real server 2 is healthy; 1: it is not; None: no answer, as long as nothing else is said
    gates.looks("web", 2)       # how often it has been asked
    gates.told()                # a line for each command of on_up and on_down that has run, in order
"""

import os

from . import addresses as at

GATE = r"""
# DIRECTORY NAME ADDRESS
echo >> "$1/looks-$2-$3"
while read -r status < "$1/say-$2-$3" && [ "$status" = None ]; do sleep 0.1; done
exit "${status:-1}"
"""
NOTIFY = r"""
# DIRECTORY WORDS…
directory=$1
shift
echo "$* ($FAIRLEAD_EVENT $FAIRLEAD_SERVICE $FAIRLEAD_VIRTUAL${FAIRLEAD_REAL_ADDRESS:+ $FAIRLEAD_REAL_ADDRESS:$FAIRLEAD_REAL_PORT})" >> "$directory/told"
"""


class Gates:
    def __init__(self, lab):
        self.directory = f"{lab.state}/gates"
        os.makedirs(self.directory, exist_ok=True)  # root's alone, or no program in it would be run
        for name, text in (("gate", GATE), ("notify", NOTIFY)):
            with open(f"{self.directory}/{name}", "w") as file:
                file.write(text)
        for name in os.listdir(self.directory):  # of a class before
            if name.startswith(("looks-", "say-")):
                os.unlink(f"{self.directory}/{name}")
        self._writable("told")

    def check(self, name: str, **keys) -> dict:
        """/bin/sh reads the file: what is below /run may be mounted `noexec`."""
        return {"type": "script", "interval": "200ms", "timeout": "10s", "fall": 1, "rise": 1, **keys,
                "command": ["/bin/sh", f"{self.directory}/gate", self.directory, name, "{address}"]}

    def notify(self, *words) -> list:
        return ["/bin/sh", f"{self.directory}/notify", self.directory, *words]

    def say(self, name: str, index: int, status):
        path = self._path("say", name, index)
        with open(path + ".new", "w") as file:
            file.write(f"{status}\n")
        os.rename(path + ".new", path)
        looks = os.path.basename(self._path("looks", name, index))
        if not os.path.exists(f"{self.directory}/{looks}"):
            self._writable(looks)

    def looks(self, name: str, index: int) -> int:
        return os.path.getsize(self._path("looks", name, index))

    def told(self) -> list:
        with open(f"{self.directory}/told") as file:
            return file.read().splitlines()

    def _path(self, what: str, name: str, index: int) -> str:
        return f"{self.directory}/{what}-{name}-{at.real_address(index)}"

    def _writable(self, name: str):
        """Commands run as nobody."""
        path = f"{self.directory}/{name}"
        open(path, "w").close()
        os.chmod(path, 0o666)
