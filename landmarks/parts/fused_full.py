"""One update of fully linked layers on one pattern, forward and backward written out on buffers that are kept.

Autograd's bookkeeping for one pattern takes several times as long as the arithmetic. Here every operator writes to its
place (`out=`), the ∂E/∂a of a layer's units are the gradient of their biases, the step of the learning rule is one
operation on all weights at once, and nothing waits for the device: shapes are fixed and the rate is a tensor.
`tests/test_lenet.py` compares gradients and weights with the plain form.

R networks learn side by side, each from a pattern of its own, as products of batches of matrices; one network alone is
R = 1, and so computed it is no slower than with plain matrices. Vectors stand as rows, (R, 1, n): a product of a row
and a matrix takes a tenth of the time of the same product with a column.

A·tanh(S·a) = 2A·u − A with u = σ(2S·a): the logistic function takes a quarter of the time of tanh on a CPU, and its
derivative costs nothing more. Names: u; x = 2A·u − A, the output; d = ∂E/∂a; e = 4AS·∂E/∂x, so that d = e·u·(1 − u).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

back = torch.ops.aten.sigmoid_backward.grad_input
"""(e, u) → e·u·(1 − u)."""
Weights = Mapping[str, Tensor]
"""By the plain network's names (`C1.weight`), contiguous; with a leading R where there are several networks."""


@dataclass(frozen=True)
class Form:
    """What varies between networks and readings: A and S of the squashing; eq. 9 with its j, or eq. 8 where `j` is
    None; `factor`, 1 or ½, of the squared distances; how many of the classes are `known`; a pixel's byte p stands for
    `pixel`·p + `background`, with a `frame` of so many pixels of that for maps; whether the last layer is `linear`, and
    what its units say where each learns from a pair of the classes alone (`pairs`, model.pairs)."""

    amplitude: float
    slope: float
    j: float | None
    factor: float
    known: int
    pixel: float
    background: float
    frame: int
    linear: bool
    pairs: str | None


class Layer:
    """Units that take in everything below, x (R, 1, n) → `x` (R, 1, units). `e` is its own, `below` that of x."""

    def __init__(self, w: Weights, g: Weights, name: str, x: Tensor, below: Tensor | None, form: Form) -> None:
        R, _, n = x.shape
        self.inputs, self.below, A, S = x, below, form.amplitude, form.slope
        self.twice_a, self.twice_s, self.slope = 2 * A, 2 * S, 4 * A * S
        self.zero, self.minus_a = x.new_zeros(1), x.new_full((1,), -A)
        self.weight, self.gradient = w[f"{name}.weight"].view(R, -1, n), g[f"{name}.weight"].view(R, -1, n)
        self.bias, self.d = w[f"{name}.bias"].view(R, 1, -1), g[f"{name}.bias"].view(R, 1, -1)
        self.transposed, self.d_column = self.weight.mT, self.d.mT
        self.u, self.x, self.e = (torch.zeros_like(self.bias) for _ in range(3))

    def forward(self) -> None:
        S2 = self.twice_s
        torch.baddbmm(self.bias, self.inputs, self.transposed, alpha=S2, beta=S2, out=self.u).sigmoid_()
        torch.add(self.minus_a, self.u, alpha=self.twice_a, out=self.x)

    def change(self) -> None:
        back(self.e, self.u, grad_input=self.d)

    def backward(self) -> None:
        self.change()
        torch.mul(self.d_column, self.inputs, out=self.gradient)
        if self.below is not None:
            torch.baddbmm(self.zero, self.d, self.weight, beta=0, alpha=self.slope, out=self.below)


class LinearLayer(Layer):
    """The same without squashing: x = a."""

    def __init__(self, w: Weights, g: Weights, name: str, x: Tensor, below: Tensor | None, form: Form) -> None:
        super().__init__(w, g, name, x, below, form)
        self.unit = x.new_full((), 1 / self.slope)

    def forward(self) -> None:
        torch.baddbmm(self.bias, self.inputs, self.transposed, out=self.x)

    def change(self) -> None:
        torch.mul(self.e, self.unit, out=self.d)


class OnePattern:
    """Gradients of R networks of fully linked layers from one picture each; the buffers are made once.

    `w`, `g`: weights and their gradients, by layers from the input up; `codes` (k, n): what the n outputs are to be for
    each class. `loss` and `error` are means over the networks.
    """

    def __init__(self, w: Weights, g: Weights, codes: Tensor, form: Form) -> None:
        names = [name.removesuffix(".bias") for name in w if name.endswith(".bias")]
        R = self.replicas = w[f"{names[-1]}.bias"].numel() // codes.shape[1]
        self.codes, self.form, self.gradients = codes, form, g
        w = {name: tensor.detach() for name, tensor in w.items()}
        x, below = self.make_input(w, names)
        self.layers: list[Layer] = []
        for name in names:
            kind = LinearLayer if form.linear and name == names[-1] else Layer
            self.layers.append(kind(w, g, name, x, below, form))
            x, below = self.layers[-1].x, self.layers[-1].e
        self.x, self.e, self.scale = x, below, 2 * form.factor * self.layers[-1].slope
        self.zero, self.error, self.loss = (codes.new_zeros(shape) for shape in (1, (), ()))
        self.wrong, self.given = codes.new_zeros(R), codes.new_zeros(R, dtype=torch.int64)
        self.shares, self.minus_share = codes.new_full((R,), 1 / R), codes.new_full((), -1 / R)
        self.make_comparison(*codes.shape)

    def make_comparison(self, k: int, n: int) -> None:
        """Scores are −y of the k classes, then −j of the rubbish class of eq. 9: a distance more, which stays."""
        new, R, form = self.codes.new_zeros, self.replicas, self.form
        self.distance = new(R, k + 1, n).fill_(((form.j or 0.0) / (n * form.factor)) ** 0.5)
        self.classes, self.square, self.minus = self.distance[:, :k], new(R, k + 1, n), new(n).fill_(-form.factor)
        self.squares, self.scores, self.one_hot = (
            self.square.view(-1, n),
            new(R, k + 1),
            torch.eye(k + 1).to(self.codes),
        )
        self.all_scores, self.known = self.scores.view(-1), self.scores[:, : form.known]
        self.pull = new(R, k + 1)
        self.all_pulls, self.pull_row = self.pull.view(-1), self.pull[:, None, :k]

    def make_input(self, w: dict[str, Tensor], names: list[str]) -> tuple[Tensor, Tensor | None]:
        """What the lowest layer takes in, (R, 1, n), and where ∂E/∂ of it is wanted."""
        side = math.isqrt(w[f"{names[0]}.weight"].shape[-1])
        self.pixels = self.codes.new_zeros(self.replicas, side, side)
        self.background = torch.full_like(self.pixels, self.form.background)
        return self.pixels.view(self.replicas, 1, -1), None

    def learn(self, x: Tensor, y: Tensor, rate: Tensor) -> None:
        """All gradients, times the rate; x (R, 28, 28) uint8, y (R,) int64."""
        self.forward(x)
        self.compare(y, rate)
        self.backward()

    def forward(self, x: Tensor) -> None:
        torch.add(self.background, x, alpha=self.form.pixel, out=self.pixels)
        for layer in self.layers:
            layer.forward()

    def compare(self, y: Tensor, rate: Tensor) -> None:
        """Distances to the codes, loss, error, and the highest layer's e times the rate.

        The way back is linear, so the rate is put on these few numbers instead of all gradients.
        """
        torch.sub(self.x, self.codes, out=self.classes)
        torch.mul(self.distance, self.distance, out=self.square)
        torch.mv(self.squares, self.minus, out=self.all_scores)
        torch.argmax(self.known, 1, out=self.given)
        torch.ne(self.given, y, out=self.wrong)
        torch.dot(self.wrong, self.shares, out=self.error)
        torch.index_select(self.one_hot, 0, y, out=self.pull)
        if self.form.j is None:
            torch.dot(self.all_pulls, self.all_scores, out=self.loss)
        else:
            logarithms = torch.log_softmax(self.scores, 1)
            torch.dot(self.all_pulls, logarithms.view(-1), out=self.loss)
            self.pull.sub_(logarithms.exp_())
        self.loss.mul_(self.minus_share)
        torch.baddbmm(self.zero, self.pull_row, self.classes, beta=0, alpha=self.scale, out=self.e).mul_(rate)

    def backward(self) -> None:
        for layer in reversed(self.layers):
            layer.backward()


class OnePatternOfPairs(OnePattern):
    """The same of units that each tell two classes apart: a pattern's own pull at the units that its class
    concerns, and none at the others."""

    def make_comparison(self, k: int, n: int) -> None:
        new, R = self.codes.new_zeros, self.replicas
        self.of_classes, self.magnitudes = self.codes.mT.contiguous(), self.codes.abs()
        self.outputs, self.e_units = self.x.view(R, n), self.layers[-1].e.view(R, n)
        self.wanted, self.asked, self.off, self.votes = (new(R, n) for _ in range(4))
        self.scores, self.all_off = new(R, k), self.off.view(-1)
        self.known = self.scores[:, : self.form.known]
        self.twice, self.share_of_loss = new(()).fill_(self.scale), new(()).fill_(self.form.factor / R)

    def compare(self, y: Tensor, rate: Tensor) -> None:
        said = torch.sign(self.outputs, out=self.votes) if self.form.pairs == "votes" else self.outputs
        torch.mm(said, self.of_classes, out=self.scores)
        torch.argmax(self.known, 1, out=self.given)
        torch.ne(self.given, y, out=self.wrong)
        torch.dot(self.wrong, self.shares, out=self.error)
        torch.index_select(self.codes, 0, y, out=self.wanted)
        torch.index_select(self.magnitudes, 0, y, out=self.asked)
        torch.sub(self.outputs, self.wanted, out=self.off).mul_(self.asked)
        torch.dot(self.all_off, self.all_off, out=self.loss)
        self.loss.mul_(self.share_of_loss)
        torch.mul(self.off, self.twice, out=self.e_units).mul_(rate)
