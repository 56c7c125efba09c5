"""`landmarks run NAME experiment=STUDY`: a row of configurations, one switch more each time, and what each one does."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy import stats

from landmarks import assemble, config, demonstrations, making, rules, verdicts
from landmarks.claims import Arm, Study
from landmarks.errors import UsageError, writing
from landmarks.measures import duration, is_fraction
from landmarks.plan import LEAN, Plan, Request
from landmarks.results import Run, pictures
from landmarks.rules import Floats
from landmarks.words import lined_up


@dataclass(frozen=True)
class Effect:
    """A mean over seeds with half its 95 % t-interval, in the unit of print (percent where the metric is a share).

    `chance` is the p of Student's test that it is 0, `told` whether it is not, all effects of the study considered.
    """

    mean: float
    half: float
    chance: float
    told: bool = False

    @classmethod
    def of(cls, values: Floats) -> Effect:
        with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a single seed, or of equal values
            chance = float(stats.ttest_1samp(values, 0.0).pvalue)
        return cls(float(values.mean()), float(rules.student(values)), 1.0 if math.isnan(chance) else chance)

    @property
    def clear(self) -> bool:
        """Whether its interval leaves out 0, considered alone."""
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
        effects = {rung.arm.name: rung.effect for rung in self.rungs if rung.effect}
        told = [name for name, effect in effects.items() if effect.told]
        alone = [name for name, effect in effects.items() if effect.clear and not effect.told]
        return [
            f"mean and 95 % t-interval over {len(self.study.seeds)} seeds; effect: what the rung adds to the one above,"
            " seed by seed",
            f"told from no effect, all {len(effects)} considered (Holm, 5 %): {', '.join(told) or 'none'}"
            + f"; each alone also {', '.join(alone)}" * bool(alone),
            *self.study.notes,
        ]

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


def _called(name: str, study: Study, extra: Sequence[str]) -> str:
    """The name of a study's picture: what stands on top of all its runs makes another study."""
    return re.sub(r"[^\w.,=-]+", "-", " ".join((f"{name}_{study.name}", *extra)))[:100]


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
    if study.metric.startswith("valid/") and not steps[0].composed.tree["data"].get("valid"):
        raise UsageError(f"data.valid: the {study.name} compares errors on held-out data, so hold some out")
    networks = [assemble.make(step.composed) for step in steps]  # before a run is made: what cannot be is said now
    making.complete(plan, quiet, jobs or making.at_once(plan))
    made = [tuple(Run(plan.folder(request)) for request in each) for each in requests]
    unit = 100 if is_fraction(study.metric) else 1
    values = [unit * np.array([run.metrics[study.metric] for run in each]) for each in made]
    parameters = [sum(layer.parameters for layer in network.layers()) for network in networks]
    found = tuple(map(Rung, study.rungs, made, values, parameters, [None, *_effects(values)]))
    studied = Studied(name, study, extra, found, Path(root) / "studies" / f"{_called(name, study, extra)}.png")
    with writing(studied.picture, "choose another with runs=DIR"):
        demonstrations.draw(study.picture, studied, studied.picture)
    return studied


def _effects(values: Sequence[Floats]) -> list[Effect]:
    """What each rung but the first changes, and which of that is told by Holm's procedure over all."""
    found = [Effect.of(after - before) for before, after in pairwise(values)]
    levels = verdicts.holm([effect.chance for effect in found])
    return [replace(effect, told=effect.chance <= level) for effect, level in zip(found, levels, strict=True)]


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
    if config.is_hydras(key):
        raise UsageError(f"override {word}: the {study.name} makes its runs without Hydra's sweeps, so leave it out")
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
