"""Figures 5 and 9 of 1998: errors of LeNet-5 by pass, and the test errors of all methods."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from landmarks.cards.lenet_table import DESLANTED, DISTORTED
from landmarks.figures.inline import OTHER, OURS, Drawing, diamond, name_paper, size
from landmarks.figures.redrawn import bars

if TYPE_CHECKING:
    from landmarks.claims import Claim
    from landmarks.pages.chapters import Chapter

ERRORS = {"test/error": (OURS, "test"), "train_set/error": (OTHER, "training")}


def drawings(chapter: Chapter) -> Iterator[Drawing]:
    """Figure 5 where LeNet-5 was run; Figure 9 always, as others' bars stand by themselves."""
    if any(chapter.arms[chapter.card.headline.id]):
        yield _figure5(chapter)
    rows = [
        (_name(o.claim), o) for o in chapter.outcomes.values() if "Fig. 9" in o.claim.where and not o.claim.two_arms
    ]
    yield bars("Figure 9, drawn again: test errors", rows, "% of the test images wrong")


def _name(claim: Claim) -> str:
    """Whose bar it is, and of which digits, where they are not the regular ones alone."""
    name = re.split(r":| errs? on", claim.says)[0]
    others = {DESLANTED: "deslanted", DISTORTED: "distorted digits too"}
    told = [digits for word, digits in others.items() if word in claim.overrides and digits not in name]
    return ", ".join([name, *told])


def _figure5(chapter: Chapter) -> Drawing:
    figure, told = size(2.6), []
    axes, claims = figure.subplots(), [o.claim for o in chapter.outcomes.values()]
    (records,) = chapter.arms[chapter.card.headline.id]
    for metric, (colour, name) in ERRORS.items():
        curves = [record.curves[metric] for record in records if metric in record.curves]
        values = {tuple(curve["epoch"]): None for curve in curves}
        for curve in curves:
            axes.plot(curve["epoch"], [100 * v for v in curve["value"]], color=colour, linewidth=0.8, alpha=0.4)
        if len(values) == 1:  # all seeds are measured after the same passes
            (passes,) = values
            mean = 100 * np.mean([curve["value"] for curve in curves], axis=0)
            axes.plot(
                passes,
                mean,
                color=colour,
                linewidth=1.8,
                label=f"ours, {name}, {len(curves)} seed{'s' * (len(curves) > 1)}",
            )
            told.append(f"ours, {name}: {mean[0]:.2f} % after {passes[0]:g}, {mean[-1]:.2f} % after {passes[-1]:g}")
        for claim in claims:
            if claim.metric == metric and claim.at is not None:
                diamond(axes, claim.at, 100 * claim.published, colour)
                told.append(f"paper, {name}: {claim.printed} after {claim.at}")
    name_paper(axes)
    axes.set_ylim(0, 3.2)
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel("passes")
    axes.set_ylabel("errors (%)")
    axes.grid(axis="y")
    axes.legend(loc="best")
    return Drawing("Figure 5, drawn again", f"Figure 5. {'; '.join(told)}.", figure)
