"""Checks that are counted, and programs whose words are compared."""

import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run(*words, env=None, timeout=900, **more) -> subprocess.CompletedProcess:
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          env={**os.environ, **(env or {})}, timeout=timeout, stdin=subprocess.DEVNULL, **more)


def output_of(*words, only_errors=False, env=None) -> str:
    """What it says on both outputs, or on standard error alone."""
    done = subprocess.run(words, stdout=subprocess.DEVNULL if only_errors else subprocess.PIPE,
                          stderr=subprocess.PIPE if only_errors else subprocess.STDOUT, text=True, errors="replace",
                          env={**os.environ, **(env or {})}, timeout=60, stdin=subprocess.DEVNULL)
    return done.stderr if only_errors else done.stdout


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def that(self, name: str, good: bool, seen="") -> bool:
        print(f"{'ok  ' if good else 'FAIL'} package: {name}", flush=True)
        if not good and seen != "":
            print(f"     seen: {seen}", flush=True)
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        return good

    def equal(self, name: str, seen, expected) -> bool:
        return self.that(name, seen == expected, f"{seen!r}\n     expected: {expected!r}")

    def succeeds(self, name: str, *words, **more) -> bool:
        done = run(*words, **more)
        return self.that(name, done.returncode == 0, "\n".join(done.stdout.splitlines()[-30:]))
