"""What keepalived's checkers ask on each real server, what makes their checks fail, and the checkers themselves.

    checked = CheckedServers(lab)
    checked.start()
    checked.break_(2, "smtp")                # the SMTP check of the second fails
    checked.mend(2)                          # and all of its are right again
    text = checked.checks(2)["smtp"]         # the checker, as keepalived.conf has it
"""

import hashlib
import os
import subprocess
import sys

from . import addresses as at
from .checked_answers import PAGE, PORTS
from .shell import run, wait_until


class CheckedServers:
    """The servers of checked_answers.py on each real server."""

    def __init__(self, lab):
        self.lab = lab
        self.processes = []
        self.certificate = f"{lab.state}/checked.pem"
        for index in lab.reals:
            os.makedirs(self.folder(index), exist_ok=True)
            self.mend(index)

    def folder(self, index: int) -> str:
        return f"{self.lab.state}/checked-{at.real_name(index)}"

    def start(self):
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=real",
            "-keyout", self.certificate, "-out", f"{self.certificate}.crt")
        with open(f"{self.certificate}.crt") as certificate, open(self.certificate, "a") as both:
            both.write(certificate.read())
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "checked_answers.py")
        for index in self.lab.reals:
            with open(f"{self.folder(index)}.log", "w") as log:
                self.processes.append(self.lab.reals[index].spawn(
                    sys.executable, script, self.folder(index), self.certificate, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log))
        for index in self.lab.reals:
            wait_until(lambda: f":{PORTS['tcp']} " in self.lab.reals[index].run("ss", "-Hltn").stdout,
                       f"the checked servers of {at.real_name(index)} listen")

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes = []
        for index in self.lab.reals:
            self.mend(index)

    def break_(self, index: int, *checks: str):
        for check in checks:
            if check == "ping":
                self._ignore_pings(index, 1)
            else:
                open(f"{self.folder(index)}/{check}", "w").close()

    def mend(self, index: int, *checks: str):
        """Those; all of them, when none is named."""
        for check in checks or os.listdir(self.folder(index)) + ["ping"]:
            if check == "ping":
                self._ignore_pings(index, 0)
            elif os.path.exists(f"{self.folder(index)}/{check}"):
                os.unlink(f"{self.folder(index)}/{check}")

    def _ignore_pings(self, index: int, value: int):
        self.lab.reals[index].sysctl(net__ipv4__icmp_echo_ignore_all=value)

    def misc(self, index: int, name: str = "misc", more: str = "") -> str:
        """A MISC_CHECK that fails while `name` is broken."""
        return (f"    MISC_CHECK {{\n      misc_path \"/usr/bin/test ! -e {self.folder(index)}/{name}\"\n"
                f"      misc_timeout 10\n      retry 0\n{more}    }}\n")

    def script(self, name: str, line: str) -> str:
        """The path of a shell script of one line. keepalived runs none that others than root may write."""
        path = f"{self.lab.state}/{name}.sh"
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\n{line}\n")
        os.chmod(path, 0o755)
        return path

    def checks(self, index: int) -> dict:
        """Of that real server, by what makes them fail: the text of its checker in keepalived.conf."""
        def get(word: str, port: int, question: str) -> str:
            return (f"    {word} {{\n      connect_port {port}\n"
                    f"      url {{\n        path /\n        {question}\n      }}\n    }}\n")

        digest = hashlib.md5(PAGE.encode()).hexdigest()  # as genhash(1) prints it
        return {
            "tcp": f"    TCP_CHECK {{\n      connect_port {PORTS['tcp']}\n    }}\n",
            "status": get("HTTP_GET", PORTS["http"], "status_code 200"),
            "page": get("HTTP_GET", PORTS["http"], f"digest {digest}"),
            "page-regex": get("HTTP_GET", PORTS["http"],
                              'regex "^all is [a-z]+$"\n        regex_options multiline'),
            "tls": get("SSL_GET", PORTS["tls"], "status_code 200"),
            "misc": self.misc(index),
            "dns": f"    DNS_CHECK {{\n      connect_port {PORTS['dns']}\n      type A\n      name www.example.org\n"
                   "      retry 1\n    }\n",
            "smtp": f"    SMTP_CHECK {{\n      connect_port {PORTS['smtp']}\n      helo_name lab.example.org\n    }}\n",
            "udp": f"    UDP_CHECK {{\n      connect_port {PORTS['udp']}\n      connect_timeout 2\n"
                   "      payload 61 62\n      require_reply 70 6f 6e 67 20 61 XX\n      min_reply_length 7\n    }\n",
            "ping": "    PING_CHECK {\n      connect_timeout 2\n    }\n",
        }
