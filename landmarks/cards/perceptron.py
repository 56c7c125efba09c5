"""What is claimed, and proved, of the perceptron 1958–1969, what is left open, and where ours differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from landmarks.claims import Arm, Claim, Demonstration, Departure, Equal, Reading, Station
from landmarks.data.points import parity, which
from landmarks.milestone import Card
from landmarks.parts.reinforcement import GREEK

if TYPE_CHECKING:
    from landmarks.milestones.perceptron import Perceptron

COST = {"cpu": 2.0}
"""Seconds on one core of an AMD EPYC, nearly all of them the start of Python; of a contrast the arms' mean."""
FIG_10, ORDER = ("experiment=reinforcement",), ("experiment=parity_order",)
MEAN = (("model.system=mean",),)
"""The other reading of Fig. 10: a response is as strong as the mean of its values, not their sum."""
CLAIMS = (
    Claim("P1a", "Of the 16 functions of two inputs 14 are threshold functions.",
          "train_set/learned", 14, "OEIS A000609", "secondary", "count", "high", "exact",
          overrides=("experiment=functions2",), seeds=1, cost=COST),
    Claim("P1b", "Of the 256 functions of three inputs 104 are threshold functions.",
          "train_set/learned", 104, "OEIS A000609", "secondary", "count", "high", "exact",
          overrides=("experiment=functions3",), seeds=1, cost=COST),
    Claim("P1c", "Of the 65,536 functions of four inputs 1,882 are threshold functions.",
          "train_set/learned", 1882, "OEIS A000609", "secondary", "count", "high", "exact",
          overrides=("experiment=functions4",), seeds=1, cost={"cpu": 4}),
    Claim("P2", "Learned with at most (R/γ)² mistakes, in any order, wherever a plane parts the patterns.",
          "train_set/within_bound", 1.0, "Novikoff 1962: after k mistakes kγ ≤ w·u and |w|² ≤ kR²", "derived",
          better="high", kind="exact", overrides=("experiment=novikoff", "replicas=200"), cost={"cpu": 4}),
    Claim("P3", "XOR and its opposite are never learned: they cycle.",
          "train_set/cycling", 2, "exact; the cycling theorem is of Minsky and Papert 1969", "derived", "count",
          "high", "exact", overrides=("experiment=functions2",), seeds=1, cost=COST),
    Claim("P4", "Half of all dichotomies of 2N points are linear in N weights (not built here).",
          "capacity/half", 0.5, "Cover 1965", "recalled", better="high"),
    Claim("P5", "With classes of similar stimuli, seen and unseen ones are answered alike in the end (not built here).",
          "unseen/correct", 1.0, "1958, p. 400, qualitative", "seen", better="high"),
    *(
        Claim(f"P6{suffix}", f"A γ-system is right more often than {a} {GREEK[rule]}-system, with {n} stimuli to a"
              " response on average.", "train_set/correct", gap, "1958, Fig. 10, each read off the plot to ±0.02",
              "seen", better="high", kind="contrast", digit=0.08, data=("stimuli",),
              overrides=(*FIG_10, "rule=gamma", f"data.points={n}"), readings=MEAN, cost={"cpu": 2 + 0.01 * n},
              against=(*FIG_10, f"rule={rule}", f"data.points={n}"))
        for suffix, a, rule, n, gap in (
            ("", "an", "alpha", 10, 0.16), ("-beta", "a", "beta", 10, 0.42),
            ("-100", "an", "alpha", 100, 0.2), ("-beta-100", "a", "beta", 100, 0.23))
    ),
    *(
        Claim(f"P6{letter}",
              f"With {n} stimuli to a response, on average, {a} {GREEK[rule]}-system is right with {value:.2f}.",
              "train_set/correct", value, "1958, Fig. 10, read off the plot to ±0.02", "seen", better="high",
              digit=0.04, data=("stimuli",), overrides=(*FIG_10, f"rule={rule}", f"data.points={n}"),
              readings=MEAN, cost={"cpu": 2 + 0.01 * n})
        for letter, a, rule, n, value in (
            ("a", "a", "gamma", 10, 0.98), ("b", "an", "alpha", 10, 0.82), ("c", "a", "beta", 10, 0.56),
            ("d", "a", "gamma", 100, 0.73), ("e", "an", "alpha", 100, 0.53), ("f", "a", "beta", 100, 0.5))
    ),
    Claim("P7", "More A-units answer better.",
          "test/error", 0.0, "1958, p. 402, qualitative, on squares and circles", "seen", kind="contrast",
          overrides=("experiment=photoperceptron", "model.averaged=true", "model.a_units=2048"),
          against=("experiment=photoperceptron", "model.averaged=true", "model.a_units=128"),
          data=("squares and circles",), cost={"cpu": 11}),
    Claim("P8", "With values that decay, two classes come apart by themselves (not built here).",
          "spontaneous/correct", 1.0, "1958, p. 404, qualitative", "seen", better="high"),
    Claim("P9", "Parity of four points is learned with an A-unit for each set of at most four of them.",
          "train_set/learned", 1, "proof, after Minsky and Papert 1969", "derived", "count", "high", "exact",
          overrides=ORDER, seeds=1, cost=COST),
    Claim("P9-3", "With an A-unit for each set of at most three it never is, but cycles: its order is four.",
          "train_set/cycling", 1, "proof, after Minsky and Papert 1969", "derived", "count", "high", "exact",
          overrides=(*ORDER, "model.masks=3"), seeds=1, cost=COST),
    Claim("P10", "A linear reader of digits errs on 12.0 % of MNIST, by squared errors (built as lenet.L1).",
          "reader/error", 0.12, "LeCun et al. 1998, Fig. 9", "seen", digit=0.001, data=("mnist",)),
)  # fmt: skip
FIGURE_10 = {
    ("gamma", 10): "P6a",
    ("alpha", 10): "P6b",
    ("beta", 10): "P6c",
    ("gamma", 100): "P6d",
    ("alpha", 100): "P6e",
    ("beta", 100): "P6f",
}
"""Rule and stimuli per response → the point of the plot."""

BIBTEX = """\
@article{rosenblatt1958perceptron,
  title = {The Perceptron: A Probabilistic Model for Information Storage and Organization in the Brain},
  author = {Rosenblatt, Frank},
  journal = {Psychological Review},
  volume = {65},
  number = {6},
  pages = {386--408},
  year = {1958},
  doi = {10.1037/h0042519},
}
@book{rosenblatt1962principles,
  title = {Principles of Neurodynamics},
  author = {Rosenblatt, Frank},
  publisher = {Spartan Books},
  year = {1962},
}
@inproceedings{novikoff1962convergence,
  title = {On Convergence Proofs on Perceptrons},
  author = {Novikoff, Albert B. J.},
  booktitle = {Proceedings of the Symposium on the Mathematical Theory of Automata},
  volume = {XII},
  pages = {615--622},
  year = {1962},
}
@book{minsky1969perceptrons,
  title = {Perceptrons},
  author = {Minsky, Marvin and Papert, Seymour},
  publisher = {MIT Press},
  year = {1969},
}
"""

CARD = Card(
    "Perceptron",
    "F. Rosenblatt, “The perceptron: a probabilistic model for information storage and organization in the brain”,"
    " Psychological Review 65(6), 386–408 (1958); Principles of Neurodynamics, Spartan (1962). A. B. J. Novikoff, “On"
    " convergence proofs on perceptrons”, Symposium on the Mathematical Theory of Automata XII, 615–622 (1962)."
    " M. Minsky, S. Papert, Perceptrons, MIT Press (1969).",
    "A randomly wired machine that learns, with a statistics of what it will do with stimuli it has not met; by 1962 a"
    " rule that learns from errors alone and a proof that it ends. What it cannot learn, 1969 showed by order.",
    CLAIMS[3],
    CLAIMS,
    readings=(
        Reading("optimizer.lr", "How large is an update?", ("1.0",),
                "Without effect: w starts at 0, so another η scales every weight and changes no answer."),
        Reading("model.bias", "Is the R-unit's threshold learned?", ("true", "false"),
                "As the weight of a constant input; R and γ of the bound count it. novikoff goes without."),
        Reading("model.system", "Are the systems of Fig. 10 Σ or μ?", ("sum", "mean"),
                "The paper has both. 10 stimuli: Σ γ .96, α .69, β .54; μ γ .97, α .91, β .97. 100: Σ .72, .55, .51; μ"
                " .72, .66, .72. In the figure .98, .82, .56 and .73, .53, .50; at 10 neither meets α."),
        Reading("model.connected", "What is ω = .2 of Fig. 10?", ("0.2",),
                "Taken as the share of responses to which an A-unit is connected, independently of all others."),
        Reading("rule", "What do units outside the dominant set gain in the β-system?", ("beta",),
                "Table 1 gives K/N_Ar for inactive ones; active ones there get the same, as their response is silent."),
        Reading("data.variation", "How are the numbers of stimuli distributed?", ("0.5",),
                "Only σ is given: normal, rounded, none below 0. Each stimulus is tested: large responses more often."),
        Reading("data.bits", "Are the inputs of functions ±1 or 0 and 1?", ("±1",),
                "What is learned is the same, how fast is not: of 2, 3, 4 inputs ±1 takes 2, 10, 15 mistakes in the"
                " median and 3, 14, 32 at most; 0 and 1 would take 9, 23, 57 and 18, 46, 161."),
        Reading("model.threshold", "Which θ do A-units have?", ("2",),
                "1958 varies it. With 10 excitatory and 5 inhibitory points 2 lets some 42 % answer to a digit."),
    ),
    departures=(
        Departure("error correction", "1958: correct answers are forced, and active units gain value, error or none.",
                  "w changes on an error only.", "The rule of 1960–62, which is meant by “perceptron” since.",
                  lambda config: config.rule == "error_correction"),
        Departure("weights", "1958: each A-unit has one value for all its R-units.", "A weight for each pair.",
                  "As in the Mark I and in 1962.", lambda config: config.rule == "error_correction"),
        Departure("digits", "1958 has no data; a retina of all-or-none points, such as the Mark I's 20 × 20.",
                  "The centre of handwritten digits, on where a byte is over 127.",
                  "Our data: no published number is theirs.", lambda config: config.data.name.startswith("mnist")),
        Departure("origins", "1958: local projection areas before the association area, or none.", "None.",
                  "The paper allows it; origin points lie anywhere.", lambda config: config.model.a_units > 0),
        Departure("no learning", "Error correction.", "Weights stay 0.", "A switch of yours.",
                  lambda config: config.rule == "none"),
    ),
    switches={
        "rule": "error_correction | alpha, beta, gamma (1958, for stimuli) | none",
        "data.name": "clouds | functions | stimuli | mnist5k | mnist | csv, images (of your own)",
        "data.margins": "how far the clouds keep from the plane; the bound grows as its inverse square",
        "data.bits": "functions only: how many inputs; replica r learns function number first_replica + r",
        "model.a_units": "random A-units in front; 0: none",
        "model.masks": "A-units for each set of at most so many points",
        "model.averaged": "answer by the weights summed over all patterns shown",
        "order": "fixed | sequential | shuffled; cycles are found unless the order changes",
        "replicas": "how many learn side by side, each its own clouds, function or wiring",
    },
    demonstration=Demonstration(
        "The threshold unit that McCulloch and Pitts wired by hand finds its weights from its own errors, and it is"
        " proved how many that takes; what it cannot learn it cycles on.",
        arms=(
            Arm("all 16 functions", ("experiment=functions2",), 1),
            Arm("200 clouds", ("experiment=novikoff", "replicas=200"), 1),
        ),
        findings=(
            Equal("14 of the 16 functions are learned", "all 16 functions", "train_set/learned", 14),
            Equal("the other two, XOR and its opposite, cycle for ever", "all 16 functions", "train_set/cycling", 2),
            Equal("all 200 pairs of clouds are separated", "200 clouds", "train_set/separated", 1),
            Equal("with at most (R/γ)² mistakes in every one", "200 clouds", "train_set/within_bound", 1),
        ),
        picture="landmarks.figures.perceptron:contrast",
        off=("rule=none",),
    ),
    station=Station("Perceptron", "error correction, digit by digit",
                    "512 random A-units, last weights", ("experiment=photoperceptron",), 2,
                    machine="Mark I, 512 A-units", source="secondary",
                    where="pages on the machine, whose weights were turned by motors; no time was traced"),
    bibtex=BIBTEX,
)  # fmt: skip


def conclude(model: Perceptron, metrics: Mapping[str, float]) -> str:
    """One sentence: what came out, in the units of print, beside what the paper says of it."""
    paper = f"; proved: {model.claim.says.rstrip('.')}" if model.claim else ""
    for split in ("test", "valid", "train_set"):
        if f"{split}/error" in metrics:
            return f"{100 * metrics[f'{split}/error']:.2f} % {split.replace('_', ' ')} error with {_reading(model)}"
    if "train_set/correct" in metrics:
        paper = f"; paper: {model.claim.published:g} ({model.claim.where})" if model.claim else ""
        return f"the correct of two responses wins with probability {metrics['train_set/correct']:.3f}{paper}"
    if model.config.replicas > 1:
        return _together(model, metrics) + paper
    if model.claim and model.claim.id == "P9" and metrics["train_set/learned"]:
        paper = (
            f"; so A-units for sets of up to {model.points} points are enough, and that no fewer are, as is proved,"
            f" shows model.masks={model.points - 1}, which cycles"
        )
    return _alone(model, metrics) + paper


def _reading(model: Perceptron) -> str:
    points = f"{model.wiring.shape[2]:,} A-units" if model.wiring is not None else f"{model.points:,} raw points"
    weights = "summed weights" if model.config.model.averaged else "last weights"
    if model.config.rule == "none":
        return f"{points}, {weights}"
    rest = "none in the last pass" if torch.equal(model.mistakes, model.before) else "some in every pass"
    return f"{points}, {weights}; mistakes made: {int(model.mistakes.sum()):,}, {rest}"


def _alone(model: Perceptron, metrics: Mapping[str, float]) -> str:
    count, data, number = int(model.mistakes.sum()), model.config.data, model.config.first_replica
    made = f"{count:,} mistake{'s' * (count != 1)}"
    what = ""
    if data.name == "functions":
        what = f"{which(data.bits, number, number)}{' (parity)' * (number == parity(data.bits))}: "
    if metrics["train_set/cycling"]:
        return f"{what}not learned: after {made} it had come back to weights that it had left, and so never ends"
    bound = metrics.get("train_set/bound_median")
    among = f", and (R/γ)² is {bound:,.0f}" if bound else ""
    return f"{what}{'learned with' if metrics['train_set/learned'] else 'not learned after'} {made}{among}"


def _together(model: Perceptron, metrics: Mapping[str, float]) -> str:
    learned, cycling, undecided = (round(metrics[f"train_set/{name}"]) for name in ("learned", "cycling", "undecided"))
    tried, data, first = model.config.replicas, model.config.data, model.config.first_replica
    what = "functions" if data.name == "functions" else "pairs of clouds"
    found = f"learned {learned:,} of {tried:,} {what}"
    if data.name == "functions" and tried < 2**2**data.bits:
        found = f"learned {learned:,} of {tried:,}, {which(data.bits, first, first + tried - 1)}"
    if learned:
        median, most = (metrics[f"train_set/mistakes_{name}"] for name in ("median", "max"))
        found += f", with {median:,.0f} mistakes in the median and {most:,.0f} at most"
    if cycling:
        found += f"; {cycling:,} came back to weights that they had left, and so never end"
    if undecided:
        found += f"; {undecided:,} undecided"
    if "train_set/within_bound" in metrics:
        within = round(tried * metrics["train_set/within_bound"])
        bound = metrics["train_set/bound_median"]
        found += f"; {within:,} of {tried:,} learned within (R/γ)², {bound:,.0f} in the median"
    return found
