"""Memory cells of Hochreiter and Schmidhuber 1997, and the recurrent nets that they are held against.

Everything runs through time for R replicas and B sequences at once. Shapes are time first: net inputs from outside
(T, R, B, H), recurrent weights (R, K, H) from the K units whose activity of the step before counts. A block of cells
shares its gates; the H columns are all cells, then a block's input gate each, then (where there are any) its output
gate, then (Gers et al. 2000) its forget gate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


def slope_of(y: Tensor) -> Tensor:
    """The slope of the logistic function where it is y, y (1 − y)."""
    return y * (y.new_ones(()) - y)


@dataclass(frozen=True)
class Form:
    """The shape of a hidden layer of memory cell blocks: s(t) = carousel · s(t−1) + y_in g(net_c), y_c = y_out h(s).

    g is 4σ − 2 of range (−2, 2) and h is 2σ − 1 of range (−1, 1) (eqs. 5, 4); `plain` (tasks 2a, 2b): g is σ and h(s)
    is s. `gates`: whether their activity counts among the recurrent units.
    """

    blocks: int
    size: int
    plain: bool
    output_gate: bool
    forget_gate: bool
    gates: bool
    carousel: float

    @property
    def cells(self) -> int:
        return self.blocks * self.size

    @property
    def units(self) -> int:
        return self.cells + self.blocks * (1 + self.output_gate + self.forget_gate)

    @cached_property
    def columns(self) -> Mapping[str, slice]:
        """Where cells and gates stand among the H units."""
        kinds = ["in", *["out"] * self.output_gate, *["forget"] * self.forget_gate]
        first = {kind: self.cells + i * self.blocks for i, kind in enumerate(kinds)}
        return {"cells": slice(0, self.cells)} | {k: slice(at, at + self.blocks) for k, at in first.items()}

    def by_block(self, x: Tensor) -> Tensor:
        """(…, cells) as (…, blocks, size)."""
        return x.view(*x.shape[:-1], self.blocks, self.size)

    def of_cells(self, gate: Tensor) -> Tensor:
        """What a gate (…, blocks) is for each of its cells, (…, cells)."""
        return gate if self.size == 1 else gate.repeat_interleave(self.size, -1)


class Tape(NamedTuple):
    """What a pass through time leaves behind. `y` (T + 1, R, B, H): cells' outputs and gates, from the zeros at the
    start on; `inner` (T, R, B, cells): σ(net_c) − ½; `s` (T + 1, R, B, cells), the inner states."""

    y: Tensor
    inner: Tensor
    s: Tensor

    @property
    def steps(self) -> int:
        return len(self.inner)


class Blame(NamedTuple):
    """The error signals of a pass: δ (T, R, B, H) of all hidden net inputs, ∂E/∂s (T, R, B, cells) of the states."""

    delta: Tensor
    state: Tensor


class Cells(Protocol):
    """What takes memory cells through time: this module, or `compiled_cells.CompiledCells`, up to rounding the same."""

    def run(self, form: Form, net: Tensor, recurrent: Tensor | None, start: Tape | None = None) -> Tape: ...

    def truncated(self, form: Form, tape: Tape, blame: Tensor) -> Blame: ...

    def unrolled(self, form: Form, net: Tensor, recurrent: Tensor | None) -> Tensor: ...


def run(form: Form, net: Tensor, recurrent: Tensor | None, start: Tape | None = None) -> Tape:
    """The forward pass (eqs. 3–9) without a graph; states and activities begin at 0, or where another pass ended."""
    steps, *shape, _ = net.shape
    y, half = net.new_empty(steps + 1, *shape, form.units), net.new_empty(steps + 1, *shape, form.cells)  # half: s/2
    inner, columns, middle = net.new_empty(steps, *shape, form.cells), form.columns, net.new_full((), 0.5)
    y[0], half[0], y[1:] = (0, 0, net) if start is None else (start.y[-1], start.s[-1] / 2, net)
    cells, units, states = y[..., : form.cells], y.unbind(), form.by_block(half).unbind()
    in_and_out = [y[1:, ..., columns[kind]].unsqueeze(-1).unbind() for kind in ("in", "out") if kind in columns]
    views = zip(  # taken once: a view a step would cost more than the arithmetic
        units if form.gates else cells.unbind(), units[1:], states, states[1:], form.by_block(cells)[1:].unbind(),
        form.by_block(inner).unbind(), *in_and_out, strict=False,
    )  # fmt: skip
    for before, now, kept, state, output, g, gate_in, *gate_out in views:
        (now if recurrent is None else now.baddbmm_(before, recurrent)).sigmoid_()
        torch.sub(output, middle, out=g)
        kept = kept if form.carousel == 1 else form.carousel * kept
        if form.plain:
            torch.addcmul(kept, gate_in, output, value=0.5, out=state)
            torch.mul(state, 2 * gate_out[0] if gate_out else 2, out=output)
        else:
            torch.addcmul(kept, gate_in, g, value=2, out=state)
            torch.mul(torch.tanh(state), gate_out[0] if gate_out else 1, out=output)
    return Tape(y, inner, 2 * half)


def truncated(form: Form, tape: Tape, blame: Tensor) -> Blame:
    """The truncated gradient (appendix A.1) in closed form; `blame` (T, R, B, cells) is ∂E/∂y_c of the cells' outputs.

    No error flows through y(t−1); into the past it flows through s alone, and there with the carousel's weight: what
    eqs. 14–15 carry forward as ∂s/∂w is here summed backward over what comes later.
    """
    y, columns = tape.y[1:], form.columns
    blame, s = form.by_block(blame.contiguous()), form.by_block(tape.s[1:])
    gates = {kind: y[..., at] for kind, at in columns.items()}
    h = s if form.plain else torch.tanh(s * 0.5)
    own = 1 if form.plain else 0.5 * (1 - h * h)
    own = gates["out"].unsqueeze(-1) * own if form.output_gate else own
    state = _carried(own * blame, form.carousel)
    g, slope = _through_g(form, form.by_block(tape.inner), gates["in"].unsqueeze(-1))
    delta = torch.empty_like(y)
    torch.mul(slope, state, out=form.by_block(delta[..., columns["cells"]]))
    for kind, error in (("in", g * state), ("out", h * blame))[: 1 + form.output_gate]:
        torch.mul(error.sum(-1), slope_of(gates[kind]), out=delta[..., columns[kind]])
    return Blame(delta, state.flatten(-2))


def _through_g(form: Form, inner: Tensor, error: Tensor) -> tuple[Tensor, Tensor]:
    """g(net_c), and error · g'(net_c); inner is σ − ½."""
    slope = 0.25 - inner * inner
    return (inner + 0.5, error * slope) if form.plain else (4 * inner, error * (4 * slope))


def _carried(own: Tensor, carousel: float) -> Tensor:
    """∂E/∂s(t) = own(t) + carousel · ∂E/∂s(t+1), over the first dimension."""
    if len(own) == 1:
        return own
    if carousel == 1:
        return own.flip(0).cumsum(0).flip(0)
    state = own.clone()
    steps = state.unbind()
    for now, later in zip(steps[-2::-1], steps[:0:-1], strict=True):
        now.add_(later, alpha=carousel)
    return state


class Partials:
    """∂s/∂w carried forward through time (eqs. 14, 15): what the rule needs where weights change at every step.

    `into` (R, B, cells, Z + K): of each cell by its own weights; `gate`, the same shape, by those of its input gate;
    Z inputs, the constant 1 of a bias among them, then K recurrent units.
    """

    def __init__(self, form: Form, like: Tensor, sources: int) -> None:
        self.form = form
        self.into = like.new_zeros(*like.shape[:2], form.cells, sources)
        self.gate = torch.zeros_like(self.into)

    def advance(self, tape: Tape, sources: Tensor) -> None:
        """By a pass of one step, in which the hidden units saw `sources` (R, B, Z + K)."""
        form, seen = self.form, sources.unsqueeze(-2)
        gate = form.of_cells(tape.y[-1][..., form.columns["in"]])
        g, into = _through_g(form, tape.inner[-1], gate)
        for partial, by in ((self.into, into), (self.gate, g * slope_of(gate))):
            kept = partial if form.carousel == 1 else partial.mul_(form.carousel)
            kept.addcmul_(by.unsqueeze(-1), seen)

    def gradient(self, blame: Blame, sources: Tensor) -> Tensor:
        """∂E/∂w of this step's error, (R, Z + K, H): `blame` is that of a pass of one step."""
        error, form = blame.state[-1].unsqueeze(-1), self.form
        into, gate = (error * self.into).sum(1), (error * self.gate).sum(1)
        found = [into.mT, form.by_block(gate.mT).sum(-1)]
        if form.output_gate:
            found.append(torch.bmm(sources.mT, blame.delta[-1][..., form.columns["out"]]))
        return torch.cat(found, 2)


def unrolled(form: Form, net: Tensor, recurrent: Tensor | None) -> Tensor:
    """The cells' outputs (T, R, B, cells) by operators that autograd sees through: the full gradient, and with a forget
    gate s(t) = y_forget s(t−1) + y_in g (Gers et al. 2000). Also the plain form of `run`."""
    y, s = net.new_zeros(*net.shape[1:-1], form.units), net.new_zeros(*net.shape[1:-1], form.cells)
    columns, found = form.columns, list[Tensor]()
    for now in net:
        counted = y if form.gates else y[..., : form.cells]
        total = now if recurrent is None else now + counted @ recurrent
        gates = total[..., form.cells :].sigmoid()
        sigma = total[..., columns["cells"]].sigmoid()
        kept = {k: gates[..., at.start - form.cells : at.stop - form.cells] for k, at in columns.items() if at.start}
        hold = form.of_cells(kept["forget"]) if form.forget_gate else form.carousel
        s = hold * s + form.of_cells(kept["in"]) * (sigma if form.plain else 4 * sigma - 2)
        h = s if form.plain else 2 * s.sigmoid() - 1
        cells = form.of_cells(kept["out"]) * h if form.output_gate else h
        y = torch.cat([cells, gates], -1)
        found.append(cells)
    return torch.stack(found)


def simple(net: Tensor, recurrent: Tensor, squash: Callable[[Tensor], Tensor]) -> Tensor:
    """A simple recurrent net, y(t) = f(net + y(t−1) W), with the graph of back-propagation through time."""
    y, found = net.new_zeros(net.shape[1:]), list[Tensor]()
    for now in net:
        y = squash(torch.baddbmm(now, y, recurrent))
        found.append(y)
    return torch.stack(found)
