"""A SYN flood that no table could hold, and the clients that come beside it."""

import time

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.flood import Flood, mac_of

CONNECTIONS = 4096
RATE = 5000
CLIENTS = 30
NOBODY = "11.0.0.0/8"  # addresses that are sent answers and give none
DEFENCES = {"drop_entry": "auto", "drop_packet": "auto", "secure_tcp": "auto"}


class AFloodLeavesRoomForClients(LabTest):
    @classmethod
    def configure(cls):
        reals = [{"address": at.real_address(index)} for index in (1, 2, 3)]
        web = {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "reals": reals}
        shop = {"name": "shop", "address": at.VIP2, "protocol": "tcp", "port": 80, "reals": reals,
                "persistence": {"timeout": "10m"}}
        config = configuration([web, shop], policy=DEFENCES)
        config["director"]["connections"] = CONNECTIONS
        return config

    def flood(self, vip: str) -> Flood:
        mac = mac_of(self.lab.director, "outside")
        return Flood(self.lab.client, "outside", mac, NOBODY, vip, kind="syn", port=80, rate=RATE, seconds=60)

    def served(self, vip: str, network: str) -> int:
        sources = [f"{network}.{host}" for host in range(1, CLIENTS + 1)]
        return sum(answer.startswith("real") for answer in client.spread(self.lab, f"http://{vip}/", sources))

    def test_new_clients_of_every_service_are_served(self):
        for number, vip in enumerate((at.VIP, at.VIP2)):
            with self.flood(vip) as flood:
                time.sleep(3)  # until the table is full
                web = self.served(at.VIP, f"198.18.{number}")
                shop = self.served(at.VIP2, f"198.19.{number}")
            print(f"flood of {flood.sent} at {vip}: {web} and {shop} of {CLIENTS} served")
            self.assertGreater(flood.sent, 3 * CONNECTIONS)
            self.assertGreaterEqual(web, CLIENTS - 2)
            self.assertGreaterEqual(shop, CLIENTS - 2)
            self.assertGreater(self.director.metric("fairlead_worker_defence_connections_total"), CONNECTIONS)
