"""R recurrent nets side by side: a hidden layer through time and an output layer that sees its cells or units.

The hidden layer is memory cell blocks, a simple recurrent net, or torch's own LSTM. In tasks 2a and 2b of Hochreiter
and Schmidhuber 1997 the output units see the inputs too.

Shapes: x (R, B, T) symbols or (R, B, T, n) inputs; through time it is (T, R, B, …). S, the steps that have targets, is
1 where the task asks at the end alone, else T.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from landmarks.data.sequences import lengths
from landmarks.errors import UsageError
from landmarks.parts import memory_cells as memory
from landmarks.randomness import stream
from landmarks.settings import NOT_NEGATIVE, POSITIVE


@dataclass(frozen=True, kw_only=True)
class Model:
    """The net: `units` and `activation` are of the simple net and of torch's LSTM, the rest of memory cells.

    `recurrent` says which hidden units count in the next step, `bias` which have one.
    """

    cell: Literal["lstm1997", "lstm2000", "simple", "nn_lstm"]
    blocks: Annotated[int, POSITIVE]
    size: Annotated[int, POSITIVE]
    plain: bool
    output_gate: bool
    in_biases: tuple[float, ...] | None
    out_biases: tuple[float, ...] | None
    forget_biases: tuple[float, ...] | None
    carousel: Annotated[float, NOT_NEGATIVE]
    units: Annotated[int, POSITIVE] | None
    activation: Literal["logistic", "tanh"]
    recurrent: Literal["all", "cells", "none"]
    bias: Literal["none", "gates", "hidden"]
    output_bias: bool
    shortcut: bool
    output: Literal["logistic", "linear"]
    init: Annotated[float, POSITIVE]

    @property
    def gated(self) -> bool:
        return self.cell in ("lstm1997", "lstm2000")

    @property
    def form(self) -> memory.Form:
        """Of the memory cells."""
        forget, gates = self.cell == "lstm2000", self.recurrent == "all"
        return memory.Form(self.blocks, self.size, self.plain, self.output_gate, forget, gates, self.carousel)


def check(model: Model) -> None:
    """Raise UsageError for keys that do not go together."""
    if model.gated != (model.units is None):
        raise UsageError(
            f"model.units must be {'null' if model.gated else 'a whole number'} for model.cell={model.cell}, got"
            f" {'null' if model.units is None else model.units}"
        )
    for kind in ("in", "out", "forget"):
        key, gates = f"{kind}_biases", kind in model.form.columns
        values = getattr(model, key)
        if values is None:
            continue
        if len(values) != model.blocks or not gates:
            wanted = f"one number for each of the {model.blocks} blocks" if gates else "null without such gates"
            raise UsageError(f"model.{key} must be {wanted}, got {[*values]}")
        if model.bias == "none":
            raise UsageError(f"model.{key} are biases, and model.bias=none says that there are none; make it null")
    usually = {"in_biases": None, "out_biases": None, "plain": False, "output_gate": True}
    for key, usual in usually.items():
        if not model.gated and getattr(model, key) != usual:
            said = "null" if usual is None else str(usual).lower()
            raise UsageError(f"model.{key} is of memory cells alone, and must be {said} for model.cell={model.cell}")
    if model.activation != "logistic" and model.cell != "simple":
        raise UsageError(f"model.activation is of model.cell=simple alone, and must be logistic for {model.cell}")
    if model.bias == "gates" and not model.gated:
        raise UsageError(f"model.bias must not be gates for model.cell={model.cell}, which has none")
    if model.carousel != 1 and model.cell != "lstm1997":
        raise UsageError(f"model.carousel={model.carousel:g}: is of model.cell=lstm1997 alone; leave it at 1.0")
    if model.recurrent != "all" and not model.gated:
        raise UsageError(f"model.recurrent must be all for model.cell={model.cell}, got {model.recurrent}")


def shapes(model: Model, inputs: int, outputs: int) -> dict[str, tuple[int, int]]:
    """Each parameter's shape without the leading R, in the order in which they are drawn."""
    form, units = model.form, model.units or 0
    hidden, seen = (form.units, form.cells) if model.gated else (units, units)
    counted = {"all": hidden, "cells": seen, "none": 0}[model.recurrent]
    found = {"input": (inputs, hidden), "recurrent": (counted, hidden)}
    biased = {"none": 0, "gates": hidden - seen, "hidden": hidden}[model.bias]
    if model.cell == "nn_lstm":
        found = {"weight_ih_l0": (4 * units, inputs), "weight_hh_l0": (4 * units, units)}
        found |= {"bias_ih_l0": (1, 4 * units), "bias_hh_l0": (1, 4 * units)}
        biased = 0
    found |= {"bias": (1, biased), "output": (seen, outputs), "output_bias": (int(model.output_bias), outputs)}
    found["shortcut"] = (inputs if model.shortcut else 0, outputs)
    return {name: shape for name, shape in found.items() if min(shape)}


def product(x: Tensor, weight: Tensor) -> Tensor:
    """(S, R, B, m) of x (S, R, B, k) and weights (R, k, m); for one step without einsum, which is slower."""
    return torch.bmm(x[0], weight)[None] if len(x) == 1 else torch.einsum("srbk,rkm->srbm", x, weight)


def slope(x: Tensor, error: Tensor) -> Tensor:
    """∂E/∂weight (R, k, m) of `product`, of errors (S, R, B, m)."""
    return torch.bmm(x[0].mT, error[0]) if len(x) == 1 else torch.einsum("srbk,srbm->rkm", x, error)


class RecurrentNets(nn.Module):
    """Parameters with a leading R, as in `shapes`, None where there is none; `stepwise`: all steps have targets.

    `cells` takes the memory cells through time.
    """

    cells: memory.Cells = memory
    input: Tensor
    output: Tensor
    recurrent: Tensor | None
    bias: Tensor | None
    output_bias: Tensor | None
    shortcut: Tensor | None

    def __init__(self, model: Model, inputs: int, outputs: int, stepwise: bool) -> None:
        super().__init__()
        check(model)
        self.model, self.inputs, self.stepwise, self.form = model, inputs, stepwise, model.form
        self.shapes = shapes(model, inputs, outputs)
        self.library = [nn.LSTM(inputs, model.units or 1)] * (
            model.cell == "nn_lstm"
        )  # a list, to keep its weights out

    def start(self, seed: int, first: int, replicas: int) -> None:
        """Draw the weights, uniform in ±model.init, one draw a replica; then set the gates' biases that are given.

        What is then replaced is drawn all the same, so that a switch changes nothing else.
        """
        bound, counts = self.model.init, [rows * columns for rows, columns in self.shapes.values()]
        drawn = [stream(seed, first + r, "weights").uniform(-bound, bound, sum(counts)) for r in range(replicas)]
        parts = torch.split(torch.from_numpy(np.stack(drawn)).float(), counts, 1)
        for (name, shape), part in zip(self.shapes.items(), parts, strict=True):
            self.register_parameter(name, nn.Parameter(part.reshape(-1, *shape).contiguous()))
        for name in {"recurrent", "bias", "output_bias", "shortcut"} - {*self.shapes}:
            self.register_parameter(name, None)
        absent = self.form.units - self.shapes.get("bias", (1, 0))[1]
        for kind in ("in", "out", "forget"):
            values = getattr(self.model, f"{kind}_biases")
            if values is not None:
                at = self.form.columns[kind].start - absent
                self.get_parameter("bias").data[:, 0, at : at + len(values)] = torch.tensor(values)

    def outside(self, x: Tensor, weight: Tensor) -> Tensor:
        """What the inputs x give to units with these weights (R, n, H), (T, R, B, H)."""
        replicas, count, steps = x.shape[:3]
        if x.is_floating_point():
            flat = x.nan_to_num().transpose(1, 2).reshape(replicas, steps * count, -1)
            return torch.bmm(flat, weight).view(replicas, steps, count, -1).transpose(0, 1)
        return weight.flatten(0, 1).index_select(0, self.places(x)).view(steps, replicas, count, -1)

    def inside(self, x: Tensor, delta: Tensor) -> Tensor:
        """What `outside` is to blame for: ∂E/∂weight (R, n, H) of errors delta (T, R, B, H)."""
        replicas, count, steps = x.shape[:3]
        if x.is_floating_point():
            flat = x.nan_to_num().transpose(1, 2).reshape(replicas, steps * count, -1)
            return torch.bmm(flat.transpose(1, 2), delta.transpose(0, 1).reshape(replicas, steps * count, -1))
        total = delta.new_zeros(replicas * self.inputs, delta.shape[-1])
        return total.index_add_(0, self.places(x), delta.reshape(-1, delta.shape[-1])).view(replicas, self.inputs, -1)

    def places(self, x: Tensor) -> Tensor:
        """The rows of (R · n, …) that symbols x (R, B, T) choose, time first, (T · R · B,)."""
        first = torch.arange(len(x), device=x.device)[:, None, None] * self.inputs
        return (x.long().clamp(min=0) + first).permute(2, 0, 1).reshape(-1)

    def net(self, x: Tensor) -> Tensor:
        """The hidden units' net inputs from outside, biases included, (T, R, B, H)."""
        net = self.outside(x, self.input)
        absent = 0 if self.bias is None else net.shape[-1] - self.bias.shape[-1]
        return net if self.bias is None else net + (F.pad(self.bias, (absent, 0)) if absent else self.bias)

    def hidden(self, x: Tensor) -> Tensor:
        """What the output units see, (T, R, B, cells or units), with a graph where one is recorded."""
        if self.library:
            return torch.stack([self._library(each, r) for r, each in enumerate(x)], 1)
        if self.model.cell == "simple":
            squash = torch.sigmoid if self.model.activation == "logistic" else torch.tanh
            return memory.simple(self.net(x), self.get_parameter("recurrent"), squash)
        if torch.is_grad_enabled() or self.form.forget_gate:
            return self.cells.unrolled(self.form, self.net(x), self.recurrent)
        return self.cells.run(self.form, self.net(x), self.recurrent).y[1:, ..., : self.form.cells]

    def _library(self, x: Tensor, replica: int) -> Tensor:
        """torch's own LSTM with the weights of one replica, (T, B, units), of x (B, T) or (B, T, n)."""
        weights = {name: getattr(self, name)[replica].squeeze(0) for name in self.shapes if name.endswith("_l0")}
        return functional_call(self.library[0], weights, (self.dense(x).transpose(0, 1),))[0]  # type: ignore[no-any-return]

    def asked(self, hidden: Tensor, x: Tensor) -> Tensor:
        """`hidden` (T, R, B, m) where there are targets: at all steps, or (1, R, B, m) at the last one."""
        if self.stepwise:
            return hidden
        return hidden.gather(0, (lengths(x) - 1)[None, ..., None].expand(1, *hidden.shape[1:]))

    def answer(self, asked: Tensor, x: Tensor) -> Tensor:
        """The output units (S, R, B, m)."""
        total = product(asked, self.output)
        total = total if self.output_bias is None else total + self.output_bias
        total = total if self.shortcut is None else total + self.outside(x, self.shortcut)
        return total.sigmoid() if self.model.output == "logistic" else total

    def by_output(self, error: Tensor, output: Tensor) -> Tensor:
        """Errors of the output units as those of their net inputs, error · f'(net_k), (S, R, B, m)."""
        return error * memory.slope_of(output) if self.model.output == "logistic" else error

    def blame(self, error: Tensor) -> Tensor:
        """∂E/∂y_c of what the output units see (S, R, B, cells), of their net inputs' errors (S, R, B, m)."""
        return product(error, self.output.mT)

    def judge(self, x: Tensor, error: Tensor, asked: Tensor, tape: memory.Tape) -> dict[str, Tensor]:
        """Each parameter's slope of ½ Σ error², error (S, R, B, m), by the truncated gradient in closed form."""
        blame = self.blame(error)
        if not self.stepwise:
            ends = (lengths(x) - 1)[None, ..., None].expand_as(blame)
            blame = blame.new_zeros(tape.steps, *blame.shape[1:]).scatter_(0, ends, blame)
        delta = self.cells.truncated(self.form, tape, blame).delta
        slopes = {"input": self.inside(x, delta)}
        if self.recurrent is not None:
            slopes["recurrent"] = slope(tape.y[:-1, ..., : self.recurrent.shape[1]], delta)
        if self.bias is not None:
            slopes["bias"] = delta[..., -self.bias.shape[2] :].sum((0, 2))[:, None]
        return slopes | self.above(x, error, asked)

    def above(self, x: Tensor, error: Tensor, asked: Tensor) -> dict[str, Tensor]:
        """The slopes of the output units' weights, of their net inputs' errors (S, R, B, m)."""
        slopes = {"output": slope(asked, error)}
        if self.output_bias is not None:
            slopes["output_bias"] = error.sum((0, 2))[:, None]
        if self.shortcut is not None:
            slopes["shortcut"] = self.inside(x, error)
        return slopes

    def dense(self, x: Tensor) -> Tensor:
        """Inputs (…, T, n), symbols as one unit each."""
        return (
            x.nan_to_num() if x.is_floating_point() else F.one_hot(x.long().clamp(min=0), self.inputs).to(self.output)
        )

    def sources(self, now: Tensor, before: Tensor) -> Tensor:
        """All that the hidden units see in a step: inputs (R, B, n), the 1 of the biases, activities (R, B, K)."""
        counted = 0 if self.recurrent is None else self.recurrent.shape[1]
        return torch.cat([now, torch.ones_like(now[..., :1]), before[..., :counted]], -1)

    def split(self, found: Tensor) -> dict[str, Tensor]:
        """Slopes by `sources`, (R, n + 1 + K, H), as those of the parameters."""
        n = self.inputs
        slopes = {"input": found[:, :n]}
        if self.recurrent is not None:
            slopes["recurrent"] = found[:, n + 1 :]
        if self.bias is not None:
            slopes["bias"] = found[:, n : n + 1, -self.bias.shape[2] :]
        return slopes
