"""`landmarks errata`: every entry computed, every entry refuted by another number, and the page as it is committed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from landmarks import catalog, cli, errata
from landmarks.errata import MEANS, Erratum, page
from landmarks.errors import UsageError

PAGE = Path(__file__).parents[1] / "docs" / "errata.md"
FOUND = errata.gather(catalog.CATALOG)
SLOW = ("lenet.initial", "lenet.rates", "gan.generator_step", "resnet.flops", "resnet.rounding")
"""They run networks, or build large ones."""
CASES = [
    pytest.param(name, erratum, id=f"{name}.{erratum.id}", marks=[pytest.mark.slow] * (f"{name}.{erratum.id}" in SLOW))
    for name, entries in FOUND.items()
    for erratum in entries
]

pytestmark = pytest.mark.usefixtures("compose_once")


@pytest.mark.parametrize(("name", "erratum"), CASES)
def test_the_outcome_holds_and_is_on_the_page_as_computed(name: str, erratum: Erratum) -> None:
    found = erratum.run()
    assert found.holds
    assert page.entry(name, erratum, found) in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "erratum"), CASES)
def test_other_numbers_in_print_turn_the_outcome(name: str, erratum: Erratum) -> None:
    assert erratum.otherwise.keys() <= erratum.printed.keys()
    assert not erratum.run(**erratum.otherwise).holds


@pytest.mark.slow
def test_the_committed_page_is_what_the_command_writes(tmp_path: Path) -> None:
    assert cli.main(["errata", "-o", str(tmp_path / "errata.md")]) == 0
    assert (tmp_path / "errata.md").read_bytes() == PAGE.read_bytes()


def test_entries_are_many_of_every_outcome_and_named_apart() -> None:
    entries = [erratum for found in FOUND.values() for erratum in found]
    assert len(entries) >= 20
    assert {erratum.outcome for erratum in entries} == MEANS.keys()
    for found in FOUND.values():
        assert len({erratum.id for erratum in found}) == len(found)
    assert "recalled" not in {erratum.source for erratum in entries}  # what nobody has seen is no erratum


def test_one_entry_is_printed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["errata", "lstm.failures"]) == 0
    out = capsys.readouterr().out
    assert "29 of 30" in out
    assert "fits after all" in out
    assert "mean squared" not in out
    assert cli.main(["errata", "lstm.failures", "-q"]) == 0
    assert capsys.readouterr().out == "1 errata, 1 confirmed\n"


def test_an_outcome_that_does_not_hold_is_told_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = {erratum.id: erratum for erratum in FOUND["lstm"]}
    known = entries["failures"]
    wrong = replace(known, printed={**known.printed, **known.otherwise})
    monkeypatch.setattr("landmarks.errata.lstm.ERRATA", (wrong, entries["fractions"]))
    assert cli.main(["errata", "lstm"]) == 1
    assert "NOT CONFIRMED: fits after all" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("lstn", "did you mean lstm"),
        ("lstm.msee", "did you mean mse"),
        ("perceptron", "no errata are known"),
        ("perceptron.xor", "no errata are known"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(word: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        errata.find(word)


def test_one_word_is_enough() -> None:
    assert cli.main(["errata", "lstm", "lenet"]) == 2
