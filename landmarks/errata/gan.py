"""Goodfellow et al. 2014: the generator's step that is printed, and the one that was taken."""

from __future__ import annotations

import torch
from torch.nn.utils import get_total_norm

from landmarks.errata import Erratum, Found
from landmarks.errata.made import make
from landmarks.milestone import Batch
from landmarks.milestones.gan import GAN

SURE = 0.01
"""What a discriminator that is ahead early in learning says of a drawn picture: the probability that it is real."""


def generator_step(box: str) -> Found:
    """One step by the loss of the box and one by that of the authors' code, the discriminator being as sure."""
    run, slopes = make("gan").config.loss.generator, {}
    for loss in dict.fromkeys((box, run)):
        game = make("gan", f"loss.generator={loss}")
        assert isinstance(game, GAN)
        (game.phase,) = game.phases()
        with torch.no_grad():
            game.discriminator.layers[-1].bias.fill_(torch.tensor(SURE).logit())
        torch.manual_seed(0)
        game.step(Batch(torch.zeros(100, 28, 28, dtype=torch.uint8), torch.zeros(100)))
        slopes[loss] = float(get_total_norm([p.grad for p in game.generator.parameters() if p.grad is not None]))
    formula = {"saturating": "log(1 − D(G(z)))", "non_saturating": "−log D(G(z))"}
    factor = {"saturating": SURE, "non_saturating": 1 - SURE}
    ratio = slopes[run] / slopes[box]
    return Found(
        (
            *(
                f"where D(G(z)) = {SURE:g}, the slope of {formula[loss]} along D's answer is {factor[loss]:g}"
                for loss in slopes
            ),
            f"G's gradient by {formula[run]} is {ratio:.0f} times as long as by {formula[box]}",
        ),
        ratio > 2,
    )


ERRATA = (
    Erratum(
        "generator_step",
        "The algorithm in the box is not the one that was run",
        "Algorithm 1, section 3, and the authors' code",
        "seen",
        "Algorithm 1 lets the generator G descend the gradient of log(1 − D(G(z))), D being the discriminator's"
        " probability that a picture is real. Section 3 advises to ascend that of log D(G(z)) instead, for “much"
        " stronger gradients early in learning”; the authors' published code has nothing else.",
        {"box": "saturating"},
        generator_step,
        "disagree",
        "Both have the same optimum, but when the discriminator is ahead G hardly moves by the boxed loss. The"
        " published likelihoods are of the other one, which `loss.generator=non_saturating` is here.",
        {"box": "non_saturating"},
    ),
)
