"""Results as Markdown: the claims of `RESULTS.md`, and the table with which the README opens.

A pure function of the committed results and the claims, so that the pages can be made again byte for byte.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from landmarks.describe import bullets, table
from landmarks.evidence import Outcome
from landmarks.pages import words
from landmarks.pages.chapters import Chapter, newest, totals
from landmarks.records import Record, alike, sweep
from landmarks.rules import Word
from landmarks.rules_in_words import SOURCES
from landmarks.verdicts import Verdict

OTHER_SOURCES = "; ".join(f"*{source}*, {said}" for source, said in SOURCES.items() if source != "seen")
INTRODUCTION = f"""\
What nine papers claim in numbers, each claim with the verdict that a rule fixed beforehand gives it: `landmarks show
NAME.CLAIM` prints the rule with its arithmetic, `landmarks reproduce NAME.CLAIM` makes the runs, and `landmarks report`
is this page with pictures. *n* counts independent draws (of one seed and replica each). Below each table stand the runs
and what is listed without a verdict: what is recalled, and what is not built here. All of it is made of the files in
`results/claims/`.

{words.INTERVAL}.

Where a number of the paper's was not read there, its source stands beside it: {OTHER_SOURCES}."""


def claims(chapters: Sequence[Chapter]) -> str:
    """The part of `RESULTS.md` that is about claims."""
    parts = ["## Claims", INTRODUCTION, summary(chapters), *map(section, chapters)]
    return "\n\n".join(parts) + "\n"


def standing(outcome: Outcome) -> str:
    """How one claim stands, with the runs behind it."""
    found = [f"{words.result(outcome)}: {outcome.verdict.sentence}."]
    found += [f"With `{shlex.join(overrides)}`: {_sentence(other)}." for overrides, other in outcome.readings]
    if outcome.edited:
        found.append(f"{words.changed(outcome).capitalize()}.")
    lines = [
        f"`{sweep(group)}` – " + "; ".join(f"{what} {said}" for what, said in words.provenance(group).items())
        for group in alike(outcome.runs)
    ]
    return "\n\n".join(["## The verdict", bullets(found), *[f"The runs behind it:\n\n{bullets(lines)}"] * bool(lines)])


def headlines(chapters: Iterable[Chapter]) -> str:
    """The table with which the README opens: one line for each milestone, about the claim that heads it."""
    rows = []
    for chapter in chapters:
        outcome, entry = chapter.headline, chapter.entry
        typed = f"reproduce {entry.name}.{outcome.claim.id}" if outcome.claim.judgeable else f"run {entry.name}"
        ours, found = words.ours(outcome.claim, outcome.verdict), words.verdict(outcome)
        rows.append(
            (entry.year, entry.model, entry.headline, *map(words.unbroken, (ours, found)), f"`landmarks {typed}`")
        )
    return table(("year", "milestone", "the paper", "ours", "verdict", "command"), rows) + "\n"


def values(chapter: Chapter, place: str) -> str:
    """The values that a figure or table of a paper prints and that were measured here, the largest error first."""
    shown = [
        outcome
        for outcome in chapter.outcomes.values()
        if outcome.claim.kind == "value" and place in outcome.claim.where and outcome.verdict.n
    ]
    rows = []
    for outcome in sorted(shown, key=lambda each: -each.claim.published):
        claim, found = outcome.claim, words.unbroken(words.verdict(outcome))
        ours, says = words.unbroken(words.ours(claim, outcome.verdict)), claim.says.partition(" (")[0].rstrip(".")
        rows.append((says, words.paper(claim), ours, found, f"`{chapter.entry.name}.{claim.id}`"))
    return table(("claim", "the paper", "ours", "verdict", ""), rows) + "\n"


def summary(chapters: Sequence[Chapter]) -> str:
    """How many claims got which verdict, and what each one says."""
    counted, left = totals(chapters)
    every = sum(counted.values()) + sum(left.values())
    rows = [
        (words.unbroken(f"{words.SIGNS[word]} {word}"), f"{both[word]:,}", words.MEANINGS[word])
        for word in get_args(Word)
        for both in [counted + left]
        if both[word]
    ]
    date = f" The newest run is of {newest(chapters)}." * bool(newest(chapters))
    said = f"{every:,} claims, {sum(counted.values()):,} of them judged.{date}"
    return f"{said}\n\n{table(('verdict', 'claims', 'what it says'), rows)}"


def section(chapter: Chapter) -> str:
    """A milestone: its claims, the verdicts in full, the runs behind them, and what is only listed."""
    entry, outcomes = chapter.entry, [*chapter.outcomes.values()]
    asked = [outcome for outcome in outcomes if outcome.claim.judgeable]
    groups = {f"R{i}": group for i, group in enumerate(alike(run for o in asked for run in o.runs), 1)}
    labels = {run.fingerprint: label for label, group in groups.items() for run in group}
    rows = [_row(outcome, labels) for outcome in asked]
    head = ("claim", "the paper", "ours", "n", "verdict", "runs, or their cost")
    parts = [f"### {entry.year} {chapter.card.title} (`{entry.name}`)", table(head, rows) if rows else ""]
    if said := [line for outcome in asked if _tells_more(outcome) for line in _in_full(outcome)]:
        parts.append(_folded("The verdicts in full", "\n".join(said)))
    if groups:
        parts.append(_folded("The runs", _runs(groups)))
    if rest := [_listed(outcome) for outcome in outcomes if not outcome.claim.judgeable]:
        parts.append(_folded(f"Listed, not judged: {len(rest)}", bullets(rest)))
    return "\n\n".join(part for part in parts if part)


def _row(outcome: Outcome, labels: Mapping[str, str]) -> tuple[str, ...]:
    claim, found = outcome.claim, outcome.verdict
    behind = dict.fromkeys(labels[run.fingerprint] for run in outcome.runs if found.word != "not run")
    paper = f"{words.paper(claim)} ({words.place(claim)})"
    ours, n = words.unbroken(words.ours(claim, found)), f"{found.n:,}" if found.n else ""
    return (
        f"**{claim.id}** {claim.says}",
        paper,
        ours,
        n,
        words.unbroken(words.verdict(outcome)),
        ", ".join(behind) or words.cost(claim),
    )


def _tells_more(outcome: Outcome) -> bool:
    """Whether its sentence says what the table does not: what is exact and holds is all said there."""
    return bool(outcome.verdict.n) and not (outcome.claim.kind == "exact" and outcome.verdict.word == "holds")


def _in_full(outcome: Outcome) -> list[str]:
    """A verdict with its sentence, and what comes out under each other reading."""
    under = f" Agrees {outcome.under}." if outcome.under else ""
    lines = [f"- **{outcome.claim.id}** {_sentence(outcome.verdict)}.{under}"]
    for overrides, found in outcome.readings:
        lines.append(f"  - with `{shlex.join(overrides)}` {_sentence(found)}")
    return lines


def _sentence(found: Verdict) -> str:
    return f"{found.word}: {found.sentence}"


def _listed(outcome: Outcome) -> str:
    claim = outcome.claim
    why = "" if claim.built or "built" in claim.says else "; not built here"
    return f"**{claim.id}** {claim.says} *{words.paper(claim)}; {words.place(claim)}{why}*"


def _runs(groups: Mapping[str, Sequence[Record]]) -> str:
    """A line for each group of runs: all that it takes to make them again, and to see that they are the same."""
    told = {label: words.provenance(group) for label, group in groups.items()}
    head = ("", "command", *next(iter(told.values())))
    return table(head, [(label, f"`{sweep(groups[label])}`", *said.values()) for label, said in told.items()])


def _folded(title: str, text: str) -> str:
    """What a reader opens: GitHub wants the empty lines."""
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>"
