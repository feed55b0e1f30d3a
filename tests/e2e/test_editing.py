"""Changing services and real servers by hand under traffic: nobody notices, and a reload puts the file back in force."""

import time

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest

ROUNDS = 8
SOURCES = [f"198.51.100.{n}" for n in range(1, 19)]
ALL = {"real1", "real2", "real3"}


def web() -> dict:
    return {"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80, "scheduler": "wrr",
            "reals": [{"address": at.real_address(index)} for index in (1, 2, 3)]}


class EditingUnderLoad(LabTest):
    worker_counts = (2,)

    @classmethod
    def configure(cls):
        return configuration([web()])

    def change(self, *words) -> str:
        return self.director.cli(*words).stdout

    def test_reals_come_and_go_and_no_request_fails(self):
        third = at.real_address(3)
        generation = self.director.metric("fairlead_config_generation")
        with client.Loops(self.lab, f"http://{at.VIP}/", 50) as loops:
            time.sleep(1)
            for _ in range(ROUNDS):
                self.change("real", "set", "web", third, "--weight", "0")
                time.sleep(0.5)  # what runs there ends
                self.change("real", "remove", "web", third)
                time.sleep(0.2)
                self.change("real", "add", "web", third, "--weight", "2")
                time.sleep(0.3)
            time.sleep(0.5)
        self.assertEqual(loops.failures, [])
        self.assertEqual({name for _, _, name in loops.answers}, ALL)
        self.assertEqual(self.director.metric("fairlead_config_generation"), generation + 3 * ROUNDS)

    def test_a_service_that_is_added_serves_until_it_is_removed(self):
        url = f"http://{at.VIP2}:8080/"
        self.change("service", "add", f"{at.VIP2}:8080/tcp", "--name", "late", "--scheduler", "rr")
        for index in (1, 2, 3):
            self.change("real", "add", "late", at.real_address(index))
        names = client.spread(self.lab, url, SOURCES)
        self.assertEqual(set(names), ALL)  # each worker has a sequence of its own, so no exact shares
        self.assertIn("service late: added with 3 real servers", self.change("diff"))
        self.change("service", "remove", "late")
        self.assertNotIn("late", self.change("diff"))
        unanswered = client.curl(self.lab, url, "--connect-timeout", "1", check=False)
        self.assertNotEqual(unanswered.returncode, 0)

    def test_a_reload_puts_the_file_back_in_force(self):
        self.change("service", "edit", "web", "--scheduler", "rr")
        self.change("real", "remove", "web", at.real_address(1))
        names = client.spread(self.lab, f"http://{at.VIP}/", SOURCES)
        self.assertNotIn("real1", names)
        refused = self.director.cli("reload", check=False)
        self.assertEqual(refused.returncode, 4)  # a script, and changes by hand would go
        self.assertIn("service web: scheduler", refused.stderr)
        self.assertIn("would make", self.change("reload", "--dry-run"))
        self.director.cli("reload", "--yes")
        self.assertIn("nothing differs from", self.change("diff"))
        names = client.spread(self.lab, f"http://{at.VIP}/", SOURCES)
        self.assertEqual(set(names), ALL)  # each worker has a sequence of its own, so no exact shares
