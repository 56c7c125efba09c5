"""Runs beside each other: which belong together, what differs between the groups, mean and interval of a measure."""

from __future__ import annotations

import glob
import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from landmarks import config, measures, plots, runs
from landmarks.claims import Claim
from landmarks.errors import LandmarksError, UsageError, nearest
from landmarks.results import Curve, Run

Floats = npt.NDArray[np.float64]
Settings = dict[str, Any]
"""A configuration with its keys written as on the command line, `model.hidden`."""

DRAWS = ("seed", "first_replica")
"""Two runs that differ in nothing else are draws of the same thing."""
PLACES = ("runs", "device", "data.root", "data.verify", *runs.LOGGING)
"""What a run's fingerprint leaves out, too."""
USUAL = ("test/error", "valid/error", "train_set/error", "train_set/solved", "train_set/learned", "train/error")
"""What is shown where no metric is asked for and the claim's own is not there or is no curve."""
ENDINGS = (".png", ".svg", ".pdf")
ONE = "1 run"
MARK = "landmarks plot"
"""Stands in every picture made here, so that a later one may take its place."""


@dataclass(frozen=True)
class Line:
    """One group in one measure: `at` (epochs or updates), mean and 95 % interval there (nan where n gives none)."""

    group: Group
    at: Floats
    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Panel:
    """One measure of all groups, beside the published number where all groups speak of the same."""

    metric: str
    unit: str
    lines: tuple[Line, ...]
    claim: Claim | None


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
    """Runs that differ in their draws alone, and are told from other groups by `label`."""

    def __init__(self, members: Sequence[Run], label: str = "") -> None:
        self.runs = members
        self.label = label
        self.settings = flat(members[0].config)
        self.replicas: int = members[0].config["replicas"]
        self.unfinished = Counter(run.status for run in members if run.status != "finished")

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
        from landmarks import execute

        first = self.runs[0]
        try:
            return execute.make(config.Composed(first.config, ())).claim
        except LandmarksError:  # a run of an older version: its numbers stand, its configuration is no longer one
            return None

    def line(self, metric: str, unit: str) -> Line:
        """Mean and interval over the draws. A finished run keeps its last value; an unfinished one ends the line."""
        curves = [_points(run, metric, unit) for run in self.runs]
        ends = [at[-1] for at, _ in curves]
        open_ends = [end for run, end in zip(self.runs, ends, strict=True) if run.status != "finished"]
        grid = np.unique(np.concatenate([at for at, _ in curves]))
        first, last = max(at[0] for at, _ in curves), min(open_ends, default=max(ends))
        grid = grid[(grid >= min(first, last)) & (grid <= last)]
        values = np.stack([np.interp(grid, at, value) for at, value in curves])
        return Line(self, grid, values.mean(0), *self._interval(metric, values))

    def _interval(self, metric: str, values: Floats) -> tuple[Floats, Floats]:
        """The ends of the 95 % interval of the mean of `values` (runs, points)."""
        measure, n = metric.partition("/")[2], len(values)
        if self.replicas > 1 and measure in measures.OF_REPLICAS:
            from landmarks.rules import wilson

            tried = self.replicas * n
            low, high = np.array([wilson(round(share * tried), tried) for share in values.mean(0)]).T
            return low, high
        if n < 2:
            return np.full(values.shape[1], math.nan), np.full(values.shape[1], math.nan)
        from scipy import stats

        mean = values.mean(0)
        half = float(stats.t.isf(0.025, n - 1)) * values.std(0, ddof=1) / math.sqrt(n)
        lowest, highest = (0.0, 1.0) if measures.is_fraction(metric) else (-math.inf, math.inf)
        return np.maximum(mean - half, lowest), np.minimum(mean + half, highest)


class Comparison:
    """Some runs in groups, and one panel a measure. `notes` tells what was left out, a sentence each.

    `metric` is a logged name, or several with commas. Raises UsageError where none of the runs has it, and where no
    run has logged anything.
    """

    def __init__(self, folders: Sequence[Path], metric: str | None = None) -> None:
        self.notes: list[str] = []
        found = self._with_lines([Snapshot(folder) for folder in folders])
        self.groups = _groups(found, self.notes)
        self.key = _name(self.groups)
        claims = [group.claim() for group in self.groups]
        shared = claims[0] if all(claim == claims[0] for claim in claims) else None
        self.metrics = _metrics(self.groups, metric, shared)
        by_epoch = _in_epochs(found)
        self.panels = [self._panel(name, "epochs" if by_epoch else "updates", shared) for name in self.metrics]

    def _with_lines(self, found: list[Run]) -> list[Run]:
        empty = [run for run in found if not run.curves]
        said = [f"{run.folder}: this run has logged nothing yet" for run in empty]
        if len(empty) == len(found):
            raise UsageError(f"{said[0]}; `landmarks runs` shows how far the others are")
        self.notes += [f"{sentence}, so it is left out" for sentence in said]
        return [run for run in found if run.curves]

    def _panel(self, metric: str, unit: str, claim: Claim | None) -> Panel:
        lines, without = [], 0
        for group in self.groups:
            having = [run for run in group.runs if metric in run.curves]
            without += len(group.runs) - len(having)
            if having:
                lines.append(Group(having, group.label).line(metric, unit))
        if without:
            what = "1 run has" if without == 1 else f"{without} runs have"
            self.notes.append(f"{what} not logged {metric}, and cannot be shown in it")
        return Panel(metric, unit, tuple(lines), claim if claim and claim.metric == metric else None)

    @property
    def title(self) -> str:
        """The milestones, and the experiment where there is one for all."""
        names = [*dict.fromkeys(run.name for group in self.groups for run in group.runs)]
        experiments = {group.settings["experiment"] for group in self.groups}
        same = experiments.pop() if len(experiments) == 1 else None
        return ", ".join(names) + (f", {same.rpartition('/')[2]}" if same else "")

    @property
    def caption(self) -> str:
        """What the bands are, for every kind that is there, and n where it is the same for all."""
        several = any(len(group.runs) > 1 for group in self.groups)
        shared = [metric.partition("/")[2] in measures.OF_REPLICAS for metric in self.metrics]
        wilson = any(shared) and any(group.replicas > 1 for group in self.groups)
        student = several and not (all(shared) and all(group.replicas > 1 for group in self.groups))
        kinds = ["band: 95 % t-interval of the mean over seeds"] * student + [
            "band: 95 % Wilson interval of a share"
        ] * wilson
        alike = {group.notes for group in self.groups}
        each = [f"n = {alike.pop()}" + (" each" if len(self.groups) > 1 else "")] if len(alike) == 1 and kinds else []
        return "; ".join([*kinds, *each])

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Head and lines of a table: final values with their intervals."""
        rows = []
        for panel in self.panels:
            for line in panel.lines:
                low, high = (measures.show(panel.metric, end[-1]) for end in (line.low, line.high))
                interval = "" if math.isnan(line.low[-1]) else f"{low.removesuffix(' %')}–{high}"
                steps = f"{_steps(line, panel.unit):,}"
                rows.append(
                    [panel.metric, measures.show(panel.metric, line.mean[-1]), interval, steps, line.group.title]
                )
        head = ["metric", "last", "95 % interval", "steps", "group"]
        if len(self.metrics) == 1:
            head, rows = [self.metrics[0], *head[2:]], [row[1:] for row in rows]
        return head, rows

    def save(self, output: Path | None = None, slide: bool = False) -> Path:
        """Draw it into a file, by its ending. Raises UsageError for another ending or a file that is in the way."""
        if output and output.suffix.lower() not in ENDINGS:
            raise UsageError(f"{output}: a plot ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
        if output is None:
            names = "-".join([*dict.fromkeys(run.name for group in self.groups for run in group.runs)])
            metrics = "-".join(self.metrics).replace("/", "_")
            output = Path(f"{names}-{metrics}{'-slide' if slide else ''}.png")
            if output.exists() and MARK.encode() not in output.read_bytes():
                raise UsageError(f"{output}: is in the way and was not drawn here; choose another file with -o FILE")
        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # a home that cannot be written is none of its business
        from landmarks.figures import comparison

        mark = {"Creator": MARK} if output.suffix.lower() != ".png" else {"Software": MARK}
        try:
            comparison.draw(self, slide).savefig(output, dpi=150, metadata=mark)
        except OSError as error:
            raise LandmarksError(
                f"{output}: cannot be written ({error.strerror}); choose another with -o FILE"
            ) from error
        return output


def plot(folders: Sequence[Path], metric: str | None = None, output: Path | None = None, slide: bool = False) -> Path:
    """Compare runs in one picture; returns its file. Raises UsageError."""
    return Comparison(folders, metric).save(output, slide)


def find(words: Sequence[str], root: str) -> list[Path]:
    """The runs that words name: RUN as everywhere, a folder of runs, or a pattern (`lenet/*`). Raises UsageError."""
    found: dict[Path, Path] = {}
    for word in words:
        for folder in _find(word, root):
            found.setdefault(folder.resolve(), folder)
    return [*found.values()]


def _find(word: str, root: str) -> list[Path]:
    places = (Path(word), Path(root) / word)
    if any(letter in word for letter in "*?["):
        matches = [Path(match) for place in places for match in glob.glob(str(place))]  # noqa: PTH207 – may be absolute
    else:
        matches = [child for place in places if not runs.is_run(place) and place.is_dir() for child in place.glob("*")]
    if any(map(runs.is_run, matches)):
        return sorted(filter(runs.is_run, matches))
    if any(letter in word for letter in "*?["):
        raise UsageError(f"{word}: no run fits this pattern; `landmarks runs` lists them")
    return [runs.find(word, root)]


def flat(tree: Mapping[str, Any], prefix: str = "") -> Settings:
    """The leaves of a configuration: `{"model.hidden": 1, …}`."""
    leaves: Settings = {}
    for key, value in tree.items():
        leaves |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return leaves


def _groups(found: Iterable[Run], notes: list[str]) -> list[Group]:
    """The runs by configuration, in the order given; of those that are the same draw only the furthest counts."""
    by_settings: dict[str, dict[tuple[Any, ...], Run]] = {}
    for run in found:
        settings = flat(run.config)
        draw = tuple(settings.pop(key) for key in DRAWS)
        members = by_settings.setdefault(repr(sorted((k, repr(v)) for k, v in settings.items() if k not in PLACES)), {})
        twin = members.get(draw, run)
        if twin is not run:
            notes.append(f"{run.folder} and {twin.folder} are the same draw (seed {draw[0]}), so they count once")
        members[draw] = max(twin, run, key=_far)
    return [Group([*members.values()]) for members in by_settings.values()]


def _far(run: Run) -> tuple[bool, int]:
    return run.status == "finished", max(curve.step[-1] for curve in run.curves.values())


def _name(groups: list[Group]) -> str | None:
    """Label the groups by what differs; returns the key if it is a single one with three numbers or more."""
    by_milestone: dict[str, list[Group]] = {}
    for group in groups:
        by_milestone.setdefault(group.settings["milestone"], []).append(group)
    for name, members in by_milestone.items():
        keys = _keys(members)
        for group in members:
            parts = [_say(key, group.settings, name) for key in keys]
            parts = parts if keys and len(by_milestone) == 1 else [name, *(part for part in parts if part != name)]
            group.label = ", ".join(parts)
    differing = _differing(groups)
    values = [group.settings.get(differing[0]) for group in groups] if len(differing) == 1 else []
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    if len(values) < 3 or not numbers:
        return None
    groups.sort(key=lambda group: group.settings[differing[0]])
    return differing[0]


def _differing(groups: Sequence[Group]) -> list[str]:
    keys = dict.fromkeys(key for group in groups for key in group.settings if key not in DRAWS + PLACES)
    return [key for key in keys if len({repr(group.settings.get(key)) for group in groups}) > 1]


def _keys(groups: Sequence[Group]) -> list[str]:
    """The keys that tell groups apart: the experiment and what was typed first, and no more than are needed."""
    differing = _differing(groups)
    lines = [line for group in groups for line in (group.runs[0].folder / "overrides.txt").read_text().splitlines()]
    typed = dict.fromkeys(line.partition("=")[0] for line in lines)
    chosen: list[str] = [key for key in ("experiment", "scale") if key in differing]
    chosen += [key for key in typed if key in differing and key not in chosen]

    def told(keys: Sequence[str]) -> int:
        return len({repr([group.settings.get(key) for key in keys]) for group in groups})

    for key in differing:
        if told([*chosen, key]) > told(chosen):
            chosen.append(key)
    return chosen


def _say(key: str, settings: Settings, milestone: str) -> str:
    """A setting as it is typed; a milestone without experiment is called by its name."""
    value = settings.get(key)
    if key == "experiment":
        return f"experiment={str(value).rpartition('/')[2]}" if value else milestone
    return f"{key}={'null' if value is None else str(value).lower() if isinstance(value, bool) else value}"


def _metrics(groups: Sequence[Group], asked: str | None, claim: Claim | None) -> list[str]:
    """The measures to show: those asked for, or the first usual one among those that most groups have."""
    having = Counter(name for group in groups for name in {name for run in group.runs for name in run.curves})
    logged = set(having)
    names = [name.strip() for name in asked.split(",")] if asked else []
    for name in names:
        if name not in logged:
            hint = nearest(name, sorted(logged)) or f"; there are {', '.join(sorted(logged))}"
            raise UsageError(f"--metric {name}: none of these runs has logged it{hint}")
    if names:
        return [*dict.fromkeys(names)]
    # What is known at the end alone (how long a criterion took) is no curve.
    curves = {name for group in groups for run in group.runs for name, c in run.curves.items() if len(c.step) > 1}
    own = [claim.metric] if claim and claim.kind != "time" else []
    rest = [name for split in ("train_set/", "train/") for name in sorted(logged) if name.startswith(split)]
    wanted = [*own, *USUAL, *rest, *sorted(logged)]
    return [max((name for name in wanted if name in (curves or logged)), key=lambda name: having[name])]


def _in_epochs(found: Sequence[Run]) -> bool:
    """Whether epochs are the natural time of one run, and count on through each."""
    logs = [runs.read_metrics(run.folder) for run in found]
    stepped = any(run.config["steps"] for run in found)
    return not stepped and any(map(plots.in_epochs, logs)) and all(plots.one_phase(log) for log in logs)


def _points(run: Run, metric: str, unit: str) -> tuple[Floats, Floats]:
    """(epochs or updates, mean of what was logged in each)."""
    curve = run.curves[metric]
    at = np.array(curve.epoch if unit == "epochs" else curve.step, dtype=float)
    places, which = np.unique(at, return_inverse=True)
    return places, np.bincount(which, weights=np.array(curve.value)) / np.bincount(which)


def _steps(line: Line, unit: str) -> int:
    """The updates behind a line's last point."""
    if unit == "updates":
        return int(line.at[-1])
    curves = [curve for run in line.group.runs for curve in run.curves.values()]
    return max(step for c in curves for step, epoch in zip(c.step, c.epoch, strict=True) if epoch <= line.at[-1])
