"""Every number of LeCun et al. 1998 that speaks of one classifier of digits: Figs. 5, 6 and 9 to 11."""

from __future__ import annotations

from dataclasses import replace

from landmarks.cards import lenet_rivals
from landmarks.claims import Claim

PASSES_20, LINEAR_20, MLP300_20 = 545, 76, 208
MLP1000_20, MLP300_100_20, MLP500_150_20 = 700, 250, 430
"""Seconds of a run on one core of an AMD EPYC: LeNet-5's as run; the others as long as one pass, twenty times."""


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
LINEAR_NET, MLP300 = "experiment=linear", "experiment=mlp300"
OTHERS = (
    _listed("L1-deslanted", "A linear classifier, digits deslanted", 8.4),
    _listed("L1-pairwise", "A linear classifier for each pair of digits", 7.6),
    _listed("L5", "The nearest neighbour by tangent distance, 16×16", 1.1),
    _listed("L6-RS", "A reduced-set support vector machine, degree 5", 1.0),
    _listed("L6-V", "A virtual support vector machine, degree 9, distorted digits too", 0.8),
    _listed("L7-dist", "300 hidden units, distorted digits too", 3.6),
    _listed("L7-deslanted", "300 hidden units, deslanted 20×20 digits", 1.6),
    _listed("L8-dist", "1,000 hidden units, distorted digits too", 3.8),
    _listed("L9-dist", "Two layers of 300 and 100, distorted digits too", 2.5),
    _listed("L10-dist", "Two layers of 500 and 150, distorted digits too", 2.45, digit=0.0001),
    _listed("L11", "LeNet-1, 16×16 digits", 1.7),
    _listed("L12", "LeNet-4", 1.1),
    _listed("L14", "LeNet-5, 540,000 distorted digits too", 0.8),
    _listed("L15", "Three LeNet-4 boosted, distorted digits too", 0.7),
    _listed("L16-15k", "LeNet-5 taught by 15,000 images", 1.68, "Fig. 6, read off", 0.0006),
    _listed("L16-30k", "LeNet-5 taught by 30,000 images", 1.14, "Fig. 6, read off", 0.0006),
    *(
        Claim(f"L18-{id}", f"{who} must reject {share:g} % to err on 0.5 % of the rest (not built here).",
              "rejected/share", share / 100, "Fig. 10", "seen", digit=0.001, data=("mnist",))
        for id, who, share in (
            ("LeNet-1", "LeNet-1", 3.7), ("LeNet-4", "LeNet-4", 1.8), ("boosted", "The boosted LeNet-4", 0.5),
            ("tangent", "The tangent distance classifier", 1.9),
            ("K-NN", "The nearest neighbour of deslanted digits", 8.1), ("MLP", "Hidden units, digits deslanted,", 3.2),
        )
    ),
    Claim("L19", "LeNet-5 takes 401 thousand multiplications and additions a picture (no run here counts them).",
          "arithmetic/thousands", 401, "Fig. 11", "seen", "count", kind="exact", digit=1),
)  # fmt: skip
"""What Figs. 6 and 9 to 11 say of what is not built here."""
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
    _seen("L1", "A linear classifier errs on 12.0 % (experiment=linear).", 0.12, "Fig. 9, p. 12",
          0.001, LINEAR_20, LINEAR_NET),
    _seen("L7", "300 hidden units err on 4.7 % (experiment=mlp300).", 0.047, "Fig. 9, p. 12",
          0.001, MLP300_20, MLP300),
    _seen("L8", "1,000 hidden units err on 4.5 % (experiment=mlp1000).", 0.045, "Fig. 9, p. 12",
          0.001, MLP1000_20, "experiment=mlp1000"),
    _seen("L9", "Two layers of 300 and 100 hidden units err on 3.05 % (experiment=mlp300-100).", 0.0305,
          "Fig. 9, p. 12", 0.0001, MLP300_100_20, "experiment=mlp300-100"),
    _seen("L10", "Two layers of 500 and 150 hidden units err on 2.95 % (experiment=mlp500-150).", 0.0295,
          "Fig. 9, p. 12", 0.0001, MLP500_150_20, "experiment=mlp500-150"),
    _ahead("L13-L1", "LeNet-5 errs less than a linear classifier.", 0.1105, 0.0011, (PASSES_20 + LINEAR_20) / 2,
           (), LINEAR_NET),
    _ahead("L13-L7", "LeNet-5 errs less than 300 hidden units.", 0.0375, 0.0011, (PASSES_20 + MLP300_20) / 2,
           (), MLP300),
    _ahead("L7-L1", "300 hidden units err less than a linear classifier.", 0.073, 0.002, (MLP300_20 + LINEAR_20) / 2,
           (MLP300,), LINEAR_NET),
    *lenet_rivals.CLAIMS,
    *OTHERS,
)  # fmt: skip


def of_network(network: str) -> Claim:
    """The error in Fig. 9 of a network as it is configured first; LeNet-5's where the paper has none."""
    experiments = {"linear": "L1", "mlp300": "L7", "mlp1000": "L8", "mlp300-100": "L9", "mlp500-150": "L10",
    **lenet_rivals.NETWORKS}
    wanted = experiments.get(network, "L13")
    return next(claim for claim in CLAIMS if claim.id == wanted)
