"""docs/ways.md names tests that exist, and sentences of refusal that are said.

    ways_test.py ROOT

Of the table whose first column is "way", each cell right of that has the names of tests in backticks, `Class.test`, or
begins with "refused: " and has a sentence of the loader in backticks. A test in the lab must run with one worker and
with two.
"""

import ast
import itertools
import pathlib
import re
import sys

TEST = re.compile(r"^TEST(?:_P|_F)?\((\w+), (\w+)\)", re.MULTILINE)


def byte_tests(root: pathlib.Path) -> set:
    found = set()
    for path in (root / "tests").rglob("*_test.cc"):
        found |= {f"{suite}.{test}" for suite, test in TEST.findall(path.read_text())}
    return found


def worker_counts(node: ast.ClassDef):
    for item in node.body:
        if isinstance(item, ast.Assign) and any(getattr(t, "id", "") == "worker_counts" for t in item.targets):
            return ast.literal_eval(item.value)
    return None


def lab_tests(root: pathlib.Path) -> dict:
    """Name → worker counts, with what classes inherit. The lab's own base has one and two."""
    found, everywhere = {}, {}
    files = [[n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef)]
             for path in sorted((root / "tests" / "e2e").rglob("*.py"))]
    for nodes in files:
        everywhere |= {node.name: node for node in nodes}
    for nodes in files:
        classes = everywhere | {node.name: node for node in nodes}

        def lineage(node) -> list:
            bases = [classes[b.id] for b in node.bases if isinstance(b, ast.Name) and b.id in classes]
            return [node] + [ancestor for base in bases for ancestor in lineage(base)]

        for node in nodes:
            line = lineage(node)
            counts = next((c for c in map(worker_counts, line) if c), (1, 2))
            for ancestor in line:
                for item in ancestor.body:
                    if isinstance(item, ast.FunctionDef):
                        found[f"{node.name}.{item.name}"] = counts
    return found


def sentences(root: pathlib.Path) -> str:
    """What the loader says, its literals joined as the compiler joins them."""
    text = "".join(path.read_text() for path in sorted((root / "src/control/config").glob("*.cc")))
    return re.sub(r'"\s*\n\s*"', "", text).replace('\\"', '"')


def rows(page: str) -> list:
    lines = itertools.dropwhile(lambda line: not line.startswith("| way |"), page.splitlines())
    lines = itertools.takewhile(lambda line: line.startswith("|"), lines)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if not set(row[0]) <= {"-"} and row[0] != "way"]


def faults(root: pathlib.Path) -> list:
    bytes_, lab, said = byte_tests(root), lab_tests(root), sentences(root)
    table = rows((root / "docs" / "ways.md").read_text())
    wrong = [] if len(table) > 8 else ["docs/ways.md has no table of ways"]
    for way, *cells in table:
        for cell in cells:
            names = re.findall(r"`` (.+?) ``|`([^`]+)`", cell)
            names = [a or b for a, b in names]
            if not names:
                wrong.append(f"{way}: a cell names no test and no sentence: {cell!r}")
            for name in names:
                if cell.startswith("refused: "):
                    if name not in said:
                        wrong.append(f"{way}: nobody says {name!r}")
                elif name in lab:
                    if not {1, 2} <= set(lab[name]):
                        wrong.append(f"{way}: {name} runs with {lab[name]} workers")
                elif name not in bytes_:
                    wrong.append(f"{way}: there is no test {name}")
    return wrong


def main() -> int:
    wrong = faults(pathlib.Path(sys.argv[1]))
    for fault in wrong:
        print(fault)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
