"""A second Fairlead director beside the first one, in its namespace.

It has no line: it keeps what the first one tells it.

    first.start(with_peer("first", "second"))
    second = Second(lab, workers=1)
    second.start(with_peer("second", "first"))
"""

import os

from . import addresses as at
from .director import Director, configuration

PORTS = {"first": 8849, "second": 8859}


def with_peer(own: str, other: str, **sync) -> dict:
    """One service by DR, so that a director that is away is missed by clients' packets alone."""
    service = {"name": "dr", "address": at.VIP_DR, "protocol": "tcp", "port": 80, "scheduler": "rr", "forward": "dr",
               "reals": [{"address": at.real_address(1)}, {"address": at.real_address(2)}]}
    stream = {"name": own, "listen": f"127.0.0.1:{PORTS[own]}",
              "peers": [{"name": other, "address": f"127.0.0.1:{PORTS[other]}"}], "ready_timeout": "1s", **sync}
    return configuration([service], sync=stream, policy={"unknown_connections": "drop"})


def sync_key(lab) -> str:
    """The file with the key that directors of the lab share."""
    path = f"{lab.state}/sync.key"
    if not os.path.exists(path):
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write("0123456789abcdef0123456789abcdef\n")
    return path


class Second(Director):
    listen = ()  # of its API, beside its socket

    def __init__(self, lab, workers: int):
        super().__init__(lab, workers)
        self.socket = f"{lab.state}/second.sock"
        self.api = f"unix:{self.socket}"
        self.config_path = f"{lab.state}/second.yaml"
        self.log = f"{lab.state}/second.log"
        self.reports = f"{lab.state}/second-sanitizer"

    def write(self, config: dict, path: str = "") -> str:
        config["director"]["name"] = "second"
        config["ports"] = [{"name": "none", "device": "net_null0,no-rx=1", "exception": "none",
                            "addresses": ["10.0.0.250/24"]}]
        config["routes"] = []
        config["api"] = {"listen": [self.api, *self.listen], "ipvs_socket": f"{self.lab.state}/second-ipvs.sock"}
        return super().write(config, path)
