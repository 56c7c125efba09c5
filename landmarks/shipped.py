"""The results that come with the package, as JSON. Light: `landmarks list` reads them without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def folder() -> Path:
    """Where `results/claims/NAME.json` lie: beside the package in a clone, inside it in a wheel."""
    package = Path(__file__).parent
    inside = package / "results" / "claims"
    return inside if inside.is_dir() else package.parent / "results" / "claims"


def read(name: str) -> dict[str, Any]:
    """What is committed of a milestone: `outcomes` of its claims, and the `runs` behind them; nothing where none is."""
    path = folder() / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {"outcomes": {}, "runs": []} | found
