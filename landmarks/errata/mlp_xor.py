"""Rumelhart, Hinton and Williams 1986: the weights that are printed in the letter's first figure."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from landmarks.errata import Erratum, Found
from landmarks.errata.made import make
from landmarks.milestones.mlp_xor import MLPXOR


def symmetry(
    first: Sequence[float], second: Sequence[float], hidden_bias: float, output: float, output_bias: float, digit: float
) -> Found:
    """Put the printed weights into the network and show it all 64 patterns."""
    net = make("mlp_xor", "experiment=symmetry", "replicas=1")
    assert isinstance(net, MLPXOR)
    with torch.no_grad():
        net.weights["hidden_from_input"].copy_(torch.tensor([first, second]).T[None])
        net.weights["hidden_bias"].fill_(hidden_bias)
        net.weights["output_from_hidden"].fill_(output)
        net.weights["output_bias"].fill_(output_bias)
        patterns = torch.cartesian_prod(*[torch.arange(2.0)] * 6)
        answers = net(patterns[None]).flatten()
    mirrored = (patterns == patterns.flip(1)).all(1)
    right = int(((answers > 0.5) == mirrored).sum())
    apart = max(abs(a + b) for a, b in zip(first, second, strict=True))
    ratios = [" : ".join(f"{abs(w / unit[1]):.3g}" for w in (unit[1], unit[2], unit[0])) for unit in (first, second)]
    sums = {round(float(half @ torch.tensor(first[:3])), 3) for half in torch.cartesian_prod(*[torch.arange(2.0)] * 3)}
    return Found(
        (
            f"weights of the two units, signs aside, differ by {apart:.1f} at most, the last printed digit is {digit}",
            f"ratios: {ratios[0]} and {ratios[1]}; the 8 halves of a pattern make {len(sums)} different sums",
            f"the net says {answers[mirrored].min():.3f} or more to the {int(mirrored.sum())} symmetric patterns,"
            f" {answers[~mirrored].max():.3f} or less to the {int((~mirrored).sum())} others",
            f"{right} of {len(patterns)} patterns right",
        ),
        right == len(patterns) and apart <= 1.01 * digit and len(sums) == 8,
    )


ERRATA = (
    Erratum(
        "symmetry",
        "7.2 in one unit, 7.1 in the other",
        "Nature, Fig. 1, p. 534",
        "seen",
        "A network has learned to tell whether six bits are the same from both ends. Its two hidden units “have"
        " identical patterns of weights but with opposite signs”, in the ratio 1 : 2 : 4 on each side of the middle."
        " The figure prints {first} for one unit and {second} for the other, biases {hidden_bias}; both units end on"
        " the output with {output}, bias {output_bias}.",
        {
            "first": (14.2, -3.6, 7.2, -7.2, 3.6, -14.2),
            "second": (-14.2, 3.6, -7.1, 7.1, -3.6, 14.2),
            "hidden_bias": -1.1,
            "output": -8.8,
            "output_bias": 6.4,
            "digit": 0.1,
        },
        symmetry,
        "fits after all",
        "7.15 prints as either. The ratios hold nearly, which is enough: no two halves of a pattern have the same sum,"
        " so only a mirror image balances it. Put into a network, the printed digits work, and anyone can check a net"
        " of 1986 by hand.",
        {"second": (-14.2, 3.6, -5.1, 5.1, -3.6, 14.2)},
    ),
)
