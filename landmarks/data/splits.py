"""Splits that are the same on every machine and for every seed of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from landmarks.data.files import Files
from landmarks.errors import UsageError
from landmarks.milestone import Split
from landmarks.randomness import Orders
from landmarks.settings import DataSettings

_SEED = 28281998
"""Of the splits alone, so that the order of a run's training does not repeat it."""
Part = tuple[npt.NDArray[Any], npt.NDArray[np.int64]]
"""What a split is made of before anything is decoded: pictures, or the paths of files, and their labels."""


def permutation(n: int, number: int = 0) -> npt.NDArray[np.int64]:
    """A fixed permutation of 0 … n − 1, (n,); those of another number are independent of it."""
    order: npt.NDArray[np.int64] = Orders(_SEED, replicas=1).epoch(number, n)[0]
    return order


def split(x: npt.NDArray[np.uint8], y: npt.NDArray[np.integer]) -> Split:
    """Tensors of pictures (N, 28, 28), uint8, and labels (N,), int64."""
    return Split(torch.tensor(x), torch.tensor(y, dtype=torch.int64))


def divide(settings: DataSettings, train: Split, test: Callable[[], Split]) -> dict[str, Split]:
    """`train` and `test`; or, with data.valid, `train` and `valid`, and `test` is never called."""
    return hold_out(train, settings.valid) if settings.valid else {"train": train, "test": test()}


def hold_out(train: Split, count: int) -> dict[str, Split]:
    """Take `count` patterns out of `train` by the fixed permutation; both parts keep the order of the file.

    Raises UsageError unless 0 < count < N.
    """
    valid = torch.from_numpy(chosen(len(train.x), count))
    return {"train": Split(train.x[~valid], train.y[~valid]), "valid": Split(train.x[valid], train.y[valid])}


def held(settings: DataSettings, parts: dict[str, Part]) -> dict[str, Part]:
    """With data.valid `train` without so many, which are `valid`, and nothing else; without it `parts` as they are."""
    if not settings.valid:
        return parts
    valid = chosen(len(parts["train"][1]), settings.valid)
    return {"train": rows(parts["train"], ~valid), "valid": rows(parts["train"], valid)}


def rows(part: Part, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Part:
    """Some patterns of a part."""
    return part[0][which], part[1][which]


def chosen(n: int, count: int) -> npt.NDArray[np.bool_]:
    """Which of n training patterns data.valid=count holds out. Raises UsageError unless 0 < count < n."""
    if not 0 < count < n:
        raise UsageError(f"data.valid must leave some of the {n} training patterns to learn from, got {count}")
    held = np.zeros(n, dtype=bool)
    held[permutation(n)[:count]] = True
    return held


def labelled(y: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.bool_]:
    """Which of N training patterns to learn from with data.labels=count: the same share of each class, in y (N,).

    What is left over by division goes to the classes with the largest remainders. Raises UsageError where there are
    not so many, or none would be of some class.
    """
    kinds, there = np.unique(y, return_counts=True)
    wanted, rest = np.divmod(count * there, len(y))
    wanted[np.argsort(-rest, kind="stable")[: count - wanted.sum()]] += 1
    if not len(kinds) <= count <= len(y):
        raise UsageError(
            f"data.labels must be from {len(kinds)}, of each class some, to {len(y):,}, all to learn from, got {count}"
        )
    if not wanted.all():
        raise UsageError(
            f"data.labels={count}: none would be of the smallest class ({there.min():,} of {len(y):,}); ask for more"
        )
    kept, order = np.zeros(len(y), dtype=bool), permutation(len(y), 5)
    for kind, number in zip(kinds, wanted, strict=True):
        kept[order[y[order] == kind][:number]] = True
    return kept


def held_out(y: npt.NDArray[np.int64], share: float) -> npt.NDArray[np.bool_]:
    """Which of N patterns to hold out, by their classes y (N,): so much of each, at least one of each stays."""
    held, order = np.zeros(len(y), dtype=bool), permutation(len(y))
    for label in np.unique(y):
        members = order[y[order] == label]
        held[members[: min(int(share * len(members) + 0.5), len(members) - 1)]] = True
    return held


def ordered(labels: Iterable[str]) -> tuple[str, ...]:
    """The different labels: as numbers where all are numbers, else as words."""
    names = sorted({*labels})
    try:
        return tuple(sorted(names, key=float))
    except ValueError:
        return tuple(names)


def checksum(splits: Mapping[str, Split]) -> str:
    """SHA-256, in hex, over the names, shapes, types and bytes of all arrays.

    Of pictures that stay in their files over the files' names and sizes, not over what is in them.
    """
    digest = hashlib.sha256()
    for name, pair in splits.items():
        for tensor in pair:
            if isinstance(tensor, Files):
                digest.update(f"{name} {tensor.shape} files ".encode())
                for line in tensor.identity():
                    digest.update(line)
                continue
            array = np.ascontiguousarray(tensor.numpy())
            digest.update(f"{name} {array.shape} {array.dtype.str} ".encode())
            digest.update(array.data)
    return digest.hexdigest()
