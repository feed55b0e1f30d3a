"""A reload of the running daemon: 10,000 services of 10 reals, one changed, under full traffic."""

import json
import os
import subprocess
import sys
import time

SERVICES, REALS = 10_000, 10
FLOWS = 16_384  # the port keeps them in as many buffers as `descriptors` ask for
PORT_MAC = "02:70:63:61:70:00"  # of net_pcap0
START_SECONDS = 300


def head(address):
    """The keys that name a service."""
    return f"address: {address}\n    port: 80\n    protocol: tcp"


def write_config(path, capture, api, changed_weight):
    """Service 0 takes the traffic; of the last one a weight changes."""
    with open(path, "w", encoding="ascii") as out:
        out.write(f"""version: 1
director:
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
services:
  - {head('192.0.2.80')}
    scheduler: rr
    reals:
""")
        for real in range(11, 15):
            out.write(f"      - {{ address: 10.0.0.{real}, port: 80, forward: nat }}\n")
        for service in range(1, SERVICES):
            out.write(f"  - {head(f'198.18.{service >> 8}.{service & 255}')}\n"
                      "    scheduler: wrr\n    reals:\n")
            for real in range(REALS):
                host = service * REALS + real
                is_changed = (service, real) == (SERVICES - 1, 0)
                weight = f", weight: {changed_weight}" if is_changed else ""
                out.write(f"      - {{ address: 172.{16 + (host >> 16)}.{host >> 8 & 255}."
                          f"{host & 255}, port: 80{weight} }}\n")


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


def measure(suite, reloads=5):
    options = suite.options
    folder = suite.folder
    capture = suite.capture("reload", flows=FLOWS, neighbours=1, port_mac=PORT_MAC)
    director = Director(options.build, folder)
    write_config(director.config, capture, director.api, 1)
    result = {"services": SERVICES, "reals": SERVICES * REALS, "milliseconds": []}
    try:
        result["start_seconds"] = director.start()
        # Every neighbour has been heard and every flow has its connection.
        time.sleep(3)
        before = director.status()
        result["longest_turn_before_us"] = max(w["longest_turn_us"] for w in before["workers"])
        for n in range(reloads):
            write_config(director.config, capture, director.api, 2 + n)
            begin = time.monotonic()
            done = director.ask("reload")
            if done.returncode != 0:
                raise RuntimeError(f"reload: {done.stderr}{done.stdout}")
            result["milliseconds"].append((time.monotonic() - begin) * 1000)
        after = director.status()
        result["generations"] = after["generation"] - before["generation"]
        result["longest_turn_us"] = max(w["longest_turn_us"] for w in after["workers"])
        result["lost"] = sum(dropped(after).values()) - sum(dropped(before).values())
        result["packets"] = sum(a["received_packets"] - b["received_packets"]
                                for a, b in zip(after["workers"], before["workers"]))
        if result["packets"] == 0:
            raise RuntimeError("no traffic during the reloads")
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"FAILED reload: {error}", file=sys.stderr)
        suite.failures.append("reload")
        return None
    finally:
        director.stop()
    suite.forget()
    return result
