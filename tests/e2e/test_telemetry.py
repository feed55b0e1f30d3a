"""DPDK's own tools look into a running director: `director.telemetry`."""

import json
import os
import subprocess

from fairlead_lab import addresses as at
from fairlead_lab import client, configuration, run, wait_until
from fairlead_lab.case import LabTest

PAGES = 200  # of 2 MiB


class Telemetry(LabTest):
    """With hugepages and a hugetlbfs of its own, since dpdk-dumpcap maps the packets by their files."""

    worker_counts = (1,)

    @classmethod
    def configure(cls) -> dict:
        config = configuration([{"name": "web", "address": at.VIP, "protocol": "tcp", "port": 80,
                                 "reals": [{"address": at.real_address(1)}]}])
        config["director"].update({"telemetry": True, "hugepages": "on"})
        return config

    @classmethod
    def setUpClass(cls):
        with open("/proc/sys/vm/nr_hugepages") as file:
            had = file.read().strip()
        cls.addClassCleanup(run, "sysctl", "-qw", f"vm.nr_hugepages={had}")
        run("sysctl", "-qw", f"vm.nr_hugepages={int(had) + PAGES}")
        mount = f"{cls.lab.state}/huge"
        os.makedirs(mount, exist_ok=True)
        run("mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", mount)
        cls.addClassCleanup(run, "umount", mount)
        super().setUpClass()

    @property
    def prefix_of_files(self) -> str:
        return f"lab-{self.director.process.pid}"

    def ask(self, *questions) -> list:
        done = subprocess.run(["dpdk-telemetry.py", "-f", self.prefix_of_files], input="\n".join([*questions, "quit"]),
                              capture_output=True, text=True, timeout=20)
        answers, decoder, text = [], json.JSONDecoder(), done.stdout
        while "{" in text:
            answer, end = decoder.raw_decode(text[text.index("{"):])
            answers.append(answer)
            text = text[text.index("{") + end:]
        return answers

    def test_1_telemetry_counts_what_the_port_has_received(self):
        client.curl(self.lab, f"http://{at.VIP}/whoami")
        answers = self.ask("/ethdev/list", "/ethdev/stats,0")
        stats = [a["/ethdev/stats"] for a in answers if "/ethdev/stats" in a]
        self.assertEqual(len(stats), 1, answers)
        self.assertGreater(stats[0]["ipackets"], 4)

    def test_2_dumpcap_sees_frames_before_and_after(self):
        capture = f"{self.lab.state}/port.pcapng"

        def octets() -> bytes:
            with open(capture, "rb") as file:
                return file.read()

        tool = subprocess.Popen(["dpdk-dumpcap", f"--file-prefix={self.prefix_of_files}", "-i", "net_af_packet0", "-w", capture],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            wait_until(lambda: os.path.exists(capture) and os.path.getsize(capture) > 0, "the capture begins", timeout=20)
            for _ in range(5):
                client.curl(self.lab, f"http://{at.VIP}/whoami")
            wait_until(lambda: octets().count(b"HTTP/1.1 200") >= 5, "the tool has written what was sent", timeout=20)
        finally:
            tool.terminate()
            told = tool.communicate(timeout=20)[0]
        request = b"GET /whoami HTTP/1.1\r\nHost: " + at.VIP.encode()
        self.assertEqual(octets().count(request), 5, told)  # the outside port: received once each

    def test_3_the_director_goes_on(self):
        client.curl(self.lab, f"http://{at.VIP}/whoami")
