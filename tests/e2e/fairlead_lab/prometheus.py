"""A real Prometheus that scrapes the director of a lab.

    with Prometheus(lab, interval="500ms", rules=text) as prometheus:
        prometheus.wait_value('up{job="fairlead"}', 1)
        prometheus.alarms()              # {("FairleadRealServerDown", "firing"), …}
"""

import json
import subprocess
import time
from datetime import datetime

from .shell import run, wait_until

LISTEN = "127.0.0.1:9090"
TARGET = "127.0.0.1:9480"  # where Director.write lets the director listen


class Prometheus:
    def __init__(self, lab, interval: str = "1s", rules: str = ""):
        self.lab = lab
        self.state = f"{lab.state}/prometheus"
        self.interval = interval
        self.rules = rules

    def __enter__(self):
        run("rm", "-rf", self.state)
        run("mkdir", "-p", self.state)
        with open(f"{self.state}/rules.yaml", "w") as file:
            file.write(self.rules or "groups: []\n")
        with open(f"{self.state}/prometheus.yml", "w") as file:
            file.write(f"global: {{scrape_interval: {self.interval}, scrape_timeout: {self.interval}, "
                       f"evaluation_interval: {self.interval}}}\n"
                       f"rule_files: ['{self.state}/rules.yaml']\nscrape_configs:\n"
                       f"  - {{job_name: fairlead, static_configs: [{{targets: ['{TARGET}']}}]}}\n")
        with open(f"{self.state}/log", "w") as log:
            self.process = self.lab.director.spawn(
                "prometheus", f"--config.file={self.state}/prometheus.yml", f"--storage.tsdb.path={self.state}/data",
                f"--web.listen-address={LISTEN}", stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, path: str, **query):
        """The member `data` of an answer; None while there is none."""
        words = [word for key, value in query.items() for word in ("--data-urlencode", f"{key}={value}")]
        done = self.lab.director.run("curl", "-sS", "--get", *words, f"http://{LISTEN}/api/v1/{path}", check=False)
        try:
            return json.loads(done.stdout)["data"]
        except (ValueError, KeyError):
            return None

    def samples(self, query: str) -> list:
        return (self.ask("query", query=query) or {}).get("result", [])

    def value(self, query: str):
        """Of the first series; None when there is none."""
        samples = self.samples(query)
        return float(samples[0]["value"][1]) if samples else None

    def wait_value(self, query: str, value: float, timeout: float = 90):
        wait_until(lambda: self.value(query) == value, f"Prometheus says {query} = {value}", timeout, interval=0.2)

    # ---- alarms ----

    def alarms(self) -> set:
        """Name and state (pending or firing) of those that are active."""
        found = (self.ask("alerts") or {}).get("alerts", [])
        return {(alarm["labels"]["alertname"], alarm["state"]) for alarm in found}

    def fired(self, since: float) -> set:
        """Names of those that were firing at any time since then."""
        # To the millisecond: a second more would show what ended before.
        past = max(1, int((time.time() - since) * 1000))
        found = self.samples(f'max_over_time(ALERTS{{alertstate="firing"}}[{past}ms])')
        return {sample["metric"]["alertname"] for sample in found}

    def wait_evaluated(self):
        """Until all rules have been evaluated twice from now on: the second time with all that is scraped now."""
        for _ in range(2):
            begin = time.time()
            wait_until(lambda: self.evaluated_at() > begin, "the rules are evaluated", timeout=60, interval=0.1)

    def evaluated_at(self) -> float:
        """When the group that was evaluated first was."""
        groups = (self.ask("rules") or {}).get("groups", [])
        # Nanoseconds are more than Python reads.
        times = [datetime.fromisoformat(group["lastEvaluation"][:19] + "+00:00").timestamp() for group in groups]
        return min(times, default=0)
