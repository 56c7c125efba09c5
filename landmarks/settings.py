"""The typed configuration: what every run has, and how a composed tree becomes a checked dataclass.

A milestone's `Config` extends `Settings`; ranges and choices stand in its annotations
(`Annotated[float, POSITIVE]`, `Literal["tanh", "relu"]`). Nothing here knows Hydra or torch.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from landmarks.errors import UsageError, nearest


@dataclass(frozen=True)
class Check:
    """A condition on a value, and how it is said: "must be {says}"."""

    says: str
    holds: Callable[[Any], bool]


POSITIVE = Check("> 0", lambda value: value > 0)
NOT_NEGATIVE = Check(">= 0", lambda value: value >= 0)
SOME = Check("at least one", lambda items: len(items) > 0)
THREADS = Check("between 1 and 1024", lambda value: 1 <= value <= 1024)
FRACTION = Check("between 0 and 1", lambda value: 0 <= value <= 1)
SHARE = Check(">= 0 and < 1", lambda value: 0 <= value < 1)
INSIDE = Check(">= 0 and < 28, the side of a picture", lambda pixels: 0 <= pixels < 28)
DEVICE = Check(
    "auto, cpu, cuda, cuda:N or mps",
    lambda value: value in {"auto", "cpu", "cuda", "mps"} or (value.startswith("cuda:") and value[5:].isdigit()),
)


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where the patterns come from, and how many of those to learn are held out to choose on (`valid`).

    `inputs` and `classes` are found in files of your own when a run is made.
    """

    name: str
    root: str | None
    verify: bool
    valid: Annotated[int, NOT_NEGATIVE]
    test: Annotated[float, SHARE]
    invert: bool
    inputs: Annotated[int, POSITIVE] | None
    classes: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Scales:
    """To learn, the shorter side of a picture is drawn in [low, high] each time, and a square of `crop` cut out."""

    low: Annotated[int, POSITIVE]
    high: Annotated[int, POSITIVE]
    crop: Annotated[int, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class PictureSettings(DataSettings):
    """Colour pictures (3, side, side): the shorter side brought to `side`, the square in the middle cut out.

    `labels`: so many of the training pictures are learned from, the same share of each class. `in_memory`: null where
    the set takes less than 2 GB; else `workers` processes read pictures while the network learns. With
    `skip_unreadable` a file that cannot be read is left out and counted.
    """

    side: Annotated[int, POSITIVE]
    labels: Annotated[int, POSITIVE] | None
    scales: Scales | None
    in_memory: bool | None
    workers: Annotated[int, NOT_NEGATIVE]
    skip_unreadable: bool


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """How far a picture is distorted at most: moved by `shift` pixels each way, made larger or smaller by the share
    `scale`, wider and lower by `squeeze` or the reverse, moved to the side by `shear` for each row off the middle."""

    shift: Annotated[float, NOT_NEGATIVE]
    scale: Annotated[float, SHARE]
    squeeze: Annotated[float, SHARE]
    shear: Annotated[float, NOT_NEGATIVE]


@dataclass(frozen=True, kw_only=True)
class DigitSettings(DataSettings):
    """Grey pictures, 28 × 28, as LeNet-5's paper treats them: which of its `version`s of them (data/versions.py).

    `labels`: so many of the training pictures are learned from, the same share of each class. `distorted`: so many
    distorted versions beside each of them (data/distortions.py). `shifted`: also measured on the pictures moved so many
    pixels to each side.
    """

    version: Literal["regular", "deslanted", "16x16"]
    labels: Annotated[int, POSITIVE] | None
    distorted: Annotated[int, NOT_NEGATIVE]
    distortion: Distortion
    shifted: Annotated[int, INSIDE]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The keys that every run has; a milestone's `Config` adds its own."""

    milestone: str
    scale: Literal["quick", "paper"]
    experiment: str | None
    seed: Annotated[int, NOT_NEGATIVE]
    device: Annotated[str, DEVICE]
    precision: Literal["fp32", "tf32", "bf16"]
    threads: Annotated[int, THREADS] | None
    deterministic: bool
    compile: Literal["auto", True, False]
    init: str | None
    replicas: Annotated[int, POSITIVE]
    first_replica: Annotated[int, NOT_NEGATIVE]
    epochs: Annotated[int, POSITIVE] | None
    steps: Annotated[int, POSITIVE] | None
    log_every: Annotated[int, POSITIVE] | None
    eval_every: Annotated[int, POSITIVE] | None
    checkpoint_every: Annotated[int, POSITIVE] | None
    keep_checkpoints: Annotated[int, POSITIVE]
    histograms: bool
    figures: bool
    runs: str
    data: DataSettings


def build(cls: type[Any], tree: Mapping[str, Any], origin: Callable[[str], str], prefix: str = "") -> Any:
    """Make `cls` (a dataclass) of a composed tree.

    `origin(key)` names where a key's value comes from. Raises UsageError in one sentence for an unknown or missing
    key, a wrong type, a value out of range.
    """
    hints = get_type_hints(cls, include_extras=True)
    names = [f.name for f in dataclasses.fields(cls)]
    for key in tree:
        if str(key) not in names:
            raise UsageError(f"{origin(prefix + str(key))}: there is no key {prefix}{key}{nearest(str(key), names)}")
    values = {}
    for name in sorted(
        names, key=lambda name: dataclasses.is_dataclass(hints[name])
    ):  # groups may repeat what is above
        key = prefix + name
        if name not in tree:
            raise UsageError(f"{origin(prefix.rstrip('.'))}: the key {key} is missing")
        values[name] = _convert(hints[name], tree[name], key, origin)
    return cls(**values)


def _convert(hint: Any, value: Any, key: str, origin: Callable[[str], str]) -> Any:
    """Return `value` as `hint` wants it (an int may stand for a float), or raise UsageError."""
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise _wrong(key, KINDS[dict], value, origin)
        return build(hint, value, origin, key + ".")  # type: ignore[arg-type]
    kind, arguments = get_origin(hint), get_args(hint)
    if kind is Annotated:
        value = _convert(arguments[0], value, key, origin)
        for check in arguments[1:]:
            if not check.holds(value):
                raise _wrong(key, check.says, value, origin)
        return value
    if kind in (Union, types.UnionType):
        return _convert_union(arguments, value, key, origin)
    if kind is Literal:
        if not any(value is choice or (value == choice and type(value) is type(choice)) for choice in arguments):
            choices = " or ".join(", ".join(_say(choice) for choice in arguments).rsplit(", ", 1))
            raise _wrong(key, choices, value, origin, nearest(str(value), map(str, arguments)))
        return value
    if kind is tuple:
        if not isinstance(value, (list, tuple)):
            raise _wrong(key, KINDS[list], value, origin)
        return tuple(_convert(arguments[0], item, f"{key}[{i}]", origin) for i, item in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise _wrong(key, KINDS[hint], value, origin)
    return value


def _convert_union(choices: tuple[Any, ...], value: Any, key: str, origin: Callable[[str], str]) -> Any:
    if value is None and type(None) in choices:
        return None
    (choice,) = [choice for choice in choices if choice is not type(None)]
    return _convert(choice, value, key, origin)


KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a group of keys",
}
"""What a type is called in front of a person."""


def _say(value: Any) -> str:
    """A value as YAML writes it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _wrong(key: str, wanted: str, value: Any, origin: Callable[[str], str], hint: str = "") -> UsageError:
    return UsageError(f"{origin(key)}: {key} must be {wanted}, got {_say(value)}{hint}")
