"""From runs to verdicts: what each run says of a milestone's claims, and which runs speak to which claim.

A run speaks to a claim where its fingerprint is that of the claim's configuration on the run's own data, kind of
device, and today's revisions. So nothing is loaded to find it, and what came with the package counts like what was run
here. A run whose configuration or words are the claim's, but not its fingerprint, is stale: told, and never mixed in.
One verdict is from runs on one set of data and one kind of device.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from landmarks import catalog, config, data, loop, runs, shipped, verdicts
from landmarks.claims import Claim
from landmarks.records import Record, digest, local, typed_as
from landmarks.verdicts import Case, Verdict

GOOD = ("holds", "compatible", "better", "faster")
BAD = ("fails", "incompatible", "worse", "slower", "differs", "contradicted")
"""Verdicts that speak for a claim of ours, and against it; all others say nothing."""


@cache
def composed(name: str, typed: tuple[str, ...]) -> config.Composed:
    """The configuration of an arm, not to be changed."""
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
        self.committed = {each.fingerprint for each in records if each.shipped}
        self.by_configuration: dict[str, list[Record]] = {}
        self.by_words: dict[frozenset[str], list[Record]] = {}
        for found in self.records:
            self.by_configuration.setdefault(found.configuration, []).append(found)
            self.by_words.setdefault(typed_as(found.scale, found.overrides), []).append(found)

    def of_arm(self, claim: Claim, overrides: tuple[str, ...]) -> tuple[list[Record], list[Record]]:
        """The records of an arm of a claim: those that count, and those that are stale."""
        if not self.records:
            return [], []
        tree = composed(self.name, claim.typed(overrides)).tree
        found = self.by_configuration.get(digest(tree), [])
        counted = [each for each in found if each.fingerprint == self._fingerprint(tree, each)]
        alike = dict.fromkeys(id(each) for each in counted)
        called = self.by_words.get(typed_as(claim.scale, overrides), [])
        stale = {id(each): each for each in (*found, *called) if id(each) not in alike}
        return counted, [*stale.values()]

    def _fingerprint(self, tree: Mapping[str, Any], like: Record) -> str:
        """The fingerprint that a run of this configuration has today, of the seed, data and device of another."""
        here = dict(tree["data"]) | {"name": like.place}
        drawn = dict(tree) | {"seed": like.seed, "data": here}
        return runs.fingerprint(drawn, like.checksum, like.kind, self.revisions)

    def outcomes(self) -> list[Outcome]:
        """Every claim of the milestone, judged."""
        found = [self._case(claim, ()) for claim in self.claims]
        judged = verdicts.judge_all([case for case, _, _ in found])
        return [
            self._outcome(claim, verdict, *rest)
            for claim, verdict, (_, *rest) in zip(self.claims, judged, found, strict=True)
        ]

    def arms(self, claim: Claim, reading: tuple[str, ...] = ()) -> tuple[list[list[Record]], list[Record]]:
        """Of each arm of a claim the records that one verdict may rest on, and the stale ones of both."""
        if not claim.judgeable:
            return [], []
        found = [self.of_arm(claim, overrides) for overrides in claim.arms_under(reading)]
        chosen = together(claim, [[each for each in counted if each.measured(claim)] for counted, _ in found])
        return chosen, [each for _, stale in found for each in stale]

    def _case(self, claim: Claim, reading: tuple[str, ...]) -> tuple[Case, list[Record], list[Record]]:
        """What there is to judge a claim by, the records behind that, and the stale ones."""
        arms, stale = self.arms(claim, reading)
        sides = [[m for each in arm for m in each.measured(claim)] for arm in arms]
        return Case(claim, *sides), [each for arm in arms for each in arm], stale

    def _outcome(self, claim: Claim, verdict: Verdict, behind: list[Record], stale: list[Record]) -> Outcome:
        if verdict.word == "not run" and stale:
            n = len(stale)
            said = f"{n} run{'s' * (n > 1)} of another revision or other settings than today's; `landmarks reproduce"
            said += f" {self.name}.{claim.id}` makes {'it' if n == 1 else 'them'} anew"
            verdict = replace(verdict, word="stale", sentence=said)
        behind, under = behind if verdict.word not in ("not run", "stale") else [], []
        for reading in claim.readings:
            case, records, _ = self._case(claim, reading)
            under.append((reading, self._judged(case, reading)))
            behind = [*behind, *records]
        recorded = self.shipped["outcomes"].get(claim.id, {}).get("digest", claim.digest)
        begun = recorded if any(each.fingerprint in self.committed for each in behind) else claim.digest
        return Outcome(self.name, claim, verdict, tuple(behind), tuple(under), tuple(stale), begun)

    def _judged(self, case: Case, reading: tuple[str, ...]) -> Verdict:
        """The verdict under another reading; a contrast shares its error rate with all others under that reading."""
        if not verdicts.shares_level(case.claim):
            return verdicts.judge(*case)
        family = [claim for claim in self.claims if verdicts.shares_level(claim)]
        cases = [self._case(claim, reading if reading in claim.readings else ())[0] for claim in family]
        return verdicts.judge_all(cases)[family.index(case.claim)]


def together(claim: Claim, arms: Sequence[list[Record]]) -> list[list[Record]]:
    """Of each arm the runs that one verdict may rest on: of clean code where there are any, of one set, one device.

    The claim's own data come first, then what most runs of the smaller arm share, then what was made here.
    """
    clean = [[each for each in arm if each.dirty is False] for arm in arms]
    arms = clean if all(clean) else arms
    for with_checksum in (True, False):
        keyed = [[(_place(each, with_checksum), each) for each in arm] for arm in arms]
        shared = set.intersection(*({place for place, _ in arm} for arm in keyed))

        def worth(place: tuple[str, ...], keyed: list[list[tuple[tuple[str, ...], Record]]] = keyed) -> tuple[Any, ...]:
            found = [[each for at, each in arm if at == place] for arm in keyed]
            made_here = sum(not each.shipped for arm in found for each in arm)
            return place[0] in claim.data, min(map(len, found)), made_here, place

        if shared:
            best = max(shared, key=worth)
            return [[each for place, each in arm if place == best] for arm in keyed]
    return [*arms]


def _place(run: Record, with_checksum: bool) -> tuple[str, ...]:
    """On what and by what a run was made; patterns that are drawn for each seed have a checksum for each."""
    source = data.SOURCES.get(run.place)
    same = with_checksum and not (source and source.drawn)
    return run.data, run.kind, run.checksum if same else ""


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
        """How many runs of another revision or other settings there are, which count for nothing."""
        return len(self.old)

    @property
    def edited(self) -> bool:
        """Whether the claim was changed after results that stand behind it were recorded."""
        return self.digest not in ("", self.claim.digest)

    @property
    def extended(self) -> bool:
        """Whether that change only added readings."""
        readings = self.claim.readings
        before = (replace(self.claim, readings=readings[:k]) for k in range(len(readings)))
        return self.edited and any(claim.digest == self.digest for claim in before)

    @property
    def under(self) -> str:
        """Under how many of all its readings ours say what the paper says, where it has several."""
        if not self.readings:
            return ""
        every = [self.verdict, *(verdict for _, verdict in self.readings)]
        agree = sum(verdict.word in ("compatible", "holds") for verdict in every)
        open = sum(verdict.word == "inconclusive" for verdict in every)
        lacking = sum(not verdict.counts for verdict in every)
        said = [f"under {agree} of {len(every)} readings", f"{open} inconclusive" * bool(open)]
        return ", ".join(filter(None, [*said, f"{lacking} not run" * bool(lacking)]))

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

    Stale runs are kept until a claim has others.
    """
    behind: dict[str, Record] = {}
    for outcome in outcomes:
        kept = (*outcome.runs, *(outcome.old if outcome.verdict.word == "stale" else ()))
        arms = [*dict.fromkeys(each.configuration for each in kept)]
        for each in sorted(kept, key=lambda run: (arms.index(run.configuration), *_drawn(run))):
            behind.setdefault(each.fingerprint, each)
    return {
        "outcomes": {outcome.claim.id: outcome.as_json() for outcome in outcomes},
        "runs": [each.as_json() for each in behind.values()],
    }


def _drawn(run: Record) -> tuple[str, str, int, int]:
    """The place of a run among those of its configuration."""
    return run.place, run.kind, run.seed, run.first_replica
