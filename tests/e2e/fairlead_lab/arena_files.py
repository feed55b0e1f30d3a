"""The files of an arena, to be read and damaged by tests; docs/arena.md has the layout.

    arena = ArenaFiles(lab.arena)
    arena.flip("header", 140)
    arena.forge(director="other")      # with a checksum that is right
    arena.section("connections4")      # (offset in the file of worker 0, bytes of a record, records)
"""

import os
import random
import struct

HEADER_BYTES = 4096
CHECKED_BYTES = 2048  # what the checksum covers
MAGIC, VERSION = 0x414E455241444C46, 1  # "FLDARENA"
CHECKSUM = (16, 8)  # where and how long
FIELDS = {"version": (8, 4), "boot_id": (24, 40), "director": (64, 64)}
SECTIONS_NUMBER, SECTION_COUNT, SECTIONS, SECTION_BYTES = 200, 196, 728, 48
MASK = (1 << 64) - 1


def siphash13(k0: int, k1: int, data: bytes) -> int:
    """SipHash-1-3 (Aumasson and Bernstein, 2012)."""
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def left(x: int, bits: int) -> int:
        return (x << bits | x >> (64 - bits)) & MASK

    def turn():
        v[0] = (v[0] + v[1]) & MASK
        v[1] = left(v[1], 13) ^ v[0]
        v[0] = left(v[0], 32)
        v[2] = (v[2] + v[3]) & MASK
        v[3] = left(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & MASK
        v[3] = left(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & MASK
        v[1] = left(v[1], 17) ^ v[2]
        v[2] = left(v[2], 32)

    whole = len(data) // 8 * 8
    words = list(struct.unpack(f"<{whole // 8}Q", data[:whole]))
    words.append(int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56)
    for word in words:
        v[3] ^= word
        turn()
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(3):
        turn()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


class ArenaFiles:
    def __init__(self, directory: str):
        self.directory = directory

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def names(self) -> list:
        return sorted(os.listdir(self.directory))

    def set_aside(self) -> list:
        return [name for name in self.names() if name.startswith("set-aside-")]

    def read(self, name: str) -> bytes:
        with open(self.path(name), "rb") as file:
            return file.read()

    def patch(self, name: str, at: int, data: bytes):
        """Where it lies, as a stray store would."""
        with open(self.path(name), "r+b") as file:
            file.seek(at)
            file.write(data)

    def flip(self, name: str, at: int, bit: int = 0):
        with open(self.path(name), "rb") as file:
            file.seek(at)
            byte = file.read(1)[0]
        self.patch(name, at, bytes([byte ^ 1 << bit]))

    def truncate(self, name: str, size: int):
        os.truncate(self.path(name), size)

    def records(self) -> str:
        """Name of the file of records that is in force."""
        return f"sections-{struct.unpack_from('<Q', self.read('header'), SECTIONS_NUMBER)[0]}"

    def sections(self) -> dict:
        """name → (bytes of a record, records of a worker), in their order."""
        header = self.read("header")
        count = struct.unpack_from("<I", header, SECTION_COUNT)[0]
        found = {}
        for index in range(count):
            name, size, records = struct.unpack_from("<24sQQ", header, SECTIONS + index * SECTION_BYTES)
            found[name.partition(b"\0")[0].decode()] = (size, records)
        return found

    def flip_records(self, section: str, count: int, dice: random.Random):
        """A bit in each of the first `count` records of worker 0. Precondition: it is the first section."""
        size, records = self.sections()[section]
        assert list(self.sections())[0] == section and count <= records
        with open(self.path(self.records()), "r+b") as file:
            data = bytearray(file.read(size * count))
            for record in range(count):
                data[record * size + dice.randrange(size)] ^= 1 << dice.randrange(8)
            file.seek(0)
            file.write(data)

    def forge(self, layout: str = "", **fields):
        """Change fields of the header, or the layout of the section `layout`, and make the checksum right."""
        header = bytearray(self.read("header"))
        for name, value in fields.items():
            at, size = FIELDS[name]
            data = value.encode() if isinstance(value, str) else value.to_bytes(size, "little")
            header[at:at + size] = data.ljust(size, b"\0")
        if layout:
            index = list(self.sections()).index(layout)
            header[SECTIONS + index * SECTION_BYTES + 40] ^= 1
        self.patch("header", 0, bytes(header[:16]) + checksum_of(header) + bytes(header[24:]))

    def is_whole(self) -> bool:
        header = self.read("header")
        at, size = CHECKSUM
        return header[at:at + size] == checksum_of(header)


def checksum_of(header: bytes) -> bytes:
    at, size = CHECKSUM
    checked = bytes(header[:at]) + bytes(size) + bytes(header[at + size:CHECKED_BYTES])
    return siphash13(MAGIC, VERSION, checked).to_bytes(8, "little")
