"""Runs beside each other: a panel a measure, a line a group, as a table and as a picture."""

from __future__ import annotations

import glob
import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from landmarks import measures, plots, runs
from landmarks.against import Axis, arrange, asked_for, one_number
from landmarks.claims import Claim
from landmarks.errors import UsageError, nearest, writing
from landmarks.groups import Group, Line, Snapshot, gather, label, say
from landmarks.results import Run

USUAL = ("test/error", "valid/error", "train_set/error", "train_set/solved", "train_set/learned", "train/error")
"""What is shown where no metric is asked for and the claim's own is not there or is no curve."""
MARK = "landmarks plot"
"""Stands in every picture made here, so that a later one may take its place."""


@dataclass(frozen=True)
class Panel:
    """One measure of all groups, beside the published number where all groups speak of the same."""

    metric: str
    unit: str
    lines: tuple[Line, ...]
    claim: Claim | None


class Comparison:
    """Some runs in groups, and one panel a measure. `notes` tells what was left out, a sentence each.

    `metric` is a logged name, or several with commas; `against` a setting that the last values are drawn against.
    Raises UsageError where none of the runs has the metric, where the groups have no different places on that axis,
    and where no run has logged anything.
    """

    def __init__(self, folders: Sequence[Path], metric: str | None = None, against: str | None = None) -> None:
        self.notes: list[str] = []
        found = self._having(self._with_lines([Snapshot(folder) for folder in folders]), _asked(metric))
        self.groups = gather(found, self.notes)
        self.axis = asked_for(self.groups, against) if against else one_number(self.groups)
        label(self.groups, without=against)
        arrange(self.groups, self.axis)
        claims = [group.claim() for group in self.groups]
        shared = claims[0] if all(claim == claims[0] for claim in claims) else None
        self.metrics = _metrics(self.groups, metric, shared, last=self.asked is not None)
        by_epoch = _in_epochs(found)
        self.panels = [self._panel(name, "epochs" if by_epoch else "updates", shared) for name in self.metrics]

    @property
    def asked(self) -> Axis | None:
        """The axis that was asked for: along it the last values are drawn, and nothing else."""
        return self.axis if self.axis and self.axis.asked else None

    def _with_lines(self, found: list[Run]) -> list[Run]:
        empty = [run for run in found if not run.curves]
        said = [f"{run.folder}: this run has logged nothing yet" for run in empty]
        if len(empty) == len(found):
            raise UsageError(f"{said[0]}; `landmarks runs` shows how far the others are")
        self.notes += [f"{sentence}, so it is left out" for sentence in said]
        return [run for run in found if run.curves]

    def _having(self, found: list[Run], metrics: Sequence[str]) -> list[Run]:
        """Those that have one of the measures asked for, if any has: what the others differ in is nobody's question."""
        having = [run for run in found if not run.curves.keys().isdisjoint(metrics)] or found
        self._note_lacking(len(found) - len(having), " or ".join(metrics))
        return having

    def _note_lacking(self, count: int, metric: str) -> None:
        if count:
            what = "1 run has" if count == 1 else f"{count} runs have"
            self.notes.append(f"{what} not logged {metric}, and cannot be shown in it")

    def _panel(self, metric: str, unit: str, claim: Claim | None) -> Panel:
        lines, without = [], 0
        for group in self.groups:
            having = [run for run in group.runs if metric in run.curves]
            without += len(group.runs) - len(having)
            if having:
                lines.append(Group(having, group.label, group.number).line(metric, unit))
        self._note_lacking(without, metric)
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
        shape = "bar" if self.asked else "band"
        kinds = [f"{shape}: 95 % t-interval of the mean over seeds"] * student
        kinds += [f"{shape}: 95 % Wilson interval of a share"] * wilson
        alike = {group.notes for group in self.groups}
        each = [f"n = {alike.pop()}" + (" each" if len(self.groups) > 1 else "")] if len(alike) == 1 and kinds else []
        return "; ".join([*kinds, *each])

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Head and lines of a table: final values with their intervals, and the setting that was asked for."""
        key = [self.asked.key] if self.asked else []
        rows = []
        for panel in self.panels:
            for line in panel.lines:
                low, high = (measures.show(panel.metric, end[-1]) for end in (line.low, line.high))
                interval = "" if math.isnan(line.low[-1]) else f"{low.removesuffix(' %')}–{high}"
                steps = f"{_steps(line, panel.unit):,}"
                place = [say(line.group.settings[name]) for name in key]
                mean = measures.show(panel.metric, line.mean[-1])
                rows.append([panel.metric, mean, interval, steps, *place, line.group.title])
        head = ["metric", "last", "95 % interval", "steps", *key, "group"]
        if len(self.metrics) == 1:
            head, rows = [self.metrics[0], *head[2:]], [row[1:] for row in rows]
        return head, rows

    def save(self, output: Path | None = None, slide: bool = False) -> Path:
        """Draw it into a file, by its ending. Raises UsageError for another ending or a file that is in the way."""
        if output:
            plots.check_ending(output, "plot")
        if output is None:
            names = "-".join([*dict.fromkeys(run.name for group in self.groups for run in group.runs)])
            metrics = "-".join(self.metrics).replace("/", "_")
            across = f"-against-{self.asked.key.replace('.', '_')}" if self.asked else ""
            output = Path(f"{names}-{metrics}{across}{'-slide' if slide else ''}.png")
            if output.exists() and MARK.encode() not in output.read_bytes():
                raise UsageError(f"{output}: is in the way and was not drawn here; choose another file with -o FILE")
        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # a home that cannot be written is none of its business
        from landmarks.figures import comparison

        mark = {"Creator": MARK} if output.suffix.lower() != ".png" else {"Software": MARK}
        with writing(output, "choose another with -o FILE"):
            comparison.draw(self, slide).savefig(output, dpi=150, metadata=mark)
        return output


def plot(
    folders: Sequence[Path],
    metric: str | None = None,
    output: Path | None = None,
    slide: bool = False,
    against: str | None = None,
) -> Path:
    """Compare runs in one picture; returns its file. Raises UsageError."""
    return Comparison(folders, metric, against).save(output, slide)


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


def _asked(metric: str | None) -> list[str]:
    """The measures that were named, each once."""
    return [*dict.fromkeys(name.strip() for name in metric.split(","))] if metric else []


def _metrics(groups: Sequence[Group], asked: str | None, claim: Claim | None, last: bool) -> list[str]:
    """The measures to show: those asked for, or the first usual one among those that most groups have.

    Where not the `last` values alone are drawn, what is known at the end alone (how long a criterion took) is no curve.
    """
    having = Counter(name for group in groups for name in {name for run in group.runs for name in run.curves})
    logged = set(having)
    names = _asked(asked)
    for name in names:
        if name not in logged:
            hint = nearest(name, sorted(logged)) or f"; there are {', '.join(sorted(logged))}"
            raise UsageError(f"--metric {name}: none of these runs has logged it{hint}")
    if names:
        return names
    measured = [item for group in groups for run in group.runs for item in run.curves.items()]
    shown = {name for name, curve in measured if last or len(curve.step) > 1}
    own = [claim.metric] if claim and claim.kind != "time" else []
    rest = [name for split in ("train_set/", "train/") for name in sorted(logged) if name.startswith(split)]
    wanted = [*own, *USUAL, *rest, *sorted(logged)]
    return [max((name for name in wanted if name in (shown or logged)), key=lambda name: having[name])]


def _in_epochs(found: Sequence[Run]) -> bool:
    """Whether epochs are the natural time of one run, and count on through each."""
    logs = [runs.read_metrics(run.folder) for run in found]
    stepped = any(run.config["steps"] for run in found)
    return not stepped and any(map(plots.in_epochs, logs)) and all(plots.one_phase(log) for log in logs)


def _steps(line: Line, unit: str) -> int:
    """The updates behind a line's last point."""
    if unit == "updates":
        return int(line.at[-1])
    curves = [curve for run in line.group.runs for curve in run.curves.values()]
    return max(step for c in curves for step, epoch in zip(c.step, c.epoch, strict=True) if epoch <= line.at[-1])
