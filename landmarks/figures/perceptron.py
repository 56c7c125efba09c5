"""The pictures of the perceptron: the boundary as it moves, mistakes beside the bound, functions, learned templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from landmarks.data import Draws, load
from landmarks.data.batches import Batches
from landmarks.data.pictures import DIGITS
from landmarks.data.points import planes, which
from landmarks.milestone import Data, Split
from landmarks.parts.reinforcement import GREEK
from landmarks.plots import ACCENT, BLUE, INK, PALE

if TYPE_CHECKING:
    from landmarks.milestones.perceptron import Perceptron
    from landmarks.parts.reinforcement import Responses
    from landmarks.results import Run

Floats = npt.NDArray[np.float64]


def boundary(milestone: Perceptron, data: Data) -> Figure:
    """The line w·x = 0 of the first replica after each of its mistakes, over its two clouds."""
    path = _path(milestone, data)
    x, y = (part[0].double().cpu().numpy() for part in data.splits["train"])
    figure = Figure(figsize=(6.2, 5.6), layout="constrained")
    axes = figure.add_subplot()
    for side, marker, colour in ((-1, "o", BLUE), (1, "^", ACCENT)):
        axes.plot(
            *x[y == side].T, marker, color=colour, markersize=5, markeredgewidth=0, label=f"t = {'−+'[side > 0]}1"
        )
    config = milestone.config
    (plane,) = planes(config.data, Draws(config.seed, 1, config.first_replica))
    _line(axes, plane, color="black", linewidth=1, linestyle=":", label="plane of the draw")
    for number, w in enumerate(path[:-1]):
        shade = 0.15 + 0.6 * (number + 1) / len(path)
        _line(axes, w, color=PALE, alpha=shade, linewidth=0.8, label="" if number else "after each mistake")
    for w in path[-1:]:
        _line(axes, w, color=INK, linewidth=2.2, label=f"after the last mistake ({len(path):,})")
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    axes.set_title(f"The boundary over time, replica {config.first_replica}", fontsize=11)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _path(milestone: Perceptron, data: Data) -> list[Floats]:
    """The weights of the first replica after each of its mistakes, with the bias last: the training once more."""
    alone, made = type(milestone)(replace(milestone.config, replicas=1)), int(milestone.mistakes[0, 0])
    split = Split(*(part[:1].cpu() for part in data.splits["train"]))
    path: list[Floats] = []
    for phase in alone.phases():
        batches = Batches(replace(phase, batch_size=1), replace(data, splits={"train": split}), alone, alone.config)
        for epoch in range(milestone.config.steps or milestone.config.epochs or 1):
            before, batch = len(path), batches.begin(epoch)
            for position in range(batches.per_epoch):
                if len(path) == made:
                    return path
                alone.step(batch(position))
                if int(alone.mistakes) > len(path):
                    w = alone.weight.detach()[0, 0].double().numpy().copy()
                    path.append(w if milestone.bias else np.append(w, 0))
            if len(path) == before:
                break
    return path


def _line(axes: Axes, w: Floats, **style: object) -> None:
    """The line w₁ x₁ + w₂ x₂ + w₃ = 0; nothing where it lies nowhere."""
    length = np.hypot(w[0], w[1])
    if length:
        foot, along = -w[2] * w[:2] / length**2, np.array([-w[1], w[0]]) / length
        axes.plot(*zip(foot - 3 * along, foot + 3 * along, strict=True), **style)  # type: ignore[arg-type]


def mistakes(milestone: Perceptron, data: Data) -> Figure:
    """A point for each replica: its mistakes above its bound."""
    figure = Figure(figsize=(6.2, 4.4), layout="constrained")
    _scatter(figure.add_subplot(), milestone, data.splits["train"])
    return figure


def _scatter(axes: Axes, milestone: Perceptron, split: Split) -> None:
    bound, made = milestone.bound(split).cpu().numpy(), milestone.mistakes[:, 0].cpu().numpy()
    learned = _learned(milestone, split)
    limits = np.array([0.7 * bound.min(), 1.4 * bound.max()])
    for those, face, label in ((learned, INK, "learned"), (~learned, "white", "not learned")):
        style = {"markersize": 5, "markerfacecolor": face, "markeredgecolor": INK, "markeredgewidth": 0.6}
        axes.loglog(bound[those], np.maximum(made[those], 0.8), "o", alpha=0.55, label=label, **style)
    if not learned.all():
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(0, 0.93))  # where no point can be
    axes.plot(limits, limits, color=ACCENT, linewidth=1.5)
    low = 0.6 * max(made.min(), 1)
    axes.fill_between(limits, limits, 2 * limits.max(), color=ACCENT, alpha=0.08, linewidth=0)
    axes.text(limits[0] * 1.05, 1.55 * limits.max(), "excluded by the theorem", color=ACCENT, fontsize=9, va="top")
    axes.set(xlim=limits, ylim=(low, 2 * limits.max()))
    held = int((learned & (made <= bound)).sum())
    axes.set_title(f"Learned under the bound in {held:,} of {len(made):,} draws", fontsize=11)
    axes.set_xlabel("bound (R/γ)²", fontsize=9)
    axes.set_ylabel("mistakes made", fontsize=9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axis.set_minor_formatter(lambda value, _: f"{value:,.0f}" if f"{value:.0e}"[0] in "25" else "")
    axes.tick_params(which="both", labelsize=8)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def functions(milestone: Perceptron, data: Data) -> Figure:
    """What became of each function: the sixteen tables of two inputs, or how many mistakes the learned ones took."""
    if milestone.weight.shape[0] == 16 and milestone.config.data.bits == 2:
        figure = Figure(figsize=(6.2, 5.2), layout="constrained")
        _tables(figure.add_subplot(), milestone, data.splits["train"])
        return figure
    figure = Figure(figsize=(6.2, 3.8), layout="constrained")
    axes = figure.add_subplot()
    learned = _learned(milestone, data.splits["train"])
    made = milestone.mistakes[:, 0].cpu().numpy()[learned]
    if len(made):
        step = max(1, int(made.max()) // 40)
        axes.hist(
            made,
            (np.arange(0, made.max() + 2 * step, step) - 0.5).tolist(),
            color=PALE,
            edgecolor="white",
            linewidth=0.5,
        )
    total, cycling = len(learned), int(milestone.cycling.sum())
    bits, first = milestone.config.data.bits, milestone.config.first_replica
    every = total == 2**2**bits
    among = f"{total:,} functions" if every else f"{total:,}"
    axes.set_title(f"Learned: {len(made):,} of {among}; {cycling:,} cycle", fontsize=11)
    if not every:
        axes.set_title(f"{axes.get_title()}\n{which(bits, first, first + total - 1)}", fontsize=9)
    axes.set_xlabel("mistakes until learned", fontsize=9)
    axes.set_ylabel("functions", fontsize=9)
    axes.locator_params(axis="both", integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _learned(milestone: Perceptron, split: Split) -> npt.NDArray[np.bool_]:
    with torch.no_grad():
        found: npt.NDArray[np.bool_] = milestone.learned(split).cpu().numpy()
    return found


def _tables(axes: Axes, milestone: Perceptron, split: Split) -> None:
    """The four answers of each function at the corners of its square, first input to the right, second upwards."""
    from landmarks.data.patterns import FUNCTIONS

    names = {sum(int(bit) << row for row, bit in enumerate(text)): name for name, text in FUNCTIONS.items()}
    learned, corners = _learned(milestone, split), split.x[0].cpu().numpy()
    for number in range(16):
        place = np.array([number % 4, 3 - number // 4], dtype=float)
        colour = BLUE if learned[number] else ACCENT
        box = FancyBboxPatch((place[0] - 0.36, place[1] - 0.36), 0.72, 0.8, boxstyle="round,pad=0.03")
        box.set(facecolor=colour, alpha=0.1, linewidth=0)
        axes.add_patch(box)
        at = place + 0.14 * corners + [0, -0.03]
        on = split.y[number].cpu().numpy() > 0
        axes.scatter(at[:, 0], at[:, 1], 70, [colour if one else "white" for one in on], edgecolors=colour, zorder=3)
        axes.text(place[0], place[1] + 0.35, names[number].replace("_", " "), ha="center", va="center", fontsize=8)
        made, cycles = int(milestone.mistakes[number, 0]), bool(milestone.cycling[number])
        said = f"{made} mistake{'s' * (made != 1)}" if learned[number] else "cycles" if cycles else "not learned"
        axes.text(place[0], place[1] - 0.31, said, ha="center", va="center", fontsize=8, color=colour)
    axes.set(xlim=(-0.5, 3.5), ylim=(-0.5, 3.5), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(f"Learned: {int(learned.sum())} of the 16 functions of two inputs", fontsize=11)


def templates(milestone: Perceptron) -> Figure:
    """What each R-unit looks for on the retina's 20 × 20 points."""
    pictures = milestone.templates().double().cpu().numpy()
    columns = min(5, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(1.5 * columns + 0.9, 1.65 * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    names = milestone.config.data.classes or DIGITS
    for axes, picture, name in zip(panels.flat, pictures, names[-len(pictures) :], strict=False):
        bound = float(np.abs(picture).max()) or 1.0
        axes.imshow(picture, cmap="RdBu_r", vmin=-bound, vmax=bound)
        axes.set_title(name, fontsize=10)
    for axes in panels.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    figure.suptitle("What each R-unit looks for (red excites, blue inhibits)", fontsize=11)
    return figure


def responses(milestone: Perceptron, machine: Responses, data: Data) -> Figure:
    """How often each response of 1958 wins where it is correct, beside how many stimuli it was given."""
    x, y = data.splits["train"]
    system, value = milestone.config.model.system, milestone.weight[0, 0].detach()
    parts = zip(torch.split(x, 500), torch.split(y, 500), strict=True)
    won = torch.cat([machine.correct(value, *part, system) for part in parts]).double().cpu().numpy()
    given = np.bincount(y.cpu().numpy())
    right = np.bincount(y.cpu().numpy(), won)[given > 0] / given[given > 0]
    figure = Figure(figsize=(6.2, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(given[given > 0], right, "o", color=INK, alpha=0.55, markersize=5, markeredgewidth=0)
    axes.axhline(won.mean(), color=INK, linewidth=1.5, label=f"all stimuli: {won.mean():.2f}")
    if milestone.claim is not None:
        paper = milestone.claim.published
        axes.axhline(paper, color="black", linewidth=1, linestyle="--", label=f"paper: {paper:.2f}")
    axes.axhline(0.5, color=ACCENT, linewidth=1, linestyle=":", label="a guess")
    axes.set(ylim=(-0.03, 1.03), xlim=(0, None))
    rule = GREEK.get(milestone.config.rule)
    axes.set_title(f"How often the correct response wins, {f'{rule}-system' if rule else 'no learning'}", fontsize=11)
    axes.set_xlabel("stimuli of the response", fontsize=9)
    axes.set_ylabel("probability of winning over another response", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def contrast(arms: Mapping[str, list[Run]]) -> Figure:
    """What is learned and what cycles, beside how many mistakes learning took: the first run of each arm."""
    figure = Figure(figsize=(11.4, 5.2), layout="constrained")
    figure.suptitle("A threshold unit finds its weights from its own errors", fontsize=12)
    for axes, runs in zip(figure.subplots(1, 2), arms.values(), strict=True):
        milestone: Perceptron = runs[0].model()  # type: ignore[assignment]
        config = milestone.config
        split = load(config.data, Draws.of(config)).splits["train"]
        draw = _tables if config.data.name == "functions" else _scatter
        draw(axes, milestone, split)
    return figure
