"""Krizhevsky, Sutskever and Hinton 2012: sizes in a figure, a count of crops, two constants and a comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from landmarks.errata import Erratum, Found
from landmarks.errata.made import settings
from landmarks.milestone import Layer
from landmarks.milestones.alexnet import build_network
from landmarks.parts.augmentation import random_crops
from landmarks.parts.normalisation import AcrossMaps

WEIGHTED = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
"""The layers that Fig. 2 counts the neurons of."""


def layers(*overrides: str) -> dict[str, Layer]:
    """The layer table of a network whose weights are never drawn."""
    chosen = settings("alexnet", *overrides)
    classes = 1000 if chosen.model.network == "alexnet" else 10
    with torch.device("meta"):
        return {row.name: row for row in build_network(chosen.model, chosen.optimizer.decay, classes).rows()}


def shape(layer: Layer) -> tuple[int, int]:
    """Maps and side of a layer's output; a full layer has a side of 1."""
    maps, _, sides = layer.output.partition("@")
    return int(maps), int(sides.partition("×")[0] or 1)


def conv1_neurons(neurons: Sequence[int], abstract: int) -> Found:
    """Count the neurons of each layer, and take the printed number of the first one to pieces."""
    found = layers()
    shapes = {name: shape(found[name]) for name in WEIGHTED}
    counts = [maps * side * side for maps, side in shapes.values()]
    differing = [(name, n, said) for name, n, said in zip(WEIGHTED, counts, neurons, strict=True) if n != said]
    lines = [f"{len(counts) - len(differing)} of {len(counts)} layers have the printed number of neurons"]
    for name, count, said in differing:
        maps, side = shapes[name]
        each = said // maps
        lines += [
            f"{name}: {maps} maps of {side} × {side} = {count:,}; printed {said:,}",
            f"{said:,} / {maps} = {said / maps:,.6g}, between {math.isqrt(each)}² = {math.isqrt(each) ** 2:,} and"
            f" {math.isqrt(each) + 1}² = {(math.isqrt(each) + 1) ** 2:,}: no square map has so many places",
            f"{side} × {maps // 2} × {maps} = {side * (maps // 2) * maps:,}",
        ]
    lines.append(f"all layers: {sum(neurons):,} as printed, {sum(counts):,} in fact; the abstract has {abstract:,}")
    squares = [math.isqrt(said // shapes[name][0]) ** 2 * shapes[name][0] == said for name, _, said in differing]
    return Found(tuple(lines), len(differing) == 1 and not any(squares))


def input_side(side: int, pixels: int) -> Found:
    """Lay the kernels of conv1 over the input, with and without zeros around it."""
    options = settings("alexnet").model.conv1
    kernel, stride = options.kernel, options.stride
    lines = [f"{side} × {side} × 3 = {side * side * 3:,}; the caption of Fig. 2 has {pixels:,}",
             f"({side} − {kernel}) / {stride} + 1 = {(side - kernel) / stride + 1:g} places in a row"]  # fmt: skip
    sides = {}
    for length, pad in ((side, 0), (227, 0), (224, 2)):
        _, sides[length, pad] = shape(layers(f"model.input={length}", f"model.conv1.pad={pad}")["conv1"])
        zeros = f" and {pad} zeros to each side" if pad else ""
        lines.append(f"{length} pixels{zeros}: maps of {sides[length, pad]} × {sides[length, pad]}")
    return Found(tuple(lines), (side - kernel) % stride != 0 and sides[side, 0] != 55 == sides[227, 0])


def crops(large: int, small: int, factor: int) -> Found:
    """Count the squares in a picture, drawn ones in a little one and all of them in the paper's."""
    little, cut, drawn = 12, 8, 5_000
    picture = torch.arange(little * little, dtype=torch.float32).view(1, 1, little, little)
    torch.manual_seed(0)
    seen = {
        tuple(crop[0, 0, :2].tolist()) for crop in random_crops(picture.expand(drawn, -1, -1, -1), cut, mirror=True)
    }
    places, in_paper = little - cut + 1, large - small + 1
    return Found(
        (
            f"{drawn:,} random crops of {cut} pixels out of {little}, mirrored or not: {len(seen)} different ones ="
            f" ({little} − {cut} + 1)² × 2",
            f"{small} out of {large}: ({large} − {small} + 1)² × 2 = {in_paper}² × 2 = {in_paper**2 * 2:,}",
            f"printed {factor:,} = {math.isqrt(factor // 2)}² × 2",
        ),
        len(seen) == places**2 * 2 and factor != in_paper**2 * 2,
    )


def alpha(k: float, n: int, alpha: float, beta: float, activity: float, file: float) -> Found:
    """Normalise equal activities in all maps by the formula, and as libraries do that divide α by n."""
    a = torch.full((1, 4 * n + 1, 1, 1), activity)
    formula = AcrossMaps(n, alpha, beta, k)(a)
    divided = AcrossMaps(n, alpha / n, beta, k)(a)
    library = nn.LocalResponseNorm(n, alpha, beta, k)(a)
    same = nn.LocalResponseNorm(n, alpha * n, beta, k)(a)
    middle = (0, 2 * n, 0, 0)
    return Found(
        (
            f"{n} neighbours of activity {activity:g} each, k = {k:g}, α = {alpha:g}, β = {beta:g}:",
            f"the formula: {activity:g} / ({k:g} + {alpha:g} × {n} × {activity:g}²)^{beta:g} = {formula[middle]:.1f}",
            f"α divided by n: {activity:g} / ({k:g} + {alpha:g} × {activity:g}²)^{beta:g} = {divided[middle]:.1f}",
            f"torch.nn.LocalResponseNorm with the printed constants: {library[middle]:.1f}; with α = {alpha * n:g}:"
            f" {same[middle]:.1f}",
            f"the authors' file: {file:g} / {n} = {file / n:g} for each neighbour, printed: {alpha:g}",
        ),
        torch.allclose(library, divided) and torch.allclose(same, formula) and not math.isclose(file / n, alpha),
    )


def ablation(without: str, with_it: str) -> Found:
    """Build the networks of both files and see what differs between them."""
    first, second = (layers(f"experiment={name}") for name in (without, with_it))
    lines, differ = [], []
    for name, row in second.items():
        if name in first and first[name].parameters != row.parameters:
            differ.append(name)
            wider = "" if first[name].output != row.output else ", each seeing more maps"
            lines.append(f"{name}: {first[name].output} without, {row.output} with normalisation{wider}")
    total = [sum(row.parameters for row in rows.values()) for rows in (first, second)]
    added = ", ".join(name for name in second if name not in first) or "nothing"
    lines += [f"added: {added}", f"weights: {total[0]:,} without, {total[1]:,} with normalisation"]
    return Found(tuple(lines), bool(differ) and total[0] != total[1])


ERRATA = (
    Erratum(
        "conv1_neurons",
        "253,440 neurons that make no map",
        "Fig. 2, caption, and abstract",
        "seen",
        "“The number of neurons in the network's remaining layers is given by"
        " 253,440–186,624–64,896–64,896–43,264–4096–4096–1000.” The abstract speaks of {abstract:,} neurons.",
        {"neurons": (253_440, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000), "abstract": 650_000},
        conv1_neurons,
        "cannot be",
        "Seven numbers are right. The first layer has 96 maps, and 253,440 neurons cannot be 96 square maps of any"
        " size. They are 55 × 48 × 96, so it seems that the 48 maps of one GPU have taken the place of a side. The"
        " abstract's 650,000 are nearer to the right sum than to the printed one.",
        {"neurons": (290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000)},
    ),
    Erratum(
        "input_side",
        "224 pixels on which the kernels do not fit",
        "section 3.5 and Fig. 2",
        "seen",
        "“The first convolutional layer filters the {side}×{side}×3 input image with 96 kernels of size 11×11×3 with a"
        " stride of 4 pixels”, and in the figure its maps are 55 × 55.",
        {"side": 224, "pixels": 150_528},
        input_side,
        "cannot be",
        "Without zeros at the edges, of which the paper says nothing, 224 pixels do not have a whole number of places"
        " and hold 54. It takes 227 pixels, as Caffe crops them, or 224 with two zeros to each side. Both have the same"
        " weights, so both are called AlexNet.",
        {"side": 227},
    ),
    Erratum(
        "alpha",
        "An α that code divides by five",
        "section 3.3, and the authors' file for ImageNet",
        "seen",
        "Neighbouring maps hold each other down: b = a / (k + α Σ a²)^β, the sum over {n} maps, with k = {k}, n = {n},"
        " α = 10⁻⁴, β = {beta}. Nothing is divided by n. The file, published later with code that divides its"
        " constant by n, has {file:g} and {n}.",
        {"k": 2, "n": 5, "alpha": 1e-4, "beta": 0.75, "activity": 100.0, "file": 1e-4},
        alpha,
        "disagree",
        "The same number stands for five times as much in the paper as in the code. Caffe and PyTorch divide, too:"
        " who types the paper's numbers into a library gets a fifth of the printed α. Which of the two made the"
        " published results, the paper does not tell; `model.lrn.divided` of `alexnet` is a switch.",
        {"file": 5e-4},
    ),
    Erratum(
        "ablation",
        "13 and 11 % error that differ in more than normalisation",
        "section 3.3, and the authors' files for CIFAR-10",
        "seen",
        "“A four-layer CNN achieved a 13% test error rate without normalization and 11% with normalization.” A footnote"
        " points to the authors' code, whose files bear these numbers in their names.",
        {"without": "cifar13", "with_it": "cifar11"},
        ablation,
        "disagree",
        "The file of the 11 % has normalisation, and twice as many maps in a layer: nearly twice the weights."
        " So the two points are not of normalisation alone. `landmarks run alexnet experiment=cifar11 model.lrn=null`"
        " takes only that away.",
        {"with_it": "cifar13"},
    ),
    Erratum(
        "crops",
        "2,048 crops, of which there are 2,178",
        "section 4.1",
        "seen",
        "Training on random {small} × {small} patches of the {large} × {large} pictures, and their mirror images,"
        " “increases the size of our training set by a factor of {factor}”.",
        {"large": 256, "small": 224, "factor": 2048},
        crops,
        "cannot be",
        "A square can be moved by 0 to 32 pixels, which are 33 places, not 32. Perhaps the code never used the last"
        " one.",
        {"factor": 2178},
    ),
)
