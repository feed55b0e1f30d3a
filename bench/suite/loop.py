"""The measured runs of bench/worker_loop_bench, each with the floor it is compared with."""

import json
import os
import statistics
import subprocess
import sys

from . import testpmd

RUN_SECONDS = 240  # no run takes longer, unless something hangs
OBJECT_BYTES = 512  # of a preloaded packet
WAYS_ROUNDS = 7  # what is asked for there is a difference of a few nanoseconds


class Failed(Exception):
    """A run that gave no valid figure; the suite goes on and ends with code 1."""


def human(number):
    for unit, name in ((1 << 20, "M"), (1 << 10, "k")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return str(number)


def available_bytes():
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


class Suite:
    """Makes captures on demand and collects rows; one row is one line of the table."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.rows = []
        self.failures = []

    def capture(self, name, **traffic):
        path = os.path.join(self.folder, f"{name}.pcap")
        if not os.path.exists(path):
            self.program("generate", file=path, **traffic)
        return path

    def forget(self):
        for name in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, name))

    def program(self, command, **arguments):
        words = [self.options.program, command]
        for key, value in arguments.items():
            words += ["--" + key.replace("_", "-"), str(value)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=RUN_SECONDS,
                              check=False)
        if done.returncode != 0:
            raise Failed(f"{' '.join(words[1:])}\n{done.stderr}{done.stdout}")
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}

    def add(self, group, what, measure, unit="packet", floor=None, **facts):
        """Runs `measure`, which gives best_ns and median_ns, and keeps the row."""
        label = f"{group}: {what} {facts.get('flows', '')}"
        try:
            row = measure()
        except (Failed, RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"FAILED {label}: {error}", file=sys.stderr)
            self.failures.append(label)
            return None
        row = {"group": group, "what": what, "unit": unit, **facts, **row}
        row["mpps"] = 1000 / row["median_ns"]
        if floor:
            row["floor_ns"] = floor["median_ns"]
            row["ratio"] = row["median_ns"] / floor["median_ns"]
        self.rows.append(row)
        print(f"{label}: {row['median_ns']:.1f} ns", file=sys.stderr)
        return row

    def compare(self, group, floor, figures, rounds=None, **facts):
        """A row for the floor and for each figure, all (what, measure), measured in turn for several
        rounds: a slow spell of a shared machine then meets neighbours alike. A ratio is the median
        over the rounds of the figure by the floor of its own round; `ratios` has those of all
        rounds, for who compares two figures."""
        runs = {what: [] for what, _ in [floor, *figures]}
        rounds = rounds or self.options.rounds
        for _ in range(rounds if facts["flows"] <= 1 << 20 else 1):
            for what, measure in [floor, *figures]:
                try:
                    runs[what].append(measure())
                except (Failed, RuntimeError, subprocess.TimeoutExpired) as error:
                    runs[what].append(None)
                    print(f"FAILED {group}: {what}: {error}", file=sys.stderr)
        floors = runs[floor[0]]
        for what, of_rounds in runs.items():
            if not all(of_rounds):
                self.failures.append(f"{group}: {what} {facts['flows']}")
                continue
            row = self.add(group, what, lambda r=of_rounds: {
                "best_ns": min(one["best_ns"] for one in r),
                "median_ns": statistics.median(one["median_ns"] for one in r)}, **facts)
            if what != floor[0] and all(floors):
                row["floor_ns"] = statistics.median(one["median_ns"] for one in floors)
                row["ratios"] = [one["median_ns"] / io["median_ns"] for one, io in zip(of_rounds, floors)]
                row["ratio"] = statistics.median(row["ratios"])

    def hits(self, **arguments):
        return lambda: self.program("hits", windows=self.options.windows,
                                    window_ms=int(self.options.window * 1000), **arguments)

    def has_room_for(self, packets, label):
        """Preloaded packets take memory that a smaller machine does not have."""
        needed = packets * OBJECT_BYTES + (3 << 30)
        if available_bytes() >= needed:
            return True
        print(f"left out, {needed >> 30} GiB of free memory needed: {label}", file=sys.stderr)
        return False


def forwarding(suite, family, flows, modes=("io", "macswap"),
               methods=("dr", "nat", "tun"), both=True):
    """DR, NAT and TUN over so many flows; NAT also with the replies on a second port."""
    group, facts = f"forwarding IPv{family}", {"flows": flows, "family": family}
    if not suite.has_room_for(2 * flows, f"{group}, {human(flows)} flows"):
        return
    clients = suite.capture("clients", flows=flows, family=family)

    def testpmd_row(mode, files, packets):
        return lambda: testpmd.floor(mode, files, packets, suite.options)

    def hits_row(method, files, **arguments):
        return suite.hits(flows=flows, family=family, files=files, method=method, **arguments)

    floor, *others = [(f"testpmd {mode}", testpmd_row(mode, [clients], 2 * flows))
                      for mode in modes]
    suite.compare(group, floor, [*others, *((m.upper(), hits_row(m, clients)) for m in methods)],
                  **facts)
    if both and suite.has_room_for(4 * flows, f"{group}, NAT both ways, {human(flows)} flows"):
        replies = suite.capture("replies", flows=flows, family=family, traffic="replies")
        suite.compare(group, ("testpmd io, two ports",
                              testpmd_row("io", [clients, replies], 4 * flows)),
                      [("NAT both ways", hits_row("nat", f"{clients},{replies}", ports=2))],
                      **facts)
    suite.forget()


def vlans(suite, flows):
    """The same packets with a tag, which software takes off and puts on: net_pcap can do neither."""
    group, facts = "VLAN in software", {"flows": flows, "family": 4}
    plain = suite.capture("clients", flows=flows)
    tagged = suite.capture("tagged", flows=flows, vlan=120)
    suite.compare(group, ("testpmd io", lambda: testpmd.floor("io", [plain], 2 * flows, suite.options)),
                  [("DR", suite.hits(flows=flows, files=plain)),
                   ("DR, one VLAN", suite.hits(flows=flows, files=tagged, vlan=120))], **facts)
    suite.forget()


def ways(suite, flows):
    """Each way to a real server beside the one it is compared with, and a new FULLNAT connection beside a new NAT one."""
    group, facts = "ways", {"flows": flows, "family": 4}
    if not suite.has_room_for(2 * flows, f"{group}, {human(flows)} flows"):
        return
    clients = suite.capture("clients", flows=flows)
    hits = [(what, suite.hits(flows=flows, files=clients, **arguments)) for what, arguments in (
        ("NAT", {"method": "nat"}), ("FULLNAT", {"method": "fullnat"}),
        ("FULLNAT, told by TOA", {"method": "fullnat", "client_address": "toa"}),
        ("TUN", {"method": "tun"}), ("GUE", {"method": "gue"}), ("GRE", {"method": "gre"}))]
    floor = ("testpmd io", lambda: testpmd.floor("io", [clients], 2 * flows, suite.options))
    suite.compare(group, floor, hits, rounds=WAYS_ROUNDS, **facts)
    suite.forget()
    syns = suite.capture("syns", flows=flows, traffic="syns")
    new = [(f"new, {method.upper()}", lambda m=method: suite.program(
        "new", flows=flows, files=syns, windows=suite.options.passes, method=m)) for method in ("nat", "fullnat")]
    suite.compare(group, new[0], new[1:], rounds=WAYS_ROUNDS, unit="connection", **facts)
    suite.forget()


def new_connections(suite, flows):
    """A table of `flows` fills from empty, again and again."""
    group, facts = "new connections", {"flows": flows, "family": 4}
    if not suite.has_room_for(2 * flows, group):
        return
    syns = suite.capture("syns", flows=flows, traffic="syns")
    passes = suite.options.passes
    io = suite.add(group, "testpmd io", lambda: testpmd.floor("io", [syns], flows, suite.options),
                   **facts)
    for what, arguments in (("plain", {}), ("persistent", {"persistent": 1})):
        suite.add(group, what, lambda a=arguments: suite.program(
            "new", flows=flows, files=syns, windows=passes, **a), unit="connection", floor=io,
            **facts)
    suite.forget()
    files = [suite.capture(f"syns{w}", flows=flows, traffic="syns", worker=w, workers=2)
             for w in (0, 1)]
    for what, arguments in (("plain, two workers", {}),
                            ("persistent, half through the other worker", {"persistent": 1})):
        suite.add(group, what, lambda a=arguments: suite.program(
            "new", flows=flows, files=",".join(files), workers=2, windows=passes, **a),
            unit="connection", floor=io, **facts)
    suite.forget()


def mixed(suite, flows):
    """Hits with new connections among them."""
    group, facts = "hits with new connections", {"flows": flows, "family": 4}
    for percent in (0, 1, 10):
        packets = 2 * flows * 100 // (100 - percent)
        file = suite.capture("mixed", flows=flows, new_percent=percent)
        io = suite.add(group, f"testpmd io, file with {percent} % new",
                       lambda f=file, n=packets: testpmd.floor("io", [f], n, suite.options),
                       **facts)
        suite.add(group, f"DR, {percent} % new", lambda f=file, p=percent: suite.program(
            "mixed", flows=flows, files=f, new_percent=p, windows=suite.options.passes),
            floor=io, **facts)
        suite.forget()


def classifier(suite, flows):
    """What rules and prefixes cost a new connection; a packet of an old one never meets them."""
    group, facts = "classifier", {"flows": flows, "family": 4}
    syns = suite.capture("syns", flows=flows, traffic="syns")
    clients = suite.capture("clients", flows=flows)
    for what, arguments in (("no rules", {}), ("1 rule over 1k prefixes", {"prefixes": 1000}),
                            ("1 rule over 100k prefixes", {"prefixes": 100_000}),
                            ("1k rules", {"rules": 1000})):
        suite.add(group, f"new, {what}", lambda a=arguments: suite.program(
            "new", flows=flows, files=syns, windows=suite.options.passes, **a),
            unit="connection", **facts)
    suite.add(group, "hits, 1k rules", suite.hits(flows=flows, files=clients, rules=1000), **facts)
    suite.forget()
    few = suite.capture("few", flows=4096, traffic="syns")
    suite.add(group, "new, 100k rules", lambda: suite.program(
        "new", flows=4096, files=few, windows=suite.options.passes, rules=100_000),
        unit="connection", flows=4096, family=4)
    suite.forget()


def fragments(suite, flows):
    """Segments in two fragments each, beside whole ones; the table of fragments has room for all."""
    group, facts = "fragments", {"flows": flows, "family": 4}
    whole = suite.capture("clients", flows=flows)
    cut = suite.capture("fragments", flows=flows, traffic="fragments")
    for method in ("dr", "nat"):
        suite.compare(group, (f"{method.upper()}, whole", suite.hits(flows=flows, files=whole, method=method)),
                      [(f"{method.upper()}, in fragments", suite.hits(flows=flows, files=cut, method=method))], **facts)
    suite.forget()


def workers(suite, flows):
    """One worker with one queue, two with two, and two that get each other's packets."""
    group, facts = "workers", {"flows": flows, "family": 4}
    clients = suite.capture("clients", flows=flows)
    parts = [suite.capture(f"clients{w}", flows=flows, worker=w, workers=2) for w in (0, 1)]
    right, wrong = ",".join(parts), ",".join(reversed(parts))
    suite.add(group, "one worker", suite.hits(flows=flows, files=clients), **facts)
    suite.add(group, "two workers, CPU of both", suite.hits(
        flows=flows, files=right, workers=2), **facts)
    suite.add(group, "two workers, every packet at the wrong one", suite.hits(
        flows=flows, files=wrong, workers=2), **facts)
    for what, files in (("two on one core, every packet at the right one", right),
                        ("two on one core, every packet at the wrong one", wrong)):
        suite.add(group, what, suite.hits(flows=flows, files=files, workers=2, one_core=1), **facts)
    side_by_side = suite.add(group, "side by side, each counting the same", lambda: suite.program(
        "scaling", flows=flows, files=right, workers=2), **facts)
    suite.forget()
    return side_by_side and side_by_side["scaling"]


def memory(suite, capacity, family=4, method="dr"):
    """Bytes a connection: the process at this capacity, nine tenths full, less one of 4k. A FULLNAT connection has a
    second entry in the index and a side record."""
    flows = capacity * 9 // 10
    syns = suite.capture("syns", flows=flows, traffic="syns", family=family)
    sizes = {}
    result = {"capacity": capacity, "filled": flows, "family": family, "method": method}
    for name, room in (("large", capacity), ("small", 4096)):
        try:
            run = suite.program("memory", flows=flows, files=syns, capacity=room,
                                preloaded=flows, family=family, method=method)
        except (Failed, subprocess.TimeoutExpired) as error:
            print(f"FAILED memory: {error}", file=sys.stderr)
            suite.failures.append("memory")
            return None
        if name == "large" and run["connections"] + 64 < flows:
            suite.failures.append(f"memory: {method}: only {run['connections']} of {flows} connections fit")
        sizes[name] = run["resident_bytes"] + run["hugepage_bytes"]
        result[name] = run
    result["bytes_per_connection"] = (sizes["large"] - sizes["small"]) / capacity
    suite.forget()
    return result
