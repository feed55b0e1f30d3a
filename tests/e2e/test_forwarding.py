"""NAT, DR and TUN each carry real traffic: 20 MB down and up byte-exact, 200 connections at once, UDP; IPv4 and
IPv6. One class per method; the runner repeats it with one and with two workers."""

from fairlead_lab import addresses as at, client, configuration
from fairlead_lab.case import LabTest

CONNECTIONS = 200


def reals(count: int, ipv6: bool = False) -> list:
    address = at.real_address6 if ipv6 else at.real_address
    return [{"address": address(index)} for index in range(1, count + 1)]


class Forwarding:
    """The tests that every method passes; `vip` and `vip6` come from the class."""

    vip = vip6 = ""

    @classmethod
    def configure(cls):
        services = []
        for name, vip, ipv6 in (("v4", cls.vip, False), ("v6", cls.vip6, True)):
            if vip:
                for protocol, port in (("tcp", 80), ("udp", at.UDP_PORT)):
                    services.append({"name": f"{protocol}-{name}", "address": vip, "protocol": protocol,
                                     "port": port, "scheduler": "rr", "forward": cls.method,
                                     "reals": reals(3, ipv6)})
        return configuration(services)

    def download_is_exact(self, url):
        self.assertEqual(client.download_sha256(self.lab, f"{url}/20mb"), self.lab.download_sha256)

    def upload_is_exact(self, url):
        name = f"{self.method}-{self.workers}-{'v6' if '[' in url else 'v4'}"
        stored = client.upload(self.lab, url, name)
        self.assertEqual(sorted(stored), sorted([self.lab.download_sha256] + [""] * (len(stored) - 1)))

    def all_connections_answered(self, url, service):
        before = self.director.metric("fairlead_service_connections_total", service=service)
        answers = client.parallel(self.lab, url, CONNECTIONS)
        self.assertEqual(sum(answers.values()), CONNECTIONS)
        self.assertEqual(sorted(answers), ["real1", "real2", "real3"])
        if self.workers == 1:  # the exact sequence of rr
            self.assertLessEqual(max(answers.values()) - min(answers.values()), 1)
        self.assert_metric(before + CONNECTIONS, "fairlead_service_connections_total", service=service)

    def udp_answers(self, vip):
        for number in range(3):
            message = f"datagram {number}"
            self.assertRegex(client.udp(self.lab, vip, at.UDP_PORT, message), rf"^real[123] {message}$")

    def test_download(self):
        self.download_is_exact(f"http://{self.vip}")

    def test_upload(self):
        self.upload_is_exact(f"http://{self.vip}")

    def test_parallel_connections(self):
        self.all_connections_answered(f"http://{self.vip}/", "tcp-v4")

    def test_udp(self):
        self.udp_answers(self.vip)

    def test_nothing_malformed(self):
        """What the director made of all that traffic had no broken packet in it."""
        for reason in ("truncated", "bad_ip_header", "bad_ip_checksum", "bad_l4_header", "bad_icmp"):
            self.assertEqual(self.director.metric("fairlead_dropped_packets_total", reason=reason), 0, reason)


class ForwardingIpv6:
    """The same over IPv6."""

    def test_download_ipv6(self):
        self.download_is_exact(f"http://[{self.vip6}]")

    def test_upload_ipv6(self):
        self.upload_is_exact(f"http://[{self.vip6}]")

    def test_parallel_connections_ipv6(self):
        self.all_connections_answered(f"http://[{self.vip6}]/", "tcp-v6")

    def test_udp_ipv6(self):
        self.udp_answers(self.vip6)


class ForwardsByNat(Forwarding, ForwardingIpv6, LabTest):
    method, vip, vip6 = "nat", at.VIP, at.VIP6

    def test_real_sees_the_client_and_its_own_address(self):
        answer = client.curl(self.lab, f"http://{self.vip}/whoami", source="198.51.100.7").stdout.split()
        self.assertEqual(answer[1:], ["198.51.100.7", self.real_address_of(answer[0]), "80"])

    def real_address_of(self, name: str) -> str:
        return at.real_address(int(name.removeprefix("real")))


class ForwardsByDr(Forwarding, ForwardingIpv6, LabTest):
    method, vip, vip6 = "dr", at.VIP_DR, at.VIP_DR6

    def test_real_sees_the_service_address_and_replies_past_the_director(self):
        before = self.director.metric("fairlead_service_out_packets_total", service="tcp-v4")
        answer = client.curl(self.lab, f"http://{self.vip}/whoami", source="198.51.100.7").stdout.split()
        self.assertEqual(answer[1:], ["198.51.100.7", self.vip, "80"])
        self.assert_metric(before, "fairlead_service_out_packets_total", service="tcp-v4")


class ForwardsByTun(Forwarding, ForwardingIpv6, LabTest):
    method, vip, vip6 = "tun", at.VIP_TUN, at.VIP_TUN6

    def test_real_sees_the_service_address(self):
        answer = client.curl(self.lab, f"http://{self.vip}/whoami", source="198.51.100.7").stdout.split()
        self.assertEqual(answer[1:], ["198.51.100.7", self.vip, "80"])
