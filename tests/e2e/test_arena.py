"""Whatever is in the place of an arena: a sentence in the log, and a start that forwards, or one that is refused
without harm. What each fault has to come to is in docs/arena.md."""

import os
import random
import shutil

from fairlead_lab import addresses as at, client
from fairlead_lab.arena_files import ArenaFiles
from fairlead_lab.director import BUILD
from fairlead_lab.restarts import RestartTest, SHOP, service
from fairlead_lab.shell import run

KNOWN = [f"198.51.100.{n}" for n in range(1, 41)]
FRESH = [f"203.0.113.{n}" for n in range(1, 7)]


class ArenaTest(RestartTest):
    """A persistent service with clients, and one that is changed by hand."""

    worker_counts = (1,)

    @classmethod
    def services(cls) -> list:
        return [service("shop", at.VIP, SHOP, persistence={"timeout": "10m"}), service("hand", at.VIP2, 80)]

    @property
    def files(self) -> ArenaFiles:
        return ArenaFiles(self.configure()["director"]["arena"])

    def ask(self, clients=FRESH) -> list:
        names = client.spread(self.lab, f"http://{at.VIP}:{SHOP}/", clients)
        self.assertLessEqual(set(names), {"real1", "real2", "real3"})
        return names

    def set_weight(self, weight: int):
        self.director.cli("real", "set", "hand", f"{at.real_address(3)}:80", "--weight", str(weight))

    def leave(self) -> list:
        """Clients and a change by hand, and a stop in order; where the clients went."""
        self.set_weight(7)
        names = self.ask(KNOWN)
        self.director.stop()
        for name in self.files.set_aside():  # of the fault before
            os.unlink(self.files.path(name))
        return names

    def said(self) -> str:
        """Since the start, as it was before it was quoted."""
        return self.director.log_since_start().replace('\\"', '"')

    def restored(self) -> dict:
        return self.director.json("status")["restored"]

    def templates(self) -> float:
        return self.director.metric("fairlead_templates", service="shop")

    def assert_refused(self, sentence: str):
        said = self.director.refused()
        self.assertIn('level=error msg="cannot use the arena"', said)
        self.assertIn(sentence, said)

    def assert_whole(self, names: list):
        """The director has found all that `leave` left."""
        self.assertEqual(self.ask(KNOWN), names)
        self.assertIn("weight", self.director.cli("diff").stdout)


class DamagedArenas(ArenaTest):
    def assert_begun_empty(self, reason: str, sentence: str):
        self.assertIn(sentence, self.said())
        self.assertIn("; the tables start empty; the old files are kept as " + self.files.directory, self.said())
        self.assertEqual(self.restored()["reason"], reason)
        self.assertEqual(self.templates(), 0)
        self.assertIn("weight", self.director.cli("diff").stdout)  # not in the arena's own files
        kept = self.files.set_aside()
        self.assertEqual(len(kept), 2, kept)
        self.ask()

    def test_a_bit_of_the_header(self):
        self.leave()
        self.files.flip("header", 140)
        self.director.start()
        self.assert_begun_empty("damaged", "the header of the arena is damaged: its checksum is wrong")

    def test_truncated_records(self):
        self.leave()
        records = self.files.records()
        self.files.truncate(records, 4096)
        self.director.start()
        self.assert_begun_empty("damaged", f"{records} has 4096 bytes instead of")

    def test_another_layout(self):
        self.leave()
        self.files.forge(layout="connections4")
        self.assertTrue(self.files.is_whole())
        self.director.start()
        self.assert_begun_empty("other-layout", 'the records "connections4" of the arena have another layout')

    def test_another_director(self):
        self.leave()
        self.files.forge(director="other")
        self.assertTrue(self.files.is_whole())
        self.director.start()
        self.assert_begun_empty("other-director", 'the arena is of the director "other", not of "lab"')

    def test_a_bit_of_each_record(self):
        """Some are dropped, each by a cause; what is kept may be wrong, and nothing crashes."""
        self.leave()
        seed = random.randrange(1 << 32)
        with self.subTest(seed=seed):
            self.files.flip_records("connections4", 2 * len(KNOWN), random.Random(seed))
            self.director.start()
            self.assertEqual(self.restored()["reason"], "after-stop")
            self.assertRegex(self.said(), r'msg="taken up" restored=\d+ dropped=\d+ causes=\S+ down_ms=\d+')
            dropped = sum(each["records"] for each in self.restored()["dropped"])
            self.assertGreater(dropped, 0)
            self.assertEqual(self.director.metric("fairlead_restore_dropped_records"), dropped)
            self.ask(KNOWN)
            self.ask()

    def test_files_beside_it(self):
        self.leave()
        for name in ("names", "intent"):
            self.files.flip(name, os.path.getsize(self.files.path(name)) - 1)
        with open(self.files.path("health"), "wb") as file:
            file.write(b"no file of Fairlead's")
        self.director.start()
        for name, what in (("names", "is damaged: its checksum is wrong; the tables start empty"),
                           ("intent", "is damaged: its checksum is wrong; a start takes the configuration file alone, "
                                      "without changes by hand, and keeps them in intent.refused: to have them again, "
                                      "stop the director, rename that to intent and start the version of fairleadd "
                                      "that has written it"),
                           ("health", "is not a file of Fairlead's state; all real servers count as up until a check "
                                      "says otherwise")):
            self.assertIn(f'msg="kept state cannot be used" what="{self.files.path(name)}: {what}"', self.said())
        self.assertEqual(len(self.restored()["problems"]), 3)
        self.assertIn("could not be taken over", self.director.cli("status").stdout)
        self.assertEqual(self.templates(), 0)
        self.assertNotIn("weight", self.director.cli("diff").stdout)
        self.ask()

    def test_fresh(self):
        self.leave()
        self.director.start(extra=("--fresh",))
        self.assertEqual(self.restored()["reason"], "asked-fresh")
        self.assertEqual(self.templates(), 0)
        self.assertIn("weight", self.director.cli("diff").stdout)
        self.assertEqual(self.files.set_aside(), [])

    def test_three_runs_that_do_not_live_long(self):
        """As after three crashes in the take-up or soon after it."""
        names = self.leave()
        self.director.start()
        for _ in range(2):
            self.director.crash()
            self.assertEqual(self.restored()["reason"], "after-crash")
            self.assertEqual(self.ask(KNOWN), names)
        self.director.crash()
        self.assert_begun_empty("set-aside", "three runs in a row took up the arena and did not live long")
        self.director.crash()
        self.assertEqual(self.restored()["reason"], "after-crash")  # the new one is used as any other


class RefusedArenas(ArenaTest):
    def test_what_is_no_directory_of_its_own(self):
        names = self.leave()
        path, moved = self.files.directory, self.files.directory + "-moved"
        header = self.files.path("header")

        def move_and(make):
            os.rename(path, moved)
            make()

        def move_back():
            os.unlink(path)
            os.rename(moved, path)

        def link_the_header():
            os.rename(header, header + "-moved")
            os.symlink(header + "-moved", header)

        def unlink_the_header():
            os.rename(header + "-moved", header)

        for fault, undo, sentence in (
                (lambda: move_and(lambda: os.symlink(moved, path)), move_back,
                 "is a symbolic link; remove it, or name in director.arena what it points to"),
                (lambda: move_and(lambda: open(path, "wb").close()), move_back,
                 "is no directory; move it away, or change director.arena"),
                (link_the_header, unlink_the_header, "it is a symbolic link: remove it"),
                (lambda: os.chown(path, 65534, -1), lambda: os.chown(path, 0, -1),
                 "belongs to user 65534, and the director is user 0"),
                (lambda: os.chmod(path, 0o750), lambda: os.chmod(path, 0o700),
                 "is open to other users")):
            with self.subTest(sentence):
                fault()
                try:
                    self.assert_refused(sentence)
                finally:
                    undo()
        self.director.start()
        self.assert_whole(names)

    def test_a_second_director(self):
        second = self.lab.director.run(f"{BUILD}/src/main/fairleadd", "-c", self.director.config_path, check=False)
        self.assertEqual(second.returncode, 1, second.stderr)
        self.assertIn(f"is held by process {self.director.process.pid}; stop that one", second.stderr)
        self.ask()


class ArenaOnASmallFileSystem(ArenaTest):
    """A tmpfs of its own, whose size is changed."""

    @classmethod
    def mount_point(cls) -> str:
        return f"{cls.lab.arena}-small"

    @classmethod
    def remount(cls, options: str):
        run("mount", "-o", f"remount,{options}", cls.mount_point())

    @classmethod
    def configure(cls, **director) -> dict:
        return super().configure(arena=f"{cls.mount_point()}/arena", **director)

    @classmethod
    def setUpClass(cls):
        os.makedirs(cls.mount_point())
        cls.addClassCleanup(cls.unmount)
        run("mount", "-t", "tmpfs", "-o", "size=128m,mode=0700", "tmpfs", cls.mount_point())
        super().setUpClass()

    @classmethod
    def unmount(cls):
        run("umount", cls.mount_point(), check=False)
        os.rmdir(cls.mount_point())

    def space(self) -> tuple:
        """Bytes in use and free."""
        status = os.statvfs(self.mount_point())
        return (status.f_blocks - status.f_bfree) * status.f_frsize, status.f_bavail * status.f_frsize

    def test_read_only(self):
        names = self.leave()
        self.remount("ro")
        try:
            self.assert_refused("Read-only file system; change director.arena to a file system that can be written")
        finally:
            self.remount("rw")
        self.director.start()
        self.assert_whole(names)

    def test_no_room(self):
        names = self.leave()
        self.remount(f"size={self.space()[0] + (4 << 20)}")
        try:
            self.director.write(self.configure(connections=262144))
            self.assert_refused("the arena before stays as it is, and a start with --fresh discards it")
            self.director.start(self.configure())
            self.assert_whole(names)
            self.director.stop()
            self.director.start(extra=("--fresh",))  # the old and the new one at a time have no room
            self.assertIn("there was no room to keep the old files", self.said())
            self.assertEqual(self.templates(), 0)
            self.ask()
            self.director.stop()
            shutil.rmtree(self.files.directory)
            self.remount("size=1m")
            self.assert_refused("; give it more space, lower director.connections")
        finally:
            self.remount("size=128m")
        self.director.start(self.configure())
        self.ask()

    def test_full_while_it_runs(self):
        """The records have their space; what is written beside them is tried again."""
        filler = f"{self.mount_point()}/filler"
        self.fill(filler)
        try:
            self.set_weight(9)
            self.director.wait_metric("fairlead_state_kept", 0)
            self.assertIn("A RESTART NOW WOULD NOT FIND EVERYTHING AGAIN", self.director.cli("status").stdout)
            self.assertIn("cannot keep state for a restart; will retry", self.said())
            self.ask(KNOWN)
        finally:
            os.unlink(filler)
        self.director.wait_metric("fairlead_state_kept", 1)
        diff = self.director.cli("diff").stdout
        self.assertIn("weight 1 → 9", diff)
        self.director.crash()
        self.assertEqual(self.director.cli("diff").stdout, diff)

    def fill(self, path: str):
        """To the last page."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            for size in (1 << 20, 4096):
                try:
                    while os.write(file, bytes(size)) == size:
                        pass
                except OSError:
                    pass
        finally:
            os.close(file)
        self.assertLess(self.space()[1], 4096)
