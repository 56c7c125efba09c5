"""He, Zhang, Ren and Sun 2015: what the FLOPs of Table 1 are, and one that is rounded otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import torch

from landmarks.errata import Erratum, Found
from landmarks.errata.made import settings
from landmarks.milestones.resnet import form_of
from landmarks.parts.residual import Network

GIGA = 10**9


@cache
def counted(depth: int) -> int:
    """Multiply-adds of a picture in a network of Table 1."""
    model = settings("resnet", "experiment=imagenet", f"model.depth={depth}").model
    with torch.device("meta"):  # nothing is drawn, nothing multiplied
        return sum(row.multiply_adds or 0 for row in Network(form_of(model, 1000)).rows(model.input))


def flops(printed: Mapping[int, float]) -> Found:
    """Count multiply-adds, and operations if a multiplication and an addition are two."""
    lines, fit = [], []
    for depth, billions in printed.items():
        exact = counted(depth)
        lines.append(
            f"{depth:>3} layers: {exact:>14,} multiply-adds, {2 * exact:>14,} multiplications and additions; printed"
            f" {billions}·10⁹"
        )
        fit.append(abs(exact / GIGA - billions) < 0.1)
    return Found(tuple(lines), all(fit))


def rounding(depths: Sequence[int], printed: Sequence[float]) -> Found:
    """Round the exact counts to the printed digits."""
    lines, same = [], []
    for depth, billions in zip(depths, printed, strict=True):
        exact = counted(depth) / GIGA
        same.append(round(exact, 1) == billions)
        mark = "" if same[-1] else " ←"
        lines.append(f"{depth:>3} layers: {exact:.3f}·10⁹, rounded {exact:.1f}; printed {billions}{mark}")
    return Found(tuple(lines), sum(same) == len(same) - 1)


ERRATA = (
    Erratum(
        "flops",
        "FLOPs that are half of the FLOPs",
        "Table 1",
        "seen",
        "The networks of Table 1, for pictures of 224 × 224, take from {printed[18]}·10⁹ “FLOPs” with 18 layers to"
        " {printed[152]}·10⁹ with 152.",
        {"printed": {18: 1.8, 34: 3.6, 50: 3.8, 101: 7.6, 152: 11.3}},
        flops,
        "fits after all",
        "A multiplication with its addition counts as one, as the text says in brackets. Hardware is sold by the other"
        " count, which is twice as large: comparing the two makes a GPU look twice as fast as it is.",
        {"printed": {18: 3.6, 34: 7.3, 50: 7.7, 101: 15.1, 152: 22.6}},
    ),
    Erratum(
        "rounding",
        "3.8 billion that are 3.9",
        "Table 1 and section 4.1",
        "seen",
        "Table 1 has {printed[0]}, {printed[1]}, {printed[2]}, {printed[3]} and {printed[4]}·10⁹ multiply-adds for 18,"
        " 34, 50, 101 and 152 layers.",
        {"depths": (18, 34, 50, 101, 152), "printed": (1.8, 3.6, 3.8, 7.6, 11.3)},
        rounding,
        "disagree",
        "Four of the five are the exact counts, rounded. The one of the famous 50 layers is 3.858·10⁹ by the same way"
        " of counting, which rounds to 3.9; it was cut off, or counted otherwise. (The 4.1·10⁹ of today's libraries"
        " belong to a variant that moves a stride to the 3 × 3 kernels.)",
        {"printed": (1.8, 3.6, 3.9, 7.6, 11.3)},
    ),
)
