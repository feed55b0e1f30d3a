"""The programs in C that tests use."""

import os

from .lab import ROOT
from .shell import run


def compiled(name: str, *flags) -> str:
    """The program of tests/e2e/NAME.c; compiled when its source is newer."""
    source, target = f"{ROOT}/tests/e2e/{name}.c", f"{ROOT}/build/{name}"
    if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        run("gcc", "-O2", "-Wall", "-Werror", source, "-o", f"{target}.{os.getpid()}", *flags)
        os.rename(f"{target}.{os.getpid()}", target)
    return target
