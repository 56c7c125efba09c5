"""LeCun, Bottou, Bengio and Haffner 1998: counts of weights and connections, and how the networks begin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch

from landmarks.errata import Erratum, Found
from landmarks.errata.made import digits, make, parameters, power, test_error
from landmarks.milestones.lenet import LeNet
from landmarks.parts.second_order import LINEAR, Convolution, Full, squashing

THOUSAND = 1_000


def lenet5(*overrides: str) -> LeNet:
    made = make("lenet", *overrides)
    assert isinstance(made, LeNet)
    return made


def lenet4(printed: int, maps: int, units: int, boosted: int) -> Found:
    """Count the weights of LeNet-4's last hidden layer alone."""
    side = next(int(row.output.partition("×")[2]) for row in lenet5().layers() if row.name == "S4")
    layer = Convolution([(unit, place) for unit in range(units) for place in range(maps)], squashing())
    found = sum(parameter.numel() for parameter in layer.parameters())
    least = next(n for n in range(side, 0, -1) if units * (maps * n * n + 1) <= printed)
    return Found(
        (
            f"{units} units on {maps}@{side}×{side}: {units} × ({maps} × {side}² + 1) = {found:,} weights in this layer"
            f" alone, printed for all: {printed:,}",
            f"so many could see {maps}@{least}×{least} at most: {units} × ({maps} × {least}² + 1) ="
            f" {units * (maps * least**2 + 1):,}",
            f"three such nets, boosted: 3 × {printed // THOUSAND} = {3 * printed // THOUSAND} thousand, and Fig. 12 has"
            f" {boosted}",
        ),
        found > printed,
    )


def variance(printed: float, background: float, foreground: float) -> Found:
    """The variance of the padded digits, and the largest that pixels between two values can have."""
    pictures = digits(4_000)
    x = lenet5().picture(pictures).double()
    mean, found = float(x.mean()), float(x.var(correction=0))
    at_zero, ever = -background * foreground, ((foreground - background) / 2) ** 2
    # In units of the white-to-black range, as pixels p in 0 … 1: x = background + (foreground − background) p.
    scale = foreground - background
    ink, spread = (mean - background) / scale, math.sqrt(found) / scale
    return Found(
        (
            f"{len(pictures):,} digits, padded to {x.shape[-1]} × {x.shape[-1]}: mean {mean:.3f}, variance {found:.3f}",
            f"between {background:g} and {foreground:g} with mean 0: variance at most {-background:g} × {foreground:g}"
            f" = {at_zero:.4f}",
            f"with any mean: at most ({scale:.4g} / 2)² = {ever:.3f}",
            f"mean 0 and variance 1 would take a background of {-ink / spread:.1f} and a foreground of"
            f" {(1 - ink) / spread:.1f}",
        ),
        ever < printed and at_zero < printed,
    )


def two_layers(text: Sequence[int], figure: Sequence[int], thousands: int) -> Found:
    """Count the weights of both networks."""
    counts = [parameters("lenet", "experiment=mlp500-150", f"model.network=mlp{a}-{b}") for a, b in (text, figure)]
    names = ["-".join(map(str, (784, *sizes, 10))) for sizes in (text, figure)]
    return Found(
        tuple(f"{name}: {count:,} weights; Figs. 11 and 12 have {thousands} thousand" for name, count in
              zip(names, counts, strict=True)),
        [round(count / THOUSAND) == thousands for count in counts] == [False, True],
    )  # fmt: skip


def connections(layers: int, connections: int, weights: int) -> Found:
    """Add up LeNet-5's connections and weights, without and with its output layer."""
    rows = lenet5().layers()
    counts = [row.connections or 0 for row in rows]
    own = [row.parameters for row in rows]
    return Found(
        (
            " + ".join(f"{count:,}" for count in counts[:-1]) + f" = {sum(counts[:-1]):,} connections from C1 to F6",
            f"+ {rows[-1].name}: 10 × 84 = {counts[-1]:,}, in all {sum(counts):,}; printed {connections:,}",
            " + ".join(f"{count:,}" for count in own[:-1]) + f" = {sum(own):,} weights; printed {weights:,}",
        ),
        sum(counts) == connections and sum(own) == weights and len(rows) == layers,
    )


def trainable_layers(layers: int, weights: int) -> Found:
    """How many of LeNet-5's layers have trainable weights?"""
    rows = lenet5().layers()
    trained = [row for row in rows if row.parameters]
    fixed = [row for row in rows if not row.parameters]
    beside = sum(row.connections or 0 for row in fixed)
    return Found(
        (
            f"{len(rows)} layers, of which {', '.join(row.name for row in trained)} have trainable weights:"
            f" {sum(row.parameters for row in trained):,}",
            f"with those of {', '.join(row.name for row in fixed)} there would be"
            f" {sum(row.parameters for row in trained) + beside:,}; printed {weights:,}",
        ),
        len(rows) == layers != len(trained) and sum(row.parameters for row in trained) == weights,
    )


def multiply_adds(thousands: int, connections: int, weights: int) -> Found:
    """LeNet-5's multiply-adds cannot be more than its connections."""
    counted = sum(row.connections or 0 for row in lenet5().layers())
    together = connections + weights
    return Found(
        (
            f"each connection takes one multiply-add at most: {counted:,} or fewer, that is {round(counted / THOUSAND)}"
            f" thousand; Fig. 11 has {thousands}",
            f"{connections:,} connections + {weights:,} weights = {together:,}, which is {round(together / THOUSAND)}"
            " thousand",
        ),
        thousands > counted / THOUSAND,
    )


def linear(thousands: int, pairwise: int) -> Found:
    """Of which pictures are the linear and the pairwise classifier of Fig. 12?"""
    lines, fits = [], {}
    for side in (20, 28):
        ten, pairs = (sum(p.numel() for p in Full(side**2, units, LINEAR).parameters()) for units in (10, 45))
        fits[side] = round(ten / THOUSAND), round(pairs / THOUSAND)
        lines.append(
            f"{side} × {side} pixels: linear 10 × ({side**2} + 1) = {ten:,}; pairwise 45 × ({side**2} + 1) = {pairs:,}"
        )
    return Found(
        (*lines, f"printed: linear {thousands} thousand, pairwise {pairwise} thousand"),
        fits[20][0] == thousands != fits[28][0] and fits[28][1] == pairwise != fits[20][1],
    )


def rates(smallest: float, largest: float) -> Found:
    """The rates of the first pass by Appendix C, where the weights begin as Appendix A says, in four readings."""
    pictures, lines, beyond = digits(500), [], []
    for half in ("false", "true"):
        for start in ("null", "0.25"):
            net = lenet5("model.init=fan_in", f"model.subsampling={start}", f"loss.half={half}")
            eta, mu = net.config.schedule[0].rate, net.config.optimizer.mu
            second = partial(torch.full_like, fill_value=2 * net.factor_of_loss)
            with torch.no_grad():
                h = torch.cat([part.flatten() for part in net.network.curvature(net.picture(pictures), second)])
            low, high = eta / (mu + float(h.max())), eta / (mu + float(h.min()))
            beyond.append(high > 1.2 * largest)
            loss, begin = "½ Σ (x − w)²" if half == "true" else "Σ (x − w)²", "drawn" if start == "null" else "¼"
            lines.append(f"loss {loss:<13} S2 and S4 {begin:<6} rates {power(low)} … {power(high)}")
    needed = eta / largest - mu
    lines.append(
        f"printed: {power(smallest)} … {largest:g}, so h ≥ {eta:g}/{largest:g} − {mu:g} = {needed:.4g} everywhere"
    )
    return Found(tuple(lines), all(beyond))


STARTS = {"fan_in": "±2.4/F", "sqrt_fan_in": "±2.4/√F"}
CHANCE = 0.9
"""The error of one answer to everything, on as many digits of each class."""


def initial(printed: str, instead: str) -> Found:
    """Let LeNet-5 see 4,000 digits once, its weights begun as Appendix A has them, and otherwise."""
    lines = list[str]()
    at_chance: dict[str, list[bool]] = {printed: [], instead: []}
    for init, stuck in at_chance.items():
        for name, equation in (("mse", 8), ("map", 9)):
            words = (f"model.init={init}", f"loss.name={name}", "epochs=1")
            error = test_error("lenet", *words)
            stuck.append(abs(error - CHANCE) < 0.005)
            found = f"{100 * CHANCE:g} %" if stuck[-1] else f"less than {10 * math.ceil(10 * error)} %"
            lines += [f"$ landmarks run lenet {' '.join(words)}",
                      f"  {STARTS[init]}, eq. {equation}: {found} of 1,000 other digits misread"
                      + ", which is chance" * stuck[-1]]  # fmt: skip
    return Found(tuple(lines), all(at_chance[printed]) and not any(at_chance[instead]))


def reduced_set(text: float, figure: float, digits: int) -> Found:
    """The counts of wrong digits that round to either error."""
    half = digits // 2_000  # of a printed tenth of a percent
    counts = {share: round(share / 100 * digits) for share in (text, figure)}
    either = {share: range(count - half, count + half) for share, count in counts.items()}
    lines = [f"{share:g} % of {digits:,}: {of[0]} to {of[-1]} wrong" for share, of in either.items()]
    both = len({*either[text]} & {*either[figure]})
    return Found((*lines, f"both: {both or 'no'} count{'s' * (both > 1)}"), not both)


ERRATA = (
    Erratum(
        "lenet4",
        "LeNet-4 has too few weights for one of its layers",
        "III.C, p. 13, and Fig. 12",
        "seen",
        "LeNet-4, a step before LeNet-5, ends in {maps} maps, subsampled, “followed by a fully connected layer with"
        " {units} units, followed by the output layer”. It “has about {printed:,} free parameters”.",
        {"printed": 17_000, "maps": 16, "units": 120, "boosted": 51},
        lenet4,
        "disagree",
        "With the kernels and subsamplings of LeNet-5 – how large LeNet-4's maps are is not printed – the layer alone"
        " has nearly three times as many weights as the whole network is said to have. The number is no slip of one"
        " digit: Fig. 12 repeats it, and three times it. So the maps are smaller than such layers make them, or a"
        " number is not what it says; which, cannot be told, and nobody can rebuild LeNet-4 exactly.",
        {"printed": 60_000},
    ),
    Erratum(
        "variance",
        "Pixels whose variance is not 1",
        "II.B, p. 7",
        "seen",
        "Pixels are scaled “so that the background level (white) corresponds to a value of {background} and the"
        " foreground (black) corresponds to {foreground}. This makes the mean input roughly 0, and the variance roughly"
        " {printed}, which accelerates learning.”",
        {"printed": 1, "background": -0.1, "foreground": 1.175},
        variance,
        "cannot be",
        "The mean is near 0, the variance an eighth of what is said – and no picture at all can have more than 0.41"
        " between these two values. LeNet-5 learned well from such pixels. Code that “normalises as LeCun did” to unit"
        " variance does something else.",
        {"printed": 0.1},
    ),
    Erratum(
        "two_layers",
        "1000–150 hidden units, or 500–150",
        "III.C, p. 13, and Figs. 9, 11, 12",
        "seen",
        "The second network with two hidden layers is 28×28–{text[0]}–{text[1]}–10 in the text, and 28×28–{figure[0]}–"
        "{figure[1]}–10 in three figures, with {thousands} thousand weights.",
        {"text": (1000, 150), "figure": (500, 150), "thousands": 469},
        two_layers,
        "misprint",
        "The figures are right: their count of weights belongs to 500 units.",
        {"thousands": 937},
    ),
    Erratum(
        "connections",
        "340,908 connections, of which 840 seem to be missing",
        "II.B, p. 7",
        "seen",
        "LeNet-5 “contains {connections:,} connections, but only {weights:,} trainable free parameters because of the"
        " weight sharing”. The counts given for each layer from C1 to F6 do not add up to the first number.",
        {"layers": 7, "connections": 340_908, "weights": 60_000},
        connections,
        "fits after all",
        "The seventh layer, whose connections the text does not count, has just the 840. Both totals are exact, to the"
        " last digit.",
        {"connections": 340_068},
    ),
    Erratum(
        "trainable_layers",
        "Seven layers with trainable weights, less one",
        "II.B, p. 7",
        "secondary",
        "“LeNet-5 comprises {layers} layers, not counting the input, all of which contain trainable parameters"
        " (weights).” It has {weights:,} of them.",
        {"layers": 7, "weights": 60_000},
        trainable_layers,
        "disagree",
        "The seventh layer compares with pictures of the digits that were drawn by hand and “kept fixed (at least"
        " initially)”. The exact 60,000 counts them as fixed. (The 340,908 connections do count them: see there.)",
        {"weights": 60_840},
    ),
    Erratum(
        "multiply_adds",
        "More multiplications than connections",
        "Fig. 11 and II.B",
        "seen",
        "Fig. 11 shows what it costs to recognise one character: LeNet-5 takes {thousands} thousand multiply-adds. It"
        " has {connections:,} connections and {weights:,} weights. (For LeNet-4 both numbers are 260 thousand.)",
        {"thousands": 401, "connections": 340_908, "weights": 60_000},
        multiply_adds,
        "disagree",
        "A multiply-add belongs to a connection, so there cannot be more of them. The difference is just the number of"
        " weights. Whether somebody added the two totals cannot be known; that they fit to the digit is a hint.",
        {"thousands": 340},
    ),
    Erratum(
        "linear",
        "A linear classifier with half its weights",
        "Fig. 12, and Fig. 9",
        "secondary",
        "Fig. 12 counts {thousands} thousand variables of the linear classifier and {pairwise} thousand of the pairwise"
        " one, which has a unit for each of the 45 pairs of digits. Ten units on 28 × 28 pixels have 7,850.",
        {"thousands": 4, "pairwise": 35},
        linear,
        "fits after all",
        "The 4 thousand are of the linear classifier for deslanted 20 × 20 pictures (8.4 % error), the 35 thousand of"
        " the pairwise one for 28 × 28: two neighbouring bars of one figure are about different pictures. The 12.0 %"
        " of a linear classifier belong to 7,850 weights.",
        {"thousands": 8},
    ),
    Erratum(
        "rates",
        "Rates of learning that the printed start does not give",
        "III.B, p. 10, and Appendices A and C, p. 41",
        "seen",
        "Every weight learns at its own rate η/(μ + h), where h is the curvature along it. In the first pass, η ="
        " 0.0005 and μ = 0.02, the rates went from about 7·10⁻⁵ to {largest}. By Appendix A weights begin within"
        " ±2.4/F, where F is the number of a unit's inputs.",
        {"smallest": 7e-5, "largest": 0.016},
        rates,
        "disagree",
        "So small weights pass hardly any curvature down: h is next to 0 somewhere, and the rate there is η/μ = 0.025."
        " Ranges near the printed one come out of wider starts, such as ±1/√F of the authors' later library.",
        {"largest": 0.025},
    ),
    Erratum(
        "initial",
        "Weights too small to learn",
        "Appendix A, p. 41, and Fig. 5",
        "seen",
        "Initial weights are drawn “between −2.4/F and 2.4/F”, F being the number of a unit's inputs. In Fig. 5 LeNet-5"
        " errs on some 2.6 % after its first pass.",
        {"printed": "fan_in", "instead": "sqrt_fan_in"},
        initial,
        "disagree",
        "A unit of C5 has 400 inputs, so its weights are within 0.006, and after six layers nothing is left of a digit:"
        " the network gives one answer to all. Another implementation, written apart, stayed so for three passes over"
        " 55,000 digits. With the square root, which keeps a signal's size, it learns at once; perhaps it is missing in"
        " print.",
        {"printed": "sqrt_fan_in", "instead": "fan_in"},
    ),
    Erratum(
        "reduced_set",
        "Two errors of one support vector machine",
        "III.C, p. 14, and Fig. 9",
        "seen",
        "The reduced-set support vector machine reaches {text} % on the test set by the text, {figure} % by the"
        " figure.",
        {"text": 1.1, "figure": 1.0, "digits": 10_000},
        reduced_set,
        "cannot be decided",
        "No count rounds to both, so one place is wrong, or they speak of two machines. Later tables by the same"
        " authors have 1.0.",
        {"figure": 1.1},
    ),
)
