"""All tests, step by step; called by scripts/test, which has installed what they need.

Each step returns (passed, failed) and prints what failed. Steps that a broken build makes pointless count as failed,
never as skipped.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CORES = os.cpu_count() or 1
FUZZ_SECONDS = 60
SEEDS = dict.fromkeys(("config_fuzz", "config_changes_fuzz"), "tests/control/config/broken")  # the others have tests/fuzz/corpus/NAME
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


def call(*words, env=None, timeout=3600) -> int:
    """Run in the root of the tree with its output shown; the exit code."""
    sys.stdout.flush()
    try:
        return subprocess.run(words, cwd=ROOT, env={**os.environ, **(env or {})}, timeout=timeout).returncode
    except subprocess.TimeoutExpired:
        say(f"FAIL {' '.join(words)}: no end within {timeout} s")
        return -1


FAILURES = []  # lines "FAIL NAME", said once more at the end


def say(line: str):
    print(line, flush=True)
    if line.startswith("FAIL "):
        FAILURES.append(line)


def one(name: str, good: bool):
    say(f"{'ok  ' if good else 'FAIL'} {name}")
    return (1, 0) if good else (0, 1)


def check(_):
    return one("format and layering", call("scripts/check") == 0)


def build(variant: str):
    def step(_):
        return one(f"build {variant}", call("nice", "-n", "5", "scripts/build", variant) == 0)
    return step


class Aside:
    """Work beside another step, on the processor time that it leaves; each piece is joined by a step of its own."""

    # The idle class counts within a session only where the kernel shares time by session (sched(7), autogroup).
    WEIGHT = ("setsid", "--wait", "sh", "-c", 'echo 19 > /proc/self/autogroup; exec chrt --idle 0 "$@"', "aside")

    def __init__(self):
        self.pool = ThreadPoolExecutor(1)  # one piece after the other: the programs to fuzz come from a build before them
        self.running = {}

    def begin(self, step: str, options):
        if step == "fuzz":
            self.running[step] = self.pool.submit(run_fuzzers, options, self.WEIGHT)
        else:
            self.running[step] = self.pool.submit(self.build, step.removeprefix("build-"))

    def build(self, variant: str):
        return subprocess.run([*self.WEIGHT, "scripts/build", variant], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")

    def end(self, step: str):
        done = self.running.pop(step).result()
        if step == "fuzz":
            return fuzz_results(done)
        if done.returncode != 0:
            print(done.stdout, flush=True)
        return one(step.replace("-", " "), done.returncode == 0)


ASIDE = Aside()


def unit(variant: str):
    """The GoogleTest programs of one variant: single tests are counted, a skipped one counts as failed."""
    def step(_):
        directory = f"{ROOT}/build/{variant}"
        log = f"{directory}/meson-logs/testlog.json"
        if os.path.exists(log):
            os.remove(log)
        words = ["meson", "test", "-C", directory, "--no-rebuild", "--quiet", "--timeout-multiplier", "10",
                 "--num-processes", str(CORES), *(["--suite", "threads"] if variant == "tsan" else [])]
        if variant == "tsan" and read_int("/proc/sys/vm/mmap_rnd_bits") > 28:
            words = ["setarch", "-R", *words]  # TSan 12 cannot map its shadow with more random bits
        call(*words, env=SANITIZER_ENV)
        if not os.path.exists(log):
            return one(f"unit tests of {variant} ran", False)
        passed = failed = 0
        with open(log) as file:
            for line in file:
                good, bad = unit_program(variant, json.loads(line))
                passed, failed = passed + good, failed + bad
        return passed, failed
    return step


def unit_program(variant: str, entry: dict):
    text = entry.get("stdout", "") + entry.get("stderr", "")
    passed = sum(int(n) for n in re.findall(r"^\[  PASSED  \] (\d+) test", text, re.M))
    bad = re.findall(r"^\[  (?:FAILED |SKIPPED) \] (\S+?),? .*\(\d+ ms\)", text, re.M)
    failed = len(bad)
    if entry["returncode"] != 0 and not failed:
        failed = 1  # it crashed, hung, or a sanitizer spoke
    if entry["returncode"] == 0 and not passed:
        passed = 1  # not a GoogleTest program
    word = "FAIL" if failed else "ok  "
    say(f"{word} {variant} {entry['name']}: {passed} passed, {failed} failed{': ' if bad else ''}{', '.join(bad)}")
    if failed:
        print("\n".join(text.splitlines()[-80:]), flush=True)
    return passed, failed


def fuzz(options):
    return fuzz_results(run_fuzzers(options))


def run_fuzzers(options, weight=()):
    """Every *_fuzz program of the asan variant, from its committed seeds, so many seconds of processor time each."""
    programs = []
    for folder, _, files in os.walk(f"{ROOT}/build/asan"):
        programs += [f"{folder}/{name}" for name in files
                     if name.endswith("_fuzz") and os.access(f"{folder}/{name}", os.X_OK)]
    seconds = FUZZ_SECONDS * (10 if options.long else 1)
    with ThreadPoolExecutor(CORES) as pool:
        return list(pool.map(lambda program: fuzz_one(program, seconds, weight), sorted(programs)))


def fuzz_one(program: str, seconds: int, weight):
    """(the line that says so, exit code, what it printed)"""
    name = os.path.basename(program)
    work = f"{ROOT}/build/asan/corpus/{name}"
    os.makedirs(work, exist_ok=True)
    seeds = f"{ROOT}/{SEEDS.get(name, 'tests/fuzz/corpus/' + name.removesuffix('_fuzz'))}"
    slow = 60 if weight else 10  # seconds by the clock that one input may take
    words = [*weight, program, f"-timeout={slow}", f"-max_total_time={30 * seconds}", "-rss_limit_mb=2048",
             "-print_final_stats=1", f"-artifact_prefix={work}/", work, seeds]
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        while process.poll() is None:
            time.sleep(0.2)
            if processor_seconds(process.pid) >= seconds:
                process.send_signal(signal.SIGUSR1)  # libFuzzer ends, with 0 when it has found nothing
                process.wait()
        log.seek(0)
        text = log.read()
    executed = re.search(r"number_of_executed_units: (\d+)", text)
    line = f"fuzz {name} {seconds} s, {executed.group(1) if executed else '?'} inputs"
    return line, process.returncode, text


def processor_seconds(pid: int) -> float:
    """What a process has used; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fuzz_results(results):
    if not results:
        return one("fuzz programs exist", False)
    counts = []
    for line, code, text in results:
        if code != 0:
            print("\n".join(text.splitlines()[-60:]))
        counts.append(one(line, code == 0))
    return tuple(map(sum, zip(*counts)))


def counted(prefix: str, *words, env=None):
    """A program of tests, which ends with "PREFIX: N passed, N failed"."""
    sys.stdout.flush()
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, **(env or {})})
    last = ""
    for line in process.stdout:
        say(line.rstrip("\n"))
        last = line if line.startswith(f"{prefix}: ") else last
    process.wait()
    counts = re.match(rf"{prefix}: (\d+) passed, (\d+) failed", last)
    return (int(counts.group(1)), int(counts.group(2))) if counts else one(f"{words[0]} ended", False)


def end_to_end(_, *options, env=None):
    return counted("e2e", "tests/e2e/run", *options, env=env)


def end_to_end_long(options):
    return end_to_end(options, "--long")


def end_to_end_asan(options):
    return end_to_end(options, "--sanitized", env={"FAIRLEAD_BUILD": f"{ROOT}/build/asan"})


def package(_):
    return counted("package", "tests/package/run")


def package_life(_):
    return counted("package", "tests/package/run", "--life-cycle")


def demo(_):
    results = [one(f"demo {word}", call("scripts/demo", word) == 0) for word in ("--once", "--pair")]
    return tuple(map(sum, zip(*results)))


def bench(_):
    return one("bench --quick", call("scripts/bench", "--quick") == 0)


def instructions(_):
    return one("instructions a packet costs", call("scripts/check-instructions") == 0)


def tidy(_):
    return one("clang-tidy", call("scripts/check", "--tidy") == 0)


def bare_debian(_):
    return one("demo on a bare Debian 12", call("scripts/bare-debian") == 0)


def read_int(path: str) -> int:
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


STEPS = {
    "check": check,
    "build-release": build("release"), "unit-release": unit("release"), "package": package, "e2e": end_to_end,
    "build-asan": build("asan"), "unit-asan": unit("asan"),
    "fuzz": fuzz,
    "build-tsan": build("tsan"), "unit-tsan": unit("tsan"),
    "e2e-asan": end_to_end_asan, "demo": demo, "bench": bench, "instructions": instructions,
}
LONG_STEPS = {"tidy": tidy, "e2e-long": end_to_end_long, "package-life": package_life, "bare-debian": bare_debian}


# A step → what goes on beside it, in this order. Its tests wait most of the time, and what is beside gives way to them.
BESIDE = {"e2e": ["build-asan", "build-tsan", "fuzz"]}


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/test")
    parser.add_argument("--long", action="store_true", help="and clang-tidy, fuzzers ten times longer, the long end-to-end tests, the package and the demo in a bare Debian 12")
    parser.add_argument("--only", default="", help=f"some of: {', '.join({**STEPS, **LONG_STEPS})}")
    options = parser.parse_args()
    steps = {**STEPS, **(LONG_STEPS if options.long or options.only else {})}
    wanted = [name for name in options.only.split(",") if name] or list(steps)
    unknown = [name for name in wanted if name not in steps]
    if unknown:
        parser.error(f"unknown step {', '.join(unknown)}")
    passed = failed = 0
    for name in wanted:
        start = time.monotonic()
        print(f"==== {name}", flush=True)
        if all(step in wanted for step in BESIDE.get(name, [])):
            for step in BESIDE.get(name, []):
                ASIDE.begin(step, options)
        good, bad = ASIDE.end(name) if name in ASIDE.running else steps[name](options)
        passed, failed = passed + good, failed + bad
        print(f"==== {name}: {good} passed, {bad} failed ({time.monotonic() - start:.0f} s)", flush=True)
    print("".join(f"{line}\n" for line in FAILURES) + f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
