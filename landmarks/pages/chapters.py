"""What a page says of one milestone, gathered: its outcomes, and the runs behind each arm of each claim."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from landmarks import assemble, catalog
from landmarks.catalog import Entry
from landmarks.evidence import Evidence, Outcome, composed
from landmarks.records import Record
from landmarks.verdicts import distinct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from landmarks.claims import Claim, Departure
    from landmarks.milestone import Card
    from landmarks.rules import Measured
    from landmarks.settings import Settings

Arms = tuple[tuple[Record, ...], ...]


@dataclass(frozen=True)
class Chapter:
    """A milestone with all that is known of its claims; `arms` are the runs that count, in each arm of a claim."""

    entry: Entry
    card: Card
    outcomes: dict[str, Outcome]
    arms: dict[str, Arms]

    @property
    def headline(self) -> Outcome:
        """The outcome of the claim that heads the milestone."""
        return self.outcomes[self.card.headline.id]

    @property
    def shown(self) -> list[Outcome]:
        """The outcomes that have a number of ours."""
        return [outcome for outcome in self.outcomes.values() if outcome.verdict.ours is not None]

    def measured(self, claim: Claim, arm: int = 0) -> list[Measured]:
        """What the runs of an arm say of a claim, each (seed, replica) once."""
        arms = self.arms[claim.id]
        return distinct([one for record in arms[arm] for one in record.measured(claim)] if arms else [])

    @property
    def measured_claims(self) -> list[Claim]:
        """The claims that runs speak to, judged or not."""
        return [outcome.claim for id, outcome in self.outcomes.items() if any(self.arms[id])]

    def departures(self) -> list[tuple[Departure, list[str]]]:
        """Each departure that holds for runs behind a claim, with those claims; of the headline's where none is run."""
        asked = self.measured_claims or [self.card.headline]
        runs = {
            claim.id: [_settings(self.entry.name, claim.typed(arm)) for arm in claim.arms]
            for claim in asked
            if claim.built
        }
        found = [(d, [id for id, arms in runs.items() if any(map(d.applies, arms))]) for d in self.card.departures]
        return [(departure, claims) for departure, claims in found if claims]


@cache
def _settings(name: str, typed: tuple[str, ...]) -> Settings:
    return assemble.settings_of(composed(name, typed))


def gather(name: str, root: str | None) -> Chapter:
    """All that is known of a milestone, from the runs below `root` first, then from those that are shipped."""
    evidence = Evidence(name, root)
    outcomes = {outcome.claim.id: outcome for outcome in evidence.outcomes()}
    arms = {id: tuple(map(tuple, evidence.arms(outcome.claim)[0])) for id, outcome in outcomes.items()}
    return Chapter(catalog.find(name), catalog.milestone_class(name).card, outcomes, arms)


def totals(chapters: Iterable[Chapter]) -> tuple[Counter[str], Counter[str]]:
    """How often each verdict was given: those that count, and those that do not."""
    counted, left = Counter[str](), Counter[str]()
    for chapter in chapters:
        for outcome in chapter.outcomes.values():
            (counted if outcome.verdict.counts else left)[outcome.verdict.word] += 1
    return counted, left


def newest(chapters: Iterable[Chapter]) -> str:
    """The date of the newest run behind any outcome; "" where there is none."""
    found = (run.date for c in chapters for outcome in c.outcomes.values() for run in outcome.runs)
    return max(found, default="")
