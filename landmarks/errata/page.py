"""The errata as one page of Markdown: what is printed, what is computed from it, and the outcome."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from itertools import chain

from landmarks import catalog
from landmarks.describe import table
from landmarks.errata import MEANS, Erratum, Found

Checked = Mapping[str, tuple[tuple[Erratum, Found], ...]]
"""Of each milestone its entries with what their checks have found."""
HEAD = """\
# Errata of the classics

To re-run a paper one has to believe every number in it, and so one finds those that do not go together. Each entry says
what is printed and where, what follows, and the outcome. The numbers in the boxes are not typed: `landmarks errata`
computes them anew, builds the networks and runs them, and fails where an outcome does not hold. `landmarks errata lstm`
does one paper, `landmarks errata lstm.mse` one entry. None of this takes anything from what these papers found; most of
it has stood in print for decades without doing harm.
"""
SOURCES = {
    "seen": "seen in the paper",
    "secondary": "read in a transcript",
    "derived": "follows from the paper",
    "recalled": "recalled",
}


def check(found: Mapping[str, tuple[Erratum, ...]]) -> dict[str, tuple[tuple[Erratum, Found], ...]]:
    """Run every check."""
    return {name: tuple((erratum, erratum.run()) for erratum in errata) for name, errata in found.items()}


def confirmed(checked: Checked) -> bool:
    """Whether every outcome holds."""
    return all(found.holds for _, found in chain(*checked.values()))


def counted(checked: Checked) -> str:
    """How many entries there are, and of how many the outcome holds."""
    held = [found.holds for _, found in chain(*checked.values())]
    return f"{len(held)} errata, {sum(held)} confirmed"


def page(checked: Checked) -> str:
    """The whole page, Markdown."""
    head = [HEAD, _outcomes(checked), _overview(checked)] if len(checked) > 1 else []
    return "\n".join([*head, *(_paper(name, entries) for name, entries in checked.items())])


def _outcomes(checked: Checked) -> str:
    counts = Counter(erratum.outcome for erratum, _ in chain(*checked.values()))
    rows = [(f"**{outcome}**", meaning, str(counts[outcome])) for outcome, meaning in MEANS.items() if counts[outcome]]
    return table(("outcome", "means", "entries"), rows, 1) + "\n"


def _overview(checked: Checked) -> str:
    rows = [
        (catalog.find(name).year, catalog.find(name).model, erratum.title, _outcome(erratum, found))
        for name, entries in checked.items()
        for erratum, found in entries
    ]
    silent = [one.model for one in catalog.CATALOG.values() if one.name not in checked]
    of_others = f"\nOf {' and '.join(silent)} nothing of the kind is known here.\n" if silent else ""
    return table(("year", "paper", "what", "outcome"), rows) + "\n" + of_others


def _paper(name: str, entries: tuple[tuple[Erratum, Found], ...]) -> str:
    known, card = catalog.find(name), catalog.milestone_class(name).card
    parts = [f"## {known.model} ({known.year})\n", f"{card.citation.rstrip('.')}.\n"]
    return "\n".join([*parts, *(entry(name, erratum, found) for erratum, found in entries)])


def entry(name: str, erratum: Erratum, found: Found) -> str:
    """An entry as the page has it."""
    lines = "\n".join(line if line.startswith("$") else _set(line) for line in found.lines)
    return "\n".join(
        (
            f"### {erratum.title}\n",
            f"**Printed** ({erratum.where}; {SOURCES[erratum.source]}): {_set(erratum.statement)}\n",
            f"```text\n{lines}\n```\n",
            f"**Outcome: {_outcome(erratum, found)}.** {erratum.follows} *(`{name}.{erratum.id}`)*\n",
        )
    )


def _set(text: str) -> str:
    """Numbers below zero as they are printed: Python has a hyphen for the minus sign."""
    return re.sub(r"(?<![\w×])-(?=\d)", "−", text)


def _outcome(erratum: Erratum, found: Found) -> str:
    return erratum.outcome if found.holds else f"NOT CONFIRMED: {erratum.outcome}"
