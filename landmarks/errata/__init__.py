"""What the printed papers contradict themselves in, or seem to: each entry with a check that computes what follows.

A card names the place of its milestone's entries, `Card.errata`. Light: no torch before `gather`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from landmarks import catalog
from landmarks.claims import Source
from landmarks.errors import UsageError, nearest

Outcome = Literal["misprint", "cannot be", "disagree", "fits after all", "cannot be decided"]
MEANS: Mapping[Outcome, str] = {
    "misprint": "one thing stands for another, and the rest of the paper says which",
    "cannot be": "arithmetic rules out what is printed",
    "disagree": "two places contradict each other: numbers, text and formula, paper and the authors' own code",
    "fits after all": "it looks wrong, and is right",
    "cannot be decided": "two places differ, and nothing that we can compute tells which is meant",
}


@dataclass(frozen=True)
class Found:
    """What a check has computed: the arithmetic with its numbers put in, and whether the outcome holds by it."""

    lines: tuple[str, ...]
    holds: bool


@dataclass(frozen=True)
class Erratum:
    """A printed statement, and what follows from it.

    `printed` are the paper's numbers, which `says` names in braces and `check` gets by name; it computes the rest.
    `otherwise` are other numbers in their place, with which the outcome must not hold.
    """

    id: str
    title: str
    where: str
    source: Source
    says: str
    printed: Mapping[str, Any]
    check: Callable[..., Found]
    outcome: Outcome
    follows: str
    otherwise: Mapping[str, Any]

    @property
    def statement(self) -> str:
        """What is printed, its numbers put in."""
        return self.says.format(**self.printed)

    def run(self, **others: Any) -> Found:
        """Compute it, with other numbers for some of the printed ones."""
        return self.check(**{**self.printed, **others})


def gather(names: Iterable[str]) -> dict[str, tuple[Erratum, ...]]:
    """The entries of some milestones, of those that have any, in the order of the names."""
    places = {name: catalog.milestone_class(name).card.errata for name in names}
    return {name: _at(place) for name, place in places.items() if place}


def find(word: str) -> dict[str, tuple[Erratum, ...]]:
    """The entries that a word of the command line means: `all`, a milestone, or `NAME.ENTRY`. Raises UsageError."""
    name, dot, entry = word.partition(".")
    found = gather(catalog.CATALOG if name == "all" else [catalog.find(name).name])
    if not found:
        raise UsageError(f"{name}: no errata are known; `landmarks errata` shows those of the others")
    if not dot:
        return found
    if name == "all":
        raise UsageError(f"{word}: write NAME.ENTRY, or all alone")
    known = {erratum.id: erratum for errata in found.values() for erratum in errata}
    if entry not in known:
        raise UsageError(f"{name} has no erratum “{entry}”{nearest(entry, known)}; it has {', '.join(known)}")
    return {name: (known[entry],)}


def _at(place: str) -> tuple[Erratum, ...]:
    module, _, attribute = place.partition(":")
    found: tuple[Erratum, ...] = getattr(importlib.import_module(module), attribute)
    return found
