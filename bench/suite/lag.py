"""How far another director is behind while clients open connections, by the stream between them.

`between_cores`: bench/stream_lag_bench, two directors in one process, all of the way between them and no ports.
`measure`: two directors in a lab (docs/lab.md), one beside the other: a flood of UDP from random clients, two packets each, opens
connections at the first one by DR, and the second one takes in what it is told. Flood, two workers, two control cores and TLS share the
machine's processors, so the rate that is reached may be below the one that was asked for. Needs root.
"""

import json
import os
import subprocess
import sys
import time

from .loop import Failed

# (connections a second, whether each also makes a template)
BETWEEN_CORES = ((50_000, False), (100_000, False), (200_000, False), (400_000, False), (100_000, True))
RATES = (10_000, 50_000, 100_000, 200_000)
SECONDS = 10
CATCH_UP_SECONDS = 60
PORT = 9  # nobody listens there; what counts is the record


def between_cores(suite):
    """Rows; a run in which something did not arrive is a failure."""
    rows = []
    program = os.path.join(suite.options.build, "bench", "stream_lag_bench")
    for rate, is_persistent in BETWEEN_CORES:
        done = subprocess.run([program, str(rate), str(SECONDS), *["persistent"][:is_persistent]], capture_output=True,
                              text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise Failed(f"stream_lag_bench {rate}\n{done.stdout}{done.stderr}")
        rows.append(json.loads(done.stdout))
        print(f"lag between control cores: {rate} a second asked for, {rows[-1]['opened_a_second']:.0f} opened: "
              f"{rows[-1]['lag_most_ms']:.0f} ms at most", file=sys.stderr)
    return rows


def configuration(lab, first, second, capacity):
    from fairlead_lab import addresses as at, director
    from fairlead_lab.second import with_peer
    config = with_peer(first, second)
    config["services"] = director.configuration([
        {"name": "many", "address": at.VIP, "protocol": "udp", "port": PORT, "forward": "dr",
         "reals": [{"address": at.real_address(index)} for index in (1, 2)], "timeouts": {"udp": "1h"}}])["services"]
    config["director"].update(arena="none", connections=capacity, connections6=1024, templates=1024, side_records=1024)
    return config


def connections(director):
    return sum(worker["connections"] for worker in director.json("status")["workers"])


def measure_rate(lab, first, second, rate):
    """A row; the lag is read twice a second. A flow whose second packet was lost is told to nobody: `told` are those that
    were, and the second director has to have them all in the end."""
    from fairlead_lab import addresses as at
    from fairlead_lab.flood import Flood, mac_of
    lags = []

    def told():
        return first.metric("fairlead_sync_entries_total", peer="second", direction="out")

    def lag():
        return first.metric("fairlead_sync_lag_seconds", peer="second", direction="out")

    begin = time.monotonic()
    with Flood(lab.client, "outside", mac_of(lab.director, "outside"), source="100.64.0.0/10", destination=at.VIP,
               kind="twice", port=PORT, rate=2 * rate, seconds=SECONDS + 5) as flood:
        while time.monotonic() < begin + SECONDS:
            time.sleep(0.5)
            lags.append(lag())
    took = time.monotonic() - begin
    opened = connections(first)
    end = time.monotonic()
    while lag() > 0 or connections(second) < told():
        if time.monotonic() > end + CATCH_UP_SECONDS:
            raise Failed(f"{CATCH_UP_SECONDS} s after {rate} a second {connections(second)} of {told()} connections have "
                         "been taken in")
        time.sleep(0.1)
    lags.sort()
    return {"rate": rate, "sent": flood.sent / 2 / took, "opened": opened / took, "told": told() / took,
            "lag_half_ms": lags[len(lags) // 2] * 1000, "lag_most_ms": lags[-1] * 1000,
            "caught_up_ms": (time.monotonic() - end) * 1000}


def measure(suite):
    from fairlead_lab import Director, Lab
    from fairlead_lab.second import Second
    from fairlead_lab.shell import wait_until
    rows = []
    for rate in RATES:
        capacity = 1 << 22 if rate * SECONDS > 1 << 20 else 1 << 21
        with Lab(f"lag{os.getpid() % 100000}", reals=2) as lab:
            first, second = Director(lab, 1), Second(lab, 1)
            try:
                first.start(configuration(lab, "first", "second", capacity))
                second.start(configuration(lab, "second", "first", capacity))
                for director in (first, second):
                    wait_until(lambda one=director: one.cli("sync", "status", check=False).returncode == 0, "in sync",
                               timeout=30)
                rows.append(measure_rate(lab, first, second, rate))
                print(f"lag: {rate} a second asked for, {rows[-1]['opened']:.0f} opened: "
                      f"{rows[-1]['lag_most_ms']:.0f} ms at most", file=sys.stderr)
                first.stop()
                second.stop()
            finally:
                first.kill()
                second.kill()
                first.release(check=False)
    return rows
