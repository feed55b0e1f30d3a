"""For how long nobody forwards when the director is restarted, and what taking up its tables costs.

The gap is seen by a UDP probe each millisecond through the director of a lab (docs/lab.md), with few connections in
the tables and with many. What the director says of it is read from its log. Needs root.
"""

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import time

from . import lag
from .loop import Failed, human

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

FEW = 100
TEMPLATES = 1 << 20
ROUNDS = 3
NAME = f"bench{os.getpid() % 100000}"
FILL_SECONDS, FILL_PORT = 600, 9
STEADY_SECONDS = 2  # of probes before the end and after the start
LOG_LINE = re.compile(r'time=(\S+) level=\w+ msg=("[^"]*"|\S+)(.*)')


def milestones(log):
    """Of a start: seconds since the epoch at which it said what, and the fields of the receipt."""
    at, receipt = {}, {}
    for line in log.splitlines():
        found = LOG_LINE.match(line)
        if not found:
            continue
        when = datetime.datetime.fromisoformat(found[1].replace("Z", "+00:00")).timestamp()
        what = found[2].strip('"')
        at[what] = when  # of an upgrade the log has two starts, and the last one counts
        if what == "taken up":
            receipt = dict(re.findall(r"(\w+)=(\S+)", found[3]))
    return at, receipt


def configuration(lab, capacity):
    from fairlead_lab import addresses as at, director
    reals = [{"address": at.real_address(index)} for index in (1, 2, 3)]
    config = director.configuration([
        {"name": "echo", "address": at.VIP, "protocol": "udp", "port": at.UDP_PORT, "reals": reals},
        # Nobody listens there; what counts is the record.
        {"name": "many", "address": at.VIP, "protocol": "udp", "port": FILL_PORT, "forward": "dr", "reals": reals,
         "timeouts": {"udp": "1h"}}])
    config["director"].update(arena=lab.arena, connections=capacity, connections6=1024, templates=1024,
                              side_records=1024)
    return config


def fill(lab, director, wanted):
    """Until the tables hold so many connections."""
    from fairlead_lab import addresses as at
    from fairlead_lab.flood import Flood, mac_of

    def held():
        return sum(worker["connections"] for worker in director.json("status")["workers"])

    begin = time.monotonic()
    while (missing := wanted - held()) > 0:
        if time.monotonic() > begin + FILL_SECONDS:
            raise Failed(f"only {held()} of {wanted} connections after {FILL_SECONDS} s")
        # Some draws meet a known flow or a full ring: it goes on until there are enough.
        with Flood(lab.client, "outside", mac_of(lab.director, "outside"), source="100.64.0.0/10",
                   destination=at.VIP, port=FILL_PORT, rate=100_000, most=missing) as flood:
            flood.wait()
        time.sleep(1)
    return held()


def gap(lab, director, end):
    """What a probe saw while `end(director)` ended the process and began the next one."""
    from fairlead_lab import addresses as at
    probe = lab.client.spawn(sys.executable, os.path.join(ROOT, "bench", "suite", "probe.py"), at.VIP, at.UDP_PORT,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(STEADY_SECONDS)
        begin = time.time()
        end(director)
        ready = time.time()
        time.sleep(STEADY_SECONDS)
        out, _ = probe.communicate(timeout=60)
    finally:
        probe.kill()
    row = json.loads(out)
    if row["answered"] < 1000 * STEADY_SECONDS:
        raise Failed(f"only {row['answered']} of {row['sent']} probes were answered")
    log = director.log_since_start()
    at_times, receipt = milestones(log)
    if "taken up" not in at_times or "forwarding" not in at_times:
        raise Failed(f"the director has taken nothing up:\n{log}")
    row.update(receipt={key: receipt[key] for key in ("restored", "dropped", "causes", "down_ms")},
               arena_to_taken_up_ms=(at_times["taken up"] - at_times["arena"]) * 1000,
               taken_up_to_forwarding_ms=(at_times["forwarding"] - at_times["taken up"]) * 1000,
               end_to_ready_ms=(ready - begin) * 1000,
               longest_turn_ms=max(worker["longest_turn_us"] for worker in director.json("status")["workers"]) / 1000)
    return row


def ends(director):
    """(name, how the process ends and its successor begins)."""
    from fairlead_lab import Director
    found = [("kill -9 and start", Director.crash), ("stop and start", Director.stop_and_start)]
    if director.cli("upgrade", "--help", check=False).returncode == 0:
        found.append(("upgrade", Director.upgrade))
    return found


def measure_gaps(suite, wanted):
    """Rows of one number of connections; a director of its own, whose first start takes nothing up."""
    from fairlead_lab import Director, Lab
    rows = []
    with Lab(NAME, reals=3) as lab:
        director = Director(lab, 1)
        try:
            director.start(configuration(lab, max(wanted + wanted // 8, 1024)))
            held = fill(lab, director, wanted)
            for what, end in ends(director):
                rows.append({"what": what, "connections": held, **gap(lab, director, end)})
                print(f"survival: {what}, {human(held)} connections: gap {rows[-1]['gap_ms']:.0f} ms", file=sys.stderr)
            director.stop()
        finally:
            director.kill()
            director.release(check=False)
            shutil.rmtree(lab.arena, ignore_errors=True)
    return rows


def take_up(suite, connections):
    """bench/take_up_bench with one and with two workers; the best round, as the machine is shared."""
    rows = []
    program = os.path.join(suite.options.build, "bench", "take_up_bench")
    for workers in (1, 2):
        done = subprocess.run([program, str(connections), str(TEMPLATES), str(workers), str(ROUNDS)],
                              capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            raise Failed(f"take_up_bench\n{done.stderr}")
        row = json.loads(done.stdout)
        best = min(row["rounds"], key=lambda one: one["take_up_ms"])
        rows.append({**row, **best, "ratio": best["take_up_ms"] / min(one["pass_ms"] for one in row["rounds"])})
    return rows


def stream(suite, connections):
    """bench/stream_bench: what telling other directors costs."""
    program = os.path.join(suite.options.build, "bench", "stream_bench")
    done = subprocess.run([program, str(connections), str(ROUNDS)], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise Failed(f"stream_bench\n{done.stderr}")
    return json.loads(done.stdout)


def measure(suite, connections):
    """None when something failed; the suite ends with code 1 then."""
    os.environ["FAIRLEAD_BUILD"] = os.path.abspath(suite.options.build)  # read when the lab is imported
    from fairlead_lab.shell import ShellError
    result = {"take_up": [], "gaps": []}
    try:
        if suite.has_room_for(connections, f"survival, {human(connections)} connections"):
            result["take_up"] = take_up(suite, connections)
        result["stream"] = stream(suite, min(connections, 1 << 20))
        result["lag_between_cores"] = lag.between_cores(suite)
        if os.geteuid() != 0:
            print("left out, needs root: survival, the gap of a restart", file=sys.stderr)
            return result
        result["lag"] = lag.measure(suite)
        for wanted in (FEW, connections):
            result["gaps"] += measure_gaps(suite, wanted)
    except (Failed, ShellError, OSError, subprocess.SubprocessError) as error:
        print(f"FAILED survival: {error}", file=sys.stderr)
        suite.failures.append("survival")
        return None
    return result
