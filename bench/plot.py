#!/usr/bin/env python3
"""Draws what scripts/bench measured as an SVG: CPU time of a packet by number of flows.

  bench/plot.py build/release/bench/bench.json docs/performance.svg [--family 6]

Plain text, no packages. The colours stay readable on light and dark pages.
"""

import argparse
import json
import sys
from html import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 56, 60
SERIES = [("testpmd io", "#8a8f98"), ("DR", "#2a7de1"), ("NAT", "#1f9d61"),
          ("NAT both ways", "#c77700"), ("TUN", "#b5487f")]


def human(number):
    for unit, name in ((1 << 20, "M"), (1 << 10, "k")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return str(number)


def text(x, y, words, anchor="start", size=13, colour="#6b7280"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}">{escape(words)}</text>')


def step_of(highest):
    """The distance of grid lines: a handful of them, at round numbers."""
    return next(step for step in (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
                if highest / step <= 8 or step == 2000)


def spread(labels, gap=17):
    """Moves labels apart that would cover each other: (y, …), from the top."""
    placed = []
    for y, *rest in sorted(labels):
        placed.append((max(y, placed[-1][0] + gap) if placed else y, *rest))
    return placed


def draw(result, family):
    rows = [r for r in result["rows"] if r["group"] == f"forwarding IPv{family}"]
    flows = sorted({r["flows"] for r in rows})
    if not rows:
        sys.exit(f"plot: no IPv{family} rows; run scripts/bench without --quick")
    highest = max(r["median_ns"] for r in rows if r["what"] in dict(SERIES))
    step = step_of(highest)
    top_value = (highest // step + 1) * step
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(number):
        return LEFT + plot_width * (flows.index(number) + 0.5) / len(flows)

    def y(value):
        return TOP + plot_height * (1 - value / top_value)

    machine = result["machine"]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" role="img">',
           f"<title>CPU time of a packet by number of flows, IPv{family}</title>",
           text(LEFT, 22, f"CPU nanoseconds a packet, IPv{family}, one worker", size=16,
                colour="#4b5563"),
           text(LEFT, 42, f"{machine['cpu']}, {machine['time'][:10]}; medians", size=12)]
    value = 0
    while value <= top_value:
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" '
                   f'y2="{y(value):.1f}" stroke="#9ca3af" stroke-opacity="0.35"/>')
        out.append(text(LEFT - 8, y(value) + 4, f"{value:g}", "end"))
        value += step
    for number in flows:
        out.append(text(x(number), HEIGHT - BOTTOM + 22, human(number), "middle"))
    out.append(text(LEFT + plot_width / 2, HEIGHT - 14, "flows, in shuffled order", "middle"))
    labels = []
    for what, colour in SERIES:
        points = sorted((r["flows"], r["median_ns"]) for r in rows if r["what"] == what)
        if not points:
            continue
        path = " ".join(f"{x(f):.1f},{y(v):.1f}" for f, v in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        out += [f'<circle cx="{x(f):.1f}" cy="{y(v):.1f}" r="3.5" fill="{colour}">'
                f"<title>{escape(what)}, {human(f)} flows: {v:.1f} ns</title></circle>"
                for f, v in points]
        labels.append((y(points[-1][1]), what, points[-1][1], colour))
    for at, what, value, colour in spread(labels):
        out.append(text(WIDTH - RIGHT + 6, at + 4, f"{what} {value:.0f}", colour=colour))
    return "\n".join(out + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("json")
    parser.add_argument("svg")
    parser.add_argument("--family", type=int, choices=(4, 6), default=4)
    options = parser.parse_args()
    with open(options.json, encoding="utf-8") as file:
        result = json.load(file)
    drawing = draw(result, options.family)
    with open(options.svg, "w", encoding="utf-8") as out:
        out.write(drawing)


if __name__ == "__main__":
    main()
