#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The tables of doc/performance.md, out of what `virtring bench --json` left.

usage: performance_tables.py FILE...

Each file becomes a table for each distance of the CPUs that it has rounds of, on standard output. Which
measurement a file is of is in the file.
"""
import json
import sys

DISTANCES = ("near", "between", "far")
PLAYERS = tuple((pair, variant)
                for pair in ("dpdk-dpdk", "virtring-dpdk", "dpdk-virtring", "virtring-virtring")
                for variant in ("scalar", "vector", "rotate", "keep")) + (("floor", None),)


def form(row):
    return "{direction} {layout} {order}".format(order="on" if row["in_order"] else "off", **row)


def table(columns, rows):
    print("| " + " | ".join(columns) + " |")
    print("| " + " | ".join("---" for _ in columns) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def spread(result, what, digits):
    text = "{0:.{1}f} [{2:.{3}f}–{4:.{3}f}; {5}]"
    return text.format(result[what + "_median"], digits, result[what + "_min"], max(digits - 1, 0),
                       result[what + "_max"], result["rounds"])


def versus_cell(cell, distance):
    if cell is None or distance not in cell["results"]:
        return "–"
    text = spread(cell["results"][distance], "mpps", 1)
    ratio = cell["ratio_to_dpdk"].get(distance)
    share = cell["share_of_floor"].get(distance)
    return text + (f" **{ratio:.2f}**" if ratio else "") + (f" *{share:.2f}*" if share else "")


def versus(data):
    """Rows are cells of the contest, columns who plays with whom and how."""
    cells = data["cells"]
    lines = {}
    # What no cell has a round of is no column; the text table says why.
    played = {(cell["pairing"], cell["variant"]) for cell in cells if cell["results"]}
    players = [player for player in PLAYERS if player in played]
    for cell in cells:
        lines.setdefault(f'{form(cell)} {cell["size"]}', {})[cell["pairing"], cell["variant"]] = cell
    for distance in DISTANCES:
        rows = [[name] + [versus_cell(line.get(player), distance) for player in players]
                for name, line in lines.items()]
        rows = [row for row in rows if any(text != "–" for text in row[1:])]
        if rows:
            print(f"{distance}:\n")
            table(["cell"] + [" ".join(filter(None, player)) for player in players], rows)


def gain(data):
    """Off and on of a row beside each other."""
    rows = data["rows"]
    size = data["options"]["size"]
    for distance in DISTANCES:
        lines = []
        for off, on in zip(rows[::2], rows[1::2]):
            off_result, on_result = off["results"].get(distance), on["results"].get(distance)
            if off_result and on_result:
                change = on_result["mpps_median"] / off_result["mpps_median"] - 1
                lines.append([f'{off["direction"]} {off["layout"]} {size}',
                              spread(off_result, "mpps", 1), spread(on_result, "mpps", 1),
                              f"{change:+.1%}".replace("%", " %")])
        if lines:
            print(f"{distance}:\n")
            table(["direction, layout, queue", "off", "on", "gain"], lines)


def budget_steps(part, who):
    # A side with one step less has a step without a name.
    steps = {step: ns for step, ns in part[who].items() if step != "-"}
    busy = sum(ns for step, ns in steps.items() if step != "wait")
    return "; ".join(f"{step} {ns:.2f}" for step, ns in steps.items()) + f"; busy {busy:.2f}"


def budget(data):
    for threads, distance in ((1, "alone"),) + tuple((2, distance) for distance in DISTANCES):
        lines = []
        for row in data["rows"]:
            result = row["results"].get(distance)
            part = row.get("steps_one_thread" if threads == 1 else distance)
            if row["threads"] == threads and result and part:
                lines.append([f'{form(row)} ({result["rounds"]})', f'{result["ns_median"]:.2f}',
                              budget_steps(part, "driver_ns"), budget_steps(part, "device_ns")])
        if lines:
            print("one thread:\n" if threads == 1 else f"two threads, {distance}:\n")
            table(["form", "all", "driver", "device"], lines)


def ring(data):
    for distance in DISTANCES + ("alone",):
        lines = []
        for row in data["rows"]:
            if distance in row["results"]:
                buffers = "{} x {}{}, bursts of {}".format(
                    "writable" if row["writable"] else "readable", row["segments"],
                    " indirect" if row["indirect"] else "", row["burst"])
                lines.append([row["form"], str(row["size"]), buffers,
                              spread(row["results"][distance], "ns", 2)])
        if lines:
            print("one thread:\n" if distance == "alone" else f"two threads, {distance}:\n")
            table(["form", "queue", "buffers", "ns of a buffer"], lines)


def scale(data):
    for distance in DISTANCES:
        lines, first = [], {}
        for row in data["rows"]:
            result = row["results"].get(distance)
            if not result:
                continue
            mpps = [1e3 / result[key] for key in ("ns_median", "ns_max", "ns_min")]
            if row["pairs"] == 1:
                first[form(row)] = mpps[0]
            ratio = mpps[0] / first[form(row)] if form(row) in first else None
            lines.append([form(row), str(row["pairs"]),
                          "{:.2f} [{:.2f}–{:.2f}; {}]".format(*mpps, result["rounds"]),
                          f"{ratio:.2f}" if ratio else "–"])
        if lines:
            print(f"{distance}:\n")
            table(["form", "pairs", "Mpps", "to one pair"], lines)


def quantile(histogram, share):
    """Microseconds that this share of the packets did not take longer than."""
    left = share * sum(count for _, _, count in histogram)
    for _, last, count in histogram:
        left -= count
        if left <= 0:
            return f"{last / 1000:.1f}"
    return "–"


def latency(data):
    for distance in DISTANCES:
        lines = []
        for row in data["rows"]:
            part = row.get(distance)
            if not part or not part["received"]:
                continue
            cpu = ", ".join(f'{part[who + "_cpu_seconds"] * 1e9 / part["received"]:.0f}'
                            for who in ("driver", "device"))
            sent, took = part["driver_batches"], part["device_batches"]
            lines.append([
                "{} {}".format(row["layout"], "on" if row["in_order"] else "off"), row["mode"],
                str(row["load"]), f'{part["received"] / part["seconds"] / 1e6:.2f}',
                *(quantile(part["histogram_ns"], share) for share in (0.5, 0.9, 0.99)), cpu,
                f'{sent}, {part["kicks"]}, {part["kicks"] / sent:.2f}',
                f'{took}, {part["calls"]}, {part["calls"] / took:.2f}'])
        if lines:
            print(f"{distance}:\n")
            table(["form", "mode", "load", "Mpps", "p50", "p90", "p99 µs",
                   "CPU ns/packet driver, device", "driver batches, kicks, each",
                   "device batches, calls, each"], lines)


def kind(data):
    if "cells" in data:
        return versus
    if "options" in data:
        return gain
    return {"budget": budget, "ring": ring, "scale": scale, "latency": latency}.get(
        data.get("measured"))


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.stderr.write(__doc__)
        return 2
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        maker = kind(data)
        if maker is None:
            sys.stderr.write(f"performance_tables.py: {path}: no table is made of such a file\n")
            return 1
        print(f"{path}\n")
        maker(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
