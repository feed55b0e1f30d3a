"""The package in a bare Debian root: install, start, upgrade, remove, purge.

No systemd runs there, so what its unit would do is done by hand: the director runs as the user that the package made,
with the unit's capabilities. Everything but the installation of dependencies happens in a network namespace of its own.
"""

import glob
import json
import os
import shutil
import subprocess
import time

from checks import ROOT, Checks, run

ETC = "/etc/fairlead/fairlead.yaml"
EXPECTED_MODES = {
    "/usr/sbin/fairleadd": "root:root 755", "/usr/bin/fairlead": "root:root 755",
    "/etc/fairlead": "root:root 755", ETC: "root:root 644",
    "/lib/systemd/system/fairleadd.service": "root:root 644",
    "/usr/lib/sysusers.d/fairlead.conf": "root:root 644",
    "/usr/share/man/man1/fairlead.1.gz": "root:root 644", "/usr/share/man/man8/fairleadd.8.gz": "root:root 644",
    "/usr/share/man/man5/fairlead.yaml.5.gz": "root:root 644",
    "/usr/share/bash-completion/completions/fairlead": "root:root 644",
    "/usr/share/zsh/vendor-completions/_fairlead": "root:root 644",
    "/usr/share/fairlead/fairlead.schema.json": "root:root 644",
    "/usr/share/fairlead/fairlead-alerts.yaml": "root:root 644", "/usr/share/fairlead/fairlead-dashboard.json": "root:root 644",
    **dict.fromkeys((f"/usr/share/doc/fairlead/examples/{name}" for name in (
        "reference.yaml", "reference-proxies.txt", "keepalived-nat-pair/edge-1.yaml")), "root:root 644"),
}
# A director with one packet socket, whose tables and sockets are where a package's would be.
EXAMPLE = """version: 1
director: { name: lifecycle, workers: 1, idle: sleep, connections: 4k, hugepages: off }
ports:
  - { name: outside, device: "net_af_packet0,iface=veth0,blocksz=65536,framesz=2048,framecnt=512",
      addresses: [192.0.2.2/24] }
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, reals: [{ address: 192.0.2.11 }] }
"""
# The unit raises LimitMEMLOCK, which not every root may; ipc_lock stands for that.
CAPABILITIES = "+net_admin,+net_raw,+bpf,+ipc_lock"


class Root:
    """A Debian root and a network namespace, and what is run there."""

    SYSTEMD = ("systemctl", "deb-systemd-invoke")  # ahead of the real ones in PATH

    def __init__(self, path: str):
        self.path = path

    def prepare(self):
        if not os.path.exists(f"{self.path}/etc/debian_version"):
            done = run("debootstrap", "--variant=minbase", "bookworm", self.path,
                       os.environ.get("MIRROR", "http://deb.debian.org/debian"))
            if done.returncode != 0:
                raise RuntimeError("debootstrap failed:\n" + done.stdout[-2000:])
        shutil.copy("/etc/resolv.conf", f"{self.path}/etc/resolv.conf")
        proxies = [line for file in glob.glob("/etc/apt/apt.conf*") + glob.glob("/etc/apt/apt.conf.d/*")
                   if os.path.isfile(file) for line in open(file) if "proxy" in line.lower()]
        with open(f"{self.path}/etc/apt/apt.conf.d/90proxy", "w") as file:
            file.writelines(proxies)
        # Machines outside may not be reached by whoever asks for them from in here; nothing may be started.
        with open(f"{self.path}/usr/sbin/policy-rc.d", "w") as file:
            file.write("#!/bin/sh\nexit 101\n")
        os.chmod(f"{self.path}/usr/sbin/policy-rc.d", 0o755)
        self.mount()

    def mount(self):
        """/dev and /run are its own: what the director leaves there is what is looked at."""
        def do(*words):
            subprocess.run(["mount", *words], check=True)
        do("--bind", self.path, self.path)
        do("-t", "proc", "proc", f"{self.path}/proc")
        do("--rbind", "/sys", f"{self.path}/sys")
        for folder, mode in (("run", "755"), ("dev", "755")):
            do("-t", "tmpfs", "-o", f"mode={mode}", folder, f"{self.path}/{folder}")
        os.makedirs(f"{self.path}/dev/shm")
        do("-t", "tmpfs", "-o", "mode=1777", "shm", f"{self.path}/dev/shm")
        for device in ("null", "zero", "full", "random", "urandom", "tty"):
            open(f"{self.path}/dev/{device}", "w").close()
            do("--bind", f"/dev/{device}", f"{self.path}/dev/{device}")
        os.symlink("/proc/self/fd", f"{self.path}/dev/fd")

    def words(self, *words) -> list:
        return ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", "chroot", self.path, *words]

    def run(self, *words) -> subprocess.CompletedProcess:
        return run(*self.words(*words))

    def said(self, *words) -> str:
        return self.run(*words).stdout.strip()

    def has(self, path: str) -> bool:
        return os.path.lexists(self.path + path)

    def make_systemd(self):
        """Programs that write down what systemd would be asked."""
        os.makedirs(f"{self.path}/run/systemd/system")
        for name in self.SYSTEMD:
            with open(f"{self.path}/usr/sbin/{name}", "w") as file:
                file.write(f'#!/bin/sh\necho "{name} $*" >> /run/systemd/asked\n')
            os.chmod(f"{self.path}/usr/sbin/{name}", 0o755)

    def asked_of_systemd(self) -> list:
        if not self.has("/run/systemd/asked"):
            return []
        with open(f"{self.path}/run/systemd/asked") as file:
            return file.read().splitlines()

    def remove_systemd(self):
        shutil.rmtree(f"{self.path}/run/systemd")
        for name in self.SYSTEMD:
            os.unlink(f"{self.path}/usr/sbin/{name}")

    def snapshot(self) -> dict:
        """Everything that a package may leave: names with owners and modes, and the accounts."""
        found = self.run("sh", "-c", "find / /run /dev/shm -xdev \\( -path /proc -o -path /sys -o -path /tmp -o "
                         "-path /var/log -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt -o "
                         "-path /etc/ld.so.cache \\) -prune -o -printf '%p %U:%G %m\\n'")
        lines = {line for line in found.stdout.splitlines() if "cannot" not in line}
        # Backups that shadow's programs make of their own files.
        lines = {line for line in lines if not line.split()[0].endswith("-")}
        for accounts in ("passwd", "group"):
            with open(f"{self.path}/etc/{accounts}") as file:
                lines |= {f"{accounts}: {line.strip()}" for line in file}
        return lines


def wait_until(what, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return False


class Director:
    """fairleadd as the unit starts it."""

    def __init__(self, root: Root):
        self.root = root
        os.makedirs(f"{root.path}/run/fairlead")
        os.makedirs(f"{root.path}/var/lib/fairlead")
        root.run("chown", "fairlead:fairlead", "/run/fairlead", "/var/lib/fairlead")
        with open(f"{root.path}/etc/fairlead/lifecycle.yaml", "w") as file:
            file.write(EXAMPLE)
        os.chmod(f"{root.path}/etc/fairlead/lifecycle.yaml", 0o644)
        self.log = open(f"{root.path}/tmp/fairleadd.log", "w")
        self.process = subprocess.Popen(
            root.words("setpriv", "--reuid=fairlead", "--regid=fairlead", "--init-groups",
                       f"--inh-caps={CAPABILITIES}", f"--ambient-caps={CAPABILITIES}",
                       "/usr/sbin/fairleadd", "-c", "/etc/fairlead/lifecycle.yaml"),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)

    def is_ready(self) -> bool:
        return self.root.run("fairlead", "status").returncode == 0

    def pids(self) -> list:
        """Of the directors in this root."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{entry}/exe").split(" ")[0].endswith("/usr/sbin/fairleadd") and \
                        os.readlink(f"/proc/{entry}/root") == self.root.path:
                    found.append(int(entry))
            except OSError:
                pass
        return found

    def words(self) -> str:
        with open(f"{self.root.path}/tmp/fairleadd.log") as file:
            return file.read()[-3000:]

    def stop(self):
        for pid in self.pids():
            os.kill(pid, 15)
        wait_until(lambda: not self.pids())
        self.process.wait(timeout=10)
        self.log.close()
        os.unlink(f"{self.root.path}/etc/fairlead/lifecycle.yaml")
        os.unlink(f"{self.root.path}/tmp/fairleadd.log")


def installed(checks: Checks, root: Root):
    for path, expected in EXPECTED_MODES.items():
        checks.equal(f"installed: {path}", root.said("stat", "-c", "%U:%G %a", path), expected)
    checks.that("installed: the library for IPVS's programs",
                bool(glob.glob(f"{root.path}/usr/lib/*/libfairlead-ipvs.so")))
    checks.equal("the user has no home and no shell", root.said("getent", "passwd", "fairlead").split(":")[5:],
                 ["/", "/usr/sbin/nologin"])
    checks.equal("the example is a conffile", root.said("sh", "-c", f"dpkg-query -W -f '${{Conffiles}}' fairlead | "
                 f"grep -c '^ {ETC} '"), "1")
    checks.that("the unit is not enabled", not root.has("/etc/systemd/system/multi-user.target.wants/fairleadd.service"))
    with open(f"{root.path}/lib/systemd/system/fairleadd.service") as file:
        checks.that("the unit starts what is installed", "/usr/local" not in file.read())
    checks.equal("the user may read and check the example",
                 root.said("runuser", "-u", "fairlead", "--", "fairleadd", "--check", ETC), f"{ETC}: ok")
    checks.equal("nothing to prepare without hugepages: on",
                 root.said("fairleadd", "--prepare", "fairlead", "-c", ETC), "")


def next_package(package: str, folder: str) -> str:
    """The same package with a higher version."""
    unpacked, made = f"{folder}/next", f"{folder}/fairlead_next.deb"
    subprocess.run(["dpkg-deb", "-R", package, unpacked], check=True)
    with open(f"{unpacked}/DEBIAN/control") as file:
        control = file.read()
    with open(f"{unpacked}/DEBIAN/control", "w") as file:
        file.write("".join(f"{line}+next\n" if line.startswith("Version:") else f"{line}\n"
                           for line in control.splitlines()))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", unpacked, made], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(unpacked)
    return made


def upgraded(checks: Checks, root: Root, director: Director, package: str):
    before = director.pids()
    root.run("fairlead", "real", "set", "web", "192.0.2.11:80", "--weight", "7")
    made = next_package(package, f"{root.path}/tmp")
    root.make_systemd()
    done = root.run("dpkg", "-i", "/tmp/fairlead_next.deb")
    checks.equal("upgrade: systemd reads the unit anew and stops nothing", root.asked_of_systemd(),
                 ["systemctl --system daemon-reload"])
    root.remove_systemd()
    os.unlink(made)
    if not checks.that("upgrade: dpkg ends well", done.returncode == 0, done.stdout):
        return
    is_over = wait_until(lambda: director.process.poll() == 0 and len(director.pids()) == 1)
    checks.that("upgrade: another process forwards", is_over and director.pids() != before,
                f"{before} → {director.pids()}\n{done.stdout}\n{director.words()}")
    checks.that("upgrade: it is ready", director.is_ready(), director.words())
    reals = json.loads(root.said("fairlead", "-o", "json", "real", "list", "web") or "{}")
    checks.that("upgrade: a change by hand is still there", '"weight": 7' in json.dumps(reals), reals)


def removed(checks: Checks, root: Root, director: Director):
    """Removed with a director that runs, and a systemd that writes down what it is asked."""
    root.make_systemd()
    done = root.run("dpkg", "-r", "fairlead")
    checks.that("remove: dpkg ends well", done.returncode == 0, done.stdout)
    checks.that("remove: systemd is told to stop the unit, before it reads the units anew",
                [line for line in root.asked_of_systemd() if "stop" in line or "reload" in line] ==
                ["deb-systemd-invoke stop fairleadd.service", "systemctl --system daemon-reload"],
                root.asked_of_systemd())
    root.remove_systemd()
    checks.equal("remove: no director is left", director.pids(), [])
    checks.equal("remove: the interface is the machine's again", run("tc", "filter", "show", "dev", "veth0", "ingress").stdout, "")
    director.stop()


def live(checks: Checks, path: str, package: str):
    if not package:
        built = run("scripts/package", "--lint", cwd=ROOT, timeout=3600)
        if not checks.that("it is built, and lintian sees no error", built.returncode == 0, built.stdout[-3000:]):
            return
        package = f"{ROOT}/{built.stdout.splitlines()[-1]}"
    root = Root(path)
    root.prepare()
    shutil.copy(package, f"{path}/tmp/fairlead.deb")
    needs = run("dpkg-deb", "-f", package, "Depends").stdout.strip()
    root.run("apt-get", "-qq", "update")
    done = root.run("apt-get", "-qq", "satisfy", "-y", "--no-install-recommends", needs)
    if not checks.that("what it depends on can be installed", done.returncode == 0, done.stdout[-3000:]):
        return
    isolate()
    before = root.snapshot()
    done = root.run("dpkg", "-i", "/tmp/fairlead.deb")
    if not checks.that("install", done.returncode == 0, done.stdout):
        return
    installed(checks, root)
    director = Director(root)
    if checks.that("it forwards", wait_until(director.is_ready), director.words()):
        upgraded(checks, root, director, package)
    checks.that("there is something to purge", root.has("/dev/shm/fairlead-lifecycle"))
    removed(checks, root, director)
    checks.that("remove: the programs are gone", not root.has("/usr/sbin/fairleadd") and not root.has("/usr/bin/fairlead"))
    checks.that("remove: configuration and state stay", root.has(ETC) and root.has("/dev/shm/fairlead-lifecycle"))
    done = root.run("dpkg", "-P", "fairlead")
    checks.that("purge: dpkg ends well", done.returncode == 0, done.stdout)
    after = root.snapshot()
    checks.equal("purge: nothing is left, nothing is missing", (sorted(after - before), sorted(before - after)), ([], []))


def isolate():
    """A network of its own: a director closes interfaces to the kernel, and opens them again."""
    # os.unshare is newer than Debian 12's Python.
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newnet = 0x40000000
    if libc.unshare(clone_newnet) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
    for words in (["link", "set", "lo", "up"], ["link", "add", "veth0", "type", "veth", "peer", "name", "veth1"],
                  ["link", "set", "veth0", "up"], ["link", "set", "veth1", "up"]):
        subprocess.run(["ip", *words], check=True)
