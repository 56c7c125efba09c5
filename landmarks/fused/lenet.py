"""One update of the LeNet-5 of 1998 on one pattern, forward and backward written out on buffers that are kept.

Autograd's bookkeeping for 60,000 weights and one pattern takes several times as long as the arithmetic. Here every
operator writes to its place (`out=`), the gradients of a bias are the δ of its units, the step of the stochastic
diagonal Levenberg–Marquardt rule is one operation on all weights at once, and nothing waits for the device: the shapes
are fixed and the rate is a tensor. `tests/test_lenet.py` compares gradients and weights with the plain form.

A layer's squashing is x = A·t, t = tanh(S·a). Names: `t1` … `t6` are the t of C1 … F6, `x2` … `x6` their outputs, `s2`
and `s4` the sums that the subsampling layers take, `d1` … `d6` the derivatives ∂E/∂a, `g…` what a layer gets from the
one after it, ∂E/∂x times A·S.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from landmarks.milestones.lenet import SDLM

tanh_backward = torch.ops.aten.tanh_backward.grad_input
"""(g, t) → g·(1 − t²)."""


@dataclass(frozen=True)
class Form:
    """What varies between readings: the squashing's A and S, eq. 8 or eq. 9 with its j, ½Σ or Σ (`factor`)."""

    amplitude: float
    slope: float
    discriminative: bool
    j: float
    factor: float


class OnePattern:
    """The network's parameters `p`, which are views of the rule's one tensor of weights, and their gradients `g`.

    `p` and `g` have the names and shapes of the plain network; `links` (60,) are the positions 16 × 6 of C3's kernels,
    `codes` (10, 84) the output codes.
    """

    def __init__(
        self, p: Mapping[str, Tensor], g: Mapping[str, Tensor], rule: SDLM, links: Tensor, codes: Tensor, form: Form
    ) -> None:
        self.p = {name: tensor.detach() for name, tensor in p.items()}
        self.g = dict(g)
        self.rule, self.links, self.codes, self.form = rule, links, codes, form
        self.both = form.amplitude * form.slope
        self.unbroken = torch.empty(0)
        self._make_input()
        self._make_maps()
        self._make_output()

    def _new(self, *shape: int) -> Tensor:
        return self.codes.new_zeros(shape)

    def _make_input(self) -> None:
        """The padded picture, and a view of it that holds each unit's 5 × 5 inputs."""
        self.canvas = self._new(32, 32).fill_(-0.1)
        self.inside = self.canvas[2:30, 2:30]
        self.background = self._new(28, 28).fill_(-0.1)
        self.windows1 = self.canvas.as_strided((5, 5, 28, 28), (32, 1, 32, 1))
        self.columns1 = self._new(5, 5, 28, 28)
        self.x2 = self._new(6, 196)
        self.windows3 = self.x2.as_strided((6, 5, 5, 10, 10), (196, 14, 1, 14, 1))
        self.columns3 = self._new(6, 5, 5, 10, 10)

    def _make_maps(self) -> None:
        new, like = self._new, torch.zeros_like
        self.t1, self.rows1, self.s2, self.t2 = new(6, 784), new(6, 14, 28), new(6, 196), new(6, 196)
        self.t3, self.rows3, self.s4, self.t4 = new(16, 100), new(16, 5, 10), new(16, 25), new(16, 25)
        self.x4, self.t5, self.x5 = new(400), new(120), new(120)
        self.kernels3 = new(16, 150)
        self.d1, self.d2, self.d3, self.d4 = (like(t) for t in (self.t1, self.t2, self.t3, self.t4))
        self.product2, self.product4, self.g2, self.g4, self.g5 = (
            like(t) for t in (self.s2, self.s4, self.s2, self.x4, self.x5)
        )
        self.g1, self.g3 = like(self.rows1), like(self.rows3)
        self.gradient3, self.back3 = new(16, 150), new(150, 100)
        # The 5 × 5 positions' parts of ∂E/∂x of S2, each on a plane of its own, where it belongs: col2im is their sum.
        self.planes = new(6, 25, 196)
        self.shifted = self.planes.as_strided((6, 5, 5, 10, 10), (4900, 5 * 196 + 14, 196 + 1, 14, 1))
        self.zero = new(1, 1)
        self.pair_in = new(2).fill_(self.form.amplitude)
        self.pair_out = new(1, 2).fill_(self.both)

    def _make_output(self) -> None:
        new = self._new
        self.t6, self.x6, self.g6 = new(84), new(84), new(84)
        self.distance, self.square = new(10, 84), new(10, 84)
        self.minus = new(84).fill_(-self.form.factor)
        # −y of the ten classes, and −j of the rubbish class of eq. 9.
        self.scores = new(11).fill_(-self.form.j)
        self.classes = self.scores[:10]
        self.one_hot = torch.eye(10, 11, device=self.codes.device)
        self.target = new(1, 11)
        self.loss, self.given, self.wrong = new(), torch.zeros_like(self.links[:1]), new(1)
