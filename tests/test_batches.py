"""Batches: every pattern once an epoch, in the order that the phase asks for."""

from types import SimpleNamespace

import pytest
import torch

from landmarks.data.batches import Batches
from landmarks.data.splits import hold_out
from landmarks.errors import UsageError
from landmarks.milestone import Data, Phase, Split


def make(order: str, size: int | None, replicas: int = 1, first: int = 0, replicated: bool = False) -> Batches:
    phase = Phase("p", {}, {}, epochs=1, batch_size=size, order=order)  # type: ignore[arg-type]
    settings = SimpleNamespace(seed=3, replicas=replicas, first_replica=first)
    x = torch.arange(10)
    data = Data("ten", {"train": Split(x, -x)}, "")
    return Batches(phase, data, SimpleNamespace(replicated=replicated), settings)  # type: ignore[arg-type]


def epoch(batches: Batches, number: int) -> list[list[int]]:
    at = batches.begin(number)
    found = [at(i) for i in range(batches.per_epoch)]
    assert all(torch.equal(batch.x, -batch.y) for batch in found)
    return [batch.x.tolist() for batch in found]


@pytest.mark.parametrize("order", ["shuffled", "fixed", "sequential"])
@pytest.mark.parametrize("size", [1, 3, 10, None])
def test_each_pattern_comes_once_an_epoch(order: str, size: int | None) -> None:
    found = epoch(make(order, size), 0)
    assert sorted(i for batch in found for i in batch) == list(range(10))
    assert [len(batch) for batch in found[:-1]] == [size or 10] * (len(found) - 1)


def test_a_fixed_order_stays_and_a_shuffle_changes() -> None:
    fixed, shuffled = make("fixed", 1), make("shuffled", 1)
    assert epoch(fixed, 0) == epoch(fixed, 5) != [[i] for i in range(10)]
    assert epoch(shuffled, 0) != epoch(shuffled, 1)
    assert epoch(make("shuffled", 1), 1) == epoch(shuffled, 1)
    assert epoch(make("sequential", 10), 2) == [list(range(10))]


def test_each_replica_has_an_order_of_its_own_and_the_same_alone() -> None:
    among = make("shuffled", 4, replicas=5, replicated=True).begin(2)(1).x
    assert among.shape == (5, 4)
    assert len({tuple(row) for row in among.tolist()}) == 5
    alone = make("shuffled", 4, first=3, replicated=True).begin(2)(1).x
    assert torch.equal(alone[0], among[3])


@pytest.mark.parametrize("order", ["shuffled", "fixed", "sequential"])
def test_what_would_be_too_large_in_the_order_of_every_replica_is_gathered(
    order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = epoch(make(order, 4, replicas=5, replicated=True), 2)
    monkeypatch.setattr("landmarks.data.batches.ROOM", 0)
    assert epoch(make(order, 4, replicas=5, replicated=True), 2) == copied


@pytest.mark.parametrize("order", ["shuffled", "sequential"])
def test_replicas_with_patterns_of_their_own(order: str) -> None:
    x = torch.arange(30).reshape(3, 10)
    phase = Phase("p", {}, {}, epochs=1, batch_size=4, order=order)  # type: ignore[arg-type]
    settings = SimpleNamespace(seed=3, replicas=3, first_replica=0)
    data = Data("own", {"train": Split(x, -x)}, "", own=True)
    batches = Batches(phase, data, SimpleNamespace(replicated=True), settings)  # type: ignore[arg-type]
    at = batches.begin(0)
    found = [at(i) for i in range(batches.per_epoch)]
    assert [batch.x.shape for batch in found] == [(3, 4), (3, 4), (3, 2)]
    assert torch.equal(torch.cat([batch.x for batch in found], 1).sort(1).values, x)
    assert all(torch.equal(batch.x, -batch.y) for batch in found)


@pytest.mark.parametrize("order", ["shuffled", "sequential"])
def test_every_epoch_has_fresh_patterns_where_the_data_say_so(order: str) -> None:
    def fresh(epoch: int) -> Split:
        x = torch.arange(20).reshape(2, 10) + 100 * epoch
        return Split(x, -x)

    phase = Phase("p", {}, {}, steps=9, batch_size=5, order=order)  # type: ignore[arg-type]
    settings = SimpleNamespace(seed=3, replicas=2, first_replica=0)
    data = Data("fresh", {"test": fresh(-1)}, "", own=True, fresh=fresh)
    batches = Batches(phase, data, SimpleNamespace(replicated=True), settings)  # type: ignore[arg-type]
    assert batches.per_epoch == 2
    for number in (0, 3, 1):
        at = batches.begin(number)
        found = torch.cat([at(0).x, at(1).x], 1).sort(1).values
        assert torch.equal(found, fresh(number).x)
        assert torch.equal(at(1).x, -at(1).y)


def test_withheld_patterns_stay_away_and_are_those_that_would_be_held_out() -> None:
    x = torch.arange(10)
    data = Data("ten", {"train": Split(x, -x)}, "")
    settings = SimpleNamespace(seed=3, replicas=1, first_replica=0)

    def made(withheld: int) -> Batches:
        phase = Phase("p", {}, {}, epochs=1, batch_size=4, withheld=withheld)
        return Batches(phase, data, SimpleNamespace(replicated=False), settings)  # type: ignore[arg-type]

    left = hold_out(data.splits["train"], 3)["train"].x.tolist()
    for number in (0, 1):
        assert sorted(i for batch in epoch(made(3), number) for i in batch) == left
    assert made(3).per_epoch == 2
    with pytest.raises(UsageError, match="of 10 patterns to learn from 10 cannot be withheld"):
        made(10)
