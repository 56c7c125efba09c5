"""Runs in groups: which are draws of the same thing, how a group is called, its mean and interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from landmarks import config, measures, runs
from landmarks.claims import Claim
from landmarks.errors import LandmarksError
from landmarks.results import Curve, Run

Floats = npt.NDArray[np.float64]
Settings = dict[str, Any]
"""A configuration with its keys written as on the command line, `model.hidden`."""

DRAWS = ("seed", "first_replica")
"""Two runs that differ in nothing else are draws of the same thing."""
ONE = "1 run"
FEW = 3
"""Where no more settings set groups apart, each group tells all of them; otherwise those that were typed for it."""


@dataclass(frozen=True)
class Line:
    """One group in one measure: `at` (epochs or updates), mean and 95 % interval there (nan where n gives none)."""

    group: Group
    at: Floats
    mean: Floats
    low: Floats
    high: Floats


class Snapshot(Run):
    """A run as it is when it is first looked at: a comparison asks for the same file again and again."""

    @cached_property
    def status(self) -> str:
        return super().status

    @cached_property
    def config(self) -> Settings:
        return super().config

    @cached_property
    def curves(self) -> dict[str, Curve]:
        return super().curves


class Group:
    """Runs that differ in their draws alone; `label` tells what sets them apart, `number` is that of their colour."""

    def __init__(self, members: Sequence[Run], label: str = "", number: int = 0) -> None:
        self.runs = members
        self.label = label
        self.number = number
        self.settings = config.flat(members[0].config)
        self.replicas: int = members[0].config["replicas"]
        self.unfinished = Counter(run.status for run in members if run.status != "finished")

    @cached_property
    def typed(self) -> list[str]:
        """The keys that were typed for its first run."""
        return [word.partition("=")[0] for word in runs.overrides(self.runs[0].folder)]

    @property
    def n(self) -> str:
        """How many draws the mean is over."""
        seeds = f"{len(self.runs)} seeds" if len(self.runs) > 1 else ""
        replicas = f"{self.replicas:,} replicas" if self.replicas > 1 else ""
        return " × ".join(filter(None, (seeds, replicas))) or ONE

    @property
    def notes(self) -> str:
        """n where it is more than 1, and what is not finished."""
        ends = [status if len(self.runs) == 1 else f"{k} {status}" for status, k in self.unfinished.items()]
        return ", ".join([*([] if self.n == ONE else [self.n]), *ends])

    @property
    def title(self) -> str:
        """The label with its notes."""
        return f"{self.label} ({self.notes})" if self.notes else self.label

    def claim(self) -> Claim | None:
        """The published number that this configuration has beside it."""
        from landmarks import assemble

        first = self.runs[0]
        try:
            return assemble.make(config.Composed(first.config, ())).claim
        except LandmarksError:  # a run of an older version: its numbers stand, its configuration is no longer one
            return None

    def line(self, metric: str, unit: str) -> Line:
        """Mean and interval over the draws. A finished run keeps its last value; an unfinished one ends the line."""
        draws = self._draws(metric)
        curves = [_points(run, name, unit) for run, name in draws]
        ends = [at[-1] for at, _ in curves]
        open_ends = [end for (run, _), end in zip(draws, ends, strict=True) if run.status != "finished"]
        grid = np.unique(np.concatenate([at for at, _ in curves]))
        first, last = max(at[0] for at, _ in curves), min(open_ends, default=max(ends))
        grid = grid[(grid >= min(first, last)) & (grid <= last)]
        values = np.stack([np.interp(grid, at, value) for at, value in curves])
        return Line(self, grid, values.mean(0), *self._interval(metric, values))

    def _draws(self, metric: str) -> list[tuple[Run, str]]:
        """The runs with the measure; or, where all of them have it of each replica, every one of these by its name."""
        each = [f"{metric}/{replica}" for replica in range(self.replicas)]
        names = each if all(name in run.curves for run in self.runs for name in each) else [metric]
        return [(run, name) for run in self.runs for name in names]

    def _interval(self, metric: str, values: Floats) -> tuple[Floats, Floats]:
        """The ends of the 95 % interval of the mean of `values` (draws, points)."""
        measure = metric.partition("/")[2]
        if self.replicas > 1 and measure in measures.OF_REPLICAS:
            from landmarks.rules import wilson

            tried = self.replicas * len(values)
            low, high = np.array([wilson(round(share * tried), tried) for share in values.mean(0)]).T
            return low, high
        from landmarks.rules import student

        mean, half = values.mean(0), student(values)
        lowest, highest = (0.0, 1.0) if measures.is_fraction(metric) else (-math.inf, math.inf)
        return np.maximum(mean - half, lowest), np.minimum(mean + half, highest)


def gather(found: Iterable[Run], notes: list[str]) -> list[Group]:
    """The runs by configuration, in the order given; of those that are the same draw only the furthest counts."""
    by_settings: dict[str, dict[tuple[Any, ...], Run]] = {}
    for run in found:
        settings = config.flat(run.config)
        draw = tuple(settings.pop(key) for key in DRAWS)
        members = by_settings.setdefault(
            repr(sorted((k, repr(v)) for k, v in settings.items() if k not in runs.PLACES)), {}
        )
        twin = members.get(draw, run)
        if twin is not run:
            notes.append(f"{run.folder} and {twin.folder} are the same draw (seed {draw[0]}), so they count once")
        members[draw] = max(twin, run, key=_far)
    return [Group([*members.values()]) for members in by_settings.values()]


def _far(run: Run) -> tuple[bool, int]:
    return run.status == "finished", max(curve.step[-1] for curve in run.curves.values())


def label(groups: Sequence[Group], without: str | None = None) -> None:
    """Label the groups by what differs, apart from the setting `without`."""
    by_milestone: dict[str, list[Group]] = {}
    for group in groups:
        by_milestone.setdefault(group.settings["milestone"], []).append(group)
    for milestone, members in by_milestone.items():
        keys = _keys(members, [key for key in differing(members) if key != without])
        every = [{key: _assign(key, group.settings, milestone) for key in keys} for group in members]
        own = [
            [part for key, part in parts.items() if key in ("experiment", *group.typed)] or [milestone]
            for group, parts in zip(members, every, strict=True)
        ]
        brief = len(keys) > FEW and len({*map(tuple, own)}) == len(members)
        for group, parts in zip(members, own if brief else [[*parts.values()] for parts in every], strict=True):
            if not keys or len(by_milestone) > 1:
                parts = [milestone, *(part for part in parts if part != milestone)]
            group.label = ", ".join(parts)


def differing(groups: Sequence[Group]) -> list[str]:
    """The settings in which the groups differ."""
    keys = dict.fromkeys(key for group in groups for key in group.settings if key not in DRAWS + runs.PLACES)
    return [key for key in keys if len({repr(group.settings.get(key)) for group in groups}) > 1]


def _keys(groups: Sequence[Group], differing: Sequence[str]) -> list[str]:
    """Those of `differing` that tell groups apart: the experiment and what was typed first, no more than are needed."""
    typed = dict.fromkeys(key for group in groups for key in group.typed)
    chosen: list[str] = [key for key in ("experiment", "scale") if key in differing]
    chosen += [key for key in typed if key in differing and key not in chosen]

    def told(keys: Sequence[str]) -> int:
        return len({repr([group.settings.get(key) for key in keys]) for group in groups})

    for key in differing:
        if told([*chosen, key]) > told(chosen):
            chosen.append(key)
    return chosen


def say(value: Any) -> str:
    """A value of a setting as it is typed."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _assign(key: str, settings: Settings, milestone: str) -> str:
    """A setting as it is typed; a milestone without experiment is called by its name."""
    value = settings.get(key)
    if key == "experiment":
        return f"experiment={str(value).rpartition('/')[2]}" if value else milestone
    return f"{key}={say(value)}"


def _points(run: Run, metric: str, unit: str) -> tuple[Floats, Floats]:
    """(epochs or updates, mean of what was logged in each)."""
    curve = run.curves[metric]
    at = np.array(curve.epoch if unit == "epochs" else curve.step, dtype=float)
    places, which = np.unique(at, return_inverse=True)
    return places, np.bincount(which, weights=np.array(curve.value)) / np.bincount(which)
