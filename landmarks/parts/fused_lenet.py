"""One update of the LeNet-5 of 1998 on one pattern, forward and backward written out on buffers that are kept.

Autograd's bookkeeping for 60,000 weights and one pattern takes several times as long as the arithmetic. Here every
operator writes to its place (`out=`), the ∂E/∂a of a layer's units are the gradient of their biases, the step of the
learning rule is one operation on all weights at once, and nothing waits for the device: shapes are fixed and the rate
is a tensor. `tests/test_lenet.py` compares gradients and weights with the plain form.

A·tanh(S·a) = 2A·u − A with u = σ(2S·a): the logistic function takes a quarter of the time of tanh on a CPU, and its
derivative costs nothing more. Names, for layers 1 … 6 (C1, S2, C3, S4, C5, F6): u; x = 2A·u − A, the output; s2 and s4,
the sums of four that S2 and S4 take; d = ∂E/∂a; e = 4AS·∂E/∂x, so that d = e·u·(1 − u).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

_back = torch.ops.aten.sigmoid_backward.grad_input
"""(e, u) → e·u·(1 − u)."""


@dataclass(frozen=True)
class Form:
    """What varies between readings: A and S of the squashing; eq. 9 with its j, or eq. 8 where `j` is None; `factor`,
    1 or ½, of the squared distances; how many of the ten classes are `known`."""

    amplitude: float
    slope: float
    j: float | None
    factor: float
    known: int


class OnePattern:
    """Forward and backward for one picture; the buffers are made once.

    `w`, `g`: weights and their gradients by the plain network's names (`C1.weight`), contiguous; `links` (60,): where
    C3's kernels stand among the 16 × 6 pairs of maps; `codes` (10, 84).
    """

    def __init__(
        self, w: Mapping[str, Tensor], g: Mapping[str, Tensor], links: Tensor, codes: Tensor, form: Form
    ) -> None:
        self.links, self.codes, self.form, self.gradients = links, codes, form, g
        self._make_constants()
        self._make_input()
        self._make_maps()
        self._make_vectors()
        self._view_weights({name: tensor.detach() for name, tensor in w.items()}, g)

    def _make_constants(self) -> None:
        new, A, S = self.codes.new_zeros, self.form.amplitude, self.form.slope
        self.twice_a, self.twice_s, self.slope = 2 * A, 2 * S, 4 * A * S
        self.zero, self.minus_a, self.minus_4a = new(1), new(1).fill_(-A), new(1).fill_(-4 * A)
        self.steepness = new(()).fill_(2 * S)
        self.pair_in, self.pair_out = new(2).fill_(2 * A), new(1, 2).fill_(self.slope)
        self.ones1, self.ones2, self.ones3, self.ones4 = (torch.ones_like(new(n)) for n in (784, 196, 100, 25))

    def _make_input(self) -> None:
        """The padded picture, and the 5 × 5 inputs of each unit of C1 and C3 as columns of a matrix (im2col)."""
        new = self.codes.new_zeros
        self.canvas, self.background = new(32, 32).fill_(-0.1), new(28, 28).fill_(-0.1)
        self.inside = self.canvas[2:30, 2:30]
        self.windows1 = self.canvas.as_strided((5, 5, 28, 28), (32, 1, 32, 1))
        self.columns1, self.columns3, self.x2 = new(25, 784), new(150, 100), new(6, 196)
        self.columns1_t, self.columns3_t = self.columns1.t(), self.columns3.t()
        self.windows3 = self.x2.as_strided((6, 5, 5, 10, 10), (196, 14, 1, 14, 1))
        self.filled1, self.filled3 = self.columns1.view(5, 5, 28, 28), self.columns3.view(6, 5, 5, 10, 10)
        # On the way back (col2im) each of the 25 positions has a plane, shifted to where its part of ∂E/∂x belongs.
        self.back3, self.planes = new(150, 100), new(6, 25, 196)
        self.back3_in = self.back3.view(6, 5, 5, 10, 10)
        self.shifted = self.planes.as_strided((6, 5, 5, 10, 10), (25 * 196, 5 * 196 + 14, 196 + 1, 14, 1))

    def _make_maps(self) -> None:
        """C1 to S4. A sum of four is a sum of two rows, then of two neighbours; its inverse goes the same way."""
        new = self.codes.new_zeros
        self.u1, self.d1, self.half1, self.e1 = new(6, 784), new(6, 784), new(6, 14, 28), new(1176, 2)
        self.u1_rows, self.d1_rows = self.u1.view(6, 14, 2, 28), self.d1.view(6, 14, 2, 28)
        self.half1_pairs, self.e1_rows = self.half1.view(1176, 2), self.e1.view(6, 14, 1, 28)
        self.s2, self.u2, self.e2, self.d2, self.c2d2 = new(6, 196), new(6, 196), new(6, 196), new(6, 196), new(6, 196)
        self.s2_all, self.c2d2_all = self.s2.view(1176), self.c2d2.view(1176, 1)
        self.s2_column, self.d2_row = self.s2.view(6, 196, 1), self.d2.view(6, 1, 196)
        self.u3, self.d3, self.half3, self.e3 = new(16, 100), new(16, 100), new(16, 5, 10), new(400, 2)
        self.u3_rows, self.d3_rows = self.u3.view(16, 5, 2, 10), self.d3.view(16, 5, 2, 10)
        self.half3_pairs, self.e3_rows = self.half3.view(400, 2), self.e3.view(16, 5, 1, 10)
        self.s4, self.u4, self.e4, self.d4, self.c4d4 = new(16, 25), new(16, 25), new(16, 25), new(16, 25), new(16, 25)
        self.s4_all, self.c4d4_all, self.e4_all = self.s4.view(400), self.c4d4.view(400, 1), self.e4.view(400)
        self.s4_column, self.d4_row = self.s4.view(16, 25, 1), self.d4.view(16, 1, 25)
        self.kernels3, self.gradient3 = new(16, 150), new(16, 150)
        self.kernels3_t = self.kernels3.t()
        self.pairs3, self.gradient3_pairs = self.kernels3.view(96, 25), self.gradient3.view(96, 25)

    def _make_vectors(self) -> None:
        """C5, F6 and the output; `scores` are −y of the ten classes, then −j of the rubbish class of eq. 9."""
        new = self.codes.new_zeros
        self.x4, self.u5, self.x5, self.e5, self.u6, self.x6 = (new(n) for n in (400, 120, 120, 120, 84, 84))
        self.x4_maps, self.e6 = self.x4.view(16, 25), new(84)
        self.distance, self.square, self.minus = new(10, 84), new(10, 84), new(84).fill_(-self.form.factor)
        self.distance_t = self.distance.t()
        self.scores, self.one_hot = new(11).fill_(-(self.form.j or 0.0)), torch.eye(11, device=self.codes.device)
        self.classes, self.known, self.loss = self.scores[:10], self.scores[: self.form.known], new(())
        self.given = torch.zeros_like(self.links[0])
        self.wrong = self.given > 0

    def _view_weights(self, w: Mapping[str, Tensor], g: Mapping[str, Tensor]) -> None:
        """Kernels as matrices, and what is one number a map as a column."""
        self.w1, self.g1 = w["C1.weight"].view(6, 25), g["C1.weight"].view(6, 25)
        self.w3, self.g3 = w["C3.weight"].view(60, 25), g["C3.weight"].view(60, 25)
        self.w5, self.g5 = w["C5.weight"].view(120, 400), g["C5.weight"].view(120, 400)
        self.w6, self.g6 = w["F6.weight"], g["F6.weight"]
        self.w5_t, self.w6_t = self.w5.t(), self.w6.t()
        self.c2, self.c4 = w["S2.weight"][:, None], w["S4.weight"][:, None]
        self.gc2, self.gc4 = g["S2.weight"].view(6, 1, 1), g["S4.weight"].view(16, 1, 1)
        self.b1, self.b2, self.b3, self.b4 = (w[f"{name}.bias"][:, None] for name in ("C1", "S2", "C3", "S4"))
        self.gb1, self.gb2, self.gb3, self.gb4 = (g[f"{name}.bias"] for name in ("C1", "S2", "C3", "S4"))
        self.b5, self.b6, self.d5, self.d6 = w["C5.bias"], w["F6.bias"], g["C5.bias"], g["F6.bias"]

    def forward(self, x: Tensor) -> None:
        """x (28, 28), uint8."""
        A2, S2, A = self.twice_a, self.twice_s, self.minus_a
        torch.add(self.background, x, alpha=1.275 / 255, out=self.inside)
        self.filled1.copy_(self.windows1)
        torch.addmm(self.b1, self.w1, self.columns1, alpha=S2, beta=S2, out=self.u1).sigmoid_()
        torch.sum(self.u1_rows, 2, out=self.half1)
        torch.addmv(self.minus_4a, self.half1_pairs, self.pair_in, out=self.s2_all)
        torch.addcmul(self.b2, self.c2, self.s2, out=self.u2).mul_(self.steepness).sigmoid_()
        torch.add(A, self.u2, alpha=A2, out=self.x2)
        self.filled3.copy_(self.windows3)
        self.pairs3.index_copy_(0, self.links, self.w3)
        torch.addmm(self.b3, self.kernels3, self.columns3, alpha=S2, beta=S2, out=self.u3).sigmoid_()
        torch.sum(self.u3_rows, 2, out=self.half3)
        torch.addmv(self.minus_4a, self.half3_pairs, self.pair_in, out=self.s4_all)
        torch.addcmul(self.b4, self.c4, self.s4, out=self.u4).mul_(self.steepness).sigmoid_()
        torch.add(A, self.u4, alpha=A2, out=self.x4_maps)
        torch.addmv(self.b5, self.w5, self.x4, alpha=S2, beta=S2, out=self.u5).sigmoid_()
        torch.add(A, self.u5, alpha=A2, out=self.x5)
        torch.addmv(self.b6, self.w6, self.x5, alpha=S2, beta=S2, out=self.u6).sigmoid_()
        torch.add(A, self.u6, alpha=A2, out=self.x6)

    def compare(self, y: Tensor, rate: Tensor) -> None:
        """Distances to the codes, loss, error, and e6 times the rate; y (1,), int64.

        The way back is linear, so the rate is put on these 84 numbers instead of the 60,000 gradients.
        """
        torch.sub(self.x6, self.codes, out=self.distance)
        torch.mul(self.distance, self.distance, out=self.square)
        torch.mv(self.square, self.minus, out=self.classes)
        torch.argmax(self.known, 0, out=self.given)
        torch.ne(self.given, y[0], out=self.wrong)
        pull = self.one_hot.index_select(0, y)[0]
        if self.form.j is None:
            torch.dot(pull, self.scores, out=self.loss)
        else:
            logarithms = torch.log_softmax(self.scores, 0)
            torch.dot(pull, logarithms, out=self.loss)
            pull.sub_(logarithms.exp_())
        self.loss.neg_()
        scale = 2 * self.form.factor * self.slope
        torch.addmv(self.zero, self.distance_t, pull[:10], beta=0, alpha=scale, out=self.e6).mul_(rate)

    def backward(self) -> None:
        """All gradients, times the rate."""
        zero, slope = self.zero, self.slope
        _back(self.e6, self.u6, grad_input=self.d6)
        torch.outer(self.d6, self.x5, out=self.g6)
        torch.addmv(zero, self.w6_t, self.d6, beta=0, alpha=slope, out=self.e5)
        _back(self.e5, self.u5, grad_input=self.d5)
        torch.outer(self.d5, self.x4, out=self.g5)
        torch.addmv(zero, self.w5_t, self.d5, beta=0, alpha=slope, out=self.e4_all)
        _back(self.e4, self.u4, grad_input=self.d4)
        torch.mv(self.d4, self.ones4, out=self.gb4)
        torch.bmm(self.d4_row, self.s4_column, out=self.gc4)
        torch.mul(self.d4, self.c4, out=self.c4d4)
        torch.mm(self.c4d4_all, self.pair_out, out=self.e3)
        _back(self.e3_rows, self.u3_rows, grad_input=self.d3_rows)
        torch.mv(self.d3, self.ones3, out=self.gb3)
        torch.mm(self.d3, self.columns3_t, out=self.gradient3)
        torch.index_select(self.gradient3_pairs, 0, self.links, out=self.g3)
        torch.addmm(zero, self.kernels3_t, self.d3, beta=0, alpha=slope, out=self.back3)
        self.shifted.copy_(self.back3_in)
        torch.sum(self.planes, 1, out=self.e2)
        _back(self.e2, self.u2, grad_input=self.d2)
        torch.mv(self.d2, self.ones2, out=self.gb2)
        torch.bmm(self.d2_row, self.s2_column, out=self.gc2)
        torch.mul(self.d2, self.c2, out=self.c2d2)
        torch.mm(self.c2d2_all, self.pair_out, out=self.e1)
        _back(self.e1_rows, self.u1_rows, grad_input=self.d1_rows)
        torch.mv(self.d1, self.ones1, out=self.gb1)
        torch.mm(self.d1, self.columns1_t, out=self.g1)
