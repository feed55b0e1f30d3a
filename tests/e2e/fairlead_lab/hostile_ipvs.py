"""Local programs that mean harm to the director's socket of IPVS.

    Hostiles("/run/fairlead/ipvs.sock").noise(3000)

As a program, run as nobody: what somebody is answered who may not use the socket, though they could connect.
"""

import contextlib
import os
import random
import resource
import socket
import struct
import sys
import time

if __package__:
    from . import raw_ipvs as raw
else:
    import raw_ipvs as raw


class Hostiles:
    def __init__(self, path: str):
        self.path = path

    def connect(self) -> socket.socket:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        peer.connect(self.path)
        peer.setblocking(False)
        return peer

    def noise(self, count: int):
        """Records of random bytes, of messages with lengths that do not fit, and longer ones than there may be. Each
        connection is given up in the middle of its dialogue."""
        drawn = random.Random(1)
        good = raw.message(raw.OUR_FAMILY, raw.NEW_SERVICE, raw.service("192.0.2.99", 80, "rr"))
        for number in range(count):
            record = bytearray(drawn.randbytes(drawn.randrange(1, 600)) if number % 3 == 0 else good)
            if number % 3 == 1:
                struct.pack_into("I", record, 0, drawn.choice([0, 1, 15, 17, len(record) + 1, 0xffffffff]))
            if number % 3 == 2:  # an attribute's length
                struct.pack_into("H", record, drawn.choice([20, 24, 32]), drawn.randrange(0, 65536))
            if number % 100 == 99:
                record = bytearray(100_000)
            with self.connect() as peer, contextlib.suppress(OSError):
                peer.send(record)
                if number % 2:
                    peer.recv(65536)

    def connections(self, count: int):
        """As many at a time as there are descriptors; the director keeps 128 and closes the others."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 200)), hard))
        peers = []
        with contextlib.ExitStack() as stack:
            stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
            for _ in range(count):
                peers.append(stack.enter_context(self.connect()))
            time.sleep(0.5)
            open_ones = 0
            for peer in peers:
                try:
                    open_ones += peer.recv(1) != b""
                except BlockingIOError:
                    open_ones += 1
                except OSError:
                    pass
        assert 0 < open_ones <= 128, open_ones

    def unread(self, count: int):
        """Lists that nobody takes, a thousand asked for at a time."""
        request = raw.message(raw.OUR_FAMILY, raw.GET_SERVICE, flags=raw.NLM_F_DUMP) * 1000
        with contextlib.ExitStack() as stack:
            for _ in range(count):
                peer = stack.enter_context(self.connect())
                with contextlib.suppress(OSError):
                    for _ in range(10):
                        peer.send(request)
            time.sleep(1)

    def flood(self, seconds: float):
        """Requests as fast as they are answered, over forty connections."""
        request = raw.message(raw.OUR_FAMILY, raw.DEL_SERVICE, raw.service("192.0.2.99", 81)) * 100
        end = time.monotonic() + seconds
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(self.connect()) for _ in range(40)]
            answers = 0
            while time.monotonic() < end:
                for peer in peers:
                    with contextlib.suppress(BlockingIOError):
                        peer.send(request)
                    with contextlib.suppress(BlockingIOError):
                        while peer.recv(65536):
                            answers += 1
        assert answers > 1000, answers


def as_nobody(path: str):
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    with raw.Records(path) as peer:
        _, payload = next(peer.ask(3, raw.attribute(2, b"IPVS\0"), 0, raw.CONTROLLER))
        print("family", struct.unpack("H", raw.attributes(payload)[1])[0])
        for command in range(1, 18):
            try:
                peer.change(command, raw.service("192.0.2.80", 80, "rr") + raw.real("10.0.0.11", 80))
                print(f"command {command} was done")
            except OSError as error:
                print(error.strerror)


if __name__ == "__main__":
    as_nobody(sys.argv[1])
