"""A typed configuration says in one sentence what is wrong and where it came from."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from landmarks.errors import UsageError
from landmarks.settings import FRACTION, POSITIVE, build


@dataclass(frozen=True, kw_only=True)
class Inner:
    lr: Annotated[float, POSITIVE]
    until: int | None


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: Literal["map", "mse"]
    inner: Inner
    share: Annotated[float, FRACTION] | None
    stages: tuple[Inner, ...]


INNER = {"lr": 0.1, "until": 2}
GOOD: dict[str, Any] = {"name": "map", "inner": {"lr": 1, "until": None}, "share": 0.5, "stages": [INNER]}


def test_a_whole_number_stands_for_a_float() -> None:
    built = build(Outer, GOOD, str)
    assert built.inner.lr == 1.0
    assert isinstance(built.inner.lr, float)
    assert built.stages[0].until == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "mp"}, "name: name must be map or mse, got mp (did you mean map?)"),
        ({"inner": {"lr": -0.1, "until": None}}, "inner.lr: inner.lr must be > 0, got -0.1"),
        ({"inner": {"lr": True, "until": None}}, "inner.lr: inner.lr must be a number, got true"),
        ({"inner": 3}, "inner: inner must be a group of keys, got 3"),
        ({"share": 1.5}, "share: share must be between 0 and 1, got 1.5"),
        ({"stages": [{"lr": 0.1, "until": 2.5}]}, "stages[0].until: stages[0].until must be a whole number, got 2.5"),
        ({"stages": None}, "stages: stages must be a list, got null"),
        ({"shar": 1}, "shar: there is no key shar (did you mean share?)"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        build(Outer, GOOD | change, str)
    assert str(caught.value) == says


def test_a_missing_key_is_named() -> None:
    with pytest.raises(UsageError, match=r"the key inner\.until is missing"):
        build(Outer, GOOD | {"inner": {"lr": 1.0}}, str)
