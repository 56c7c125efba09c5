"""The results that come with the package, as JSON. Light: `landmarks list` reads them without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from landmarks import catalog


def folder() -> Path:
    """Where `results/claims/NAME.json` lie: beside the package in a clone, inside it in a wheel."""
    package = Path(__file__).parent
    inside = package / "results" / "claims"
    return inside if inside.is_dir() else package.parent / "results" / "claims"


def read(name: str) -> dict[str, Any]:
    """What is committed of a milestone: `outcomes` of its claims, and the `runs` behind them; nothing where none is."""
    path = folder() / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {"headline": {}, "outcomes": {}, "runs": []} | found


def as_text(found: Mapping[str, Any]) -> str:
    """What is committed as JSON, with a line for each outcome and each run, so that a difference can be read."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ": "))

    outcomes = ",\n".join(f"  {line(id)}: {line(each)}" for id, each in found["outcomes"].items())
    runs = ",\n".join(f"  {line(run)}" for run in found["runs"])
    headline = line(found["headline"])
    return f'{{\n "headline": {headline},\n "outcomes": {{\n{outcomes}\n }},\n "runs": [\n{runs}\n ]\n}}\n'


def headlines() -> dict[str, dict[str, str]]:
    """Milestone → what came out of the claim that heads it: `claim`, `ours`, `word`; "" where nothing was recorded."""
    found = {path.stem: read(path.stem)["headline"] for path in sorted(folder().glob("*.json"))}
    return {name: headline for name, headline in found.items() if headline}


def listed() -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The milestones as a table, head and rows: each with its number, what came out, and what a quick run takes."""
    found = headlines()
    rows: list[tuple[str, ...]] = []
    for entry in catalog.CATALOG.values():
        result = found.get(entry.name, {"word": "not run", "ours": ""})
        ours = result["ours"].partition(" (")[0]
        known = entry.year, entry.name, entry.headline, result["word"], ours
        rows.append((*known, entry.model, entry.time, entry.data, entry.paper))
    head = ("year", "name", "published", "verdict", "ours", "model", "quick run", "data", "paper")
    return head, rows
