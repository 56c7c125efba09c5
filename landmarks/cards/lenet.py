"""What LeCun et al. 1998 claim of LeNet-5 and two of its rivals, what they leave open, and where ours differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from landmarks.claims import Arm, Claim, Demonstration, Departure, Gap, Reading
from landmarks.milestone import Card

if TYPE_CHECKING:
    from landmarks.milestones.lenet import LeNet

LETTER = {
    "activation": ("scaled_tanh", "1.7159·tanh(2a/3).", "another squashing function."),
    "pooling": (
        "trainable",
        "a coefficient and a bias for each map, squashed.",
        "average or maximum, 44 weights fewer.",
    ),
    "output": ("rbf", "distances to fixed bitmaps.", "ten more units, 850 weights more."),
    "c3": ("table", "60 of the 96 pairs of maps.", "all pairs, 900 weights more."),
}
"""LeNet-5's own value of each switch of `model`; what the paper has; what another value means."""


def _departs(key: str) -> Callable[[Any], bool]:
    return lambda config: config.model.network == "lenet5" and getattr(config.model, key) != LETTER[key][0]


SHORT = ("epochs=5", "data.shifted=2")
"""Of the demonstration's runs: the same digits and passes for all."""


PASSES_20, LINEAR_20, MLP300_20 = 545, 76, 208
"""Seconds of a run on one core of an AMD EPYC: LeNet-5's as run; the other two as long as one pass, twenty times."""


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
    _listed("L2", "The nearest neighbour, by Euclid", 5.0),
    _listed("L2-deslanted", "Three nearest neighbours, digits deslanted", 2.4),
    _listed("L3", "A quadratic classifier of 40 principal components", 3.3),
    _listed("L4", "1,000 radial basis functions and a linear classifier", 3.6),
    _listed("L5", "The nearest neighbour by tangent distance, 16×16", 1.1),
    _listed("L6", "A support vector machine with polynomials of degree 4", 1.1),
    _listed("L6-RS", "A reduced-set support vector machine, degree 5", 1.0),
    _listed("L6-V", "A virtual support vector machine, degree 9, distorted digits too", 0.8),
    _listed("L7-dist", "300 hidden units, distorted digits too", 3.6),
    _listed("L7-deslanted", "300 hidden units, deslanted 20×20 digits", 1.6),
    _listed("L8", "1,000 hidden units", 4.5),
    _listed("L8-dist", "1,000 hidden units, distorted digits too", 3.8),
    _listed("L9", "Two layers of 300 and 100 hidden units", 3.05, digit=0.0001),
    _listed("L9-dist", "Two layers of 300 and 100, distorted digits too", 2.5),
    _listed("L10", "Two layers of 500 and 150 hidden units", 2.95, digit=0.0001),
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
            ("SVM", "A support vector machine", 1.8), ("tangent", "The tangent distance classifier", 1.9),
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
    _ahead("L13-L1", "LeNet-5 errs less than a linear classifier.", 0.1105, 0.0011, (PASSES_20 + LINEAR_20) / 2,
           (), LINEAR_NET),
    _ahead("L13-L7", "LeNet-5 errs less than 300 hidden units.", 0.0375, 0.0011, (PASSES_20 + MLP300_20) / 2,
           (), MLP300),
    _ahead("L7-L1", "300 hidden units err less than a linear classifier.", 0.073, 0.002, (MLP300_20 + LINEAR_20) / 2,
           (MLP300,), LINEAR_NET),
    *OTHERS,
)  # fmt: skip
BIBTEX = """\
@article{lecun1998gradient,
  title = {Gradient-Based Learning Applied to Document Recognition},
  author = {LeCun, Yann and Bottou, L{\\'e}on and Bengio, Yoshua and Haffner, Patrick},
  journal = {Proceedings of the IEEE},
  volume = {86},
  number = {11},
  pages = {2278--2324},
  year = {1998},
  doi = {10.1109/5.726791},
}
"""

CARD = Card(
    title="LeNet-5",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition,"
    " Proceedings of the IEEE 86(11), 2278–2324, 1998",
    new="a convolutional network trained end to end from pixels, with fewer errors than every rival without hand-made"
    " features",
    headline=LENET5,
    claims=CLAIMS,
    readings=(
        Reading(
            "model.init",
            "How wide are the initial weights? Appendix A: ±2.4/F, F the fan-in (with or without the bias?).",
            ("fan_in (±2.4/F, the letter)", "sqrt_fan_in (±2.4/√F, ours)", "lecun_library (±1/√F)"),
            "With ±2.4/F the network stays at chance with either loss; with ±2.4/√F the first pass ends near the"
            " paper's 2.6 %. ±1/√F is in the authors' later library.",
        ),
        Reading(
            "loss.half",
            "Is the squared distance halved? Eq. 7 says no.",
            ("false (the letter)", "true (ours)"),
            "Whole distances and random coefficients blow up in pass 2 (16 to 22 %); the later library halves.",
        ),
        Reading(
            "model.subsampling",
            "Where do the coefficients of S2 and S4 start, and is their input the sum of four or four inputs?",
            ("null (random, F = 4)", "0.25, biases 0 (ours)", "0.5, biases 0"),
            "Random or ½: units saturate, their h is near 0, and pass 2 ends at 10 to 20 %. From ¼, an average,"
            " four seeds of four stay stable. For h we take the sum as one input.",
        ),
        Reading(
            "optimizer.samples",
            "What does the curvature belong to? 500 samples before each pass; for eq. 9 no start is given.",
            ("500, and the right class's distance for either loss (ours)",),
            "Eq. 9's own second derivative vanishes where the network is sure. The paper's rates of the first pass,"
            " 7·10⁻⁵ … 0.016, are met by no reading that stays stable; ours go from 5–8·10⁻⁶ to 0.014–0.023 by seed.",
        ),
        Reading(
            "loss.name",
            "Which loss made the 0.95 %: eq. 8 (mse) or eq. 9 (map), and with which j?",
            ("map, j = 0.1 (ours)", "mse"),
            "On 5,000 held-out images, after 20 passes, another implementation reached 0.92 % in two runs of eq. 9 and"
            " 0.94 % with eq. 8; this one, with another 5,000, 1.16 % with eq. 9.",
        ),
    ),
    departures=(
        Departure(
            "data",
            "60,000 training and 10,000 test images.",
            "4,000 training digits instead of 60,000, and 1,000 others to test (scale=paper takes all).",
            "They come with the dependencies.",
            lambda config: config.data.name == "mnist5k",
        ),
        Departure(
            "other data",
            "MNIST.",
            "another set of the same form (data.name).",
            "Your own.",
            lambda config: config.data.name not in ("mnist", "mnist5k"),
        ),
        Departure(
            "scramble",
            "pictures.",
            "the pixels in one fixed random order, so that no two neighbours are.",
            "Shows what the architecture owes to neighbourhood; a switch of yours.",
            lambda config: config.model.scramble,
        ),
        Departure(
            "length",
            "20 passes.",
            "another number of passes (epochs).",
            "Your choice.",
            lambda config: config.epochs != 20,
        ),
        Departure(
            "held out",
            "trained on all 60,000 images, measured on the test images.",
            "some training images are held out to choose on, and the test images are left alone.",
            "For readings and switches, never for the published number.",
            lambda config: config.data.valid > 0,
        ),
        *(
            Departure(key, paper, ours, "A step towards today.", _departs(key))
            for key, (_, paper, ours) in LETTER.items()
        ),
        Departure(
            "optimizer",
            "stochastic diagonal Levenberg–Marquardt.",
            "another rule (optimizer.name), with the schedule times `optimizer.times`.",
            "A step towards today.",
            lambda config: config.optimizer.name != "sdlm",
        ),
        Departure(
            "batch",
            "one pattern an update.",
            "the mean gradient of a batch (batch_size), at the same rate.",
            "Faster on a GPU.",
            lambda config: config.batch_size > 1,
        ),
    ),
    switches={
        "model.network": "lenet5 | linear | mlp300",
        "model.activation": "scaled_tanh | tanh | relu, of the layers that meet no ±1 targets",
        "model.pooling": "trainable | average | max",
        "model.output": "rbf (the bitmaps) | targets (ten units, ±1) | softmax (cross-entropy, whatever `loss` says)",
        "model.c3": "table | dense",
        "loss.name": "map (eq. 9) | mse (eq. 8)",
        "optimizer.name": "sdlm | sgd | adam",
        "model.scramble": "true: every picture's pixels in the same random order",
        "data.shifted": "also measure on pictures moved so many pixels",
        "batch_size": "1 | more",
        "replicas": "how many learn side by side, each with weights and an order of its own",
        "data.name": "images, with data.root=FOLDER: pictures of your own, a folder for each class",
    },
    demonstration=Demonstration(
        "Weights that are shared over the picture, and maps that look at neighbours alone, learn from pixels what fully"
        " linked units do not – and bear it when the digits move.",
        arms=(
            Arm("LeNet-5", SHORT, 10),
            Arm("300 hidden units", ("experiment=mlp300", *SHORT), 13),
            Arm("linear", ("experiment=linear", *SHORT), 7),
        ),
        findings=(
            Gap("LeNet-5 errs less than 300 hidden units", "LeNet-5", "300 hidden units", "test/error", 0.01),
            Gap("it errs less than the linear classifier", "LeNet-5", "linear", "test/error", 0.05),
            Gap(
                "digits moved by two pixels cost it less than 300 hidden units",
                "LeNet-5",
                "300 hidden units",
                "test/shifted_error",
                0.05,
                beyond="test/error",
            ),
            Gap(
                "and less than the linear classifier",
                "LeNet-5",
                "linear",
                "test/shifted_error",
                0.05,
                beyond="test/error",
            ),
        ),
        picture="landmarks.figures.lenet:contrast",
        off=("model.scramble=true",),
        seeds=(0, 1, 2, 3, 4),
    ),
    bibtex=BIBTEX,
)


def conclude(lenet: LeNet, metrics: Mapping[str, float]) -> str:
    """The error on held-out images beside the paper's, and why it is not the same number."""
    model, source, claim = lenet.config.model, lenet.config.data, lenet.claim
    name = next(name for name in ("test", "valid", "train_set", "train") if f"{name}/error" in metrics)
    digits = {"mnist": "10,000 test digits", "mnist5k": "1,000 held-out digits"}
    where = digits.get(source.name, f"the test images of {source.name}")
    where = f"{source.valid:,} held-out images" if name == "valid" and source.valid else where
    if source.name == "images":
        what = "held-out" if name in ("test", "valid") else "training"
        where = f"your {what} pictures in {lenet.known} classes"
    active = [departure for departure in lenet.card.departures if departure.applies(lenet.config)]
    here = [f"model.{d.id}={getattr(model, d.id)}" if d.id in LETTER else d.ours.rstrip(".") for d in active]
    many, spread = lenet.config.replicas, metrics.get(f"{name}/error_deviation", 0.0)
    mean = f" (mean of {many:,} networks, which deviate by {100 * spread:.2f} %)" if many > 1 else ""
    return (
        f"{name} error {100 * metrics[f'{name}/error']:.2f} %{mean} on {where};"
        f" paper: {claim.format(claim.published)} on MNIST's 10,000 test digits ({claim.where})"
        + (f"; they differ, for here: {'; '.join(here)}" if here else "")
    )
