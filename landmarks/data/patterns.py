"""The small made-up sets of 1943–1986: logic, parity, encoder, symmetry, and Hinton's two family trees.

Their settings also take a table of your own (`csv`, see `tables`) and handwritten digits (`mnist5k`, `mnist`), whose
labels become targets like theirs (`coded`).

Nothing is drawn at random but the four held-out facts of the family trees, and those by a fixed permutation: the sets
are byte for byte the same everywhere and for every seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landmarks.data import FIRST, Draws, pictures, splits
from landmarks.errors import UsageError
from landmarks.milestone import Data, Split
from landmarks.settings import Check, DataSettings

Floats = npt.NDArray[np.float32]

FUNCTIONS = {
    "never": "0000",
    "nor": "1000",
    "b_not_a": "0100",
    "not_a": "1100",
    "a_not_b": "0010",
    "not_b": "1010",
    "xor": "0110",
    "nand": "1110",
    "and": "0001",
    "xnor": "1001",
    "b": "0101",
    "a_implies_b": "1101",
    "a": "0011",
    "b_implies_a": "1011",
    "or": "0111",
    "always": "1111",
}
"""All functions of two inputs a, b: the answers to 00, 01, 10, 11."""

Function = Literal[
    "never", "nor", "b_not_a", "not_a", "a_not_b", "not_b", "xor", "nand",
    "and", "xnor", "b", "a_implies_b", "a", "b_implies_a", "or", "always",
]  # fmt: skip
PICTURED = ("mnist5k", "mnist")
"""The sets of pictures among them."""
LOW_AND_HIGH = Check("two numbers, the lower one first", lambda pair: len(pair) == 2 and pair[0] < pair[1])
BITS = Check("between 1 and 16", lambda bits: 1 <= bits <= 16)


@dataclass(frozen=True, kw_only=True)
class PatternSettings(DataSettings):
    """Which set: `function` for logic, `bits` for parity, encoder and symmetry; `targets` stand for 0 and 1."""

    name: Literal["logic", "parity", "encoder", "symmetry", "family_trees", "csv", "mnist5k", "mnist"]
    function: Function
    bits: Annotated[int, BITS] | None
    targets: Annotated[tuple[float, ...], LOW_AND_HIGH]


PEOPLE = (
    "Christopher", "Penelope", "Andrew", "Christine", "Arthur", "Margaret",
    "James", "Victoria", "Charles", "Jennifer", "Colin", "Charlotte",
    "Roberto", "Maria", "Pierro", "Francesca", "Emilio", "Gina",
    "Marco", "Lucia", "Tomaso", "Angela", "Alfonso", "Sophia",
)  # fmt: skip
"""Nature 1986, Fig. 2: in each family men at even, women at odd places, husbands next to their wives."""
CHILDREN = {0: (4, 7), 2: (6, 9), 6: (10, 11)}
"""Husband → children, as places in a family: the two trees are isomorphic."""
RELATIONS = (
    "father", "mother", "husband", "wife", "son", "daughter",
    "uncle", "aunt", "brother", "sister", "nephew", "niece",
)  # fmt: skip
HELD_OUT = 4
"""Facts that Nature's network never saw, out of 104 (p. 535). Which ones is not said: ours are a fixed draw."""


def sizes(settings: PatternSettings) -> tuple[int, int]:
    """The number of inputs and of outputs. Raises UsageError where `bits` is missing or has no meaning."""
    fixed = {"logic": (2, 1), "family_trees": (36, 24), "csv": (settings.inputs or 0, outputs(settings.classes or ()))}
    fixed |= dict.fromkeys(PICTURED, (pictures.SIDE**2, outputs(pictures.DIGITS)))
    if settings.name in fixed:
        if settings.bits is not None:
            raise UsageError(f"data.bits must be null for {settings.name}, got {settings.bits}")
        return fixed[settings.name]
    if settings.bits is None:
        raise UsageError(f"data.bits must be a whole number for {settings.name}, got null")
    return settings.bits, settings.bits if settings.name == "encoder" else 1


def outputs(classes: Sequence[str]) -> int:
    """One unit tells two classes apart; of more each has its own."""
    return 1 if len(classes) == 2 else len(classes)


def coded(y: Tensor, classes: int, targets: Sequence[float]) -> Tensor:
    """Labels (…, N) as targets (…, N, m): high for the second of two classes; of more, for the unit of the class."""
    low, high = targets
    on = y[..., None] == (torch.arange(classes, device=y.device) if classes > 2 else 1)
    return torch.where(on, high, low).float()


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """`train`: x (N, n) of 0 and 1, y (N, m) of the two targets, float32; the family trees also have `test`.

    Raises UsageError where the settings do not describe a set.
    """
    if not isinstance(settings, PatternSettings):
        raise UsageError(f"data.name={settings.name}: this milestone does not learn generated patterns")
    sizes(settings)
    x, y = _MAKERS[settings.name](settings)
    low, high = settings.targets
    y = np.where(y > 0, np.float32(high), np.float32(low))
    parts = {"train": _split(x, y)}
    if settings.name == "family_trees":
        held = np.sort(splits.permutation(len(x))[:HELD_OUT])
        trained = np.setdiff1d(np.arange(len(x)), held)
        parts = {"train": _split(x[trained], y[trained]), "test": _split(x[held], y[held])}
    return Data(settings.name, parts, splits.checksum(parts))


def facts() -> list[tuple[int, int, tuple[int, ...]]]:
    """The 104 facts of the two trees: (person, relation, the people who answer), by the meaning of the words.

    Uncles and aunts are the siblings of a parent, and those they married: Colin has two aunts (Nature, p. 535).
    """
    return [(p, r, found) for p in range(24) for r in range(12) if (found := _answers(p, r))]


def _answers(person: int, relation: int) -> tuple[int, ...]:
    """Who stands in this relation to that person; places in PEOPLE. Even relations ask for men, odd ones for women."""
    family, place = 12 * (person // 12), person % 12
    kin = (_parents, _spouse, _children, _uncles_and_aunts, _siblings, _nephews_and_nieces)[relation // 2](place)
    return tuple(sorted(family + other for other in kin if other % 2 == relation % 2))


def _parents(place: int) -> set[int]:
    return {parent for father, children in CHILDREN.items() if place in children for parent in (father, father + 1)}


def _spouse(place: int) -> set[int]:
    return {place ^ 1} if place < 10 else set()


def _children(place: int) -> set[int]:
    return set(CHILDREN.get(place - place % 2, ()))


def _siblings(place: int) -> set[int]:
    return {other for children in CHILDREN.values() if place in children for other in children} - {place}


def _uncles_and_aunts(place: int) -> set[int]:
    by_blood = {other for parent in _parents(place) for other in _siblings(parent)}
    return by_blood | {other for one in by_blood for other in _spouse(one)}


def _nephews_and_nieces(place: int) -> set[int]:
    return {other for other in range(12) if place in _uncles_and_aunts(other)}


def _logic(settings: PatternSettings) -> tuple[Floats, Floats]:
    return _rows(2), np.array([[float(answer)] for answer in FUNCTIONS[settings.function]], dtype=np.float32)


def _parity(settings: PatternSettings) -> tuple[Floats, Floats]:
    x = _rows(settings.bits or 0)
    return x, x.sum(1, keepdims=True) % 2


def _encoder(settings: PatternSettings) -> tuple[Floats, Floats]:
    x = np.eye(settings.bits or 0, dtype=np.float32)
    return x, x.copy()


def _symmetry(settings: PatternSettings) -> tuple[Floats, Floats]:
    x = _rows(settings.bits or 0)
    return x, (x == x[:, ::-1]).all(1, keepdims=True).astype(np.float32)


def _family_trees(settings: PatternSettings) -> tuple[Floats, Floats]:
    """x: the person (24) and the relation (12), one unit each; y: all people who answer."""
    known = facts()
    assert len(known) == 104
    x, y = np.zeros((104, 36), dtype=np.float32), np.zeros((104, 24), dtype=np.float32)
    for row, (person, relation, answers) in enumerate(known):
        x[row, [person, 24 + relation]] = 1
        y[row, list(answers)] = 1
    return x, y


_MAKERS: dict[str, Callable[[PatternSettings], tuple[Floats, Floats]]] = {
    "logic": _logic,
    "parity": _parity,
    "encoder": _encoder,
    "symmetry": _symmetry,
    "family_trees": _family_trees,
}


def _rows(bits: int) -> Floats:
    """All rows of so many bits, (2^bits, bits), counting up, the first bit the most significant."""
    return (np.arange(2**bits)[:, None] >> np.arange(bits)[::-1] & 1).astype(np.float32)


def _split(x: Floats, y: Floats) -> Split:
    return Split(torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(np.ascontiguousarray(y)))
