"""keepalived in charge of the director while its file changes, real servers die, and either side ends and comes again."""

import shutil
import time

from fairlead_lab import addresses as at, client, servers
from fairlead_lab.keepalived import (GLOBAL, Change, KeepalivedTest, director_configuration, real, reals, table, url,
                                     virtual, wait_table)


class Changes(KeepalivedTest):
    """Its file changes, real servers die, and either side ends and comes again."""

    SHOP, OLD, NEW, TCP = (f"tcp {at.VIP}:{port}" for port in (9301, 9302, 9303, 9304))
    ALL = {SHOP: reals(1, 2), OLD: reals(1, 2), NEW: None, TCP: reals(1, 2)}

    @classmethod
    def configure(cls) -> dict:
        config = director_configuration()
        config["director"]["arena"] = cls.lab.arena
        return config

    @classmethod
    def conf(cls) -> str:
        return cls.conf_of({9301: (1, 2), 9302: (1, 2)})

    @classmethod
    def conf_of(cls, services: dict) -> str:
        """{port: real servers}, each checked by a script; and a service whose real servers are connected to."""
        tcp = "".join(real(i, "    TCP_CHECK {\n      connect_timeout 10\n    }\n") for i in (1, 2))
        return GLOBAL + virtual(f"{at.VIP} 9304", tcp) + "".join(
            virtual(f"{at.VIP} {port}", "".join(real(i, cls.checked.misc(i)) for i in indices))
            for port, indices in services.items())

    @classmethod
    def setUpClass(cls):
        shutil.rmtree(cls.lab.arena, ignore_errors=True)  # of a class before
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.lab.arena, ignore_errors=True)

    def setUp(self):
        super().setUp()
        wait_table(self.director, self.ALL, "as at the start")

    def assert_checks_count(self):
        """A check that fails from now on has its real server out, and that is undone."""
        self.checked.break_(2, "misc")
        wait_table(self.director, {self.SHOP: reals(1), self.OLD: reals(1), self.TCP: reals(1, 2)}, "the second is out")
        self.assertEqual(self.names(url(9301), 4), {"real1"})
        self.checked.mend(2)
        wait_table(self.director, self.ALL, "the second is in")
        self.assertEqual(self.names(url(9301), 4), {"real1", "real2"})

    def test_1_a_reload_with_other_services(self):
        with client.Loops(self.lab, url(9301), 20) as loops:
            with Change() as there:
                self.keepalived.reload(self.conf_of({9301: (2, 3), 9303: (1, 3)}))
                wait_table(self.director, {**self.ALL, self.SHOP: reals(2, 3), self.OLD: None, self.NEW: reals(1, 3)},
                           "reloaded")
            self.assertEqual(self.names(url(9303), 4), {"real1", "real3"})
            self.assertNotEqual(client.curl(self.lab, url(9302), check=False).returncode, 0)
            self.assertEqual(self.names(url(9301), 4), {"real2", "real3"})
            time.sleep(1)
            with Change() as back:
                self.keepalived.reload(self.conf())
                wait_table(self.director, self.ALL, "reloaded again")
            self.assertEqual(self.names(url(9301), 4), {"real1", "real2"})
        self.assert_steady(loops, there, back)
        self.assertEqual(self.names_between(loops, there, back), ["real2", "real3"])
        self.assert_checks_count()

    def test_2_a_real_server_dies(self):
        """Requests fail until its check says so, and none after that."""
        self.addCleanup(servers.ensure_nginx, self.lab, 2)
        with client.Loops(self.lab, url(9304), 40) as loops:
            with Change() as out:
                servers.stop_nginx(self.lab, 2)
                wait_table(self.director, {self.TCP: reals(1), self.SHOP: reals(1, 2)}, "it is out")
            time.sleep(1)
            servers.start_nginx(self.lab, 2)
            wait_table(self.director, self.ALL, "it is in again")
        self.assertGreater(len(loops.failures), 0)
        self.assert_steady(loops, out)

    def test_3_the_director_is_killed(self):
        self.end_of_the_director(self.director.kill)

    def test_4_the_director_is_restarted(self):
        self.end_of_the_director(self.director.stop)

    def end_of_the_director(self, end):
        """What holds before holds after it, and a check that failed meanwhile counts."""
        said = len(self.keepalived.said())
        with client.Loops(self.lab, url(9304), 20) as loops:
            end()
            self.checked.break_(2, "misc")
            time.sleep(1)  # the script has failed, and keepalived waits for a director
            self.director.start()
            wait_table(self.director, {self.SHOP: reals(1), self.OLD: reals(1), self.TCP: reals(1, 2)}, "one is out")
            self.checked.mend(2)
            wait_table(self.director, self.ALL, "all are in")
        self.assertEqual(loops.failures, [])
        self.assertNotIn("from VS [192.0.2.80]:tcp:9304", self.keepalived.said()[said:])
        self.assert_checks_count()

    def test_5_keepalived_is_restarted(self):
        self.expire_connections(0)
        self.addCleanup(self.expire_connections, 1)
        held = client.Downloads(self.lab, at.VIP, 8, [f"198.51.100.{n}" for n in range(1, 9)], length=1 << 20, port=9301)
        try:
            self.keepalived.stop()
            self.assertEqual(table(self.director), {})
            self.keepalived.start(self.conf())
            wait_table(self.director, self.ALL, "set up again")
        except BaseException:
            held.kill()
            raise
        self.assertEqual(held.finish(), held.all_complete())
        self.assert_checks_count()

    def test_6_keepalived_is_killed(self):
        with client.Loops(self.lab, url(9301), 20) as loops:
            self.keepalived.kill()
            self.assertEqual({key: table(self.director).get(key) for key in self.ALL}, self.ALL)
            self.keepalived.start(self.conf())
            self.keepalived.wait_said("Startup complete")
            time.sleep(1)
        self.assertEqual(loops.failures, [])
        self.assert_checks_count()
