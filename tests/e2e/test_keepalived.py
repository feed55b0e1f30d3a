"""Debian's keepalived, unmodified, in charge of the director's virtual servers: what its checks say, traffic follows."""

import os
import time

from fairlead_lab import addresses as at, client, wait_until
from fairlead_lab.keepalived import (GLOBAL, TWIN, Change, KeepalivedTest, PairTest, director_configuration, real, reals,
                                     table, url, virtual, vrrp, wait_table)


class Checkers(KeepalivedTest):
    """A service for each kind of check: the second real server's fails, and is right again."""

    PORTS = {kind: 9001 + n for n, kind in enumerate(
        ("tcp", "status", "page", "page-regex", "tls", "misc", "dns", "smtp", "udp", "ping"))}
    DYNAMIC = 9020

    @classmethod
    def conf(cls) -> str:
        checks = {index: cls.checked.checks(index) for index in (1, 2)}
        text = GLOBAL + "".join(virtual(f"{at.VIP} {port}", "".join(real(i, checks[i][kind]) for i in (1, 2)))
                                for kind, port in cls.PORTS.items())
        cls.set_exit_status(0)
        script = cls.checked.script("weight", f"exit $(cat {cls.status_file()})")
        dynamic = f"    MISC_CHECK {{\n      misc_path {script}\n      misc_dynamic\n      misc_timeout 10\n    }}\n"
        return text + virtual(f"{at.VIP} {cls.DYNAMIC}", real(1, weight=10) + real(2, dynamic, weight=10), "wrr")

    @classmethod
    def status_file(cls) -> str:
        return f"{cls.lab.state}/exit-status"

    @classmethod
    def set_exit_status(cls, status: int):
        with open(cls.status_file() + ".new", "w") as file:
            file.write(f"{status}\n")
        os.rename(cls.status_file() + ".new", cls.status_file())

    def tables(self, expected: dict) -> dict:
        return {f"tcp {at.VIP}:{port}": expected for port in self.PORTS.values()}

    def test_1_all_are_in_and_the_listing_is_the_kernels(self):
        wait_table(self.director, self.tables(reals(1, 2)), "all real servers are in")
        for port in self.PORTS.values():
            self.assertEqual(self.names(url(port), 4), {"real1", "real2"}, port)
        listed = self.keepalived.ipvsadm("-Ln", "-t", f"{at.VIP}:9001").splitlines()
        self.assertEqual(listed[2], "TCP  192.0.2.80:9001 rr")
        self.assertRegex(listed[3], r"^  -> 10\.0\.0\.11:80 +Masq +1 +\d+ +\d+ *$")
        self.assertRegex(self.director.cli("diff").stdout, r"by ipvs: keepalived, pid \d+, uid 0")

    def test_2_each_check_takes_a_real_server_out_and_in(self):
        urls = [url(port) for port in self.PORTS.values()]
        with client.Loops(self.lab, " ".join(urls), 5 * len(urls)) as loops:
            with Change() as out:
                self.checked.break_(2, "tcp", "status", "page", "tls", "misc", "dns", "smtp", "udp", "ping")
                wait_table(self.director, self.tables(reals(1)), "the second real server is out of each service")
            time.sleep(1)
            with Change() as back:
                self.checked.mend(2)
                wait_table(self.director, self.tables(reals(1, 2)), "it is in each service again")
            time.sleep(1)
        self.assert_steady(loops, out)
        self.assertEqual(self.names_between(loops, out, back), ["real1"])
        for port in self.PORTS.values():
            self.assertEqual(self.names(url(port), 4), {"real1", "real2"}, port)

    def test_3_a_script_sets_the_weight(self):
        key = f"tcp {at.VIP}:{self.DYNAMIC}"
        fixed = reals(1, weight=10)
        for status, expected in ((0, reals(2, weight=10)), (32, reals(2, weight=30)), (2, reals(2, weight=0)),
                                 (1, {}), (12, reals(2, weight=10))):
            self.set_exit_status(status)
            wait_table(self.director, {key: {**fixed, **expected}}, f"a script that ends with {status}")
            if status == 32:
                self.director.cli("ipvsadm", "-Z")
                self.assertEqual(self.names(url(self.DYNAMIC), 40), {"real1", "real2"})
                self.assertEqual(self.connections(key), {"10.0.0.11:80": 10, "10.0.0.12:80": 30})
            elif status == 2:
                self.assertEqual(self.names(url(self.DYNAMIC)), {"real1"})

    def connections(self, key: str) -> dict:
        """Of each real server, as Debian's ipvsadm counts them."""
        def counted():
            lines = self.keepalived.ipvsadm("-Ln", "--stats", "-t", key.split()[1]).splitlines()[3:]
            return {words[1]: int(words[2]) for words in map(str.split, lines)}
        try:
            wait_until(lambda: sum(counted().values()) == 40, "40 connections are counted", timeout=10)
        finally:
            return counted()


class Quorums(PairTest):
    """What becomes of a service as a whole: sorry server, scripts, weight 0 in place of removal, alpha, omega, ha_suspend."""

    QUORUM, INHIBIT, ALPHA, SUSPENDED = (f"tcp {at.VIP}:9101", f"tcp {at.VIP}:9102", f"tcp {at.VIP}:9103",
                                         f"tcp {at.VIP2}:9104")
    SORRY = reals(4)
    PEER_ADDRESS = at.VIP2

    @classmethod
    def conf(cls) -> str:
        cls.checked.break_(1, "alpha")  # from the start on
        quorum = [real(i, cls.checked.misc(i, "quorum")) for i in (1, 2, 3)]
        quorum.append(f"  quorum 2\n  sorry_server {at.real_address(4)} 80\n  omega\n" + cls.notes("quorum"))
        inhibit = [real(i, cls.checked.misc(i, "inhibit")) for i in (1, 2)] + ["  inhibit_on_failure\n"]
        alpha = [real(i, cls.checked.misc(i, "alpha")) for i in (1, 2)] + ["  alpha\n"]
        suspended = [real(i, cls.checked.misc(i, "suspended")) for i in (1, 2)] + ["  ha_suspend\n"]
        bodies = dict(zip((cls.QUORUM, cls.INHIBIT, cls.ALPHA, cls.SUSPENDED), (quorum, inhibit, alpha, suspended)))
        return GLOBAL + vrrp("director", TWIN, 100, at.VIP2) + "".join(
            virtual(key.split()[1].replace(":", " "), "".join(body)) for key, body in bodies.items())

    @classmethod
    def notes(cls, name: str) -> str:
        """Scripts that write down what they are run for."""
        words = [f"  {name}_{end} \"{cls.checked.script(f'{name}-{end}', f'echo {end} >> {cls.noted_in(name)}')}\"\n"
                 for end in ("up", "down")]
        return "".join(words)

    @classmethod
    def noted_in(cls, name: str) -> str:
        return f"{cls.lab.state}/{name}-noted"

    def wait_noted(self, name: str, expected: list):
        """The last scripts that have been run are these. keepalived runs `up` at its start as well."""
        def noted():
            if not os.path.exists(self.noted_in(name)):
                return []
            with open(self.noted_in(name)) as file:
                return file.read().split()[-len(expected):]
        wait_until(lambda: noted() == expected, f"the scripts of {name} have been run: {expected}")

    def test_1_alpha_starts_without_real_servers(self):
        wait_table(self.director, {self.QUORUM: reals(1, 2, 3), self.INHIBIT: reals(1, 2), self.ALPHA: reals(2)}, "started")
        self.assertEqual(self.names(url(9103)), {"real2"})
        self.checked.mend(1, "alpha")
        wait_table(self.director, {self.ALPHA: reals(1, 2)}, "the first has passed its check")

    def test_2_the_sorry_server_answers_without_a_quorum(self):
        with client.Loops(self.lab, url(9101), 20) as loops:
            with Change() as down:
                self.checked.break_(1, "quorum")
                wait_table(self.director, {self.QUORUM: reals(2, 3)}, "two are left, as many as the quorum")
                self.checked.break_(2, "quorum")
                wait_table(self.director, {self.QUORUM: self.SORRY}, "the sorry server")
            self.wait_noted("quorum", ["up", "down"])
            self.assertEqual(self.names(url(9101)), {"real4"})
            with Change() as up:  # keepalived removes the sorry server before it adds the others
                self.checked.mend(1, "quorum")
                wait_table(self.director, {self.QUORUM: reals(1, 3)}, "the quorum is there again")
            self.wait_noted("quorum", ["down", "up"])
            self.checked.mend(2, "quorum")
            wait_table(self.director, {self.QUORUM: reals(1, 2, 3)}, "all")
        self.assert_steady(loops, down, up)
        self.assertEqual(self.names_between(loops, down, up), ["real4"])
        self.assertEqual(self.names(url(9101)), {"real1", "real2", "real3"})

    def test_3_a_failure_is_weight_0_where_it_inhibits(self):
        held = client.Downloads(self.lab, at.VIP, 8, [f"198.51.100.{n}" for n in range(1, 9)], length=1 << 20, port=9102)
        try:
            self.checked.break_(2, "inhibit")
            wait_table(self.director, {self.INHIBIT: {**reals(1), **reals(2, weight=0)}}, "weight 0")
            self.assertEqual(self.names(url(9102)), {"real1"})
        except BaseException:
            held.kill()
            raise
        self.assertEqual(held.finish(), held.all_complete())
        self.checked.mend(2, "inhibit")
        wait_table(self.director, {self.INHIBIT: reals(1, 2)}, "weight 1")

    def test_4_checks_are_suspended_until_vrrp_is_master(self):
        self.keepalived.wait_said("(director) Entering BACKUP STATE")
        self.peer.wait_said("(client) Entering MASTER STATE")
        wait_table(self.director, {self.SUSPENDED: reals(1, 2)}, "it is served all the same")
        self.checked.break_(2, "suspended", "quorum")
        wait_table(self.director, {self.QUORUM: reals(1, 3)}, "checks of other services go on")
        time.sleep(1)
        self.assertEqual(table(self.director)[self.SUSPENDED], reals(1, 2))
        self.peer.stop()
        self.keepalived.wait_said("(director) Entering MASTER STATE")
        wait_table(self.director, {self.SUSPENDED: reals(1)}, "checked, now that its address is here")
        self.assertEqual(self.names(url(9104, at.VIP2)), {"real1"})
        self.checked.mend(2)
        wait_table(self.director, {self.SUSPENDED: reals(1, 2), self.QUORUM: reals(1, 2, 3)}, "all")

    def test_5_omega_runs_the_scripts_at_the_end(self):
        self.keepalived.stop()
        self.assertEqual(table(self.director), {})
        self.wait_noted("quorum", ["up", "down"])


class Kinds(KeepalivedTest):
    """What else a virtual server may say: groups with ranges and marks, IPv6, flags, thresholds, persistence, DR, TUN."""

    GROUP = ["192.0.2.84", "192.0.2.85", "192.0.2.86"]
    TIMEOUTS = "global_defs {\n  lvs_timeouts tcp 1000 tcpfin 50 udp 70\n}\n"
    CONF = """
virtual_server_group web {
  192.0.2.84-86 80
  192.0.2.88 8088
  fwmark 7
}
"""
    LISTED = """\
-A -t 192.0.2.80:9201 -s mh -b mh-fallback,mh-port
-A -t 192.0.2.80:9202 -s sh -b sh-fallback,sh-port
-A -t 192.0.2.80:9203 -s wlc
-A -t 192.0.2.80:9204 -s rr -p 300 -M 255.255.255.0
-A -t 192.0.2.84:80 -s rr
-A -t 192.0.2.85:80 -s rr
-A -t 192.0.2.86:80 -s rr
-A -t 192.0.2.88:8088 -s rr
-A -t 192.0.2.180:80 -s rr
-A -t 192.0.2.190:80 -s rr
-A -u 192.0.2.80:5353 -s rr -o
-A -t [2001:db8:1::80]:80 -s wlc
-A -f 7 -s rr
-A -f 8 -6 -s rr""".splitlines()
    LISTED_REALS = """\
-A -t 192.0.2.190:80 -s rr
-a -t 192.0.2.190:80 -r 10.0.0.11:80 -i -w 1 --tun-type ipip
-a -t 192.0.2.190:80 -r 10.0.0.12:80 -i -w 1 --tun-type ipip
-A -f 8 -6 -s rr
-a -f 8 -6 -r [fd00:10::11]:80 -m -w 1
-a -f 8 -6 -r [fd00:10::12]:80 -m -w 1""".splitlines()

    @classmethod
    def configure(cls) -> dict:
        rules = [{"name": "web", "mark": 7, "protocol": "tcp", "destination": at.VIP2, "destination_port": [8080]},
                 {"name": "web6", "mark": 8, "protocol": "tcp", "destination": at.VIP6, "destination_port": [8080]}]
        return director_configuration(classifier=rules)

    @classmethod
    def conf(cls) -> str:
        pair, pair6, udp = ("".join(real(i, port=port, is_v6=is_v6) for i in (1, 2))
                            for port, is_v6 in ((80, False), (80, True), (5353, False)))
        limited = real(1, more="    uthreshold 2\n    lthreshold 1\n", weight=100) + real(2)
        checked = "".join(real(i, cls.checked.misc(i, "group")) for i in (1, 2))
        return GLOBAL + cls.TIMEOUTS + cls.CONF + "".join((
            virtual("group web", checked),
            virtual(f"{at.VIP6} 80", pair6, "wlc"),
            virtual("fwmark 8", "  ip_family inet6\n" + pair6),
            virtual(f"{at.VIP} 5353", "  ops\n" + udp, protocol="UDP"),
            virtual(f"{at.VIP} 9201", "  mh-port\n  mh-fallback\n" + pair, "mh"),
            virtual(f"{at.VIP} 9202", "  sh-port\n  sh-fallback\n" + pair, "sh"),
            virtual(f"{at.VIP} 9203", limited, "wlc"),
            virtual(f"{at.VIP} 9204", "  persistence_timeout 300\n  persistence_granularity 255.255.255.0\n" + pair),
            virtual(f"{at.VIP_DR} 80", pair, kind="DR"),
            virtual(f"{at.VIP_TUN} 80", pair, kind="TUN")))

    def test_1_the_listing_is_the_kernels(self):
        wait_table(self.director, {f"tcp {at.VIP_TUN}:80": reals(1, 2)}, "started")
        listed = self.keepalived.ipvsadm("-Sn").splitlines()
        self.assertEqual([line for line in listed if line.startswith("-A")], self.LISTED)
        self.assertEqual([line for line in listed if " 192.0.2.190:80 " in line or " -f 8 " in line], self.LISTED_REALS)
        self.assertRegex(self.keepalived.ipvsadm("-Ln", "--thresholds"), r"-> 10\.0\.0\.11:80 +2 +1 +\d+ +\d+ *\n")
        self.assertEqual(self.keepalived.ipvsadm("-L", "--timeout"), "Timeout (tcp tcpfin udp): 1000 50 70\n")

    def test_2_a_group_is_served_and_checked_as_one(self):
        keys = [f"tcp {address}:80" for address in self.GROUP] + ["tcp 192.0.2.88:8088", "mark 7"]
        urls = [url(80, address) for address in self.GROUP] + [url(8088, "192.0.2.88"), url(8080, at.VIP2)]
        wait_table(self.director, {key: reals(1, 2) for key in keys}, "all are in")
        with client.Loops(self.lab, " ".join(urls), 20) as loops:
            with Change() as out:
                self.checked.break_(2, "group")
                wait_table(self.director, {key: reals(1) for key in keys}, "the second is out of all")
            for each in urls:
                self.assertEqual(self.names(each, 4), {"real1"}, each)
            self.checked.mend(2)
            wait_table(self.director, {key: reals(1, 2) for key in keys}, "all are in again")
            for each in urls:
                self.assertEqual(self.names(each, 4), {"real1", "real2"}, each)
        self.assert_steady(loops, out)

    def test_3_ipv6_and_its_mark(self):
        for port in (80, 8080):
            names = client.spread(self.lab, f"http://[{at.VIP6}]:{port}/", [f"2001:db8:2::{n}" for n in range(1, 9)])
            self.assertEqual(set(names), {"real1", "real2"}, port)

    def test_4_flags(self):
        said = [client.udp(self.lab, at.VIP, 5353, f"{n}", "198.51.100.7").split()[0] for n in range(4)]
        self.assertEqual(sorted(said), ["real1", "real1", "real2", "real2"])
        for port in (9201, 9202):  # by port, so one client meets both
            self.assertEqual(set(client.spread(self.lab, url(port), ["198.51.100.7"] * 30)), {"real1", "real2"})

    def test_5_thresholds(self):
        self.assertEqual(client.parallel(self.lab, url(9203), 10), {"real1": 2, "real2": 8})

    def test_6_a_network_stays_with_one_real_server(self):
        self.assertEqual(len(self.names(url(9204), 20)), 1)

    def test_7_direct_routing_and_tunnels(self):
        for address in (at.VIP_DR, at.VIP_TUN):
            self.assertEqual(self.names(url(80, address), 4), {"real1", "real2"})
