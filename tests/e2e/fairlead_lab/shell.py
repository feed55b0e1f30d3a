"""Running commands, here or inside a network namespace.

`nsenter` instead of `ip netns exec`: the latter remounts /, which fails in a plain chroot.
"""

import os
import signal
import subprocess
import time


class ShellError(Exception):
    pass


def run(*command, check=True, timeout=120, text=True, **options) -> subprocess.CompletedProcess:
    """Run to the end; raise with everything it printed when it fails and `check` is set."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=text,
                          timeout=timeout, **options)
    if check and done.returncode != 0:
        raise ShellError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_until(condition, what: str, timeout: float = 30.0, interval: float = 0.05):
    """Poll `condition` until it is true and return its value; the timeout is only a last resort."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise ShellError(f"gave up waiting until {what} ({timeout:.0f} s)")
        time.sleep(interval)


class Namespace:
    """A network namespace by name; it exists between `create` and `delete`."""

    def __init__(self, name: str):
        self.name = name

    @property
    def path(self) -> str:
        return f"/run/netns/{self.name}"

    def create(self):
        run("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")

    def exists(self) -> bool:
        return os.path.exists(self.path)

    def words(self, *command) -> list:
        return ["nsenter", f"--net={self.path}", *[str(word) for word in command]]

    def run(self, *command, **options):
        return run(*self.words(*command), **options)

    def ip(self, line: str):
        """`ip` with a line of arguments: ns.ip("link set eth0 up")."""
        return self.run("ip", *line.split())

    def batch(self, lines):
        """Many `ip` lines in one process."""
        return self.run("ip", "-batch", "-", input="\n".join(lines) + "\n")

    def sysctl(self, **values):
        """Keys with `__` for the dots: ns.sysctl(net__ipv4__ip_forward=0)."""
        for key, value in values.items():
            self.run("sysctl", "-q", "-w", f"{key.replace('__', '.')}={value}")

    def spawn(self, *command, **options) -> subprocess.Popen:
        return subprocess.Popen(self.words(*command), **options)

    def pids(self) -> list:
        """Processes whose network namespace this is."""
        try:
            inode = os.stat(self.path).st_ino
        except FileNotFoundError:
            return []
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                if os.stat(f"/proc/{entry}/ns/net").st_ino == inode:
                    found.append(int(entry))
            except OSError:
                pass  # gone, or a zombie
        return found

    def delete(self):
        """End every process inside, politely first, then remove the namespace with its interfaces."""
        for sig in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.pids():
                try:
                    os.kill(pid, sig)
                except ProcessLookupError:
                    pass
            deadline = time.monotonic() + 5
            while self.pids() and time.monotonic() < deadline:
                time.sleep(0.02)
            if not self.pids():
                break
        if self.exists():
            run("ip", "netns", "del", self.name, check=False)
