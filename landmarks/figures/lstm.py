"""What the memory cells did: when each start learned, what its gates and states do, how far back errors reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from landmarks.data.sequences import ORDER, REBER
from landmarks.milestone import Data
from landmarks.parts import memory_cells as memory
from landmarks.parts.recurrent import RecurrentNets
from landmarks.plots import ACCENT, BLUE, INK, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from landmarks.milestones.lstm import LSTM
    from landmarks.results import Run

LAGS = 100
"""How far back the flow of errors is drawn, in steps."""


def figures(milestone: LSTM, data: Data) -> Iterator[tuple[str, Figure]]:
    """Those that this configuration has."""
    if "error" in milestone.memory:
        yield "errors", errors(milestone)
    if milestone.config.replicas > 1 and milestone.done.any():
        yield "sequences", sequences(milestone)
    if milestone.config.model.cell == "lstm1997":
        yield "cells", cells(milestone, data)
        yield "error_flow", error_flow(milestone, data)


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def errors(milestone: LSTM) -> Figure:
    """A line for each start: long nothing, then a sudden fall."""
    figure = Figure(figsize=(6.6, 3.8), layout="constrained")
    axes = figure.add_subplot()
    found = milestone.memory["error"].cpu().numpy()
    seen = (milestone.config.eval_every or 1) * milestone.config.batch_size
    at = (np.arange(len(found)) + 0.5) * seen
    for replica, line in enumerate(100 * found.T):
        done = bool(milestone.done[replica])
        last = int(milestone.sequences[replica]) if done else at[-1]
        axes.plot(at[at <= last], line[at <= last], color=INK if done else PALE, linewidth=1, alpha=0.75)
        if done:
            axes.plot(last, 0, "o", color=ACCENT, markersize=5, clip_on=False, zorder=3)
    axes.set(xlabel="training sequences", ylabel="wrong (%)", ylim=(-2, 103), xlim=(0, None))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.locator_params(axis="x", nbins=6)
    since = ", and frozen from then on" if milestone.config.criterion.counted else ""  # else a stretch later
    dots = f" (dots: learned{since})" if bool(milestone.done.any()) else ""
    axes.set_title(f"Each start's errors on new sequences{dots}", fontsize=10)
    _bare(axes)
    return figure


def sequences(milestone: LSTM) -> Figure:
    """After how many sequences each start had learned, and the mean that was printed."""
    figure = Figure(figsize=(6.6, 2.6), layout="constrained")
    axes = figure.add_subplot()
    done, claim = milestone.done.cpu(), milestone.claim
    taken = np.sort(milestone.sequences.cpu()[done].numpy())
    axes.plot(
        taken, 100 * (np.arange(len(taken)) + 1) / len(done), "o-", color=INK, markersize=4, drawstyle="steps-post"
    )
    axes.axvline(taken.mean(), color=INK, linewidth=1, linestyle=":", label=f"mean {taken.mean():,.0f}")
    if claim is not None:
        label = f"paper {claim.published:,.0f} ({claim.where})"
        axes.axvline(claim.published, color=ACCENT, linewidth=1.2, linestyle="--", label=label)
    axes.set(xlabel="training sequences", ylabel="starts (%)", ylim=(0, 103), xlim=(0, None))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_title(f"{len(taken)} of {len(done)} starts have learned", fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    _bare(axes)
    return figure


def cells(milestone: LSTM, data: Data) -> Figure:
    """Gates, states and outputs of one start over one test sequence."""
    form = milestone.nets.form
    replica, x, tape = milestone.traced(data)
    steps = int((x >= 0).sum() if not x.is_floating_point() else (~x[:, 0].isnan()).sum())
    y, s = tape.y[1 : steps + 1, replica, 0].cpu().numpy(), tape.s[1 : steps + 1, replica, 0].cpu().numpy()
    figure = Figure(figsize=(8.4, 6.4), layout="constrained")
    rows = figure.subplots(3, 1, sharex=True)
    at = np.arange(1, steps + 1)
    kinds = [("in", "input gates y_in", rows[0]), ("out", "output gates y_out", rows[1])]
    for kind, title, axes in kinds:
        for block, column in enumerate(y[:, form.columns[kind]].T if kind in form.columns else ()):
            axes.plot(at, column, color=(INK, ACCENT, BLUE, PALE)[block % 4], linewidth=1.4, label=f"block {block + 1}")
        axes.set(ylim=(-0.03, 1.03))
        axes.set_title(title if kind in form.columns else f"{title}: none in this net", fontsize=9)
        if kind in form.columns:
            axes.legend(fontsize=8, frameon=False, loc="center right", ncols=4)
    for cell, column in enumerate(s.T):
        block, within = divmod(cell, form.size)
        style = ("-", "--", ":", "-.")[within % 4]
        rows[2].plot(at, column, color=(INK, ACCENT, BLUE, PALE)[block % 4], linestyle=style, linewidth=1.4)
    rows[2].set_title("inner states s (a colour for each block, a stroke for each of its cells)", fontsize=9)
    rows[2].set_xlabel("step", fontsize=9)
    for axes in rows:
        _bare(axes)
        _mark(axes, milestone, x, steps)
    figure.suptitle(f"What the memory cells of start {milestone.config.first_replica + replica} do in one sequence",
                    fontsize=11)  # fmt: skip
    return figure


def _mark(axes: Axes, milestone: LSTM, x: Tensor, steps: int) -> None:
    """The symbols or pairs that matter, at their steps."""
    name = milestone.config.data.name
    if name in ("adding", "multiplication"):
        told = dict.fromkeys(torch.nonzero(x[:steps, 1] == 1)[:, 0].tolist(), "X")
    elif name == "temporal_order":
        told = {i: ORDER[k] for i, k in enumerate(x[:steps].tolist()) if ORDER[k] in "EBXY"}
    elif name == "reber":
        told = {i: REBER[k] for i, k in enumerate(x[:steps].tolist())}
    else:
        told = {}
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.12 * (high - low))
    for i, letter in told.items():
        if len(told) < 10:
            axes.axvline(i + 1, color=PALE, linewidth=0.8, linestyle=":")
        axes.annotate(letter, (i + 1, 0.985), xycoords=("data", "axes fraction"), fontsize=8, ha="center", va="top")


def error_flow(milestone: LSTM, data: Data) -> Figure:
    """How much of an error at the end is left so many steps before it."""
    figure = Figure(figsize=(6.6, 3.8), layout="constrained")
    axes = figure.add_subplot()
    nets, x = milestone.nets, data.splits["test"].x[:, :8]
    length = min(LAGS, int((x >= 0).sum(-1).min() if not x.is_floating_point() else x.shape[2]))
    weights = sorted({1.0, 0.9, milestone.config.model.carousel}, reverse=True)
    for weight, colour in zip(weights, (ACCENT, INK, BLUE), strict=False):
        form = replace(nets.form, carousel=weight)
        with torch.no_grad():
            tape = memory.run(form, nets.net(x), nets.recurrent)
            blame = torch.zeros_like(tape.inner)
            blame[length - 1] = 1
            state = memory.truncated(form, tape, blame).state[:length].flatten(1).norm(dim=1).flip(0).cpu()
        axes.plot(
            state / state[0], color=colour, linewidth=2, label=f"states of memory cells, carousel of weight {weight:g}"
        )
    label = f"simple recurrent net of {nets.form.units} logistic units, untrained"
    axes.plot(_of_simple(milestone, x, length), color=PALE, linewidth=2, label=label)
    axes.set(yscale="log", ylim=(1e-12, 30), xlabel="time lag (steps)", ylabel="error that is left, relative")
    axes.set_title("How far back an error reaches", fontsize=10)
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    _bare(axes)
    return figure


def _of_simple(milestone: LSTM, x: Tensor, length: int) -> Tensor:
    """The norm of ∂E/∂net so many steps before the end, over that at the end, in a simple recurrent net."""
    config, form = milestone.config, milestone.nets.form
    model = replace(
        config.model, cell="simple", units=form.units, recurrent="all", in_biases=None, out_biases=None, carousel=1.0,
        shortcut=False, plain=False, output_gate=True, bias="hidden" if config.model.bias == "hidden" else "none",
    )  # fmt: skip
    nets = RecurrentNets(model, milestone.nets.inputs, 1, stepwise=True)
    nets.start(config.seed, config.first_replica, config.replicas)
    with torch.enable_grad():
        net = nets.to(x.device).net(x)[:length].detach().requires_grad_()
        last = memory.simple(net, nets.get_parameter("recurrent"), torch.sigmoid)[-1].sum()
        norms: Tensor = torch.autograd.grad(last, net)[0].flatten(1).norm(dim=1).flip(0).cpu()
    return norms / norms[0]


def contrast(arms: Mapping[str, Sequence[Run]]) -> Figure:
    """The demonstration: wrong sequences of both arms while they learn, and the share of starts that have learned."""
    figure = Figure(figsize=(9.6, 3.8), layout="constrained")
    figure.suptitle("Two symbols decide, and both are long gone when the answer is due", fontsize=12)
    wrong, learned = figure.subplots(1, 2)
    for (name, (run, *_)), colour in zip(arms.items(), (ACCENT, PALE), strict=False):
        curves, batch = run.curves, run.config["batch_size"]
        for axes, curve in ((wrong, curves["train/error"]), (learned, curves["train/solved"])):
            at = [batch * step for step in curve.step]
            axes.plot(at, [100 * v for v in curve.value], color=colour, linewidth=2, label=name)
    starts = next(iter(arms.values()))[0].config["replicas"]
    wrong.set(title=f"wrong sequences (%), mean of {starts} starts", ylim=(-3, 103))
    learned.set(title="starts that have learned (%)", ylim=(-3, 103))
    for axes in (wrong, learned):
        axes.set_xlabel("training sequences", fontsize=9)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.locator_params(axis="x", nbins=6)
        axes.title.set_fontsize(10)
        _bare(axes)
    wrong.legend(fontsize=9, frameon=False, loc="center right")
    return figure
