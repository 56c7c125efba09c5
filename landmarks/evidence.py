"""From runs to verdicts: what each run says of a milestone's claims, and which runs speak to which claim.

A run speaks to a claim where its fingerprint is that of the claim's configuration on the run's own data, kind of
device, and today's revisions. So nothing is loaded to find it, and what came with the package counts like what was run
here. A run whose configuration is the claim's, but not its revision, is stale: counted, and never mixed in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from landmarks import catalog, config, loop, runs, shipped, verdicts
from landmarks.claims import Claim
from landmarks.pages import words as in_words
from landmarks.records import Record, digest, local, origin, words
from landmarks.verdicts import Case, Verdict

GOOD = ("holds", "compatible", "better", "faster")
BAD = ("fails", "incompatible", "worse", "slower", "differs", "contradicted")
"""Verdicts that speak for a claim of ours, and against it; all others say nothing."""


@cache
def composed(name: str, scale: str, overrides: tuple[str, ...]) -> config.Composed:
    """The configuration of an arm, not to be changed."""
    typed = (*([f"scale={scale}"] if scale != "quick" else []), *overrides)
    return config.Composed(config.tree(name, typed), typed)


class Evidence:
    """The finished runs of a milestone: those below `root` (None: none), and those shipped that were not made there.

    `here`: those below `root` alone.
    """

    def __init__(self, name: str, root: str | None, here: bool = False) -> None:
        cls = catalog.milestone_class(name)
        self.name = name
        self.claims = cls.card.claims
        self.revisions = (cls.revision, loop.REVISION)
        self.shipped = shipped.read(name)
        came = [] if here else map(Record.from_json, self.shipped["runs"])
        records = [*local(name, root, self.claims), *came]
        known: dict[str, Record] = {}
        for found in sorted(records, key=lambda each: each.dirty is not False):  # of two that are alike the clean one
            known.setdefault(found.fingerprint, found)
        self.records = [*known.values()]
        self.committed = {origin(each) for each in records if each.shipped}
        self.by_configuration: dict[str, list[Record]] = {}
        self.by_words: dict[frozenset[str], list[Record]] = {}
        for found in self.records:
            self.by_configuration.setdefault(found.configuration, []).append(found)
            self.by_words.setdefault(words(found.scale, found.overrides), []).append(found)

    def of_arm(self, claim: Claim, overrides: tuple[str, ...]) -> tuple[list[Record], list[Record]]:
        """The records of an arm of a claim: those that count, and those that are stale."""
        if not self.records:
            return [], []
        tree = composed(self.name, claim.scale, overrides).tree
        found = self.by_configuration.get(digest(tree), [])
        counted = [each for each in found if each.fingerprint == self._fingerprint(tree, each)]
        alike = dict.fromkeys(id(each) for each in counted)
        called = self.by_words.get(words(claim.scale, overrides), [])
        stale = {id(each): each for each in (*found, *called) if id(each) not in alike}
        return counted, [*stale.values()]

    def _fingerprint(self, tree: Mapping[str, Any], like: Record) -> str:
        """The fingerprint that a run of this configuration has today, of the draw, data and device of another."""
        data = dict(tree["data"]) | {"name": like.place}
        drawn = dict(tree) | {"seed": like.seed, "first_replica": like.first_replica, "data": data}
        return runs.fingerprint(drawn, like.checksum, like.kind, self.revisions)

    def outcomes(self) -> list[Outcome]:
        """Every claim of the milestone, judged."""
        found = [self._case(claim, ()) for claim in self.claims]
        judged = verdicts.judge_all([case for case, _, _ in found])
        family = [case for case, _, _ in found if verdicts.shares_level(case.claim)]
        return [
            self._outcome(claim, verdict, family, *rest)
            for claim, verdict, (_, *rest) in zip(self.claims, judged, found, strict=True)
        ]

    def _case(self, claim: Claim, reading: tuple[str, ...]) -> tuple[Case, list[Record], list[Record]]:
        """What there is to judge a claim by, the records behind that, and the stale ones."""
        if not claim.built or claim.source == "recalled":
            return Case(claim), [], []
        arms = [self.of_arm(claim, overrides) for overrides in claim.arms_under(reading)]
        sides = [[m for each in counted for m in each.measured(claim)] for counted, _ in arms]
        behind = [each for counted, _ in arms for each in counted if each.measured(claim)]
        return Case(claim, *sides), behind, [each for _, stale in arms for each in stale]

    def _outcome(
        self, claim: Claim, verdict: Verdict, family: Sequence[Case], behind: list[Record], stale: list[Record]
    ) -> Outcome:
        if verdict.word == "not run" and stale:
            n = len(stale)
            said = (
                f"{n} run{'s' * (n > 1)} of an earlier revision; `landmarks reproduce {self.name}.{claim.id}` repeats"
            )
            verdict = replace(verdict, word="stale", sentence=said + " it" if n == 1 else said + " them")
        under = []
        for reading in claim.readings:
            case, records, _ = self._case(claim, reading)
            under.append((reading, _judged(case, family)))
            behind = [*behind, *records]
        recorded = self.shipped["outcomes"].get(claim.id, {}).get("digest", claim.digest)
        begun = recorded if any(origin(each) in self.committed for each in behind) else claim.digest
        return Outcome(self.name, claim, verdict, tuple(behind), tuple(under), tuple(stale), begun)


def _judged(case: Case, family: Sequence[Case]) -> Verdict:
    """The verdict under another reading; a contrast shares its error rate with the milestone's others as ever."""
    if not verdicts.shares_level(case.claim):
        return verdicts.judge(*case)
    cases = [case if other.claim == case.claim else other for other in family]
    return next(v for v, one in zip(verdicts.judge_all(cases), cases, strict=True) if one is case)


@dataclass(frozen=True)
class Outcome:
    """A claim as it stands: its verdict, the runs behind it, and what comes out under its other readings.

    `old` are runs of an earlier revision; `digest` is the claim's own when the oldest of its results was recorded.
    """

    milestone: str
    claim: Claim
    verdict: Verdict
    runs: tuple[Record, ...] = ()
    readings: tuple[tuple[tuple[str, ...], Verdict], ...] = ()
    old: tuple[Record, ...] = ()
    digest: str = ""

    @property
    def stale(self) -> int:
        """How many runs of an earlier revision there are, which count for nothing."""
        return len(self.old)

    @property
    def edited(self) -> bool:
        """Whether the claim was changed after results that stand behind it were recorded."""
        return self.digest not in ("", self.claim.digest)

    @property
    def under(self) -> str:
        """Under how many of its readings the paper's number is what ours say, where it has several."""
        if not self.readings:
            return ""
        judged = [verdict for verdict in (self.verdict, *(v for _, v in self.readings)) if verdict.counts]
        agree = sum(verdict.word in ("compatible", "holds") for verdict in judged)
        left = 1 + len(self.readings) - len(judged)
        return f"compatible under {agree} of {len(judged)} readings" + f", {left} not run" * (left > 0)

    @property
    def shipped(self) -> bool:
        """Whether all that stands behind it came with the package."""
        return bool(self.runs) and all(each.shipped for each in self.runs)

    @property
    def rank(self) -> int:
        """How well the claim does: what speaks for it, says nothing, speaks against it."""
        return 1 if self.verdict.word in GOOD else -1 if self.verdict.word in BAD else 0

    def as_json(self) -> dict[str, Any]:
        """What is committed of it beside its runs."""
        found = self.verdict
        return {
            "digest": self.digest or self.claim.digest,
            "word": found.word,
            "sentence": found.sentence,
            "n": found.n,
            "ours": found.ours if found.ours is not None and math.isfinite(found.ours) else None,
            "interval": found.interval and [end if math.isfinite(end) else None for end in found.interval],
            "readings": [{"overrides": words, "word": v.word, "sentence": v.sentence} for words, v in self.readings],
        }


def store(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A milestone's outcomes as they are committed, with each run once, in the order of the claims.

    Runs of an earlier revision are kept until a claim has others.
    """
    card = catalog.milestone_class(outcomes[0].milestone).card
    head = next((outcome for outcome in outcomes if outcome.claim == card.headline), None)
    behind: dict[str, Record] = {}
    for outcome in outcomes:
        kept = (*outcome.runs, *(outcome.old if outcome.verdict.word == "stale" else ()))
        arms = [*dict.fromkeys(each.configuration for each in kept)]
        for each in sorted(kept, key=lambda run: (arms.index(run.configuration), *_drawn(run))):
            behind.setdefault(each.fingerprint, each)
    return {
        "headline": head
        and {"claim": head.claim.id, "ours": in_words.ours(head.claim, head.verdict), "word": head.verdict.word},
        "outcomes": {outcome.claim.id: outcome.as_json() for outcome in outcomes},
        "runs": [each.as_json() for each in behind.values()],
    }


def _drawn(run: Record) -> tuple[str, str, int, int]:
    """The place of a run among those of its configuration."""
    return run.place, run.kind, run.seed, run.first_replica
