"""Bonds with Open vSwitch as the switch: members that go and come, LACP, traffic by all members."""

import shutil

from fairlead_lab import addresses as at, client
from fairlead_lab.open_vswitch import BOND, SwitchTest, member, one_armed, services
from fairlead_lab.shell import wait_until

SOURCES = [f"198.51.100.{n}" for n in range(1, 33)]
NAMES = ["net_af_packet0", "net_af_packet1"]


class BondTest(SwitchTest):
    """Both networks are VLANs of one bond with two members."""
    trunks = 2
    bond = {}

    @classmethod
    def configure(cls):
        config = one_armed(services(), {"bond": {**cls.bond, "members": [member(1), member(2)]}})
        config["director"]["arena"] = cls.lab.arena  # for upgrades
        return config

    @classmethod
    def setUpClass(cls):
        shutil.rmtree(cls.lab.arena, ignore_errors=True)  # of the class before
        super().setUpClass()
        cls.wait_active(cls.usual_members())

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.lab.arena, ignore_errors=True)

    @classmethod
    def usual_members(cls) -> list:
        return NAMES

    def tearDown(self):
        for trunk in self.switch.trunks:
            self.switch.plug(trunk)
        self.wait_active(self.usual_members())

    @classmethod
    def members(cls, port: str = "outside") -> list:
        ports = cls.director.json("port", "list")["ports"]
        return next(each["link"]["members"] for each in ports if each["name"] == port)

    @classmethod
    def wait_active(cls, names: list):
        """The bond uses just these members."""
        wait_until(lambda: [m["name"] for m in cls.members() if m["active"]] == list(names), f"{names} are in use")

    def assert_both_ways(self, vip: str):
        self.assertEqual(client.download_sha256(self.lab, f"http://{vip}/20mb"), self.lab.download_sha256)

    def assert_spread(self, by_the_switch: bool = True):
        """Requests of many clients, answered all, use both members; those of the switch too, which keeps to what it has
        when a member comes back."""
        before = [self.switch.packets(trunk) for trunk in self.switch.trunks]
        answers = client.spread(self.lab, f"http://{at.VIP}/", SOURCES)
        counts = [answers.count(real) for real in ("real1", "real2")]
        self.assertEqual(sum(counts), len(SOURCES), answers)
        # rr alternates in each worker for itself: two that began with the same real may give it two requests more.
        self.assertLessEqual(abs(counts[0] - counts[1]), 0 if self.workers == 1 else self.workers, counts)
        # The switch counts for others once in a while.
        for trunk, (received, sent) in zip(self.switch.trunks, before):
            wait_until(lambda: self.switch.packets(trunk)[0] >= received + 20, f"{trunk} has brought packets")
            if by_the_switch:
                wait_until(lambda: self.switch.packets(trunk)[1] >= sent + 20, f"{trunk} has taken packets")

    def assert_survives(self, number: int, left: list):
        """Pull one member in the middle of downloads by NAT and by DR: they lose no byte."""
        downloads = [client.Downloads(self.lab, vip, 4, SOURCES[:4], drip=65536) for vip in (at.VIP, at.VIP_DR)]
        for each in downloads:
            self.addCleanup(each.kill)
        self.switch.pull(f"trunk{number}")
        self.wait_active(left)
        name = NAMES[number - 1]
        self.assert_metric(0, "fairlead_port_member_up", port="outside", member=name)
        self.assert_metric(1, "fairlead_port_up", port="outside")
        self.assertIn(f'msg="member of a bond is down" port=outside member={name}', self.director.log_since_start())
        self.assertEqual(client.curl(self.lab, f"http://{at.VIP}/").stdout.strip()[:4], "real")
        for each in downloads:
            self.assertEqual(each.finish(), each.all_complete())
        self.switch.plug(f"trunk{number}")
        self.wait_active(self.usual_members())
        self.assert_metric(1, "fairlead_port_member_up", port="outside", member=name)
        self.assertIn(f'msg="member of a bond is up" port=outside member={name}', self.director.log_since_start())
        self.assert_both_ways(at.VIP)

    def assert_survives_an_upgrade(self):
        downloads = client.Downloads(self.lab, at.VIP, 4, SOURCES[:4], drip=65536)
        self.addCleanup(downloads.kill)
        self.director.upgrade()
        self.wait_active(self.usual_members())
        self.assertEqual(downloads.finish(), downloads.all_complete())


class ActiveBackup(BondTest):
    """The switch knows of no bond: it sends to where it has seen the director last."""
    bond = {"mode": "active-backup", "primary": NAMES[0]}

    @classmethod
    def attach(cls, switch):
        for trunk in switch.trunks:
            switch.trunk(trunk)

    @classmethod
    def usual_members(cls) -> list:
        return NAMES[:1]

    def test_1_downloads(self):
        for vip in (at.VIP, at.VIP_DR):
            self.assert_both_ways(vip)

    def test_2_the_backup_takes_over_and_gives_back(self):
        self.assert_survives(1, NAMES[1:])

    def test_3_a_backup_that_dies_disturbs_nobody(self):
        self.assert_survives(2, NAMES[:1])

    def test_4_without_any_member_the_port_has_no_link(self):
        for trunk in self.switch.trunks:
            self.switch.pull(trunk)
        self.assert_metric(0, "fairlead_port_up", port="outside")
        self.assert_metric(0, "fairlead_port_up", port="inside")
        self.switch.plug("trunk2")
        self.wait_active(NAMES[1:])
        self.assert_metric(1, "fairlead_port_up", port="outside")
        self.assert_both_ways(at.VIP)

    def test_5_what_is_shown(self):
        self.switch.pull("trunk2")
        wait_until(lambda: not self.members("inside")[1]["up"], "the member is down")
        shown = self.director.cli("port", "list").stdout
        self.assertIn("bond active-backup vlan 120", shown)
        self.assertRegex(shown, r"outside +net_af_packet0 +up +yes")
        self.assertRegex(shown, r"inside +net_af_packet1 +DOWN +no")
        self.assertEqual(self.director.json("port", "list")["ports"][0]["kernel_ingress"], "closed")

    def test_6_an_upgrade(self):
        self.assert_survives_an_upgrade()
        self.assert_survives(1, NAMES[1:])


class BalanceXor(BondTest):
    """A group without a protocol: each side sends by all members."""
    bond = {"mode": "balance-xor"}

    @classmethod
    def attach(cls, switch):
        switch.bond("balance-slb")
        # It takes broadcast on one member alone, and the director's leave by its first.
        switch.appctl("bond/set-active-member", BOND, "trunk1")

    def test_1_downloads(self):
        for vip in (at.VIP, at.VIP_DR):
            self.assert_both_ways(vip)

    def test_2_requests_leave_by_both_members(self):
        before = [self.switch.packets(trunk)[0] for trunk in self.switch.trunks]
        self.assertEqual(len(client.spread(self.lab, f"http://{at.VIP}/", SOURCES)), len(SOURCES))
        for trunk, received in zip(self.switch.trunks, before):
            wait_until(lambda: self.switch.packets(trunk)[0] >= received + 20, f"{trunk} has brought packets")

    def test_3_a_member_goes_and_comes(self):
        self.assert_survives(2, NAMES[:1])


class Lacp(BondTest):
    """802.3ad, with a partner that wants a frame each second and spreads by addresses and ports."""
    bond = {"mode": "802.3ad", "rate": "slow"}

    @classmethod
    def attach(cls, switch):
        switch.bond("balance-tcp", "lacp=active", "other_config:lacp-time=fast")

    def test_1_it_is_negotiated(self):
        shown = self.switch.appctl("lacp/show", BOND)
        self.assertIn("status: active negotiated", shown)
        self.assertEqual(shown.count("current attached"), 2, shown)
        self.assertIn("lacp_status: negotiated", self.switch.appctl("bond/show", BOND))

    def test_2_downloads(self):
        for vip in (at.VIP, at.VIP_DR):
            self.assert_both_ways(vip)

    def test_3_both_members_carry(self):
        self.assert_spread()

    def test_4_the_first_member_goes_and_comes(self):
        self.assert_survives(1, NAMES[1:])
        self.assert_spread(by_the_switch=False)

    def test_5_the_second_member_goes_and_comes(self):
        self.assert_survives(2, NAMES[:1])

    def test_6_it_stays_negotiated_while_nobody_talks(self):
        downs = self.director.json("port", "list")["ports"][0]["link"]["downs"]
        received = [self.frames(trunk) for trunk in self.switch.trunks]
        # The partner gives a member up that it has not heard for three seconds.
        for trunk, before in zip(self.switch.trunks, received):
            wait_until(lambda: self.frames(trunk) >= before + 5, f"five frames of LACP have come by {trunk}")
        self.assertEqual(self.director.json("port", "list")["ports"][0]["link"]["downs"], downs)

    def test_7_an_upgrade_negotiates_anew(self):
        self.assert_survives_an_upgrade()
        self.assert_spread(by_the_switch=False)

    def frames(self, trunk: str) -> int:
        return lacp_frames(self.switch, trunk, "RX")


class LacpFast(BondTest):
    """802.3ad that asks its partner for a frame each second. The partner itself asks for one in 30."""
    bond = {"mode": "802.3ad", "rate": "fast"}

    @classmethod
    def attach(cls, switch):
        switch.bond("balance-tcp", "lacp=active")

    def test_1_the_partner_has_been_asked(self):
        for of_director in self.switch.appctl("lacp/show", BOND).split("partner state:")[1:]:
            self.assertIn("timeout", of_director.splitlines()[0])

    def test_2_the_partner_sends_each_second(self):
        before = {trunk: lacp_frames(self.switch, trunk, "TX") for trunk in self.switch.trunks}
        for trunk, sent in before.items():
            wait_until(lambda: lacp_frames(self.switch, trunk, "TX") >= sent + 5, f"five frames have left by {trunk}")

    def test_3_downloads_by_both_members(self):
        self.assert_both_ways(at.VIP)
        self.assert_spread()

    def test_4_a_member_goes_and_comes(self):
        self.assert_survives(2, NAMES[:1])
        self.test_1_the_partner_has_been_asked()

    def test_5_a_silent_partner_is_given_up(self):
        """After three seconds, and not after ninety: its cables keep their carrier."""
        self.switch.vsctl("set", "port", BOND, "lacp=off")
        wait_until(lambda: not any(member["active"] for member in self.members()), "no member is used")
        self.assertTrue(all(member["up"] for member in self.members()))
        self.switch.vsctl("set", "port", BOND, "lacp=active")


def lacp_frames(switch, trunk: str, direction: str) -> int:
    lines = switch.appctl("lacp/show-stats", BOND).split(f"member: {trunk}:", 1)[1]
    return int(next(line for line in lines.splitlines() if f"{direction} PDUs" in line).split(":")[1])


