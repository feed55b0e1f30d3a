"""A store of configurations, etcd of Debian, in the namespace of the lab's first director; and directors that run from it.

    store = Etcd(lab)
    store.start()
    store.put("common", text)                  # below PREFIX
    director = FleetDirector(lab, "edge-1")    # number=2: with the ports of the lab's second director
    director.start()
    director.fleet()["members"]
"""

import json
import os
import shutil
import signal
import subprocess
import time

from .director import BUILD, Director, DirectorError
from .shell import wait_until

PREFIX = "/fairlead"

# For what takes a second or two: a loaded machine is given more before a test fails.
SOON = 10


class Etcd:
    def __init__(self, lab, address: str = "127.0.0.1", scheme: str = "http", flags=()):
        self.lab, self.namespace = lab, lab.directors[0]
        self.folder = f"{lab.state}/etcd"
        self.url = f"{scheme}://{address}:2379"
        self.flags = flags
        self.login = ()  # of etcdctl
        self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def place(self) -> str:
        """What fairleadd is given."""
        return f"etcd://{self.url.split('//')[1]}{PREFIX}"

    def start(self):
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        peer = "http://127.0.0.1:2380"
        with open(f"{self.lab.state}/etcd.log", "ab") as log:
            self.process = self.namespace.spawn(
                "etcd", "--name", "lab", "--data-dir", self.folder, "--listen-client-urls", self.url,
                "--advertise-client-urls", self.url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", f"lab={peer}", *self.flags, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.ctl("endpoint", "health", check=False).returncode == 0, "etcd answers", timeout=60)

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
            self.process = None

    def ctl(self, *words, check: bool = True, text: str = None):
        return self.namespace.run("etcdctl", "--endpoints", self.url, *self.login, *words, check=check, input=text,
                                  env={**os.environ, "ETCDCTL_API": "3"})

    def add_users(self, password: str):
        """As docs/fleet.md says: `edge` with the role of a director. Then nothing is done without a user; etcdctl is root."""
        self.ctl("role", "add", "director")
        self.ctl("role", "grant-permission", "director", "--prefix=true", "read", f"{PREFIX}/")
        self.ctl("role", "grant-permission", "director", "--prefix=true", "write", f"{PREFIX}/members/")
        self.ctl("user", "add", f"edge:{password}")
        self.ctl("user", "grant-role", "edge", "director")
        self.ctl("user", "add", "root:secret of root")
        self.ctl("user", "grant-role", "root", "root")
        self.ctl("auth", "enable")
        self.login = (*self.login, "--user", "root:secret of root")

    def put(self, key: str, value):
        """A dictionary is written as JSON, which is YAML too."""
        text = value if isinstance(value, str) else json.dumps(value, indent=1)
        self.ctl("put", f"{PREFIX}/{key}", text=text)

    def delete(self, key: str):
        self.ctl("del", f"{PREFIX}/{key}")

    def revision(self, key: str) -> int:
        """Of its last change."""
        return json.loads(self.ctl("get", "-w", "json", f"{PREFIX}/{key}").stdout)["kvs"][0]["mod_revision"]

    def names(self, below: str) -> list:
        """Of the keys there."""
        head = f"{PREFIX}/{below}/"
        keys = self.ctl("get", "--prefix", "--keys-only", head).stdout.split()
        return sorted(key[len(head):] for key in keys)


class FleetDirector(Director):
    def __init__(self, lab, store: Etcd, name: str, number: int = 1):
        super().__init__(lab, number=number)
        self.folder = f"{lab.state}/{name}"
        os.makedirs(self.folder, exist_ok=True)
        shutil.rmtree(f"{self.folder}/state", ignore_errors=True)  # what a fleet before has kept there
        self.name = name
        self.socket = f"{self.folder}/api.sock"
        self.api = f"unix:{self.socket}"
        self.config_path = store.place
        self.log = f"{self.folder}/fairleadd.log"
        self.reports = f"{self.folder}/sanitizer"
        self.local = f"{self.folder}/fleet.yaml"
        self.write_local()

    def write_local(self, **keys):
        keys = {"state": f"{self.folder}/state", **keys}
        with open(os.open(self.local, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(keys, file)

    def launch(self, config: dict = None, extra=()):
        super().launch(None, ("--name", self.name, "--fleet", self.local, *extra))

    def check(self, name: str = "", place: str = ""):
        """(exit code, what it says) of fairleadd --check, which starts nothing."""
        ended = self.namespace.run(f"{BUILD}/src/main/fairleadd", "--check", place or self.config_path, "--name",
                                   name or self.name, "--fleet", self.local, check=False)
        return ended.returncode, ended.stderr + ended.stdout

    def fleet(self) -> dict:
        status, text = self.get("/v1/fleet")
        if status != 200:
            raise DirectorError(f"/v1/fleet answered {status}: {text}")
        return json.loads(text)

    def member(self, name: str) -> dict:
        """{}: it is none, or nobody answers."""
        status, text = self.get("/v1/fleet")
        members = json.loads(text)["members"] if status == 200 else []
        return next((member for member in members if member["name"] == name), {})

    def runs(self, service: str) -> bool:
        """Whether a service of that name is in force."""
        return self.get(f"/v1/services/{service}")[0] == 200

    def sync_peers(self) -> list:
        status, text = self.get("/v1/sync")
        if status != 200:
            raise DirectorError(f"/v1/sync answered {status}: {text}")
        return json.loads(text)["stream"]["peers"]

    def sync_states(self) -> dict:
        """Of the sessions, by peer."""
        return {peer["name"]: peer["state"] for peer in self.sync_peers()}


def wait_mesh(directors, timeout: float = SOON):
    """Each is in sync with all others of these, and has no other peer."""
    names = {director.name for director in directors}
    for director in directors:
        wanted = {name: "in-sync" for name in names - {director.name}}
        wait_until(lambda: director.sync_states() == wanted,
                   f"{director.name} is in sync with {sorted(wanted)}; {director.get('/v1/sync')}", timeout=timeout)


def quickest_change(store: Etcd, directors, versions: dict) -> float:
    """Writes one `common` after the other. `versions`: {service that none of them runs yet: document with it}. Seconds from
    the begin of `etcdctl put` until all directors run it, of the quickest: the machine may be busy with something else."""
    seconds = []
    for service, document in versions.items():
        if running := [director.name for director in directors if director.runs(service)]:
            raise DirectorError(f"{running} run {service} already")
        begin = time.monotonic()
        store.put("common", document)
        for director in directors:
            wait_until(lambda: director.runs(service), f"{director.name} runs {service}; {director.get('/v1/fleet')}",
                       timeout=SOON, interval=0.01)
        seconds.append(time.monotonic() - begin)
    print(f"# changes were in force on {len(directors)} directors after {', '.join(f'{s:.2f}' for s in seconds)} s", flush=True)
    return min(seconds)
