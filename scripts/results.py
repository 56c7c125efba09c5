"""The committed results: from runs to JSON, and from JSON to pages.

    python scripts/results.py record RUNS…   results/claims/NAME.json from the finished runs below these folders
    python scripts/results.py page           RESULTS.md's claims and README's tables, from those files alone

What was recorded before stays, unless the same run was made again, or no claim asks for it any more. Runs whose code
had changes that no commit holds are left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.place import ROOT

from landmarks import catalog, shipped
from landmarks.evidence import Evidence, Outcome, store
from landmarks.pages import chapters, markdown, words

MADE = "made by `python scripts/results.py page`"
CLAIMS = (f"<!-- claims: {MADE} -->", "<!-- claims end -->")
VERDICTS = (f"<!-- verdicts: {MADE} -->", "<!-- verdicts end -->")
FIGURE_9 = (f"<!-- figure 9: {MADE} -->", "<!-- figure 9 end -->")


def main(typed: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("record").add_argument("runs", nargs="+", type=Path)
    verbs.add_parser("page")
    arguments = parser.parse_args(typed)
    if arguments.verb == "page":
        write_pages(ROOT)
        return 0
    if missing := [root for root in arguments.runs if not root.is_dir()]:
        print(f"results: {missing[0]}: there is no such folder", file=sys.stderr)
        return 1
    for name in catalog.CATALOG:
        if record(name, arguments.runs):
            found = shipped.read(name)
            judged = sum(outcome["n"] > 0 for outcome in found["outcomes"].values())
            said = f"{len(found['runs'])} runs, {judged} of {len(found['outcomes'])} claims measured"
            print(f"{name}: {said}", flush=True)
    return 0


def record(name: str, roots: Iterable[Path]) -> bool:
    """Put a milestone's finished runs below some folders among its committed ones; whether there are any now."""
    path = shipped.folder() / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    for root in (*map(str, roots), None):  # at last what follows from the committed runs alone
        found = stored(Evidence(name, root).outcomes())
        found["runs"] = [run for run in found["runs"] if run["dirty"] is False]
        if found["runs"]:
            path.write_text(shipped.as_text(found), encoding="utf-8")
        else:
            path.unlink(missing_ok=True)
    return path.is_file()


def stored(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A milestone's outcomes as they are committed, with what `landmarks list` says of the claim that heads it."""
    headline = catalog.milestone_class(outcomes[0].milestone).card.headline
    head = next(outcome for outcome in outcomes if outcome.claim == headline)
    said = {"claim": headline.id, "ours": words.ours(headline, head.verdict), "word": head.verdict.word}
    return {"headline": said, **store(outcomes)}


def write_pages(root: Path) -> None:
    """Every generated part of RESULTS.md and README.md anew, where it has a place; the rest stays."""
    for name, markers, text in pages():
        path = root / name
        before = path.read_text(encoding="utf-8")
        if markers[0] in before:
            path.write_text(report.written(before, text, *markers), encoding="utf-8")


def pages() -> list[tuple[str, tuple[str, str], str]]:
    """The generated parts: the file of each, the lines between which it stands there, and the text."""
    found = [chapters.gather(name, None) for name in catalog.CATALOG]
    return [
        ("RESULTS.md", CLAIMS, markdown.claims(found)),
        ("README.md", VERDICTS, markdown.headlines(found)),
        *(
            ("README.md", FIGURE_9, markdown.values(chapter, "Fig. 9"))
            for chapter in found
            if chapter.entry.name == "lenet"
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
