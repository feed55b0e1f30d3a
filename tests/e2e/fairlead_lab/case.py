"""Base of the end-to-end tests: one lab for the whole run, one daemon per class.

    class ForwardsByNat(LabTest):
        worker_counts = (1, 2)

        def configure(self):                       # called once per class and worker count
            return configuration([...])

        def test_answers(self): ...                # self.lab, self.director, self.workers

The runner repeats a class for each of its worker counts and restarts the daemon in between.
"""

import sys
import unittest

from .director import Director
from .shell import ShellError, wait_until


class LabTest(unittest.TestCase):
    worker_counts = (1, 2)
    needs_daemon = True
    sanitized = False  # True: scripts/test also runs it with a daemon under AddressSanitizer and UBSan
    lab = None       # set by the runner
    workers = 1      # set by the runner
    prefix = ()      # of the daemon's command line, as Director has it
    director = None  # of the class that runs now
    maxDiff = None

    @classmethod
    def configure(cls) -> dict:
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        if cls.needs_daemon:
            cls.director = Director(cls.lab, cls.workers)
            cls.director.prefix = cls.prefix
            # Whatever of a class's set-up fails, the next class finds no director.
            cls.addClassCleanup(cls.director.kill)
            cls.director.start(cls.configure())

    @classmethod
    def tearDownClass(cls):
        if cls.director is not None:
            try:
                cls.director.wait_conserved()
            finally:
                cls.director.stop()
                cls.director.release()  # the next class finds no twins, nor what a test has put on them

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if self.director is not None and len(result.failures) + len(result.errors) > before:
            print(f"---- end of {self.director.log}\n{self.director.log_tail()}----", file=sys.stderr)

    def assert_metric(self, value: float, name: str, **labels):
        """The metric reaches that value: workers publish their figures after the packet has left."""
        try:
            wait_until(lambda: self.director.metric(name, **labels) == value, name, timeout=10)
        except ShellError:
            self.assertEqual(self.director.metric(name, **labels), value, f"{name} {labels}")

    def address_counts(self, names) -> dict:
        return {name: names.count(name) for name in sorted(set(names))}
