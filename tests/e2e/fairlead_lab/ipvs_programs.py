"""Programs of the kernel's IPVS against the director of a test: `fairlead ipvs-exec`, in the director's namespace.

    class Listings(IpvsTest):
        def test_lists(self):
            self.assertEqual(self.ipvsadm("-A -t 192.0.2.80:80").returncode, 0)
            print(self.listing("-Ln"))

`ipvsadm` is Debian's own: it speaks generic netlink, and libfairlead-ipvs.so leads it to the director's socket.
"""

import os
import subprocess
import sys

from .case import LabTest
from .director import BUILD, configuration

HEAD = "IP Virtual Server version 1.2.1 (size=4096)\n"
SERVICES = ("Prot LocalAddress:Port Scheduler Flags\n"
            "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n")
RAW_IPVS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "raw_ipvs.py")


class IpvsTest(LabTest):
    worker_counts = (1,)

    @classmethod
    def configure(cls):
        return configuration([])

    @staticmethod
    def words_for(lab, *command) -> list:
        return [f"{BUILD}/src/cli/fairlead", "ipvs-exec", "--socket", f"{lab.state}/ipvs.sock", *command]

    @classmethod
    def program(cls, *command, check: bool = False, **options) -> subprocess.CompletedProcess:
        """Runs to its end, with the library."""
        options.setdefault("env", {**os.environ, "LC_ALL": "C"})
        return cls.lab.director.run(*cls.words_for(cls.lab, *command), check=check, **options)

    def ipvsadm(self, line: str, **options) -> subprocess.CompletedProcess:
        return self.program("ipvsadm", *line.split(), **options)

    def listing(self, line: str) -> str:
        """What it prints when all went well."""
        done = self.ipvsadm(line)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"ipvsadm {line}")
        return done.stdout

    def restore(self, lines: str):
        """ipvsadm -R: one process for all of them."""
        done = self.program("ipvsadm", "-R", input=lines)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    @classmethod
    def measured(cls, output: str, *command) -> tuple:
        """Runs with the library, standard output to that file: (seconds, most bytes of memory of it or its children)."""
        code = ("import os,resource,subprocess,sys,time\n"
                "start=time.monotonic()\n"
                "with open(sys.argv[1],'wb') as out: code=subprocess.run(sys.argv[2:],stdout=out).returncode\n"
                "print(time.monotonic()-start,resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss*1024)\n"
                "sys.exit(code)\n")
        done = cls.lab.director.run(sys.executable, "-c", code, output, *cls.words_for(cls.lab, *command), timeout=300)
        seconds, size = done.stdout.split()
        return float(seconds), int(size)

    def resident_bytes(self, pid: int = 0) -> int:
        """Of the daemon, or of a process."""
        with open(f"/proc/{pid or self.director.process.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))
