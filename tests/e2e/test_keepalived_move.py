"""docs/keepalived.md, followed to the letter: a keepalived.conf moves in, and two directors take turns by scripts."""

import os
import re
import shutil
import subprocess
import time

from fairlead_lab import addresses as at, servers
from fairlead_lab.director import device
from fairlead_lab.keepalived import (GLOBAL, TWIN, KeepalivedTest, PairTest, director_configuration, real, reals, table,
                                     url, virtual, vrrp, wait_table)
from fairlead_lab.lab import ROOT
from fairlead_lab.shell import run, wait_until

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
ANNOUNCE = f"{ROOT}/packaging/fairlead-announce"


def page() -> str:
    with open(f"{ROOT}/docs/keepalived.md") as file:
        return file.read()


def yaml_of_page(first_line: str) -> str:
    """The example of the page that begins so, without its indentation."""
    block = re.search(rf"```yaml\n( *){re.escape(first_line)}\n.*?```", page(), re.S)
    return "".join(line[len(block[1]):] for line in block[0].splitlines(keepends=True)[1:-1])


def moved(conf: str) -> str:
    """Step 2 of the page: names of interfaces, a longer interval, and the delays."""
    conf = re.sub(r"\beth0(?!:)", "fl-outside", conf)
    conf = re.sub(r"\beth1\b", "fl-inside", conf)
    conf = conf.replace("advert_int 1\n", "advert_int 3\n")
    return conf + "\ninterface_up_down_delays {\n  fl-outside 5\n  fl-inside 5\n}\n"


class Moved(KeepalivedTest):
    """One machine: VRRP with two instances, a mark with DR, NAT behind VRRP's gateway, scripts, a sorry server."""

    MARK, MAIL = "mark 7", f"tcp {at.VIP}:5000"
    SHOP = {f"{at.real_address(1)}:0": 2, f"{at.real_address(2)}:0": 1}

    @classmethod
    def configure(cls):
        """The page's examples, with the lab's devices, next hop and socket, and the address of this set-up's mark."""
        text = "director: { arena: none, idle: sleep, hugepages: off, connections: 65536 }\n"
        text += yaml_of_page("version: 1") + yaml_of_page("classifier:").replace(at.VIP, at.VIP_DR)
        for address, port in (("0000:3b:00.0", "outside"), ("0000:3b:00.1", "inside")):
            text = text.replace(f'"{address}"', f'"{device(port, cls.workers)}"')
        text = text.replace("via: 192.0.2.1 ", f"via: {at.CLIENT} ").replace("/run/fairlead/", f"{cls.lab.state}/")
        cls.director.write_text(text)

    @classmethod
    def conf(cls) -> str:
        cls.checked.script("notify", f"echo $1 >> {cls.lab.state}/notified")
        cls.checked.script("check", "exec curl -sf -o /dev/null --max-time 2 http://$1:$2/health")
        with open(f"{DATA}/keepalived.conf") as file:
            return moved(file.read().replace("SCRIPTS", cls.lab.state))

    def tearDown(self):
        for index in self.lab.reals:
            servers.ensure_nginx(self.lab, index)
        super().tearDown()

    def notified(self) -> list:
        with open(f"{self.lab.state}/notified") as file:
            return file.read().split()

    def test_1_it_runs(self):
        wait_table(self.director, {self.MARK: self.SHOP, self.MAIL: {f"{at.real_address(2)}:5000": 3,
                                                                    f"{at.real_address(3)}:5000": 1}}, "set up")
        self.keepalived.wait_said("(inside) Entering MASTER STATE")
        self.keepalived.wait_said("(outside) Entering MASTER STATE")
        self.assertEqual(self.names(url(80, at.VIP_DR)), {"real1", "real2"})
        self.assertEqual(self.names(url(5000)), {"real2", "real3"})
        self.assertEqual(self.notified()[:1], ["web-up"])
        wait_until(lambda: "master" in self.notified(), "the script of VRRP has been run")

    def test_2_the_commands_of_the_page(self):
        self.assertIn("FWM  7 wlc persistent 360\n", self.keepalived.ipvsadm("-Ln"))
        self.assertIn("2 services, 4 of 4 reals up, 4 of them unchecked\n", self.director.cli("status").stdout)
        self.assertIn("by ipvs: keepalived, pid ", self.director.cli("diff").stdout)
        explained = self.director.cli("explain", "198.51.100.7", f"{at.VIP_DR}:80/tcp").stdout
        self.assertRegex(explained, r"10\.0\.0\.1[12]")

    def test_3_the_sorry_server(self):
        for index in (1, 2):
            servers.stop_nginx(self.lab, index)
        wait_table(self.director, {self.MARK: {f"{at.real_address(4)}:0": 1}, self.MAIL: {f"{at.real_address(3)}:5000": 1}},
                   "the sorry server, and what is left")
        self.assertEqual(self.names(url(80, at.VIP_DR)), {"real4"})
        self.assertEqual(self.names(url(5000)), {"real3"})
        wait_until(lambda: self.notified()[-1] == "web-down", "the script of the quorum has been run")
        for index in (1, 2):
            servers.start_nginx(self.lab, index)
        wait_table(self.director, {self.MARK: self.SHOP}, "all")

    def test_4_a_reload_of_the_director_keeps_it(self):
        with open(self.director.config_path) as file:
            text = file.read()
        before = table(self.director)
        self.director.write_text(text + "\npolicy: { expire_quiescent_template: true }\n")
        done = self.director.cli("reload")  # asks nothing, since nothing is taken away
        change = "policy.expire_quiescent_template false → true\n"
        self.assertRegex(done.stdout, rf"^generation \d+: 3 changes\n(  service \S+: {change}){{2}}  {change}$")
        self.assertEqual(table(self.director), before)
        self.assertEqual(self.names(url(80, at.VIP_DR)), {"real1", "real2"})


class Pair(PairTest):
    """Of two machines, with packaging/fairlead-announce itself: the other one is master, goes, and this one answers."""

    WEB = f"tcp {at.VIP2}:80"
    PEER_ADDRESS = "192.0.2.90"

    @classmethod
    def configure(cls) -> dict:
        gateway = {"name": "gateway", "address": "10.0.0.2", "protocol": "tcp", "port": 9, "reals": []}
        config = director_configuration(policy={"announce": "never"})
        config.update(services=[gateway], api={"listen": [cls.director.api], "on_reload": "keep"})
        config["director"]["arena"] = cls.lab.arena
        return config

    @classmethod
    def conf(cls) -> str:
        notify = "".join(f'  notify_{state} "{ANNOUNCE} {wish}" root\n' for state, wish in (
            ("master", "always"), ("backup", "never"), ("fault", "never"), ("stop", "never")))
        instance = vrrp("director", TWIN, 100, "192.0.2.90").rstrip("}\n") + f"}}\n{notify}}}\n"
        return GLOBAL + instance + virtual(f"{at.VIP2} 80", real(1))

    @classmethod
    def setUpClass(cls):
        os.environ["FAIRLEAD_API_SOCKET"] = f"{cls.lab.state}/api.sock"
        os.environ["FAIRLEAD_ANNOUNCE_STATE"] = f"{cls.lab.state}/announce"
        shutil.rmtree(cls.lab.arena, ignore_errors=True)
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.lab.arena, ignore_errors=True)

    def is_answered(self, namespace, address: str) -> bool:
        namespace.ip("neigh flush all")
        return " 1 received" in namespace.run("ping", "-n", "-c1", "-W1", address, check=False).stdout

    def announced(self) -> set:
        """Addresses that somebody answers for."""
        return {address for namespace, address in ((self.lab.client, at.VIP2), (self.lab.reals[1], "10.0.0.2"))
                if self.is_answered(namespace, address)}

    def test_1_a_backup_does_not_answer(self):
        wait_table(self.director, {self.WEB: reals(1)}, "its services are there all the same")
        self.keepalived.wait_said("(director) Entering BACKUP STATE")
        self.assertEqual(self.announced(), set())

    def test_2_a_master_answers(self):
        self.peer.stop()
        self.keepalived.wait_said("(director) Entering MASTER STATE")
        wait_until(lambda: self.announced() == {at.VIP2, "10.0.0.2"}, "both are answered for")
        self.assertEqual(self.names(url(80, at.VIP2), 4), {"real1"})
        self.director.cli("reload")
        self.director.crash()
        wait_until(lambda: self.announced() == {at.VIP2, "10.0.0.2"}, "over a reload and a crash")

    def test_3_the_last_of_those_who_wait_counts(self):
        self.keepalived.stop()  # else it would have a last word of its own, when its interface is back
        wait_until(lambda: self.announced() == set(), "it has said that it stops")
        self.director.kill()
        first = subprocess.Popen([ANNOUNCE, "never"])
        time.sleep(0.5)
        second = subprocess.Popen([ANNOUNCE, "always"])
        time.sleep(0.5)
        third = subprocess.Popen([ANNOUNCE, "never"])
        time.sleep(0.5)
        self.director.start()
        self.assertEqual([waiting.wait(timeout=60) for waiting in (first, second, third)], [0, 0, 0])
        self.assertEqual(self.announced(), set())
        self.assertEqual(run(ANNOUNCE, "sometimes", check=False).returncode, 2)
        run(ANNOUNCE, "always")
        wait_until(lambda: self.announced() == {"10.0.0.2"}, "what the file names is answered for")
        self.keepalived.start(self.conf())
        self.keepalived.wait_said("(director) Entering MASTER STATE")
        wait_until(lambda: self.announced() == {at.VIP2, "10.0.0.2"}, "the master answers again")

    def test_4_who_stops_does_not_answer(self):
        self.keepalived.stop()
        wait_until(lambda: self.announced() == set(), "nobody answers")
