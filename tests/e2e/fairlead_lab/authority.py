"""Certificates and tokens of a lab, made by openssl.

    ours = Authority(f"{lab.state}/ours")
    ours.file                                   # the certificate of the authority
    ours.issue("ops")                           # a path: certificate and key in one PEM file, mode 0600
    ours.issue("late", "-not_after", …)
"""

import os

from .shell import run


class Authority:
    def __init__(self, folder: str):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.key, self.file = f"{folder}/ca.key", f"{folder}/ca.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={os.path.basename(folder)}", "-keyout", self.key, "-out", self.file)

    def issue(self, name: str, addresses=(), days: int = 1) -> str:
        """`days` below 0: it has ended."""
        path, request = f"{self.folder}/{name}.pem", f"{self.folder}/{name}.csr"
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", f"{path}.key", "-out", request)
        extensions = f"{self.folder}/{name}.ext"
        with open(extensions, "w") as file:
            names = ",".join(f"IP:{address}" for address in addresses) or f"DNS:{name}"
            file.write(f"basicConstraints=CA:FALSE\nsubjectAltName={names}\n")
        run("openssl", "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-days", str(days),
            "-extfile", extensions, "-out", path)
        with open(path, "a") as both, open(f"{path}.key") as key:
            both.write(key.read())
        os.chmod(path, 0o600)
        return path


def write_secret(path: str, text: str, mode: int = 0o600) -> str:
    """Replaced at one go, as an operator should."""
    with open(f"{path}.new", "w") as file:
        os.chmod(f"{path}.new", mode)
        file.write(text)
    os.rename(f"{path}.new", path)
    return path
