"""The numbers of LeCun et al. 1998 that speak of one classifier of digits: Figs. 5, 6, 9 and 10."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from landmarks.cards import lenet_rivals
from landmarks.claims import Claim

if TYPE_CHECKING:
    from landmarks.settings import DigitSettings

PASSES_20, LINEAR_20, PAIRS_20, MLP300_20 = 545, 76, 115, 208
MLP1000_20, MLP300_100_20, MLP500_150_20 = 700, 250, 430
"""Seconds of a run on one core of an AMD EPYC: LeNet-5's as run; the others as long as one pass, twenty times."""
LENET1_20, LINEAR_DESLANTED_20, MLP300_DESLANTED_20, DISTORTING_20 = 365, 75, 165, 26
"""As long as their updates and measures, counted up; the last is what making 20 passes of distorted digits adds."""
DESLANTED, DISTORTED = lenet_rivals.DESLANTED, "data.distorted=9"
SOFTMAX = (("model.output=softmax",),)


def _seen(id: str, says: str, published: float, where: str, digit: float, seconds: float, *overrides: str) -> Claim:
    """A test error that the paper prints or draws."""
    return Claim(
        id, says, "test/error", published, where, "seen",
        digit=digit, data=("mnist",), overrides=overrides, cost={"cpu": seconds},
    )  # fmt: skip


def _passed(epoch: int, published: float) -> Claim:
    """LeNet-5's test error after so many passes, from the runs of 20; a plot can be read to ±0.1 %."""
    id, after = f"L17-{epoch}" if epoch > 1 else "L17", f"{epoch} pass{'es' * (epoch > 1)}"
    says = f"After {after} its test error is {100 * published:.1f} %."
    return replace(_seen(id, says, published, "Fig. 5, read off", 0.002, PASSES_20), at=epoch)


def _rejecting(id: str, who: str, published: float, seconds: float, *overrides: str) -> Claim:
    """The share to reject for 0.5 % error of the rest; a bar that prints tenths of a percent."""
    says = f"{who} must reject {100 * published:.1f} % to err on 0.5 % of the rest."
    return replace(_seen(id, says, published, "Fig. 10", 0.001, seconds, *overrides), metric="test/rejected")


def _fewer(images: int, published: float, learned: float, seconds: float) -> tuple[Claim, Claim]:
    """LeNet-5's test and training error where it learns from fewer images; the plot can be read to ±0.03 %."""
    id, overrides = f"L16-{images // 1000}k", (f"data.labels={images}",)
    says = f"Taught by {images:,} images it errs on {100 * published:.2f} % of the test images."
    test = _seen(id, says, published, "Fig. 6, read off", 0.0006, seconds, *overrides)
    says = f"Its training error is then {100 * learned:.2f} %."
    return test, replace(test, id=f"{id}t", says=says, published=learned, metric="train_set/error")


def _ahead(id: str, says: str, gap: float, digit: float, seconds: float, ours: tuple[str, ...], other: str) -> Claim:
    """One network of Fig. 9 ahead of another, by the difference of two bars, its digit the sum of theirs; seconds are
    the arms' mean."""
    return replace(_seen(id, says, gap, "Fig. 9, p. 12", digit, seconds, *ours), kind="contrast", against=(other,))


def _listed(id: str, who: str, published: float, where: str = "Fig. 9, p. 12", digit: float = 0.001) -> Claim:
    """The test error of what is not built here, in percent."""
    says = f"{who}: {published:g} % of the test images wrong (not built here)."
    return Claim(id, says, "rivals/error", published / 100, where, "seen", digit=digit, data=("mnist",))


LENET5 = replace(
    _seen("L13", "LeNet-5 errs on 0.95 % of the test images.", 0.0095, "Fig. 9, p. 12", 0.0001, PASSES_20),
    spread=0.001,  # "about 0.1 %", for a set of 10,000
    spread_over="examples",
    rivals=(0.010, 0.011, 0.017, 0.024),  # RS-SVM; tangent distance, SVM and LeNet-4; LeNet-1; K-NN, deslanted
)
LINEAR_NET, PAIRS, MLP300 = "experiment=linear", "experiment=pairwise", "experiment=mlp300"
MLP500_150, LENET1 = "experiment=mlp500-150", "experiment=lenet1"
OTHERS = (
    _listed("L5", "The nearest neighbour by tangent distance, 16×16", 1.1),
    _listed("L6-RS", "A reduced-set support vector machine, degree 5", 1.0),
    _listed("L6-V", "A virtual support vector machine, degree 9, distorted digits too", 0.8),
    _listed("L12", "LeNet-4", 1.1),
    _listed("L15", "Three LeNet-4 boosted, distorted digits too", 0.7),
    *(
        Claim(f"L18-{id}", f"{who} must reject {share:g} % to err on 0.5 % of the rest (not built here).",
              "rejected/share", share / 100, "Fig. 10", "seen", digit=0.001, data=("mnist",))
        for id, who, share in (
            ("LeNet-4", "LeNet-4", 1.8), ("boosted", "The boosted LeNet-4", 0.5),
            ("tangent", "The tangent distance classifier", 1.9), ("SVM", "A support vector machine", 1.8),
            ("K-NN", "Three nearest neighbours of deslanted digits", 8.1),
        )
    ),
    Claim("L19", "LeNet-5 takes 401 thousand multiplications and additions a picture (no run counts them; its layers"
          " make 328 thousand, and its connections and weights are 401 thousand together).",
          "arithmetic/thousands", 401, "Fig. 11", "seen", "count", kind="exact", digit=1),
)  # fmt: skip
"""What Figs. 9 to 11 say of what is not built here."""
CLAIMS = (
    LENET5,
    replace(
        _seen("L13-10", "After about 10 passes it errs on 0.95 % already.", 0.0095, "III.B, Fig. 5", 0.0001, PASSES_20),
        at=10,
    ),
    replace(
        _seen("L13t", "Its training error is 0.35 % after 19 passes.", 0.0035, "III.B, Fig. 5", 0.0001, PASSES_20),
        metric="train_set/error",
        at=19,
    ),
    _passed(1, 0.026),
    _passed(2, 0.022),
    _passed(3, 0.015),
    replace(
        _seen("L1", "A linear classifier errs on 12.0 % (experiment=linear).", 0.12, "Fig. 9, p. 12",
              0.001, LINEAR_20, LINEAR_NET),
        readings=SOFTMAX,
    ),
    replace(
        _seen("L1-pairwise", "Linear units for each pair of digits err on 7.6 % (experiment=pairwise).", 0.076,
              "III.C; Fig. 9, p. 12", 0.001, PAIRS_20, PAIRS),
        readings=(("model.pairs=linear",), ("model.pairs=squashed",), (DESLANTED,)),
    ),
    _seen("L7", "300 hidden units err on 4.7 % (experiment=mlp300).", 0.047, "Fig. 9, p. 12",
          0.001, MLP300_20, MLP300),
    _seen("L8", "1,000 hidden units err on 4.5 % (experiment=mlp1000).", 0.045, "Fig. 9, p. 12",
          0.001, MLP1000_20, "experiment=mlp1000"),
    _seen("L9", "Two layers of 300 and 100 hidden units err on 3.05 % (experiment=mlp300-100).", 0.0305,
          "Fig. 9, p. 12", 0.0001, MLP300_100_20, "experiment=mlp300-100"),
    _seen("L10", "Two layers of 500 and 150 hidden units err on 2.95 % (experiment=mlp500-150).", 0.0295,
          "Fig. 9, p. 12", 0.0001, MLP500_150_20, MLP500_150),
    _seen("L11", "LeNet-1 errs on 1.7 % of digits of 16 × 16 (experiment=lenet1).", 0.017, "Fig. 9, p. 12",
          0.001, LENET1_20, LENET1),
    replace(
        _seen("L1-deslanted", "A linear classifier of deslanted digits errs on 8.4 %.", 0.084, "Fig. 9, p. 12",
              0.001, LINEAR_DESLANTED_20, LINEAR_NET, DESLANTED),
        readings=SOFTMAX,
    ),
    _seen("L7-deslanted", "300 hidden units err on 1.6 % of deslanted digits.", 0.016, "Fig. 9, p. 12",
          0.001, MLP300_DESLANTED_20, MLP300, DESLANTED),
    *(
        _seen(f"{id}-dist", f"{who} that learn from distorted digits too err on {100 * published:g} %.", published,
              "Fig. 9, p. 12", digit, seconds + DISTORTING_20, f"experiment={network}", DISTORTED)
        for id, who, published, digit, seconds, network in (
            ("L7", "300 hidden units", 0.036, 0.001, MLP300_20, "mlp300"),
            ("L8", "1,000 hidden units", 0.038, 0.001, MLP1000_20, "mlp1000"),
            ("L9", "Two layers of 300 and 100", 0.025, 0.001, MLP300_100_20, "mlp300-100"),
            ("L10", "Two layers of 500 and 150", 0.0245, 0.0001, MLP500_150_20, "mlp500-150"),
        )
    ),
    _seen("L14", "LeNet-5 errs on 0.8 % where nine distorted versions of each image are learned from, too.", 0.008,
          "Fig. 9, p. 12", 0.001, PASSES_20 + DISTORTING_20, DISTORTED),
    *_fewer(15_000, 0.0168, 0.0005, 150),
    *_fewer(30_000, 0.0114, 0.0031, 285),
    _rejecting("L18-LeNet-1", "LeNet-1", 0.037, LENET1_20, "experiment=lenet1"),
    _rejecting("L18-MLP", "300 hidden units, digits deslanted,", 0.032, MLP300_DESLANTED_20, MLP300, DESLANTED),
    _ahead("L14-L13", "LeNet-5 errs less where it has learned from distorted digits, too.", 0.0015, 0.0011,
           PASSES_20 + DISTORTING_20 / 2, (DISTORTED,), "data.distorted=0"),
    _ahead("L1-pairwise-L1", "Linear units for each pair of digits err less than one for each digit.", 0.044, 0.002,
           (PAIRS_20 + LINEAR_20) / 2, (PAIRS,), LINEAR_NET),
    _ahead("L11-L10", "LeNet-1's 2,600 weights err less than the 469,000 of two layers of 500 and 150.", 0.0125, 0.0011,
           (LENET1_20 + MLP500_150_20) / 2, (LENET1,), MLP500_150),
    _ahead("L13-L11", "LeNet-5 errs less than LeNet-1.", 0.0075, 0.0011, (PASSES_20 + LENET1_20) / 2, (), LENET1),
    _ahead("L13-L1", "LeNet-5 errs less than a linear classifier.", 0.1105, 0.0011, (PASSES_20 + LINEAR_20) / 2,
           (), LINEAR_NET),
    _ahead("L13-L7", "LeNet-5 errs less than 300 hidden units.", 0.0375, 0.0011, (PASSES_20 + MLP300_20) / 2,
           (), MLP300),
    _ahead("L7-L1", "300 hidden units err less than a linear classifier.", 0.073, 0.002, (MLP300_20 + LINEAR_20) / 2,
           (MLP300,), LINEAR_NET),
    *lenet_rivals.CLAIMS,
    *OTHERS,
)  # fmt: skip


EXPERIMENTS = {
    "linear": "L1", "pairwise": "L1-pairwise", "lenet1": "L11",
    "mlp300": "L7", "mlp1000": "L8", "mlp300-100": "L9", "mlp500-150": "L10",
    **lenet_rivals.NETWORKS,
}  # fmt: skip
"""The claim of each network as it is configured first."""


def of_network(network: str, data: DigitSettings) -> Claim:
    """The error in Fig. 9 of a network that learns from such digits; where the paper has none, from regular ones.

    LeNet-5's where it has none of the network.
    """
    wanted = EXPERIMENTS.get(network, "L13")
    variant = f"{wanted}-dist" if data.distorted else f"{wanted}-{data.version}"
    if network == "lenet5":
        variant = "L14" if data.distorted else {15_000: "L16-15k", 30_000: "L16-30k"}.get(data.labels or 0, wanted)
    claims = {claim.id: claim for claim in CLAIMS}
    return claims.get(variant, claims[wanted])
