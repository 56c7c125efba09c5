"""What a run of `lenet` may be told, and what of it cannot go together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from landmarks.data import versions
from landmarks.data.pictures import DIGITS
from landmarks.errors import UsageError
from landmarks.parts.rivals import RIVALS, RivalSettings, check_fitted
from landmarks.parts.schedules import Stage
from landmarks.parts.second_order import Start
from landmarks.settings import POSITIVE, SOME, Check, DigitSettings, Settings

MAPS = ("lenet5", "lenet1")
"""Networks of maps with shared weights."""
FULL = re.compile(r"mlp([1-9]\d*(-[1-9]\d*)*)")
NETWORK = Check(
    "lenet5, lenet1, linear, pairwise, mlp with the sizes of its hidden layers, such as mlp300-100, or knn, quadratic,"
    " rbf, svm",
    lambda name: name in (*MAPS, "linear", "pairwise", *RIVALS) or FULL.fullmatch(name) is not None,
)


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Start):
    network: Annotated[str, NETWORK]
    activation: Literal["scaled_tanh", "tanh", "relu"]
    pooling: Literal["trainable", "average", "max"]
    output: Literal["rbf", "targets", "softmax"]
    c3: Literal["table", "dense"]
    pairs: Literal["squashed", "linear", "votes"] | None
    scramble: bool
    rival: RivalSettings


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    name: Literal["map", "mse"]
    half: bool
    j: Annotated[float, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class Times:
    """The schedule's rates are the paper's, for SDLM; another rule takes them so many times."""

    sdlm: Annotated[float, POSITIVE]
    sgd: Annotated[float, POSITIVE]
    adam: Annotated[float, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    name: Literal["sdlm", "sgd", "adam"]
    lr: Annotated[float, POSITIVE] | None
    times: Times
    mu: Annotated[float, POSITIVE]
    samples: Annotated[int, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class LeNetConfig(Settings):
    model: ModelSettings
    loss: LossSettings
    optimizer: OptimizerSettings
    schedule: Annotated[tuple[Stage, ...], SOME]
    order: Literal["fixed", "shuffled"]
    batch_size: Annotated[int, POSITIVE]
    train_error: bool
    data: DigitSettings


def hidden(network: str) -> list[int]:
    """The sizes of the hidden layers of fully linked ones: mlp300-100 has 300 units, and 100 above them."""
    found = FULL.fullmatch(network)
    return [int(size) for size in found[1].split("-")] if found else []


def check(config: LeNetConfig, added: Mapping[str, Any]) -> None:
    """Raise UsageError for keys that cannot go together; `added` as in `Milestone`."""
    network = config.model.network
    if network in RIVALS:
        check_fitted(config)
    elif config.epochs is None or config.steps is not None:
        raise UsageError("epochs: lenet's length is in passes, so epochs must be a number and steps null")
    _check_outputs(config.model, config.loss.name)
    versions.check(config.data, added["data.distortion"])
    if config.data.version == "deslanted" and network in MAPS:
        raise UsageError(
            f"data.version=deslanted: {network} takes pictures of 28 × 28, and these have 20 × 20; a"
            " fully linked network takes them, as experiment=mlp300 does"
        )
    if config.data.name == "csv":
        raise UsageError("data.name=csv: lenet learns pictures, 28 × 28; perceptron and mlp_xor take tables")
    names = config.data.classes or DIGITS
    if len(names) > 10:
        raise UsageError(f"data.root: lenet tells ten classes apart at most, got {len(names)} ({', '.join(names)})")


def _check_outputs(model: ModelSettings, loss: str) -> None:
    """Raise UsageError where the network cannot meet such outputs, or with such a loss."""
    set_there = f" (experiment={model.network} sets it)"
    if model.network == "pairwise" and (model.output != "targets" or loss != "mse"):
        raise UsageError(
            "model.network=pairwise: each unit meets +1 or -1 with a squared error, so model.output must be targets"
            f" and loss.name mse{set_there}"
        )
    if (model.network == "pairwise") != (model.pairs is not None):
        must = "squashed, linear or votes" if model.pairs is None else "null"
        raise UsageError(
            f"model.pairs: must be {must} where model.network={model.network}, got {model.pairs or 'null'}"
            + set_there * (model.pairs is None)
        )
    if model.network != "lenet5" and model.output == "rbf":
        raise UsageError(
            f"model.output: {model.network} has ten outputs, so model.output must be targets or softmax{set_there}"
        )
