"""The kernel does not hear what an AF_PACKET port receives: no second answer, no RST from a VIP on the twin."""

from fairlead_lab import addresses as at, client
from fairlead_lab.case import LabTest
from fairlead_lab.director import BUILD, with_twins
from fairlead_lab.lab import decap_object

FILTER = "fairlead_closed"


class TwinBesideThePort(LabTest):
    """The kernel would take the frames on `outside` for its own: their addresses are on the twin."""

    worker_counts = (1,)
    settings = {}

    @classmethod
    def configure(cls):
        for interface in ("all", "outside"):
            cls.lab.director.sysctl(**{f"net__ipv4__conf__{interface}__rp_filter": 0})
        return with_twins(**cls.settings)

    def closed(self, interface: str) -> bool:
        return FILTER in self.lab.director.run("tc", "filter", "show", "dev", interface, "ingress", check=False).stdout

    def told(self, interface: str) -> str:
        ports = self.director.json("status")["ports"]
        return next(port["kernel_ingress"] for port in ports if port["name"] == interface)

    def ping(self, count: int = 5) -> str:
        return self.lab.client.run("ping", "-n", f"-c{count}", "-i0.2", "-W5", at.DIRECTOR_OUTSIDE, check=False).stdout

    def answers(self, count: int) -> list:
        """HTTP status codes of so many requests, one after the other; 000: none came."""
        done = [client.curl(self.lab, f"http://{at.VIP}/", "-o", "/dev/null", "-w", "%{http_code}", check=False)
                for _ in range(count)]
        return [one.stdout for one in done]


class KernelIngressIsClosed(TwinBesideThePort):
    def test_ping_is_answered_once(self):
        said = self.ping()
        self.assertIn(" 5 received", said)
        self.assertNotIn("DUP", said)

    def test_a_vip_on_the_twin_resets_nobody(self):
        self.lab.director.ip(f"addr add {at.VIP}/32 dev fl-outside")
        try:
            self.assertEqual(self.answers(20), ["200"] * 20)
        finally:
            self.lab.director.ip(f"addr del {at.VIP}/32 dev fl-outside")

    def test_status_says_so(self):
        self.assertEqual([self.told(interface) for interface in ("outside", "inside")], ["closed", "closed"])
        self.assertNotIn("hears", self.director.cli("status").stdout)


class KernelIngressIsLeftOpen(TwinBesideThePort):
    """What the filter is for: without it the kernel answers too."""

    settings = {"kernel_ingress": "open"}

    def test_the_kernel_answers_too(self):
        self.assertFalse(self.closed("outside"))
        self.assertTrue(self.closed("inside"))
        self.assertIn("DUP", self.ping())
        self.assertEqual(self.told("outside"), "open: the configuration says so")
        self.assertIn("port outside: the kernel hears it too: open", self.director.cli("status").stdout)


class KernelIngressWithoutATwin(TwinBesideThePort):
    @classmethod
    def configure(cls):
        config = super().configure()
        for port in config["ports"]:
            port["exception"] = "none"
        return config

    def test_sigterm_opens_it(self):
        self.assertEqual([self.closed("outside"), self.closed("inside")], [True, True])
        self.director.stop()
        for interface in ("outside", "inside"):
            self.assertFalse(self.closed(interface))
            self.assertNotIn("clsact", self.lab.director.run("tc", "qdisc", "show", "dev", interface).stdout)
        self.director.start()


class KernelIngressOverRestarts(TwinBesideThePort):
    def setUp(self):
        super().setUp()
        self.director.stop()
        self.director.start()

    def test_a_kill_leaves_it_closed_and_the_next_director_takes_it_over(self):
        self.director.kill()
        self.assertTrue(self.closed("outside"))
        self.director.start()
        self.assertEqual(self.told("outside"), "closed")
        self.assertNotIn("DUP", self.ping())

    def test_sigterm_leaves_it_closed_as_long_as_the_twins_stay(self):
        """Their addresses stay on the machine, so the kernel would answer for them."""
        self.director.stop()
        self.assertEqual([self.closed("outside"), self.closed("inside")], [True, True])
        self.assertIn("fairlead port release", self.director.log_since_start())
        self.director.release()
        for interface in ("outside", "inside"):
            self.assertFalse(self.closed(interface))
            self.assertNotIn("clsact", self.lab.director.run("tc", "qdisc", "show", "dev", interface).stdout)
        self.director.start()

    def test_release_opens_what_a_kill_left(self):
        refused = self.director.release(check=False)
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn("belongs to director lab, which is running", refused.stderr)
        self.assertTrue(self.closed("outside"))
        self.director.kill()
        self.assertEqual(self.director.release("outside").stdout, "outside: open to the kernel again\n")
        self.assertEqual([self.closed("outside"), self.closed("inside")], [False, True])
        self.assertIn("inside: open to the kernel again\n", self.director.release().stdout)
        self.assertEqual(self.director.release().stdout,
                         "no interface is closed to the kernel, and no kernel twin is left\n")
        self.director.start()

    def test_a_start_that_fails_opens_nothing(self):
        """The twins are those of the running director, so a second one gives up."""
        second = self.lab.director.run(f"{BUILD}/src/main/fairleadd", "-c", self.director.config_path, check=False)
        self.assertEqual(second.returncode, 1, second.stderr)
        self.assertTrue(self.closed("outside"))

    def test_the_filter_of_somebody_else_and_its_qdisc_stay(self):
        self.director.stop()
        self.director.release()
        ns = self.lab.director
        ns.run("tc", "qdisc", "add", "dev", "outside", "clsact")
        ns.run("tc", "filter", "add", "dev", "outside", "egress", "pref", "7", "bpf", "da", "obj", decap_object(), "sec",
               "tc")
        try:
            self.director.start()
            self.assertTrue(self.closed("outside"))
            self.director.stop()
            self.director.release("outside")
            self.assertFalse(self.closed("outside"))
            self.assertIn("pref 7", ns.run("tc", "filter", "show", "dev", "outside", "egress").stdout)
        finally:
            ns.run("tc", "qdisc", "del", "dev", "outside", "clsact", check=False)
        self.director.start()

    def test_an_interface_with_an_address_of_its_own_stays_open(self):
        """The kernel's address may be the one the operator is logged in by."""
        self.director.stop()
        self.lab.director.ip("addr add 203.0.113.9/32 dev outside")
        try:
            self.director.start()
            self.assertEqual([self.closed("outside"), self.closed("inside")], [False, True])
            self.assertEqual(self.told("outside"), "open: the kernel has an address of its own there")
        finally:
            self.lab.director.ip("addr del 203.0.113.9/32 dev outside")

    def test_an_interface_below_another_of_the_kernel_stays_open(self):
        self.director.stop()
        self.lab.director.batch(["link add br9 type bridge", "link set outside master br9"])
        try:
            self.director.start()
            self.assertEqual(self.told("outside"), "open: it is part of a bridge or bond of the kernel")
            self.assertFalse(self.closed("outside"))
        finally:
            self.lab.director.ip("link del br9")
