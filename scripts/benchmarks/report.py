"""RESULTS.md: its Speed section is made of the JSON files in results/, and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- speed: made by `python scripts/bench.py results` -->", "<!-- speed ends -->"
HEAD = """\
## Speed

Each figure is the median of interleaved pairs in one process (ABBA), with the range of its rounds in brackets. "≤":
ours takes so many times as long as the reference, or so many seconds more; "≥": ours is so many times faster. The
shared loop writes its whole log meanwhile; nothing is timed while it is compiled. A second table repeats, with more
rounds, what fell short in the first; its notes, written by hand, say what bounds what falls short again.
"""
AGREEMENT = """\
### Fast paths beside fp32

The same data, initial weights and draws, in quick scale. The loss is the mean over the last tenth of the steps, the
largest difference that of the first 50 losses, as a share of the plain one.
"""


GROWTH = """\
### Growth

Time and peak memory by size, on one thread (`scripts/growth.py`). The slope is that of log time, or of log memory, over
log size from the last but one size to the last: 1 is linear, 0 costs nothing more.
"""


def section(folder: Path) -> str:
    """The Speed section of what `bench.py` and `growth.py` wrote into a folder, a table for each machine."""
    measurements, growth = read(folder, "speed"), read(folder, "growth")
    parts = [HEAD]
    for found in measurements:
        if found.get("rows"):
            parts += [_said(found), _table(HEADS, map(cells, found["rows"]))]
        if found.get("notes"):
            parts.append("".join(f"- {note}\n" for note in found["notes"]))
    for found in measurements:
        if found.get("agreement"):
            parts += [AGREEMENT, _said(found), _table(AGREEMENT_HEADS, map(agreement_cells, found["agreement"]))]
    for found in growth:
        parts += [GROWTH, _said(found), _table(GROWTH_HEADS, growth_cells(found["rows"]))]
    return "\n".join(parts)


def _said(found: Mapping[str, Any]) -> str:
    commit = f", commit {found['commit']}" if found["commit"] else ""
    where = f"{found['machine']}, {found['device']}, torch {found['torch']}"
    rounds = f", {found['rounds']} rounds" if "rounds" in found else ""
    return f"{where}, {found['date']}{commit}{rounds}:\n"


HEADS = ("what", "ours", "reference", "ratio", "to reach", "reached")
AGREEMENT_HEADS = ("what", "path", "steps", "loss", "of plain fp32", "measured", "of plain fp32", "largest difference")


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row of the table; one that could not be measured says why."""
    if "missing" in row:
        return row["what"], "", row["against"], "", _target(row), row["missing"]
    unit, sign = row["unit"], " s" if row["difference"] else "×"
    ratio = f"{_number(row['ratio'])}{sign} ({_number(row['low'])}–{_number(row['high'])})"
    other = f"{_number(row['reference'])} {unit}, {row['against']}"
    reached = "yes" if row["reached"] else "no"
    return row["what"], f"{_number(row['ours'])} {unit}", other, ratio, _target(row), reached


def agreement_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    name = row["measure"].replace("_", " ")
    return (
        row["what"], row["path"], f"{row['steps']:,}", f"{row['loss']:.4g}", f"{row['loss_of_plain']:.4g}",
        f"{name} {row['measured']:.4g}", f"{row['measured_of_plain']:.4g}", f"{row['largest_difference']:.1e}",
    )  # fmt: skip


GROWTH_HEADS = ("what", "sizes", "time in ms", "slope", "memory in MiB", "slope")


def growth_cells(rows: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, ...]]:
    """A row for each thing that grows, with all its sizes."""
    for name in dict.fromkeys(row["name"] for row in rows):
        mine = [row for row in rows if row["name"] == name]
        sizes, times, memory = (
            ", ".join(show(row[key]) for row in mine)
            for key, show in (("size", "{:,}".format), ("time", _number), ("memory", "{:,.0f}".format))
        )
        last = mine[-1]
        slopes = [f"{last[key]:.2f}" if last[key] is not None else "" for key in ("time_slope", "memory_slope")]
        yield f"{name}: {last['unit']}", f"{last['group']} {sizes}", times, slopes[0], memory, slopes[1]


def _target(row: Mapping[str, Any]) -> str:
    sign = " s" if row["difference"] else "×"
    return f"{'≤' if row['sense'] == 'at most' else '≥'} {row['target']:g}{sign}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def written(text: str, made: str, begin: str = BEGIN, end: str = END) -> str:
    """RESULTS.md with its Speed section anew, or what else stands between markers; the rest stays."""
    whole = f"{begin}\n{made}{end}\n"
    if begin not in text:
        return (text.rstrip("\n") + "\n\n" if text else "# Results\n\n") + whole
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(f"{end}\n")
    return before + whole + after


def read(folder: Path, kind: str) -> list[dict[str, Any]]:
    """What was measured, in the order of the files' names."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"{kind}*.json"))]
