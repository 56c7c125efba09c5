"""The curves of a run as one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landmarks import measures
from landmarks.claims import Claim
from landmarks.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, ACCENT, PALE, BLUE = "#34495e", "#c0392b", "#7a869a", "#2b6cb0"
"""The colours of all pictures."""
COLOURS = {"train": PALE, "valid": "#b8860b", "test": ACCENT, "train_set": INK}
"""One colour a split, the same in every picture of the suite."""
ENDINGS = (".png", ".svg", ".pdf")
"""Of a file that may hold a picture."""
PANELS = 3
LABELS = {"train": "training (running mean)", "train_set": "training set (measured)"}


def check_ending(path: Path, what: str) -> None:
    """Raise UsageError where a file's name is not that of a picture; `what` it is to hold."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: a {what} ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")


def curves(lines: Sequence[Mapping[str, Any]], title: str, claim: Claim | None, steps: int | None = None) -> Figure:
    """The first measures of a run's log, splits together; the published value dashed.

    By epoch where it has some, unless the run's length was given in `steps`.
    """
    from matplotlib.figure import Figure

    by_epoch = steps is None and in_epochs(lines)
    panels: dict[str, list[str]] = {}
    for name in (name for line in lines for name in line):
        split, _, measure = name.partition("/")
        if split in COLOURS and name not in panels.setdefault(measure, []):
            panels[measure].append(name)
    shown = [*panels][:PANELS]
    shown += [
        measure
        for measure, names in panels.items()
        if claim and claim.metric in names and measure not in shown and sum(claim.metric in line for line in lines) > 1
    ]
    figure = Figure(figsize=(4.4 * max(len(shown), 1), 3.6), layout="constrained")
    figure.suptitle(title, fontsize=11)
    for axes, measure in zip(figure.subplots(1, max(len(shown), 1), squeeze=False)[0], shown, strict=False):
        for name in panels[measure]:
            _draw(
                axes, name, _points(lines, name, "epoch" if by_epoch else "step"), percent=measures.is_fraction(measure)
            )
        if claim and claim.metric in panels[measure]:
            published = claim.published * (100 if measures.is_fraction(measure) else 1)
            axes.axhline(published, color="black", linestyle="--", linewidth=1, label=claim.line)
        _part(axes, lines)
        axes.set_title(measure.replace("_", " ") + (" (%)" if measures.is_fraction(measure) else ""), fontsize=10)
        axes.set_xlabel("epochs" if by_epoch else "updates", fontsize=9)
        axes.locator_params(axis="x", integer=True, nbins=6)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def plain(axes: Axes) -> None:
    """A panel with level lines behind what is drawn, open at the top and on the right."""
    axes.grid(alpha=0.25, axis="y")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def in_epochs(lines: Sequence[Mapping[str, Any]]) -> bool:
    """Whether epochs are the natural time: a run has more than two, in one phase, in which they are counted."""
    return one_phase(lines) and any(line["epoch"] > 2 for line in lines)


def one_phase(lines: Sequence[Mapping[str, Any]]) -> bool:
    """Whether epochs count on through a whole log."""
    return len(_phases(lines)) <= 1


def _phases(lines: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The phases of a log and the last step of each."""
    return {line["phase"]: line["step"] for line in lines if line["phase"] != "end"}


def _part(axes: Axes, lines: Sequence[Mapping[str, Any]]) -> None:
    """Where one phase ends and the next one begins."""
    for end in [*_phases(lines).values()][:-1]:
        axes.axvline(end, color=PALE, linewidth=0.8, linestyle=":")


def _points(lines: Sequence[Mapping[str, Any]], name: str, unit: str) -> list[tuple[int, float]]:
    """(epoch or step, mean of what was logged in it)."""
    found: dict[int, list[float]] = {}
    for line in lines:
        if name in line:
            found.setdefault(line[unit], []).append(line[name])
    return [(at, sum(values) / len(values)) for at, values in found.items()]


def _draw(axes: Axes, name: str, points: list[tuple[int, float]], percent: bool) -> None:
    split = name.partition("/")[0]
    at, values = zip(*points, strict=True)
    scaled = [100 * value for value in values] if percent else [*values]
    marker = "o" if len(at) < 40 else ""
    axes.plot(at, scaled, color=COLOURS[split], label=LABELS.get(split, split), linewidth=1.5, marker=marker, ms=3)
    positive = [value for value in scaled if value > 0]
    if percent and positive and max(positive) > 10 * min(positive):
        logarithmic(axes)


def logarithmic(axes: Axes) -> None:
    """A logarithmic y axis with 1, 2 and 5 written out."""
    axes.set_yscale("log")
    for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        which(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "125" else "")
