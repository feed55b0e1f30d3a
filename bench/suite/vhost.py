"""Two processes: dpdk-testpmd sends a capture through net_virtio_user, fairleadd answers by net_vhost.

It shows that the daemon, driven from outside through a port with queues that fill, forwards what
another process sends and accounts for every packet. On two cores it is a proof, not a figure:
generator and director share them with everything else.
"""

import os
import subprocess
import sys
import time

from .loop import Failed
from .reload import Director, dropped, head
from .testpmd import Testpmd

FLOWS = 8192
SECONDS = 5
PORT_MAC = "56:48:4f:53:54:00"  # of net_vhost0


def write_config(path, socket, api):
    with open(path, "w", encoding="ascii") as out:
        out.write(f"""version: 1
director:
  arena: none
  name: bench-vhost
  workers: [0]
  idle: poll
  hugepages: off
  connections: 1M
ports:
  - name: outside
    device: "net_vhost0,iface={socket},queues=1"
    role: outside
    addresses: [192.0.2.2/24, 10.0.0.1/24]
routes:
  - {{ to: 0.0.0.0/0, via: 192.0.2.1 }}
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


def sums(status):
    keys = ("received_packets", "originated_packets", "sent_packets", "dropped_packets",
            "held_packets", "connections")
    return {key: sum(worker[key] for worker in status["workers"]) for key in keys}


def run(suite):
    """0 when packets came back and every packet is accounted for."""
    folder = suite.folder
    socket = os.path.join(folder, "vhost.sock")
    director = Director(suite.options.build, folder)
    generator = None
    try:
        capture = suite.capture("vhost", flows=FLOWS, neighbours=1, port_mac=PORT_MAC)
        write_config(director.config, socket, director.api)
        director.start()
        generator = Testpmd(
            "io", [capture], 2 * FLOWS + 8192, buffer_bytes=2048 + 128,
            extra=["--single-file-segments", "--vdev",
                   f"net_virtio_user0,path={socket},queues=1"])
        time.sleep(3)  # neighbours are heard, every flow has its connection
        before, (_, sent_back) = sums(director.status()), generator.counters(1)
        returned = generator.counters(1)[0]
        time.sleep(SECONDS)
        after, counted = sums(director.status()), generator.counters(1)
        passed, given = counted[0] - returned, counted[1] - sent_back
        generator.say("stop")
        time.sleep(1)
        # At rest nothing is under way between two counters.
        last = director.status()
        rest = sums(last)
    except (Failed, RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"FAILED vhost: {error}", file=sys.stderr)
        return 1
    finally:
        if generator:
            generator.end()
        director.stop()
    kept = rest["received_packets"] + rest["originated_packets"] - (
        rest["sent_packets"] + rest["dropped_packets"] + rest["held_packets"])
    forwarded = after["sent_packets"] - before["sent_packets"]
    print(f"given to the director  {given / SECONDS / 1e6:8.2f} M packets/s\n"
          f"forwarded by it        {forwarded / SECONDS / 1e6:8.2f}\n"
          f"came back              {passed / SECONDS / 1e6:8.2f}\n"
          f"connections            {after['connections']:8d} of {FLOWS}\n"
          f"dropped by the director {dropped(last) or 'nothing'}\n"
          f"unaccounted for        {kept:8d}")
    is_good = passed > 0 and kept == 0 and after["connections"] == FLOWS
    print("ok" if is_good else "FAILED: see above")
    return 0 if is_good else 1
