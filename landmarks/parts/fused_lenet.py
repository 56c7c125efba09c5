"""One update of a LeNet of 1998 on one pattern, written out as in `fused_full`: here its maps, C1 to S4.

Names, for layers 1 … 4 (C1, S2, C3, S4): u, x, d and e as there; s2 and s4, the sums of four that S2 and S4 take.
"""

from __future__ import annotations

import torch
from torch import Tensor

from landmarks.parts.fused_full import Form, OnePattern, OnePatternOfPairs, Weights, back
from landmarks.parts.second_order import SDLM, Convolution, Network


def written_out(network: Network, rule: SDLM, codes: Tensor, form: Form) -> OnePattern:
    """The update of a network, or of a stack of them, without softmax or pooling of later years."""
    names = [name for name, _ in network.named_parameters()]
    weights, gradients = (dict(zip(names, rule.views(flat), strict=True)) for flat in (rule.weights, rule.gradient))
    if "C1" not in network:
        return (OnePatternOfPairs if form.pairs else OnePattern)(weights, gradients, codes, form)
    c3 = network["C3"]
    assert isinstance(c3, Convolution)
    return OnePatternOfMaps(weights, gradients, codes, form, c3.get_buffer("links"), c3.maps)


class OnePatternOfMaps(OnePattern):
    """Gradients of R networks from one picture each.

    `links` (kernels,): where C3's kernels stand among the pairs of its `maps`, out × in. Sides, for the 28 × 28 pixels
    and their frame: `n1` of C1's maps, `n2` of S2's, `n3` of C3's and `n4` of S4's.
    """

    def __init__(self, w: Weights, g: Weights, codes: Tensor, form: Form, links: Tensor, maps: tuple[int, int]) -> None:
        self.links, (self.maps3, self.maps1) = links, maps
        self.side = 28 + 2 * form.frame
        self.n1 = self.side - 4
        self.n2 = self.n1 // 2
        self.n3 = self.n2 - 4
        self.n4 = self.n3 // 2
        super().__init__(w, g, codes, form)

    def make_input(self, w: dict[str, Tensor], names: list[str]) -> tuple[Tensor, Tensor]:
        del names[:4]
        new, R, A, S = self.codes.new_zeros, self.replicas, self.form.amplitude, self.form.slope
        self.twice_a, self.twice_s, self.slope = 2 * A, 2 * S, 4 * A * S
        self.none, self.minus_a, self.minus_4a = new(1), new(1).fill_(-A), new(1).fill_(-4 * A)
        self.steepness, self.pair = new(()).fill_(2 * S), new(2).fill_(2 * A)
        sides = self.n1, self.n2, self.n3, self.n4
        self.ones1, self.ones2, self.ones3, self.ones4 = (torch.ones_like(new(n * n)) for n in sides)
        self._make_first()
        self._make_columns()
        self._make_third()
        self._view_weights(w, self.gradients)
        self.x4 = new(R, 1, self.maps3 * self.n4**2)
        self.x4_maps = self.x4.view(R, self.maps3, -1)
        return self.x4, self.e4.view(R, 1, -1)

    def _make_first(self) -> None:
        """The framed picture, the 5 × 5 inputs of each unit of C1 as columns of a matrix (im2col), C1 and S2.

        `half` is the sum of two rows. e1 is what S2 takes in: four times the same number, by a product with `spread`.
        """
        new, R, M, side, n1, n2 = self.codes.new_zeros, self.replicas, self.maps1, self.side, self.n1, self.n2
        inner = slice(self.form.frame, self.form.frame + 28)
        self.canvas = new(R, side, side).fill_(self.form.background)
        self.background, self.inside = self.canvas[:, inner, inner].clone(), self.canvas[:, inner, inner]
        self.windows1 = self.canvas.as_strided((R, 5, 5, n1, n1), (side * side, side, 1, side, 1))
        self.columns1 = new(R, 25, n1 * n1)
        self.columns1_t, self.filled1 = self.columns1.mT, self.columns1.view(R, 5, 5, n1, n1)
        self.u1, self.d1 = new(R, M, n1 * n1), new(R, M, n1 * n1)
        self.e1, self.half1 = new(R * M * n2, 2 * n1), new(R, M, n2, n1)
        self.upper1, self.lower1 = self.u1.view(R, M, n2, 2, n1).unbind(3)
        self.pairs1, self.d1_flat, self.e1_maps = (
            self.half1.view(-1, 2),
            self.d1.view(-1, n1 * n1),
            self.e1.view(R, M, -1),
        )
        self.s2, self.u2, self.e2, self.d2, self.c2d2 = (new(R, M, n2 * n2) for _ in range(5))
        self.s2_flat, self.c2d2_rows, self.d2_flat = self.s2.view(-1), self.c2d2.view(-1, n2), self.d2.view(-1, n2 * n2)
        self.s2_column, self.d2_row = self.s2.view(-1, n2 * n2, 1), self.d2.view(-1, 1, n2 * n2)
        self.spread1, self.spread3 = (
            torch.eye(n).repeat_interleave(2, 1).repeat(1, 2).mul(self.slope).to(self.codes) for n in (n2, self.n4)
        )

    def _make_columns(self) -> None:
        """The inputs of C3 as columns, in two steps with long rows: five shifts to the side, then five of those down.

        On the way back (col2im) each of the 25 positions has a plane, shifted to where its part of ∂E/∂x belongs.
        """
        new, R, M, n2, n3 = self.codes.new_zeros, self.replicas, self.maps1, self.n2, self.n3
        area = n2 * n2
        self.shifts, self.columns3 = new(R, M, 5, n2, n3), new(R, M * 25, n3 * n3)
        self.u2_shifts = self.u2.as_strided(self.shifts.shape, (M * area, area, 1, n2, 1))
        long = n2 * n3
        self.windows3 = self.shifts.as_strided((R, M, 5, 5, n3 * n3), (M * 5 * long, 5 * long, n3, long, 1))
        self.columns3_t, self.filled3 = self.columns3.mT, self.columns3.view(R, M, 5, 5, n3 * n3)
        self.back3, self.planes = new(R, M * 25, n3 * n3), new(R, M, 25, area)
        self.back3_in = self.back3.view(R, M, 5, 5, n3, n3)
        strides = (M * 25 * area, 25 * area, 5 * area + n2, area + 1, n2, 1)
        self.shifted = self.planes.as_strided((R, M, 5, 5, n3, n3), strides)

    def _make_third(self) -> None:
        """C3 and S4, as C1 and S2."""
        new, R, M, n3, n4 = self.codes.new_zeros, self.replicas, self.maps3, self.n3, self.n4
        self.u3, self.d3 = new(R, M, n3 * n3), new(R, M, n3 * n3)
        self.e3, self.half3 = new(R * M * n4, 2 * n3), new(R, M, n4, n3)
        self.upper3, self.lower3 = self.u3.view(R, M, n4, 2, n3).unbind(3)
        self.pairs3, self.d3_flat, self.e3_maps = (
            self.half3.view(-1, 2),
            self.d3.view(-1, n3 * n3),
            self.e3.view(R, M, -1),
        )
        self.s4, self.u4, self.e4, self.d4, self.c4d4 = (new(R, M, n4 * n4) for _ in range(5))
        self.s4_flat, self.c4d4_rows, self.d4_flat = self.s4.view(-1), self.c4d4.view(-1, n4), self.d4.view(-1, n4 * n4)
        self.s4_column, self.d4_row = self.s4.view(-1, n4 * n4, 1), self.d4.view(-1, 1, n4 * n4)
        self.kernels3, self.gradient3 = new(R, M, self.maps1 * 25), new(R, M, self.maps1 * 25)
        self.pairs_of_maps, self.gradient_of_pairs = self.kernels3.view(R, -1, 25), self.gradient3.view(R, -1, 25)
        self.kernels3_t = self.kernels3.mT

    def _view_weights(self, w: Weights, g: Weights) -> None:
        """Kernels as matrices, and what is one number a map as a column."""
        R = self.replicas
        self.w1, self.g1 = w["C1.weight"].view(R, -1, 25), g["C1.weight"].view(R, -1, 25)
        self.w3, self.g3 = w["C3.weight"].view(R, -1, 25), g["C3.weight"].view(R, -1, 25)
        self.c2, self.c4 = w["S2.weight"].view(R, -1, 1), w["S4.weight"].view(R, -1, 1)
        self.gc2, self.gc4 = g["S2.weight"].view(-1, 1, 1), g["S4.weight"].view(-1, 1, 1)
        self.b1, self.b2, self.b3, self.b4 = (w[f"{name}.bias"].view(R, -1, 1) for name in ("C1", "S2", "C3", "S4"))
        self.gb1, self.gb2, self.gb3, self.gb4 = (g[f"{name}.bias"].view(-1) for name in ("C1", "S2", "C3", "S4"))

    def forward(self, x: Tensor) -> None:
        A2, S2, A = self.twice_a, self.twice_s, self.minus_a
        torch.add(self.background, x, alpha=self.form.pixel, out=self.inside)
        self.filled1.copy_(self.windows1)
        torch.baddbmm(self.b1, self.w1, self.columns1, alpha=S2, beta=S2, out=self.u1).sigmoid_()
        torch.add(self.upper1, self.lower1, out=self.half1)
        torch.addmv(self.minus_4a, self.pairs1, self.pair, out=self.s2_flat)
        torch.addcmul(self.b2, self.c2, self.s2, out=self.u2).mul_(self.steepness).sigmoid_()
        torch.add(A, self.u2_shifts, alpha=A2, out=self.shifts)
        self.filled3.copy_(self.windows3)
        self.pairs_of_maps.index_copy_(1, self.links, self.w3)
        torch.baddbmm(self.b3, self.kernels3, self.columns3, alpha=S2, beta=S2, out=self.u3).sigmoid_()
        torch.add(self.upper3, self.lower3, out=self.half3)
        torch.addmv(self.minus_4a, self.pairs3, self.pair, out=self.s4_flat)
        torch.addcmul(self.b4, self.c4, self.s4, out=self.u4).mul_(self.steepness).sigmoid_()
        torch.add(A, self.u4, alpha=A2, out=self.x4_maps)
        for layer in self.layers:
            layer.forward()

    def backward(self) -> None:
        super().backward()
        zero, slope = self.none, self.slope
        back(self.e4, self.u4, grad_input=self.d4)
        torch.mv(self.d4_flat, self.ones4, out=self.gb4)
        torch.bmm(self.d4_row, self.s4_column, out=self.gc4)
        torch.mul(self.d4, self.c4, out=self.c4d4)
        torch.mm(self.c4d4_rows, self.spread3, out=self.e3)
        back(self.e3_maps, self.u3, grad_input=self.d3)
        torch.mv(self.d3_flat, self.ones3, out=self.gb3)
        torch.bmm(self.d3, self.columns3_t, out=self.gradient3)
        torch.index_select(self.gradient_of_pairs, 1, self.links, out=self.g3)
        torch.baddbmm(zero, self.kernels3_t, self.d3, beta=0, alpha=slope, out=self.back3)
        self.shifted.copy_(self.back3_in)
        torch.sum(self.planes, 2, out=self.e2)
        back(self.e2, self.u2, grad_input=self.d2)
        torch.mv(self.d2_flat, self.ones2, out=self.gb2)
        torch.bmm(self.d2_row, self.s2_column, out=self.gc2)
        torch.mul(self.d2, self.c2, out=self.c2d2)
        torch.mm(self.c2d2_rows, self.spread1, out=self.e1)
        back(self.e1_maps, self.u1, grad_input=self.d1)
        torch.mv(self.d1_flat, self.ones1, out=self.gb1)
        torch.bmm(self.d1, self.columns1_t, out=self.g1)
