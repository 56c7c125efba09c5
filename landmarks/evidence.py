"""From runs to verdicts: what each run says of a milestone's claims, and which runs speak to which claim.

A run speaks to a claim where its fingerprint is that of the claim's configuration on the run's own data, kind of
device, and today's revisions. So nothing is loaded to find it, and what came with the package counts like what was run
here. A run whose configuration is the claim's, but not its revision, is stale: counted, and never mixed in.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from landmarks import catalog, config, loop, runs, shipped, thinning, verdicts
from landmarks.claims import Claim
from landmarks.results import Run
from landmarks.rules import Measured
from landmarks.verdicts import Case, Verdict

Values = Mapping[str, float | list[float]]
"""Metric → its last value, or one of each replica; `METRIC@EPOCH` is the value after so many epochs."""
AVERAGES = ("_mean", "_median")
"""How the name of a measure ends that is made of what each replica says."""
GOOD = ("holds", "compatible", "better", "faster")
BAD = ("fails", "incompatible", "worse", "slower", "differs", "contradicted")
"""Verdicts that speak for a claim of ours, and against it; all others say nothing."""


@dataclass(frozen=True)
class Record:
    """One finished run as evidence: all that a sceptic needs to make it again, and what it came to.

    `overrides` are those typed, the seed among them; `configuration` is a digest of all that its draws share; `place`
    is the data set's key in the configuration, `data` the name of what was found there, `checksum` its own.
    """

    milestone: str
    overrides: tuple[str, ...]
    scale: str
    seed: int
    first_replica: int
    fingerprint: str
    configuration: str
    place: str
    data: str
    checksum: str
    kind: str
    device: str
    commit: str | None
    dirty: bool | None
    date: str
    seconds: float
    versions: Mapping[str, str] = field(default_factory=dict)
    values: Values = field(default_factory=dict)
    curves: Mapping[str, thinning.Thinned] = field(default_factory=dict)
    shipped: bool = False

    @property
    def command(self) -> str:
        """What to type for it."""
        return shlex.join(["landmarks", "run", self.milestone, *self.overrides])

    def as_json(self) -> dict[str, Any]:
        """Its fields in JSON's types, without where it came from."""
        found = asdict(self)
        del found["shipped"]
        return found

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Record:
        known = {f.name for f in fields(cls)}
        found = {key: value for key, value in tree.items() if key in known}
        return cls(**found | {"overrides": tuple(tree["overrides"]), "shipped": True})

    def measured(self, claim: Claim) -> list[Measured]:
        """What it says of a claim's metric: one value, or one of each replica; [] where it says nothing."""
        base = _base(claim)
        found = self.values.get(base, self.values.get(claim.metric) if claim.at is None else None)
        if found is None:
            return []
        if not isinstance(found, list):
            return [self._measured(found, 0, True)]
        split, _, measure = claim.metric.partition("/")
        met = self.values.get(f"{split}/solved")
        met = met if isinstance(met, list) else [1.0] * len(found)
        if measure == "solved":
            return [self._measured(1.0, i, bool(v)) for i, v in enumerate(found)]
        each = [self._measured(v, i, bool(m)) for i, (v, m) in enumerate(zip(found, met, strict=True))]
        return [one for one in each if one.solved] if measure.startswith("solved_") else each

    def _measured(self, value: float, replica: int, solved: bool) -> Measured:
        scale: Any = self.scale
        return Measured(value, self.seed, self.first_replica + replica, solved, self.data, scale, self.dirty)


def record(folder: Path, wanted: Sequence[Claim]) -> Record:
    """A finished run's folder as evidence, with the values and curves that the claims ask for."""
    run, lines = Run(folder), runs.read_metrics(folder)
    summary, tree = run.summary, run.config
    environment = json.loads((folder / "environment.json").read_text())
    code = [environment, *environment.get("resumed", [])]
    dirty = [part.get("dirty") for part in code]
    return Record(
        milestone=tree["milestone"],
        overrides=_typed(folder),
        scale=tree["scale"],
        seed=tree["seed"],
        first_replica=tree["first_replica"],
        fingerprint=summary.get("fingerprint", ""),
        configuration=_digest(tree),
        place=tree["data"]["name"],
        data=environment.get("data_name", tree["data"]["name"]),
        checksum=environment["data"],
        kind=environment["kind"],
        device=environment.get("device", environment["kind"]),
        commit=environment["commit"],
        dirty=True if True in dirty else None if None in dirty else False,
        date=environment.get("date", ""),
        seconds=summary["seconds"],
        versions={name: environment[name] for name in ("landmarks", "python", "torch") if name in environment},
        values=_values(folder, summary["metrics"], lines, wanted),
        curves=thinning.curves(lines, wanted),
    )


def _typed(folder: Path) -> tuple[str, ...]:
    """The overrides of a run, without those of paths and logging."""
    lines = (folder / "overrides.txt").read_text().splitlines()
    left_out = ("runs", "device", *runs.LOGGING, *(f"data.{key}" for key in runs.READING))
    return tuple(line for line in lines if line.partition("=")[0].lstrip("+") not in left_out)


def _base(claim: Claim) -> str:
    """The name under which a record has what a claim is about: that of each replica, or of an epoch."""
    if claim.at is not None:
        return f"{claim.metric}@{claim.at}"
    base = claim.metric
    for ending in AVERAGES:
        base = base.removesuffix(ending)
    return base


def _values(
    folder: Path, metrics: Mapping[str, float], lines: Sequence[Mapping[str, Any]], wanted: Iterable[Claim]
) -> dict[str, float | list[float]]:
    """What the claims ask of a run, as far as it has it."""
    path = folder / "replicas.json"
    each: dict[str, list[float]] = json.loads(path.read_text()) if path.is_file() else {}
    found: dict[str, float | list[float]] = {}
    for claim in wanted:
        base = _base(claim)
        if claim.at is not None:
            there = [line for line in lines if line["epoch"] == claim.at and claim.metric in line]
            found |= {base: _of_replicas(claim.metric, there[-1])} if there else {}
        elif base in each:
            found[base] = each[base]
            met = f"{base.partition('/')[0]}/solved"
            found |= {met: each[met]} if met in each else {}
        elif claim.metric in metrics:
            found[claim.metric] = _of_replicas(claim.metric, metrics)
    return found


def _of_replicas(metric: str, values: Mapping[str, float]) -> float | list[float]:
    """The values of all replicas (`METRIC/0`, `METRIC/1`, …) where they are logged each, else the one value."""
    names = takewhile(values.__contains__, (f"{metric}/{i}" for i in count()))
    return [values[name] for name in names] or values[metric]


def _digest(tree: Mapping[str, Any]) -> str:
    """What tells configurations apart, whichever draw, data set and device: the same for all runs of a claim's arm."""
    kept = dict(tree) | {"seed": 0, "first_replica": 0, "data": dict(tree["data"]) | {"name": ""}}
    return runs.fingerprint(kept, "from weights" * (tree["init"] is not None), "", (0, 0))


@cache
def composed(name: str, scale: str, overrides: tuple[str, ...]) -> config.Composed:
    """The configuration of an arm, not to be changed."""
    typed = (*([f"scale={scale}"] if scale != "quick" else []), *overrides)
    return config.Composed(config.tree(name, typed), typed)


class Evidence:
    """The finished runs of a milestone: those below `root` (None: none), and those shipped that were not made there."""

    def __init__(self, name: str, root: str | None) -> None:
        cls = catalog.milestone_class(name)
        self.name = name
        self.claims = cls.card.claims
        self.revisions = (cls.revision, loop.REVISION)
        self.shipped = shipped.read(name)
        records = [*local(name, root, self.claims), *map(Record.from_json, self.shipped["runs"])]
        known: dict[str, Record] = {}
        for found in sorted(records, key=lambda each: each.dirty is not False):  # of two that are alike the clean one
            known.setdefault(found.fingerprint, found)
        self.records = [*known.values()]
        self.by_configuration: dict[str, list[Record]] = {}
        self.by_words: dict[frozenset[str], list[Record]] = {}
        for found in self.records:
            self.by_configuration.setdefault(found.configuration, []).append(found)
            self.by_words.setdefault(_words(found.scale, found.overrides), []).append(found)

    def of_arm(self, claim: Claim, overrides: tuple[str, ...]) -> tuple[list[Record], list[Record]]:
        """The records of an arm of a claim: those that count, and those that are stale."""
        if not self.records:
            return [], []
        tree = composed(self.name, claim.scale, overrides).tree
        found = self.by_configuration.get(_digest(tree), [])
        counted = [each for each in found if each.fingerprint == self._fingerprint(tree, each)]
        alike = dict.fromkeys(id(each) for each in counted)
        called = self.by_words.get(_words(claim.scale, overrides), [])
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
        return [
            self._outcome(claim, verdict, *rest)
            for claim, verdict, (_, *rest) in zip(self.claims, judged, found, strict=True)
        ]

    def _case(self, claim: Claim, reading: tuple[str, ...]) -> tuple[Case, list[Record], list[Record]]:
        """What there is to judge a claim by, the records behind that, and the stale ones."""
        if not claim.built or claim.source == "recalled":
            return Case(claim), [], []
        arms = [self.of_arm(claim, overrides) for overrides in claim.arms_under(reading)]
        sides = [[m for each in counted for m in each.measured(claim)] for counted, _ in arms]
        behind = [each for counted, _ in arms for each in counted]
        return Case(claim, *sides), behind, [each for _, stale in arms for each in stale]

    def _outcome(self, claim: Claim, verdict: Verdict, behind: list[Record], stale: list[Record]) -> Outcome:
        if not behind and stale:
            n = len(stale)
            said = (
                f"{n} run{'s' * (n > 1)} of an earlier revision; `landmarks reproduce {self.name}.{claim.id}` repeats"
            )
            verdict = replace(verdict, word="stale", sentence=said + " it" if n == 1 else said + " them")
        under = []
        for reading in claim.readings:
            case, records, _ = self._case(claim, reading)
            under.append((reading, verdicts.judge(*case)))
            behind = [*behind, *records]
        recorded = self.shipped["outcomes"].get(claim.id, {}).get("digest", claim.digest)
        edited = recorded != claim.digest and any(each.shipped for each in behind)
        return Outcome(self.name, claim, verdict, tuple(behind), tuple(under), len(stale), edited)


@dataclass(frozen=True)
class Outcome:
    """A claim as it stands: its verdict, the runs behind it, and what comes out under its other readings.

    `stale` counts runs of an earlier revision; `edited`: the claim was changed after these results were recorded.
    """

    milestone: str
    claim: Claim
    verdict: Verdict
    runs: tuple[Record, ...] = ()
    readings: tuple[tuple[tuple[str, ...], Verdict], ...] = ()
    stale: int = 0
    edited: bool = False

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
            "digest": self.claim.digest,
            "word": found.word,
            "sentence": found.sentence,
            "n": found.n,
            "ours": found.ours,
            "interval": found.interval and [end if math.isfinite(end) else None for end in found.interval],
            "readings": [{"overrides": words, "word": v.word, "sentence": v.sentence} for words, v in self.readings],
        }


def local(name: str, root: str | None, claims: Sequence[Claim]) -> list[Record]:
    """The finished runs of a milestone below `root`, the newest first."""
    if root is None:
        return []
    folders = [f for f in reversed(runs.all_runs(root)) if f.parent.name == name]
    return [record(f, claims) for f in folders if runs.summary(f)["status"] == "finished"]


def _words(scale: str, overrides: Iterable[str]) -> frozenset[str]:
    """An arm as it is typed, whichever draw and data set."""
    left_out = ("scale", "seed", "first_replica", "data.name")
    return frozenset([f"scale={scale}", *(o for o in overrides if o.partition("=")[0] not in left_out)])


def store(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A milestone's outcomes as they are committed: each run once, in the order of the claims."""
    behind = {each.fingerprint: each.as_json() for outcome in outcomes for each in outcome.runs}
    return {"outcomes": {o.claim.id: o.as_json() for o in outcomes}, "runs": [*behind.values()]}
