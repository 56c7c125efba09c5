"""A finished run as evidence: all that a sceptic needs to make it again, and what it says of a milestone's claims."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from landmarks import data, runs, thinning
from landmarks.claims import Claim
from landmarks.errors import LandmarksError
from landmarks.results import Run
from landmarks.rules import Measured

Values = Mapping[str, float | list[float]]
"""Metric → its last value, or one of each replica; `METRIC@EPOCH` is the value after so many epochs."""
AVERAGES = ("_mean", "_median")
"""How the name of a measure ends that is made of what each replica says."""


@dataclass(frozen=True)
class Record:
    """One finished run as evidence: all that a sceptic needs to make it again, and what it came to.

    `overrides` are those typed, the seed among them; `configuration` is a digest of all that its draws share; `place`
    is the data set's key in the configuration, `data` the name of what was found there, `checksum` its own. `commit` is
    that of its start, `went_on` are the others with which it was resumed. `failed`: it ended where a value was no
    longer finite, which counts as never having arrived.
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
    went_on: tuple[str, ...] = ()
    failed: bool = False
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
        found = asdict(self) | {"values": {name: _to_json(value) for name, value in self.values.items()}}
        del found["shipped"]
        return found

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Record:
        known = {f.name for f in fields(cls)}
        found = {key: value for key, value in tree.items() if key in known}
        values = {name: _from_json(value) for name, value in tree["values"].items()}
        tuples = {name: tuple(tree.get(name, ())) for name in ("overrides", "went_on")}
        return cls(**found | tuples | {"values": values, "shipped": True})

    def measured(self, claim: Claim) -> list[Measured]:
        """What it says of a claim's metric: one value, or one of each replica; [] where it says nothing."""
        base = _base(claim)
        found = self.values.get(base, self.values.get(claim.metric) if claim.at is None else None)
        if found is None:
            return [self._measured(math.inf, 0, False)] if self.failed else []
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
        return Measured(value, self.seed, self.first_replica + replica, solved, self.data, scale, self.dirty, self.kind)


def alike(found: Iterable[Record]) -> list[list[Record]]:
    """Runs in groups that differ in their seeds alone, and in the data that are drawn by them; sorted by seed."""
    groups: dict[object, list[Record]] = {}
    for run in {run.fingerprint: run for run in found}.values():
        rest = (run.scale, run.first_replica, run.place, run.data, run.kind, run.device)
        made = (run.commit, run.dirty, run.date, *run.versions.items())
        groups.setdefault((_without_seed(run), rest, made), []).append(run)
    return [sorted(group, key=lambda run: run.seed) for group in groups.values()]


def sweep(group: Sequence[Record]) -> str:
    """The one command that makes runs which differ in their seeds alone."""
    if len(group) == 1:
        return group[0].command
    seeds = ",".join(f"{run.seed}" for run in group)
    return shlex.join(["landmarks", "run", group[0].milestone, *_without_seed(group[0]), "-m", f"seed={seeds}"])


def _without_seed(run: Record) -> tuple[str, ...]:
    return tuple(override for override in run.overrides if not override.startswith("seed="))


def _to_json(value: float | list[float]) -> Any:
    """Values as JSON has them: whole numbers without a point, what is no number as null."""
    if isinstance(value, list):
        return [_to_json(each) for each in value]
    return None if not math.isfinite(value) else int(value) if value == int(value) else value


def _from_json(value: Any) -> float | list[float]:
    if isinstance(value, list):
        return [math.nan if each is None else float(each) for each in value]
    return math.nan if value is None else float(value)


def record(folder: Path, wanted: Sequence[Claim]) -> Record:
    """A run's folder as evidence, with the values and curves that the claims ask for.

    A set whose checksum nobody has compared is not that of its name.
    """
    run, lines = Run(folder), runs.read_metrics(folder)
    summary, tree = run.summary, run.config
    environment = json.loads((folder / "environment.json").read_text())
    code = runs.states_of_code(environment)
    dirty, commits = ([part.get(name) for part in code] for name in ("dirty", "commit"))
    failed = summary["status"] != "finished"
    return Record(
        milestone=tree["milestone"],
        overrides=tuple(runs.typed(runs.overrides(folder))),
        scale=tree["scale"],
        seed=tree["seed"],
        first_replica=tree["first_replica"],
        fingerprint=summary.get("fingerprint", ""),
        configuration=digest(tree),
        place=tree["data"]["name"],
        data=environment.get("data_name", tree["data"]["name"]) + " (not verified)" * _unverified(tree["data"]),
        checksum=environment["data"],
        kind=environment["kind"],
        device=environment.get("device", environment["kind"]),
        commit=commits[0],
        went_on=tuple(dict.fromkeys(each for each in commits if each and each != commits[0])),
        failed=failed,
        dirty=True if True in dirty else None if None in dirty else False,
        date=environment.get("date", ""),
        seconds=summary["seconds"],
        versions={name: environment[name] for name in ("landmarks", "python", "torch") if name in environment},
        values=_values(folder, {} if failed else summary["metrics"], lines, wanted),
        curves=thinning.curves(lines, wanted),
    )


def _unverified(settings: Mapping[str, Any]) -> bool:
    """Whether files were taken as they were found."""
    source = data.SOURCES.get(settings["name"])
    return not settings["verify"] and source is not None and source.filed


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


def digest(tree: Mapping[str, Any]) -> str:
    """What tells configurations apart, whichever seed, data set and device: the same for all runs of a claim's arm.

    The number of the first replica is no draw: of the functions of n inputs it says which one is learned.
    """
    kept = dict(tree) | {"seed": 0, "data": dict(tree["data"]) | {"name": ""}}
    return runs.fingerprint(kept, "", "", (0, 0))


def typed_as(scale: str, overrides: Iterable[str]) -> frozenset[str]:
    """An arm as it is typed, whichever seed and data set."""
    left_out = ("scale", "seed", "data.name")
    return frozenset([f"scale={scale}", *(o for o in overrides if o.partition("=")[0] not in left_out)])


def local(name: str, root: str | None, claims: Sequence[Claim]) -> list[Record]:
    """The runs of a milestone below `root` that have finished, or failed as a value was no longer finite, newest first.

    A run from other weights than its own draw is left out, and so, with a warning, is a folder that cannot be read.
    """
    found = []
    for folder in reversed(runs.all_runs(root)) if root is not None else ():
        if folder.parent.name != name:
            continue
        summary = runs.summary(folder)
        if summary["status"] != "finished" and not summary.get("diverged"):
            continue
        try:
            if Run(folder).config["init"] is None:
                found.append(record(folder, claims))
        except (OSError, ValueError, KeyError, TypeError, LandmarksError):
            runs.leave_out(folder)
    return found
