"""Tables for people, and what was asked for against what was reached."""

import os
import platform
import statistics
import time

from .loop import human

WAYS_FLOWS = (1 << 16, 1 << 20)


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        model = next((line.split(":", 1)[1].strip() for line in file
                      if line.startswith("model name")), "unknown")
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cpu": model,
            "cpu_count": os.cpu_count(), "kernel": platform.release(),
            "load_average": os.getloadavg()[0]}


def show(rows):
    group = None
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            print(f"\n{group}\n{'flows':>6}  {'':<42}{'median ns':>10}{'best':>8}{'M/s':>8}"
                  f"{'floor':>8}{'x floor':>9}")
        line = f"{human(row['flows']):>6}  {row['what']:<42}{row['median_ns']:>10.1f}"
        line += f"{row['best_ns']:>8.1f}{row['mpps']:>8.2f}"
        if "ratio" in row:
            line += f"{row['floor_ns']:>8.1f}{row['ratio']:>9.2f}"
        print(line)


def show_reload(reload):
    """What has no limit but is to be seen."""
    changes, prefixes = reload["changes"], reload["prefixes"]
    print(f"\nreload: start {changes['start_seconds']:.1f} s, "
          f"{changes['resident_bytes'] / 2**20:.0f} MiB; one change "
          f"{', '.join(f'{ms:.0f}' for ms in changes['milliseconds'])} ms; by hand "
          f"{', '.join(f'{ms:.0f}' for ms in changes['by_hand_milliseconds'])} ms; "
          f"a weight of each service {changes['all_milliseconds']:.0f} ms, longest turn then "
          f"{changes['longest_turn_all_us']} us")
    print(f"beside 1,000,000 prefixes: start {prefixes['start_seconds']:.1f} s, "
          f"{prefixes['resident_bytes'] / 2**20:.0f} MiB, after the reloads "
          f"{prefixes['resident_bytes_after'] / 2**20:.0f} MiB; one change "
          f"{', '.join(f'{ms:.0f}' for ms in prefixes['milliseconds'])} ms")


def show_stream(stream):
    for key, what in (("new", "a new connection"), ("new_persistent", "a new persistent connection")):
        row = stream[key]
        print(f"stream: {what}: {row['silent_ns']:.0f} ns, telling {row['telling_ns']:.0f} ns "
              f"({row['more_ns']:+.0f} ns, {row['news']:.2f} news)")
    bulk = stream["bulk"]
    for key, what in (("walk", "read"), ("take", "taken in")):
        worker, control = bulk[f"{key}_worker_ns"], bulk[f"{key}_control_ns"]
        print(f"stream: {human(bulk['entries'])} entries {what}: {1e3 / (worker + control):.2f}M a second; "
              f"worker {worker:.0f} ns, control core {control:.0f} ns an entry")
    print(f"stream: digests of them: {bulk['digest_worker_ms']:.0f} ms of a worker")


def show_lag(rows):
    print(f"\n{'new a second':>13}{'opened':>9}{'entries':>9}{'lag, half ms':>14}{'99 %':>7}{'most':>7}{'shown':>7}{'lost':>6}"
          f"{'late':>6}{'worker':>8}{'core':>6}{'2nd: worker':>13}{'core':>6}  processors' time, %")
    for row in rows:
        what = f"{row['rate']}{' tmpl' if row['persistent'] else ''}"
        took = row["opened"] / row["opened_a_second"]
        print(f"{what:>13}{row['opened_a_second']:>9.0f}{row['entries'] / took:>9.0f}{row['lag_half_ms']:>14.1f}"
              f"{row['lag_99_ms']:>7.1f}{row['lag_most_ms']:>7.1f}{row['shown_most_ms']:>7}{row['news_lost']:>6}"
              f"{row['postponed']:>6}{100 * row['first_worker_cpu']:>8.0f}{100 * row['first_control_cpu']:>6.0f}"
              f"{100 * row['second_worker_cpu']:>13.0f}{100 * row['second_control_cpu']:>6.0f}")


def show_survival(survival):
    """For docs/performance.md, as it stands there."""
    if survival["gaps"]:
        print(f"\n{'restart':<20}{'connections':>12}{'gap ms':>8}{'2nd':>6}{'after':>7}{'turn ms':>9}{'end to ready':>14}"
              f"{'arena to taken up':>19}{'to forwarding':>15}  receipt")
    for row in survival["gaps"]:
        receipt = " ".join(f"{key}={value}" for key, value in row["receipt"].items())
        print(f"{row['what']:<20}{row['connections']:>12}{row['gap_ms']:>8.0f}{row['second_gap_ms']:>6.0f}"
              f"{row['second_after_ms']:>7.0f}{row['longest_turn_ms']:>9.1f}"
              f"{row['end_to_ready_ms']:>14.0f}{row['arena_to_taken_up_ms']:>19.0f}"
              f"{row['taken_up_to_forwarding_ms']:>15.0f}  {receipt}")
    if survival["take_up"]:
        print(f"\n{'take-up of':<36}{'workers':>8}{'MiB':>7}{'tables ms':>11}{'take-up ms':>12}{'CPU ms':>8}"
              f"{'pass ms':>9}{'x pass':>8}")
    for row in survival["take_up"]:
        what = f"{human(row['connections'])} connections, {human(row['templates'])} templates"
        print(f"{what:<36}{row['workers']:>8}{row['bytes'] / 2**20:>7.0f}{row['tables_ms']:>11.0f}"
              f"{row['take_up_ms']:>12.0f}{row['take_up_cpu_ms']:>8.0f}{row['pass_ms']:>9.0f}{row['ratio']:>8.1f}")
    if survival.get("stream"):
        show_stream(survival["stream"])
    if survival.get("lag_between_cores"):
        show_lag(survival["lag_between_cores"])
    if survival.get("lag"):
        print(f"\n{'asked for':>10}{'opened a second':>17}{'told':>9}{'lag, half ms':>14}{'at most':>9}{'caught up ms':>14}")
    for row in survival.get("lag", []):
        print(f"{row['rate']:>10}{row['opened']:>17.0f}{row['told']:>9.0f}{row['lag_half_ms']:>14.0f}{row['lag_most_ms']:>9.0f}"
              f"{row['caught_up_ms']:>14.0f}")


def bars_of_ways(rows, limit):
    for flows in WAYS_FLOWS:
        found = {what: row["ratios"] for (group, what, n), row in rows.items()
                 if group == "ways" and n == flows and "ratios" in row}
        # What TOA costs a told connection is judged in instructions, by scripts/check-instructions.
        for what, beside, most in (("FULLNAT", "NAT", 0.35), ("GUE", "TUN", 0.15), ("GRE", "TUN", 0.15)):
            if what in found and beside in found:
                # Each round by itself: the floor moves more from one to the next than the two differ.
                more = statistics.median(one - other for one, other in zip(found[what], found[beside]))
                limit(f"{what} beside {beside}, {human(flows)} flows", most, more, "x floor more")
        new = found.get("new, FULLNAT")
        limit(f"new connection, FULLNAT beside NAT, {human(flows)} flows", 1.3, new and statistics.median(new), "x NAT")


def bars(result):
    """(what, limit, reached, unit) of every figure the product promises."""
    rows = {(r["group"], r["what"], r["flows"]): r for r in result["rows"]}
    found = []

    def limit(what, most, value, unit, at_least=False):
        if value is not None:
            found.append({"what": what, "limit": most, "reached": round(value, 2), "unit": unit,
                          "at_least": at_least,
                          "ok": value >= most if at_least else value <= most})

    for flows, most in ((1 << 10, 4.0), (1 << 16, 3.0), (1 << 20, 3.6), (1 << 22, 5.0)):
        for what in ("DR", "NAT", "NAT both ways"):
            row = rows.get(("forwarding IPv4", what, flows))
            limit(f"{what}, {human(flows)} flows", most, row and row.get("ratio"), "x floor")
        dr = rows.get(("forwarding IPv4", "DR", flows))
        tun = rows.get(("forwarding IPv4", "TUN", flows))
        six = rows.get(("forwarding IPv6", "DR", flows))
        if dr and "ratio" in dr:
            for what, most_more, row in (("TUN", 0.8, tun), ("IPv6 DR", 1.0, six)):
                limit(f"{what} beside DR, {human(flows)} flows", most_more,
                      row["ratio"] - dr["ratio"] if row and "ratio" in row else None,
                      "x floor more")
    for method in ("DR", "NAT", "TUN"):
        own = rows.get(("arena", f"{method}, own memory", 1 << 20))
        for pages in ("huge=advise", "hugetlbfs"):
            row = rows.get(("arena", f"{method}, arena, {pages}", 1 << 20))
            if own and row and "ratio" in own and "ratio" in row:
                limit(f"{method}, arena with {pages} beside own memory", 0.15, row["ratio"] - own["ratio"],
                      "x floor more")
    plain, tagged = (rows.get(("VLAN in software", what, 1 << 16)) for what in ("DR", "DR, one VLAN"))
    if plain and tagged and "ratio" in plain and "ratio" in tagged:
        limit("a VLAN in software, taken off and put on", 0.15, tagged["ratio"] - plain["ratio"], "x floor more")
    bars_of_ways(rows, limit)
    for method in ("DR", "NAT"):
        row = rows.get(("fragments", f"{method}, in fragments", 2048))
        limit(f"{method}, a fragment beside a whole packet", 3.0, row and row.get("ratio"), "x a packet")
    for what, most in (("plain", 450), ("persistent", 600)):
        row = next((r for r in result["rows"]
                    if r["group"] == "new connections" and r["what"] == what), None)
        limit(f"new connection, {what}", most, row and row["median_ns"], "ns")
    for key, what, most in (("memory", "IPv4", 80), ("memory6", "IPv6", 144),
                            ("memory_fullnat", "IPv4 FULLNAT", 160), ("memory_fullnat6", "IPv6 FULLNAT", 288)):
        memory = result.get(key)
        limit(f"memory of an {what} connection", most, memory and memory["bytes_per_connection"], "bytes")
    reload = result.get("reload")
    changes = reload and reload["changes"]
    prefixes = reload and reload["prefixes"]
    limit("reload with one change, to effect", 100,
          changes and statistics.median(changes["milliseconds"]), "ms")
    limit("one change by hand, to effect", 100,
          changes and statistics.median(changes["by_hand_milliseconds"]), "ms")
    limit("one change beside 1,000,000 prefixes, to effect", 100,
          prefixes and statistics.median(prefixes["milliseconds"]), "ms")
    limit("longest turn of a worker's loop during these", 1000,
          reload and max(changes["longest_turn_us"], prefixes["longest_turn_us"]), "us of CPU")
    limit("packets lost during all changes", 0,
          reload and changes["lost"] + prefixes["lost"], "packets")
    survival = result.get("survival") or {"take_up": [], "gaps": []}
    two = next((row for row in survival["take_up"]
                if row["workers"] == 2 and row["connections"] == 1 << 22), None)
    limit("take-up of 4M connections and 1M templates, two workers", 1500,
          two and two["tables_ms"] + two["take_up_ms"], "ms")
    for key, what in (("new", "plain"), ("new_persistent", "persistent")):
        row = (survival.get("stream") or {}).get(key)
        limit(f"new connection told to other directors, {what}", 120,
              row and row["more_ns"], "ns more")
    row = next((row for row in survival.get("lag_between_cores") or []
                if row["rate"] == 200_000 and not row["persistent"]), None)
    limit("new connections a second that are told of", 199_000, row and row["opened_a_second"], "a second", at_least=True)
    limit("another director is behind then, 99 % of them", 500, row and row["lag_99_ms"], "ms")
    limit("news that found no room then", 0, row and row["news_lost"] + row["postponed"], "news")
    for row in survival["gaps"]:
        if row["what"] == "upgrade":
            limit(f"gap of an upgrade, {human(row['connections'])} connections, less its take-up", 200,
                  row["gap_ms"] - row["arena_to_taken_up_ms"], "ms")
    limit("packets per CPU-second of two workers", 1.8, result.get("scaling"), "x one worker",
          at_least=True)
    return found


def show_bars(found):
    print("\nAsked for and reached")
    for bar in found:
        sign = ">=" if bar["at_least"] else "<="
        print(f"{'ok  ' if bar['ok'] else 'MISS'} {bar['what']:<48}{sign} {bar['limit']:<6g}"
              f"{bar['reached']:>9.2f} {bar['unit']}")
