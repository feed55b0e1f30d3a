"""What checks say, as traffic: who starts down, quorum and hysteresis, weights that checks set, slow start. The shares
are counted at the real servers, in connections that they have accepted."""

from collections import Counter

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest
from fairlead_lab.gates import Gates
from fairlead_lab.shell import wait_until

FALLBACK = 4
INITIAL, QUORUM, WEIGHTS, SLOW = 80, 443, 5000, 8080  # a service each


class ChecksInTraffic(LabTest):
    worker_counts = (1, 2)

    @classmethod
    def configure(cls):
        cls.gates = gates = Gates(cls.lab)

        def service(name, port, weights, health, **more):
            for index in range(1, len(weights) + 1):
                gates.say(name, index, 1 if name == "initial" else 0)
            return {"name": name, "address": at.VIP, "protocol": "tcp", "port": port, "scheduler": "wrr",
                    "health": gates.check(name, **health), **more,
                    "reals": [{"address": at.real_address(index), "weight": weight}
                              for index, weight in enumerate(weights, 1)]}
        return configuration([
            service("initial", INITIAL, (1, 1, 1), {"initial": "down", "rise": 5}),
            service("quorum", QUORUM, (2, 2, 1), {}, quorum=3, hysteresis=1,
                    fallback={"address": at.real_address(FALLBACK)}),
            service("weights", WEIGHTS, (100, 100), {"sets_weight": True}),
            service("slow", SLOW, (100, 100), {"slow_start": "10s"})])

    def value(self, name: str, service: str, index: int = 0) -> float:
        labels = {"real": f"{at.real_address(index)}:{self.port[service]}"} if index else {}
        return self.director.metric(f"fairlead_{name}", service=service, **labels)

    port = {"initial": INITIAL, "quorum": QUORUM, "weights": WEIGHTS, "slow": SLOW}

    def say(self, service: str, index: int, status, up: int):
        self.gates.say(service, index, status)
        wait_until(lambda: self.value("real_up", service, index) == up, f"{service}: real{index} is {up}")

    def accepted(self) -> Counter:
        """Connections that each real server has taken so far, by its kernel. The checks make none."""
        counts = Counter()
        for index, real in self.lab.reals.items():
            names, values = (line.split() for line in real.run("cat", "/proc/net/snmp").stdout.splitlines()
                             if line.startswith("Tcp:"))
            counts[index] = int(values[names.index("PassiveOpens")])
        return counts

    def shares(self, service: str, requests: int) -> dict:
        """{real server: connections} of that many requests, all of which are answered."""
        before = self.accepted()
        sources = [f"198.18.{n // 250}.{1 + n % 250}" for n in range(requests)]
        names = client.spread(self.lab, f"http://{at.VIP}:{self.port[service]}/", sources)
        shares = self.accepted() - before
        self.assertEqual(Counter(names), Counter({f"real{index}": n for index, n in shares.items()}))
        self.assertEqual(len(names), requests)
        return dict(shares)

    def test_who_starts_down_waits_for_a_good_answer(self):
        def details():
            reals = self.director.json("real", "list", "initial")["reals"]
            return [real["health_detail"] for real in reals]
        wait_until(lambda: details() == ["exit status 1"] * 3, "each has been asked")
        before = self.accepted()
        for _ in range(3):
            self.assertNotEqual(client.curl(self.lab, f"http://{at.VIP}/", "-m", "1", check=False).returncode, 0)
        self.assertEqual(self.accepted(), before)
        self.say("initial", 2, 0, up=1)  # one good answer is enough, whatever `rise` says
        self.assertEqual(self.shares("initial", 6), {2: 6})
        self.assertEqual(self.value("real_downs_total", "initial"), 0)
        self.assertEqual(self.value("service_reals_up", "initial"), 1)
        log = self.director.log_since_start()
        self.assertEqual(log.count("services=initial"), 1, "it is told once, and nothing of those that stay down")

    def quorum_is(self, living: int, has: bool, used: set):
        for name, value in (("living_weight", living), ("has_quorum", has), ("on_fallback", not has)):
            wait_until(lambda: self.value(f"service_{name}", "quorum") == value, f"{name} is {value}")
        self.assertEqual(set(self.shares("quorum", 15)), used)

    def test_quorum_and_hysteresis(self):
        self.quorum_is(5, True, {1, 2, 3})
        self.say("quorum", 1, 1, up=0)
        self.quorum_is(3, True, {2, 3})
        self.say("quorum", 2, 1, up=0)
        self.quorum_is(1, False, {FALLBACK})  # below 3 - 1
        self.say("quorum", 2, 0, up=1)
        self.quorum_is(3, False, {FALLBACK})  # not yet 3 + 1
        self.say("quorum", 1, 0, up=1)
        self.quorum_is(5, True, {1, 2, 3})
        for index in (1, 2, 3):
            self.say("quorum", index, 1, up=0)
        self.quorum_is(0, False, {FALLBACK})
        for index in (1, 2, 3):
            self.say("quorum", index, 0, up=1)
        self.quorum_is(5, True, {1, 2, 3})

    def assert_shares(self, shares: dict, weights: dict):
        """Each worker goes round by itself and may stop on the way: a few more or less."""
        requests, total = sum(shares.values()), sum(weights.values())
        for index, weight in weights.items():
            self.assertAlmostEqual(shares.get(index, 0), requests * weight / total, delta=requests / 20 + 1, msg=shares)

    def test_a_script_sets_the_weight(self):
        self.assert_shares(self.shares("weights", 60), {1: 100, 2: 100})
        self.say("weights", 1, 2 + 50, up=1)
        wait_until(lambda: self.value("real_weight", "weights", 1) == 50, "the weight is 50")
        self.assert_shares(self.shares("weights", 60), {1: 50, 2: 100})
        self.say("weights", 2, 2, up=1)
        wait_until(lambda: self.value("real_weight", "weights", 2) == 0, "the weight is 0")
        self.assertEqual(self.shares("weights", 10), {1: 10})
        self.assertEqual(self.value("real_up", "weights"), 2)
        self.say("weights", 2, 2 + 200, up=1)
        wait_until(lambda: self.value("real_weight", "weights", 2) == 200, "the weight is 200")
        self.say("weights", 1, 0, up=1)  # the weight that was said last
        self.assert_shares(self.shares("weights", 60), {1: 50, 2: 200})

    def test_slow_start(self):
        self.assert_shares(self.shares("slow", 20), {1: 1, 2: 1})
        self.say("slow", 2, 1, up=0)
        self.assertEqual(self.shares("slow", 6), {1: 6})
        self.say("slow", 2, 0, up=1)
        seen = []
        while True:
            before = self.value("real_weight", "slow", 2) / self.value("real_weight", "slow", 1)
            shares = self.shares("slow", 40)
            after = self.value("real_weight", "slow", 2) / self.value("real_weight", "slow", 1)
            # The schedulers may have seen any weight between the two, and go round anew with each.
            self.assertGreaterEqual(shares.get(2, 0), 40 * before / (1 + before) - 8, (shares, before, after))
            self.assertLessEqual(shares.get(2, 0), 40 * after / (1 + after) + 8, (shares, before, after))
            seen.append(shares.get(2, 0))
            if before == 1:
                break
        self.assertLess(seen[0], 16, seen)
        self.assert_shares({1: 40 - seen[-1], 2: seen[-1]}, {1: 1, 2: 1})
