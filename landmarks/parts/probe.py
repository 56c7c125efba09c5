"""A linear probe: softmax regression on features that stay as they are, to see what they say of the classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Linear = tuple[Tensor, Tensor]
"""Weights (k, d) and biases (k,)."""


def softmax_regression(
    features: Tensor, y: Tensor, classes: int, penalty: float, start: Linear | None = None
) -> Linear:
    """The minimum of the mean cross-entropy + penalty/2 · Σ w² over features (N, d), labels y (N,), by L-BFGS.

    The problem is convex: `start` decides only how long it takes. The features are centred on the way, which changes
    no minimum but the path; the biases are not penalised.
    """
    centre = features.mean(0)
    x, n = features - centre, len(features)
    weight, bias = start or (x.new_zeros(classes, x.shape[1]), x.new_zeros(classes))
    weight, bias = weight.clone(), bias + weight @ centre
    wanted = F.one_hot(y, classes).to(x.dtype)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=300, tolerance_grad=1e-5, history_size=10, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        a = F.linear(x, weight, bias)
        error = (a.softmax(1) - wanted) / n
        weight.grad, bias.grad = error.T @ x + penalty * weight, error.sum(0)
        return F.cross_entropy(a, y) + penalty / 2 * weight.square().sum()

    solver.step(closure)  # type: ignore[no-untyped-call]
    return weight, bias - weight @ centre


def chosen(
    learned: tuple[Tensor, Tensor], held_out: tuple[Tensor, Tensor], classes: int, penalties: Sequence[float]
) -> Linear:
    """Of the regressions with these penalties on `learned` (features, labels) the one that errs least on `held_out`.

    Between equals the larger penalty.
    """
    best, least, found = None, torch.inf, None
    for penalty in sorted(penalties, reverse=True):
        found = softmax_regression(*learned, classes, penalty, found)
        error = float((F.linear(held_out[0], *found).argmax(1) != held_out[1]).float().mean())
        if error < least:
            best, least = found, error
    assert best is not None
    return best
