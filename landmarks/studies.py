"""`landmarks run NAME experiment=STUDY`: a row of configurations, one switch more each time, and what each one does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from landmarks import assemble, config, demonstrations, making, rules
from landmarks.claims import Arm, Study
from landmarks.errors import UsageError, writing
from landmarks.measures import duration, is_fraction
from landmarks.plan import LEAN, Plan, Request
from landmarks.results import Run, pictures
from landmarks.rules import Floats
from landmarks.words import lined_up


@dataclass(frozen=True)
class Effect:
    """A mean over seeds with half its 95 % t-interval, in the unit of print (percent where the metric is a share)."""

    mean: float
    half: float

    @classmethod
    def of(cls, values: Floats) -> Effect:
        return cls(float(values.mean()), float(rules.student(values)))

    @property
    def clear(self) -> bool:
        """Whether its interval leaves out 0."""
        return abs(self.mean) > self.half

    def text(self, sign: str = "") -> str:
        return f"{self.mean:{sign}.2f}" + ("" if math.isnan(self.half) else f" ± {self.half:.2f}")


@dataclass(frozen=True)
class Rung:
    """A configuration of a study as it came out: its runs, one a seed, the metric of each, its trainable parameters.

    `effect` is what it changes against the rung before, by pairs of equal seed.
    """

    arm: Arm
    runs: tuple[Run, ...]
    values: Floats
    parameters: int
    effect: Effect | None

    @property
    def level(self) -> Effect:
        return Effect.of(self.values)

    @property
    def seconds(self) -> float:
        """What a run took of a CPU core, in the mean."""
        return float(np.mean([run.cpu_seconds for run in self.runs]))


@dataclass(frozen=True)
class Studied:
    """A study of a milestone as it came out, rung by rung. `extra` are the overrides on top of all its runs."""

    name: str
    study: Study
    extra: tuple[str, ...]
    rungs: tuple[Rung, ...]
    picture: Path

    @property
    def measure(self) -> str:
        return self.study.metric.replace("/", " ")

    @property
    def unit(self) -> str:
        return " %" if is_fraction(self.study.metric) else ""

    @cached_property
    def whole(self) -> Effect:
        """What all switches change together."""
        return Effect.of(self.rungs[-1].values - self.rungs[0].values)

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Head and rows of the table."""
        head = ["rung", f"{self.measure}{self.unit and ' (%)'}", "effect", "parameters", "one run", "what it changes"]
        return head, [_row(rung) for rung in self.rungs]

    @property
    def notes(self) -> list[str]:
        """What a reader of the table must know."""
        n, unclear = len(self.study.seeds), [r.arm.name for r in self.rungs if r.effect and not r.effect.clear]
        pairs = f"mean and 95 % t-interval over {n} seeds; effect: what the rung adds to the one above, seed by seed"
        return [pairs, *[f"not told from no effect, with so few seeds: {', '.join(unclear)}"] * bool(unclear)]

    @property
    def result(self) -> str:
        """All of it in a sentence."""
        first, last = self.rungs[0], self.rungs[-1]
        return (
            f"{self.name} {' '.join((self.study.name, *self.extra))}: {self.measure} {first.level.text()}{self.unit} as"
            f" {first.arm.name}, {last.level.text()}{self.unit} after {last.arm.name}:"
            f" {self.whole.text('+')} by {len(self.rungs) - 1} switches; {self.picture}"
        )

    def __str__(self) -> str:
        return "\n".join([*lined_up(*self.rows()), *self.notes, self.result])

    def _repr_html_(self) -> str:
        """In a notebook: the picture and the table."""
        return pictures({self.study.name: self.picture}) + f"<pre>{self}</pre>"


def _row(rung: Rung) -> list[str]:
    effect = rung.effect.text("+") if rung.effect else ""
    changes = " ".join(rung.arm.overrides)
    return [rung.arm.name, rung.level.text(), effect, f"{rung.parameters:,}", duration(rung.seconds), changes]


def make(study: Study, composed: config.Composed, quiet: bool, jobs: int | None = None) -> Studied:
    """Make the runs of a study, each once, as many at once as there are cores or as `jobs`, and draw what came out.

    `composed` is what all rungs share, with the overrides on top of all. Raises UsageError for one that is in the way
    of a rung, LandmarksError where a run fails or the picture cannot be written, Interrupted on Ctrl-C, after saving.
    """
    name, root = composed.tree["milestone"], composed.tree["runs"]
    extra = tuple(word for word in composed.overrides if config.key_of(word) not in ("experiment", "runs"))
    for word in extra:
        _check(name, study, word)
    requests = _requests(name, study, extra)
    plan = Plan([request for each in requests for request in each], root)
    steps = [plan.steps[plan.keys[first]] for first, *_ in requests]
    networks = [assemble.make(step.composed) for step in steps]  # before a run is made: what cannot be is said now
    making.complete(plan, quiet, jobs or making.at_once(plan))
    found, before = list[Rung](), None
    for arm, each, network in zip(study.rungs, requests, networks, strict=True):
        made = tuple(Run(plan.folder(request)) for request in each)
        values = np.array([run.metrics[study.metric] for run in made]) * (100 if is_fraction(study.metric) else 1)
        parameters = sum(layer.parameters for layer in network.layers())
        found.append(Rung(arm, made, values, parameters, None if before is None else Effect.of(values - before)))
        before = values
    studied = Studied(name, study, extra, tuple(found), Path(root) / "studies" / f"{name}_{study.name}.png")
    with writing(studied.picture, "choose another with runs=DIR"):
        demonstrations.draw(study.picture, studied, studied.picture)
    return studied


def _requests(name: str, study: Study, extra: tuple[str, ...]) -> list[list[Request]]:
    """The runs of each rung, one a seed. What they take is known where nothing is on top of them."""
    return [
        [
            Request(
                name,
                (f"experiment={study.name}", *extra, *study.overrides(i)),
                f"{name} {study.name}: {arm.name}, seed {seed}",
                None if extra else arm.seconds,
                seed,
            )
            for seed in study.seeds
        ]
        for i, arm in enumerate(study.rungs)
    ]


def _check(name: str, study: Study, word: str) -> None:
    """Raise UsageError for an override that a study has no use for."""
    key = config.key_of(word)
    if key in ("seed", "first_replica"):
        seeds = ", ".join(map(str, study.seeds))
        raise UsageError(f"override {word}: the {study.name} has seeds of its own ({seeds}), so leave it out")
    if key in map(config.key_of, LEAN):
        raise UsageError(f"override {word}: the runs of the {study.name} are made for their numbers, so leave it out")
    for arm in study.rungs:
        for own in map(config.key_of, arm.overrides):
            if f"{own}.".startswith(f"{key}.") or f"{key}.".startswith(f"{own}."):
                raise UsageError(
                    f"override {word}: the {study.name} sets {own} itself (in its rung {arm.name}), so leave it out;"
                    f" `landmarks run {name} -m experiment={study.name} {word}` makes a run of its own"
                )
