"""`landmarks demo`: make the runs that a demonstration needs, each once, and say whether the paper's point shows."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from landmarks import catalog, making
from landmarks.claims import Demonstration, Equal, Gap, Within
from landmarks.errors import UsageError
from landmarks.measures import is_fraction
from landmarks.plan import Plan, Request
from landmarks.results import Run, pictures

Arms = Mapping[str, Sequence[Run]]


@dataclass(frozen=True)
class Finding:
    """One finding as measured: what is said, the numbers, and whether it holds."""

    says: str
    measured: str
    holds: bool


@dataclass(frozen=True)
class Shown:
    """A demonstration as it came out. `runs` are those of each arm, one a seed; `picture` the file of the contrast."""

    name: str
    title: str
    point: str
    runs: Arms
    findings: tuple[Finding, ...]
    picture: Path
    off: bool

    @property
    def shown(self) -> bool:
        return all(finding.holds for finding in self.findings)

    @property
    def verdict(self) -> str:
        return "shown" if self.shown else "not shown"

    def __str__(self) -> str:
        arms = [f"{arm} ({len(found)} run{'s' * (len(found) > 1)})" for arm, found in self.runs.items()]
        switched = [_wrap("  with the idea switched off in every arm")] * self.off
        findings = [_wrap(f"  {'yes' if f.holds else 'no '}  {f.says}: {f.measured}", 7) for f in self.findings]
        head = [f"{self.name} – {self.title}", *switched, _wrap(f"  {self.point}"), _wrap(f"  arms: {', '.join(arms)}")]
        return "\n".join([*head, *findings, f"  {self.verdict}   {self.picture}"])

    def _repr_html_(self) -> str:
        """In a notebook: the text and the picture."""
        return f"<pre>{self}</pre>" + pictures({self.name: self.picture})


def _wrap(text: str, indent: int = 2) -> str:
    return textwrap.fill(text, 80, subsequent_indent=" " * indent, break_on_hyphens=False)


def milestones() -> list[str]:
    """Those that have a demonstration, in the order of the catalogue."""
    return [name for name in catalog.CATALOG if catalog.milestone_class(name).card.demonstration]


def demonstrate(names: Sequence[str], off: bool, root: str, quiet: bool = False) -> list[Shown]:
    """The demonstrations of some milestones out of one plan. Raises UsageError where a milestone has none."""
    cards = {name: _demonstration(name) for name in names}
    requests = {name: _requests(name, demonstration, off) for name, demonstration in cards.items()}
    plan = Plan([request for each in requests.values() for _, request in each], root)
    making.complete(plan, quiet)
    found = []
    for name, demonstration in cards.items():
        arms: dict[str, list[Run]] = {}
        for arm, request in requests[name]:
            arms.setdefault(arm, []).append(Run(plan.folder(request)))
        found.append(_judge(name, demonstration, arms, off, root))
    return found


def _demonstration(name: str) -> Demonstration:
    found = catalog.milestone_class(name).card.demonstration
    if found is None:
        raise UsageError(f"{name} has no demonstration; `landmarks run {name}` runs it")
    return found


def _requests(name: str, demonstration: Demonstration, off: bool) -> list[tuple[str, Request]]:
    """(arm, run) for every arm and seed."""
    switches = demonstration.off if off else ()
    return [
        (
            arm.name,
            Request(
                name,
                (*arm.overrides, *(switches if arm.idea else ())),
                f"{name}: {arm.name}, seed {seed}",
                arm.seconds,
                seed,
            ),
        )
        for seed in demonstration.seeds
        for arm in demonstration.arms
    ]


def _judge(name: str, demonstration: Demonstration, arms: Arms, off: bool, root: str) -> Shown:
    findings = tuple(judge(finding, arms) for finding in demonstration.findings)
    picture = Path(root) / "demos" / f"{name}{'_off' * off}.png"
    draw(demonstration.picture, arms, picture)
    title = catalog.milestone_class(name).card.title
    return Shown(name, f"{title} ({catalog.find(name).year})", demonstration.point, arms, findings, picture, off)


def judge(finding: Equal | Within | Gap, arms: Arms) -> Finding:
    """Whether a finding holds in the runs of the arms. A run without the metric counts against it."""
    if isinstance(finding, Gap):
        return _judge_gap(finding, arms)
    low, high = (finding.value,) * 2 if isinstance(finding, Equal) else (finding.low, finding.high)
    values = [run.metrics.get(finding.metric, math.nan) for run in arms[finding.arm]]
    distinct = ", ".join(dict.fromkeys(f"{value:.4g}" for value in values))
    holds = all(low <= value <= high for value in values)
    return Finding(finding.says, distinct + (f" in {len(values)} runs" if len(values) > 1 else ""), holds)


def _judge_gap(gap: Gap, arms: Arms) -> Finding:
    """Pairs of equal seed: the mean difference must reach `least` and exceed two of its standard errors."""
    values = {name: [_value(gap, run) for run in arms[name]] for name in (gap.arm, gap.over)}
    sign = 1 if gap.better == "low" else -1
    pairs = sign * (np.array(values[gap.over]) - np.array(values[gap.arm]))
    mean = float(pairs.mean())
    error = float(pairs.std(ddof=1)) / math.sqrt(len(pairs)) if len(pairs) > 1 else math.inf
    factor, unit = (100, " %") if is_fraction(gap.metric) else (1, "")
    own, over = (f"{factor * np.mean(values[name]):.4g}{unit}" for name in (gap.arm, gap.over))
    measured = (
        f"{own} against {over}, a gap of {factor * mean:.3g} ± {factor * error:.2g} over {len(pairs)} pairs"
        f" (asked: {factor * gap.least:.3g}, and two standard errors)"
    )
    return Finding(gap.says, measured, mean >= gap.least and mean > 2 * error)


def _value(gap: Gap, run: Run) -> float:
    value = run.metrics.get(gap.metric, math.nan)
    return value - run.metrics.get(gap.beyond, math.nan) if gap.beyond else value


def draw(place: str, subject: Any, path: Path) -> None:
    """The picture of what was run, by the function that `place` names (`module:function`), as a file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    module, _, function = place.partition(":")
    figure = getattr(import_module(module), function)(subject)
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_figure(path, dpi=150)
