"""keepalived's file changes fifty times at random, and the director's is read again each time, while clients ask."""

import random

from fairlead_lab import addresses as at, client
from fairlead_lab.keepalived import GLOBAL, KeepalivedTest, director_configuration, real, reals, url, virtual, wait_table

ROUNDS = 50
PORTS = range(9401, 9409)
STEADY = 9400


class ManyReloads(KeepalivedTest):
    worker_counts = (1, 2)

    @classmethod
    def configure(cls) -> dict:
        return director_configuration(api={"listen": [cls.director.api], "on_reload": "keep"})

    @classmethod
    def conf(cls) -> str:
        return cls.conf_of({})

    @classmethod
    def conf_of(cls, services: dict) -> str:
        """{port: {real server: weight}}, and the one that stays."""
        return GLOBAL + "".join(
            virtual(f"{at.VIP} {port}", "".join(real(i, cls.checked.misc(i), weight) for i, weight in pool.items()), "wrr")
            for port, pool in {STEADY: {1: 1, 2: 1}, **services}.items())

    def test_fifty(self):
        seed = random.randrange(1 << 30)
        print(f"seed {seed}", flush=True)
        chance = random.Random(seed)
        with client.Loops(self.lab, url(STEADY), 20) as loops:
            for _ in range(ROUNDS):
                services = {port: {i: chance.randint(1, 5) for i in chance.sample(list(self.lab.reals), chance.randint(1, 4))}
                            for port in chance.sample(PORTS, chance.randint(0, len(PORTS)))}
                self.keepalived.reload(self.conf_of(services))
                expected = {f"tcp {at.VIP}:{port}": None for port in PORTS}
                for port, pool in services.items():
                    expected[f"tcp {at.VIP}:{port}"] = {f"{at.real_address(i)}:80": w for i, w in pool.items()}
                wait_table(self.director, {**expected, f"tcp {at.VIP}:{STEADY}": reals(1, 2)}, f"{services} of seed {seed}")
                for port, pool in services.items():
                    self.assertLessEqual(self.names(url(port), 4), {at.real_name(i) for i in pool})
                self.director.cli("reload")
        self.assertEqual(loops.failures, [])
