"""Rules and dashboard: promtool is content, and they name what there is: metrics, alarms of docs/alarms.md, commands."""

import ast
import json
import re

from checks import ROOT, Checks

RULES = "packaging/prometheus/fairlead-alerts.yaml"
TESTS = "packaging/prometheus/fairlead-alerts.test.yaml"
DASHBOARD = "packaging/grafana/fairlead-dashboard.json"


def read(path: str) -> str:
    with open(f"{ROOT}/{path}") as file:
        return file.read()


def known_metrics() -> set:
    names = set(re.findall(r"^# TYPE (\S+)", read("tests/api/golden/metrics.txt"), re.M))
    names |= set(re.findall(r"^\| `(fairlead_\w+)` \|", read("docs/counters.md"), re.M))
    return names | {f"{name}_{part}" for name in names for part in ("bucket", "sum", "count")}


def expressions(panel_or_list) -> list:
    """All members `expr` and `query` of a dashboard, wherever they stand."""
    if isinstance(panel_or_list, list):
        return [text for each in panel_or_list for text in expressions(each)]
    if not isinstance(panel_or_list, dict):
        return []
    own = [value for key, value in panel_or_list.items() if key in ("expr", "query") and isinstance(value, str)]
    return own + [text for value in panel_or_list.values() for text in expressions(value)]


def metrics_of(text: str) -> set:
    return set(re.findall(r"\bfairlead_\w+", text))


def check_alarms(checks: Checks):
    rules = read(RULES)
    checks.succeeds("promtool check rules", "promtool", "check", "rules", f"{ROOT}/{RULES}")
    checks.succeeds("promtool test rules", "promtool", "test", "rules", f"{ROOT}/{TESTS}")
    known = known_metrics()
    # Names of groups look like metrics.
    in_rules = metrics_of(re.sub(r"- name: \w+", "", rules))
    checks.equal("rules name metrics that there are", sorted(in_rules - known), [])
    checks.that("rules name metrics at all", len(in_rules) > 20, in_rules)

    reasons = set(re.findall(r'reason="(\w+)"', read("tests/api/golden/metrics.txt")))
    named = set("|".join(re.findall(r'reason=~"([\w|]+)"', rules)).split("|"))
    checks.equal("rules name reasons that there are", sorted(named - reasons), [])

    alarms = re.findall(r"- alert: (\w+)", rules)
    tested = set(re.findall(r"\bFairlead\w+", read(TESTS)))
    page = re.findall(r"^\| `(Fairlead\w+)` \|", read("docs/alarms.md"), re.M)
    checks.equal("every alarm is tested on series", sorted(set(alarms) - tested), [])
    checks.equal("docs/alarms.md has every alarm, in their order", page, alarms)
    for part in ("severity", "summary", "description", "runbook"):
        checks.equal(f"every alarm has its {part}", len(re.findall(rf"\b{part}: ", rules)), len(alarms))

    checks.equal("docs/alarms.md has the table of the end-to-end test", table_of_page(), table_of_test())

    commands = set(re.findall(r"`fairlead ((?:[a-z]+ ?)+)", rules))
    page = read("docs/cli.md")
    unknown = [each for each in commands if not re.search(rf"\| `{each.strip()}\b", with_alternatives(page))]
    checks.equal("runbooks name commands that there are", unknown, [])

    dashboard = json.loads(read(DASHBOARD))
    queries = expressions(dashboard)
    in_dashboard = metrics_of("\n".join(queries))
    checks.equal("the dashboard names metrics that there are", sorted(in_dashboard - known), [])
    checks.that("the dashboard names metrics at all", len(in_dashboard) > 40, in_dashboard)
    ids = [panel["id"] for panel in dashboard["panels"]]
    checks.equal("every panel has a number of its own", len(ids), len(set(ids)))
    unsaid = [panel["title"] for panel in dashboard["panels"] if panel["type"] != "row" and not panel["description"]]
    checks.equal("every panel says what it shows", unsaid, [])


def table_of_page() -> dict:
    rows = re.findall(r"^\| ((?:un)?planned: [^|]+) \| ([^|]+) \|$", read("docs/alarms.md"), re.M)
    return {name: re.findall(r"`(Fairlead\w+)`", alarms) for name, alarms in rows}


def table_of_test() -> dict:
    """Not imported: the lab's modules want a build and root."""
    source = ast.parse(read("tests/e2e/test_alarms.py"))
    return next(ast.literal_eval(node.value) for node in source.body
                if isinstance(node, ast.Assign) and node.targets[0].id == "EXPECTED")


def with_alternatives(page: str) -> str:
    """Rows such as `real enable\\|quiesce\\|disable …` as one row for each verb."""
    lines = []
    for line in page.splitlines():
        found = re.match(r"\| `(\w+) (\w+(?:\\\|\w+)+)", line)
        lines += [f"| `{found[1]} {verb} " for verb in found[2].split("\\|")] if found else [line]
    return "\n".join(lines)
