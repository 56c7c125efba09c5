"""The milestones in order of their year, as `landmarks list` prints them. Light: neither torch nor Hydra."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from landmarks.errors import UsageError, nearest

if TYPE_CHECKING:
    from landmarks.milestone import Milestone


@dataclass(frozen=True)
class Entry:
    """A line of the timeline; `place` says where the class is: `module:Class`."""

    name: str
    year: str
    model: str
    paper: str
    data: str
    headline: str
    time: str
    place: str


CATALOG: dict[str, Entry] = {}


def register(entry: Entry) -> None:
    """Add a milestone to the catalogue: the one line that a new one needs beside its file and its YAML."""
    CATALOG[entry.name] = entry


register(
    Entry(
        "mcculloch_pitts",
        "1943",
        "McCulloch–Pitts nets",
        "McCulloch, Pitts",
        "all histories",
        "9 nets as stated",
        "2 s",
        "landmarks.milestones.mcculloch_pitts:McCullochPitts",
    )
)
register(
    Entry(
        "perceptron",
        "1958",
        "Perceptron",
        "Rosenblatt; Novikoff",
        "clouds, functions, digits",
        "100 % within (R/γ)²",
        "3 s",
        "landmarks.milestones.perceptron:Perceptron",
    )
)
register(
    Entry(
        "mlp_xor",
        "1986",
        "Back-propagation, XOR",
        "Rumelhart, Hinton, Williams",
        "XOR",
        "558 sweeps (one run)",
        "1 s",
        "landmarks.milestones.mlp_xor:MLPXOR",
    )
)
register(
    Entry(
        "lstm",
        "1997",
        "Long short-term memory",
        "Hochreiter, Schmidhuber",
        "sequences",
        "31,390 sequences",
        "20 s",
        "landmarks.milestones.lstm:LSTM",
    )
)
register(
    Entry(
        "lenet",
        "1998",
        "LeNet-5",
        "LeCun, Bottou, Bengio, Haffner",
        "MNIST",
        "0.95 % test error",
        "30 s",
        "landmarks.milestones.lenet:LeNet",
    )
)
register(
    Entry(
        "dae",
        "2010",
        "Denoising autoencoders",
        "Vincent, Larochelle, Lajoie, Bengio, Manzagol",
        "digits, varied",
        "2.84 % test error",
        "25 s",
        "landmarks.milestones.dae:DAE",
    )
)
register(
    Entry(
        "alexnet",
        "2012",
        "AlexNet",
        "Krizhevsky, Sutskever, Hinton",
        "ImageNet; CIFAR-10",
        "37.5 % top-1 error",
        "45 s",
        "landmarks.milestones.alexnet:AlexNet",
    )
)
register(
    Entry(
        "gan",
        "2014",
        "Adversarial nets",
        "Goodfellow et al.",
        "MNIST; points",
        "225 nats (Parzen)",
        "10 s",
        "landmarks.milestones.gan:GAN",
    )
)
register(
    Entry(
        "resnet",
        "2015",
        "Residual nets",
        "He, Zhang, Ren, Sun",
        "CIFAR-10; ImageNet",
        "8.75 % test error",
        "40 s",
        "landmarks.milestones.resnet:ResNet",
    )
)


def find(name: str) -> Entry:
    """The entry of a milestone. Raises UsageError with the nearest name."""
    if name not in CATALOG:
        raise UsageError(f"there is no milestone {name}{nearest(str(name), CATALOG)}; `landmarks list` shows all")
    return CATALOG[name]


def milestone_class(name: str) -> type[Milestone]:
    """Import a milestone's class (and torch with it)."""
    module, _, attribute = find(name).place.partition(":")
    cls: type[Milestone] = getattr(importlib.import_module(module), attribute)
    return cls
