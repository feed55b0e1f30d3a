"""Changes of the running daemon under full traffic: 10,000 services of 10 reals, one of them or all
changed, by reload and by hand, and one changed beside 1,000,000 prefixes."""

import json
import os
import subprocess
import sys
import time

SERVICES, REALS, PREFIXES = 10_000, 10, 1_000_000
FLOWS = 16_384  # the port keeps them in as many buffers as `descriptors` ask for
PORT_MAC = "02:70:63:61:70:00"  # of net_pcap0
START_SECONDS = 300


def head(address):
    """The keys that name a service."""
    return f"address: {address}\n    port: 80\n    protocol: tcp"


def write_config(path, capture, api, changed_weight=1, all_weight=1, prefixes=None):
    """Service 0 takes the traffic. Of the last one a weight changes, or one of each."""
    lines = [f"""version: 1
director:
  arena: none
  name: bench
  workers: [{os.cpu_count() - 1}]
  idle: poll
  hugepages: off
  connections: 1M
ports:
  - name: outside
    device: "net_pcap0,rx_pcap={capture},infinite_rx=1"
    role: outside
    descriptors: 32768
    addresses: [192.0.2.2/24, 10.0.0.1/24]
routes:
  - {{ to: 0.0.0.0/0, via: 192.0.2.1 }}
  - {{ to: 172.16.0.0/12, via: 10.0.0.11 }}
api:
  listen: ["unix:{api}"]
log:
  level: warning
"""]
    if prefixes:
        lines.append(f"prefix_sets:\n  many: {{ file: {prefixes} }}\nclassifier:\n"
                     "  - { source: \"@many\", destination: 198.51.100.1, mark: 7 }\n")
    lines.append(f"""services:
  - {head('192.0.2.80')}
    scheduler: rr
    reals:
""")
    for real in range(11, 15):
        lines.append(f"      - {{ address: 10.0.0.{real}, port: 80, forward: nat }}\n")
    for service in range(1, SERVICES):
        lines.append(f"  - {head(f'198.18.{service >> 8}.{service & 255}')}\n"
                     "    scheduler: wrr\n    reals:\n")
        for real in range(REALS):
            host = service * REALS + real
            weight = all_weight if real == 0 else 1
            if (service, real) == (SERVICES - 1, 0):
                weight = changed_weight
            text = f", weight: {weight}" if weight != 1 else ""
            lines.append(f"      - {{ address: 172.{16 + (host >> 16)}.{host >> 8 & 255}."
                         f"{host & 255}, port: 80{text} }}\n")
    with open(path, "w", encoding="ascii") as out:
        out.write("".join(lines))


def write_prefixes(path):
    """Networks of many lengths, in no order."""
    with open(path, "w", encoding="ascii") as out:
        for n in range(PREFIXES):
            number = n * 2_654_435_761 & 0xffffff
            out.write(f"11.{number >> 16}.{number >> 8 & 255}.{number & 255}/32\n")


class Director:
    """A fairleadd of this build, asked through its command line."""

    def __init__(self, build, folder):
        self.cli = [os.path.join(build, "src", "cli", "fairlead"), "-o", "json"]
        self.daemon = os.path.join(build, "src", "main", "fairleadd")
        self.config = os.path.join(folder, "reload.yaml")
        self.api = os.path.join(folder, "api.sock")
        self.log = os.path.join(folder, "fairleadd.log")
        self.process = None

    def ask(self, *words, timeout=120):
        return subprocess.run([*self.cli, "--api", f"unix:{self.api}", *words],
                              capture_output=True, text=True, timeout=timeout, check=False)

    def status(self):
        done = self.ask("status")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def start(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([self.daemon, "-c", self.config], stderr=log,
                                            stdout=log)
        begin = time.monotonic()
        while time.monotonic() < begin + START_SECONDS:
            status = self.status()
            if status and status["ready"]:
                return time.monotonic() - begin
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        with open(self.log, encoding="utf-8") as log:
            raise RuntimeError("fairleadd did not start:\n" + log.read()[-2000:])

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def dropped(status):
    """Packets by reason. The traffic's ARP frames are read, and that ends them too."""
    return {d["reason"]: d["packets"] for d in status["dropped"]
            if d["packets"] > 0 and d["reason"] not in ("arp_ignored", "neighbour_learned")}


def resident_bytes(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        kib = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
    return kib << 10


class Run:
    """One director under traffic, and what its changes cost."""

    def __init__(self, suite, capture, prefixes=None):
        self.director = Director(suite.options.build, suite.folder)
        self.write = lambda **what: write_config(self.director.config, capture, self.director.api,
                                                 prefixes=prefixes, **what)
        self.write()
        self.result = {"start_seconds": self.director.start()}
        # Every neighbour has been heard and every flow has its connection.
        time.sleep(3)
        self.before = self.director.status()
        self.result["longest_turn_before_us"] = self.longest_turn(self.before)
        self.result["resident_bytes"] = resident_bytes(self.director.process)

    @staticmethod
    def longest_turn(status):
        return max(w["longest_turn_us"] for w in status["workers"])

    def timed(self, *words):
        begin = time.monotonic()
        done = self.director.ask(*words)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}{done.stdout}")
        return (time.monotonic() - begin) * 1000

    def reloads(self, **changes):
        self.write(**changes)
        return self.timed("reload")

    def finish(self):
        after = self.director.status()
        self.result["generations"] = after["generation"] - self.before["generation"]
        self.result["lost"] = (sum(dropped(after).values()) -
                               sum(dropped(self.before).values()))
        self.result["packets"] = sum(a["received_packets"] - b["received_packets"] for a, b in
                                     zip(after["workers"], self.before["workers"]))
        if self.result["packets"] == 0:
            raise RuntimeError("no traffic during the reloads")
        return self.result


def measure_changes(run, repeats):
    last = f"tcp-198.18.{SERVICES - 1 >> 8}.{SERVICES - 1 & 255}-80"
    host = (SERVICES - 1) * REALS + 1
    real = f"172.{16 + (host >> 16)}.{host >> 8 & 255}.{host & 255}:80"
    result = run.result
    result["milliseconds"] = [run.reloads(changed_weight=2 + n) for n in range(repeats)]
    result["by_hand_milliseconds"] = [
        run.timed("real", "set", last, real, "--weight", str(2 + n)) for n in range(repeats)]
    result["longest_turn_us"] = run.longest_turn(run.director.status())
    result["all_milliseconds"] = run.reloads(all_weight=3)
    result["longest_turn_all_us"] = run.longest_turn(run.director.status())
    return run.finish()


def measure_prefixes(run, repeats):
    result = run.result
    result["milliseconds"] = [run.reloads(changed_weight=2 + n) for n in range(repeats)]
    result["longest_turn_us"] = run.longest_turn(run.director.status())
    result["resident_bytes_after"] = resident_bytes(run.director.process)
    return run.finish()


def measure(suite, repeats=5):
    capture = suite.capture("reload", flows=FLOWS, neighbours=1, port_mac=PORT_MAC)
    prefixes = os.path.join(suite.folder, "many.prefixes")
    write_prefixes(prefixes)
    result = {"services": SERVICES, "reals": SERVICES * REALS}
    try:
        for name, measured, file in (("changes", measure_changes, None),
                                     ("prefixes", measure_prefixes, prefixes)):
            run = Run(suite, capture, file)
            try:
                result[name] = measured(run, repeats)
            finally:
                run.director.stop()
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"FAILED reload: {error}", file=sys.stderr)
        suite.failures.append("reload")
        return None
    suite.forget()
    return result
