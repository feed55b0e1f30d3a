"""dpdk-testpmd as the floor: it forwards the same capture on the same port, in the same run."""

import os
import re
import shutil
import statistics
import subprocess
import time

BUFFER_BYTES = 128 + 128  # data room and headroom, as worker_loop_bench has them
OVERHEAD_BYTES = 256 + 16
MEBIBYTE = 1 << 20
WARM_UP_SECONDS = 120


class Testpmd:
    """Asked for packets and CPU time while it runs. `ports`: the files of each port's queues."""

    def __init__(self, mode, ports, preloaded, extra=(), buffer_bytes=BUFFER_BYTES):
        buffers = preloaded + 16384
        self.prefix = f"bench-{os.getpid()}-{time.monotonic_ns()}"
        last = os.cpu_count() - 1
        # A buffer does not cross a page: of the large ones each takes its own.
        each = buffer_bytes + OVERHEAD_BYTES if buffer_bytes < 1024 else 4096 + 16
        memory = 256 + buffers * each // MEBIBYTE
        vdevs = []
        for number, file in enumerate(ports):
            vdevs += ["--vdev", f"net_pcap{number},rx_pcap={file},infinite_rx=1"]
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"0@(0-{last}),1@{last}",
             "--main-lcore", "0", "--no-huge", "-m", str(memory),
             "--no-pci", "--no-telemetry", f"--file-prefix={self.prefix}", *vdevs, *extra, "--",
             "-i", f"--forward-mode={mode}", f"--mbuf-size={buffer_bytes}",
             f"--total-num-mbufs={buffers}", "--mbcache=256", "--burst=32", "--no-flush-rx"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            bufsize=1)
        # The CPU clock of a process (clock_getcpuclockid(3)). Its main thread waits for commands.
        self.clock = (~self.process.pid) << 3 | 2
        self.ports = len(ports)
        self.say("start")
        self.packets()

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def counters(self, port):
        """(received, sent) of a port."""
        self.say(f"show port stats {port}")
        received = None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            found = re.search(r"([RT])X-packets: *(\d+)", line)
            if found and found.group(1) == "R":
                received = int(found.group(2))
            elif found:
                return received, int(found.group(2))
        raise RuntimeError("dpdk-testpmd ended:\n" + "".join(seen[-20:]))

    def packets(self):
        return sum(self.counters(port)[0] for port in range(self.ports))

    def measure(self, windows, seconds, warm_up):
        deadline = time.monotonic() + WARM_UP_SECONDS
        while self.packets() < warm_up:
            if time.monotonic() > deadline:
                raise RuntimeError(f"dpdk-testpmd forwards nothing, or too slowly: {warm_up} packets"
                                   f" in {WARM_UP_SECONDS} s")
            time.sleep(0.05)
        figures = []
        for _ in range(windows):
            packets, cpu = self.packets(), time.clock_gettime_ns(self.clock)
            time.sleep(seconds)
            taken = time.clock_gettime_ns(self.clock) - cpu
            figures.append(taken / (self.packets() - packets))
        return figures

    def end(self):
        try:
            self.say("quit")
            self.process.communicate(timeout=20)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(f"/var/run/dpdk/{self.prefix}", ignore_errors=True)


def floor(mode, files, preloaded, options):
    """ns per packet of one core that forwards what these files hold: best and median."""
    testpmd = Testpmd(mode, files, preloaded)
    try:
        figures = testpmd.measure(options.windows, options.window, 2 * preloaded + 100_000)
    finally:
        testpmd.end()
    return {"best_ns": min(figures), "median_ns": statistics.median(figures)}
