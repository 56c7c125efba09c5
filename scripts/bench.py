"""Benchmarks: ours against references written as their users write them, and what fast paths do to the numbers.

    python scripts/bench.py ROW|GROUP… [--rounds 7] [--json FILE]
    python scripts/bench.py results        RESULTS.md's Speed section, from results/speed*.json and growth*.json

Each figure is the median over interleaved pairs (ABBA) in one process; the shared loop writes its whole log while it is
timed. Rows and groups: see `--help`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from benchmarks import accelerator, agreement, report
from benchmarks.measure import Row, measured
from benchmarks.place import ROOT, environment
from benchmarks.rows import CPU, GROUPS

from landmarks.errors import LandmarksError

AGREE, RESULTS = "agree", "results"


def main(words: Sequence[str] | None = None) -> int:
    rows = {row.name: row for row in (*CPU, *accelerator.GPU)}
    names = [*GROUPS, "gpu", AGREE, "all", RESULTS, *rows]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=names, metavar="ROW|GROUP", help=", ".join(names))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args(words)
    if RESULTS in arguments.what:
        target = ROOT / "RESULTS.md"
        before = target.read_text() if target.exists() else ""
        target.write_text(report.written(before, report.section(ROOT / "results")))
        return 0
    groups = {name: [row] for name, row in rows.items()} | {
        **GROUPS,
        "gpu": accelerator.GPU,
        "all": (*CPU, *accelerator.GPU * torch.cuda.is_available()),
        AGREE: (),
    }
    chosen = {row.name: row for word in arguments.what for row in groups[word]}
    if any(row in accelerator.GPU for row in chosen.values()) and not torch.cuda.is_available():
        print(f"bench: torch {torch.__version__} sees no CUDA device here", file=sys.stderr)
        return 1
    found = environment() | {
        "rounds": arguments.rounds,
        "rows": [_measure(row, arguments.rounds) for row in chosen.values()],
    }
    if {AGREE, "all"} & {*arguments.what}:
        found["agreement"] = _agree()
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return 0


def _measure(row: Row, rounds: int) -> dict[str, Any]:
    """A row's figures, printed as soon as they are known; where it cannot be measured, why."""
    try:
        found = measured(row, rounds)
    except LandmarksError as error:
        said = {"target": row.target, "sense": row.sense, "difference": row.difference, "missing": str(error)}
        found = {"name": row.name, "what": row.what, "against": row.against} | said
    print("  ".join([row.name.ljust(15), *report.cells(found)]), flush=True)
    return found


def _agree() -> list[dict[str, Any]]:
    """The lines of all comparisons, printed as soon as they are known."""
    found = []
    for comparison in agreement.COMPARISONS:
        for line in agreement.compared(comparison):
            if isinstance(line, str):
                print(line, flush=True)
            else:
                found.append(line)
                print("  ".join(report.agreement_cells(line)), flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
