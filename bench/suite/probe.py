"""A UDP probe each millisecond: `probe.py ADDRESS PORT` sends numbered datagrams from one socket and takes the echoes,
until standard input closes. Then one line of JSON: {"sent": N, "answered": N, "gap_ms": F, "second_gap_ms": F,
"second_after_ms": F}.

The gap is the longest span between two probes that were answered, none of which between them was: for how long nobody
forwarded, to a millisecond. The second longest says how long this machine itself stands still at times, and how long
after the end of the gap it began (less than 0: before the gap).
"""

import json
import select
import socket
import struct
import sys
import time

INTERVAL = 0.001


def main(address: str, port: str):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, int(port)))
    sock.setblocking(False)
    sent, answered = [], set()

    def take():
        try:
            while True:  # "NAME" and a blank before what was sent
                answered.add(struct.unpack("!I", sock.recv(64)[-4:])[0])
        except OSError:  # nothing more, or an ICMP error about an earlier probe
            pass

    begin = time.monotonic()
    while not select.select([sys.stdin], [], [], 0)[0]:
        now = time.monotonic()
        try:
            sock.send(struct.pack("!I", len(sent)))
        except OSError:  # as above; it counts as sent, and nobody answers
            pass
        sent.append(now)
        take()
        time.sleep(max(0.0, begin + len(sent) * INTERVAL - time.monotonic()))
    time.sleep(0.2)
    take()
    good = sorted(answered)
    spans = sorted(zip(good, good[1:]), key=lambda span: sent[span[0]] - sent[span[1]])[:2]
    (before, after), (second_before, second_after) = spans if len(spans) == 2 else [(0, 0), (0, 0)]
    print(json.dumps({"sent": len(sent), "answered": len(good), "gap_ms": (sent[after] - sent[before]) * 1000,
                      "second_gap_ms": (sent[second_after] - sent[second_before]) * 1000,
                      "second_after_ms": (sent[second_before] - sent[after]) * 1000}), flush=True)


main(*sys.argv[1:])
