"""The networks of Fig. 9 that learn by gradients, from the input up, and the codes that their outputs are to meet."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from landmarks.parts.lenet_settings import ModelSettings, hidden
from landmarks.parts.rivals import build_rival
from landmarks.parts.second_order import (
    LINEAR,
    RELU,
    Convolution,
    Full,
    Network,
    Pool,
    Squashing,
    Subsampling,
    squashing,
)

TABLE_I = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345"
"""Which maps of S2 each of the 16 maps of C3 takes in (p. 8); no two alike, so that they learn different features."""
LENET1 = "0 01 01 1 01 01 2 23 23 3 23 23"
"""The same of LeNet-1's 12 maps; not in this paper: recalled from the authors' of 1990, and its 20 kernels fit."""
CODES = (
    "7c00e36c78f1e36c70000 1871e0c183060c18fc000 7c01f638618e30c1fc000 fe0c30c3c0c183c6f8000 7c0003367cf1e3cefc183"
    " 7c03fe0c0f0f03c6f8000 3cc3060fdcf1e3e6f8000 fe0c1861830c183060000 7d8f1e37d8f1e3c6f8000 7d9f1e3cefc1830cf0000"
)
"""The digits 0 … 9 of Fig. 3, 12 rows of 7 bits from the top, 1 = black; hexadecimal."""
PAIRS = tuple(itertools.combinations(range(10), 2))
"""The classes i and j, i < j, that each of the 45 pairwise units tells apart."""


def build_network(model: ModelSettings, inputs: int = 784) -> Network:
    """The network of a configuration; `inputs`: the pixels that a fully linked one takes.

    What meets ±1 targets keeps the scaled tanh, which can reach them.
    """
    if (rival := build_rival(model.network, model.rival, inputs)) is not None:
        return Network({model.network: rival})
    f = {"scaled_tanh": squashing(), "tanh": squashing(1.0, 1.0), "relu": RELU}[model.activation]
    last = LINEAR if model.output == "softmax" else squashing()
    if model.network == "linear":
        return Network({"output": Full(inputs, 10, LINEAR)})
    if model.network == "pairwise":
        return Network({"output": Full(inputs, len(PAIRS), last if model.pairs == "squashed" else LINEAR)})
    if model.network == "lenet1":
        return Network({**_maps(model, 4, LENET1, f), "output": Full(12 * 16, 10, last)})
    if sizes := hidden(model.network):
        names = [f"hidden{i}" if i > 1 else "hidden" for i in range(1, len(sizes) + 1)]
        layers = {name: Full(n, units, f) for name, n, units in zip(names, (inputs, *sizes), sizes, strict=False)}
        return Network(layers | {"output": Full(sizes[-1], 10, last)})
    network = Network(_maps(model, 6, TABLE_I, f))
    network["C5"] = Convolution([(o, i) for o in range(120) for i in range(16)], f)
    network["F6"] = Full(120, 84, last if model.output == "rbf" else f)
    if model.output != "rbf":
        network["output"] = Full(84, 10, last)
    return network


def _maps(model: ModelSettings, first: int, table: str, f: Squashing) -> dict[str, Convolution | Subsampling | Pool]:
    """C1 to S4: so many `first` maps, and above them those whose inputs the table tells; all of them with c3=dense."""
    rows = [range(first) if model.c3 == "dense" else map(int, row) for row in table.split()]
    pools = [Subsampling(n, f) if model.pooling == "trainable" else Pool(model.pooling) for n in (first, len(rows))]
    return {
        "C1": Convolution([(o, 0) for o in range(first)], f),
        "S2": pools[0],
        "C3": Convolution([(o, i) for o, row in enumerate(rows) for i in row], f),
        "S4": pools[1],
    }


def frame(network: str) -> int:
    """By how many pixels of background a picture is framed: LeNet-5's C1 sees 32 × 32."""
    return 2 if network == "lenet5" else 0


def bitmaps() -> Tensor:
    """The output codes of Fig. 3, (10, 84), +1 for black."""
    return torch.tensor([[2.0 * int(bit) - 1 for bit in f"{int(code, 16):084b}"] for code in CODES.split()])


def pairs() -> Tensor:
    """What each pairwise unit is to say of each class, (10, 45): +1 of i, −1 of j, and 0 where it is not asked."""
    return torch.tensor([[float(c == i) - float(c == j) for i, j in PAIRS] for c in range(10)])


def codes(model: ModelSettings) -> Tensor | None:
    """What the outputs are to be for each class, (10, outputs); None of a softmax."""
    if model.network == "pairwise":
        return pairs()
    return {"rbf": bitmaps(), "targets": 2 * torch.eye(10) - 1, "softmax": None}[model.output]
