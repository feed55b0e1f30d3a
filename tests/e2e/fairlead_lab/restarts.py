"""What must survive when the director's process ends: downloads, clients' real servers, counters, changes by hand."""

import random
import re
import time

from . import addresses as at, client, configuration
from .case import LabTest

DOWNLOADS = 200
DOWNLOAD_BYTES = 1 << 20
CLIENTS = [f"198.18.1.{n}" for n in range(1, 101)]
CLIENTS6 = [f"2001:db8:2::1:{n:x}" for n in range(1, 101)]


class RestartTest(LabTest):
    """Established downloads and persistent clients of one method over `rounds` ends of the process."""

    method, vip, vip6 = "nat", at.VIP, at.VIP6
    rounds = 3

    @classmethod
    def services(cls) -> list:
        def service(name, address, port, real, **more):
            return {"name": name, "address": address, "protocol": "tcp", "port": port, "scheduler": "rr",
                    "forward": cls.method, "reals": [{"address": real(index)} for index in (1, 2, 3)], **more}
        sticky = {"persistence": {"timeout": "10m"}}
        services = [service("web", cls.vip, 80, at.real_address),
                    service("shop", cls.vip, 8080, at.real_address, **sticky)]
        if cls.vip6:
            services += [service("web6", cls.vip6, 80, at.real_address6),
                         service("shop6", cls.vip6, 8080, at.real_address6, **sticky)]
        return services

    @classmethod
    def configure(cls) -> dict:
        config = configuration(cls.services())
        config["director"]["arena"] = cls.director.arena
        return config

    def families(self) -> list:
        """(service address, as in a URL, clients)"""
        families = [(self.vip, self.vip, CLIENTS)]
        if self.vip6:
            families.append((self.vip6, f"[{self.vip6}]", CLIENTS6))
        return families

    def places(self) -> list:
        return [client.spread(self.lab, f"http://{url}:8080/", clients) for _, url, clients in self.families()]

    def diff(self) -> str:
        """What differs from the file by hand."""
        return self.director.cli("diff").stdout

    def begin_downloads(self) -> list:
        count = DOWNLOADS // len(self.families())
        begun = []
        for address, _, clients in self.families():
            begun.append(client.Downloads(self.lab, address, count, clients, length=DOWNLOAD_BYTES))
            self.addCleanup(begun[-1].kill)
        return begun

    def nothing_is_lost(self, end):
        """`end()` ends the process, now or in a moment, and returns when its successor is ready."""
        places = self.places()
        downloads = self.begin_downloads()
        before = self.director.metrics()
        diff = self.diff()
        with client.Loops(self.lab, f"http://{self.vip}/", 20) as loops:
            time.sleep(random.uniform(0, 1))
            end()
        self.assertEqual(loops.failures, [], "a request failed")
        for one in downloads:
            self.assertEqual(one.finish(), one.all_complete())
        self.assertEqual(self.places(), places, "a client has moved")
        self.assertEqual(self.diff(), diff)
        after = self.director.metrics()
        for sample, value in before.items():
            if re.match(r"fairlead_(service|real)_.*_total", sample):
                self.assertGreaterEqual(after.get(sample, -1), value, sample)
