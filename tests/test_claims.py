"""Every claim that the suite makes: it has what its rule needs, its runs compose, and `landmarks show` explains it."""

from __future__ import annotations

import dataclasses
import math
import shlex
from typing import Any

import pytest

from landmarks import assemble, catalog, config, explain
from landmarks.claims import Claim
from landmarks.errors import LandmarksError
from landmarks.rules import alike, needed
from landmarks.verdicts import RULES
from tests.test_gpu import RUNS

CLAIMS = [(name, claim) for name in catalog.CATALOG for claim in catalog.milestone_class(name).card.claims]

pytestmark = pytest.mark.usefixtures("compose_once")


def well_formed(claim: Claim) -> None:
    """Raises AssertionError where a claim lacks what its rule needs, or has what no rule looks at."""
    assert claim.kind in RULES
    assert math.isfinite(claim.published)
    assert claim.runs_behind >= 1
    assert claim.seeds >= 1
    assert claim.cost
    assert all(seconds > 0 for seconds in claim.cost.values())
    assert (claim.spread is None) == (claim.spread_over is None)
    assert bool(claim.against) == (claim.kind in ("contrast", "ratio"))
    assert not claim.bound or claim.kind == "exact"
    assert (claim.counts is not None) == (claim.kind == "share")
    if claim.counts:
        assert 0 <= claim.counts[0] <= claim.counts[1] > 0
        assert claim.published == pytest.approx(claim.counts[0] / claim.counts[1])
    if claim.kind in ("time", "ratio"):
        assert claim.published > 0
        assert claim.better == "low"
    assert claim.digit > 0 or claim.kind in ("exact", "share", "contrast") or claim.metric == "test/right"  # a count


@pytest.mark.parametrize("name", catalog.CATALOG)
def test_every_claim_has_what_its_rule_needs_and_runs_that_compose(name: str) -> None:
    claims = catalog.milestone_class(name).card.claims
    for claim in claims:
        try:
            for overrides in (claim.overrides, claim.against) if claim.against else (claim.overrides,):
                settings = assemble.settings_of(config.compose(name, [f"scale={claim.scale}", *overrides]))
                if claim.built and claim.source != "recalled":
                    assert claim.seeds * settings.replicas >= needed(claim)
                    # Beside a published set that cannot be had stands a draw of ours, which is shown as other data;
                    # beside a user's folder of pictures the set that it would have to be.
                    sets = [name.partition(" (")[0] for name in claim.data]
                    assert not claim.data or claim.kind == "contrast" or settings.data.name in sets
            if claim.built and claim.source != "recalled":
                well_formed(claim)
        except (AssertionError, LandmarksError) as error:
            raise AssertionError(f"{name}.{claim.id}: {error}") from error
    assert len({claim.id for claim in claims}) == len(claims)


def test_there_are_a_hundred_claims_and_fifty_that_could_come_out_otherwise() -> None:
    judged = [claim for _, claim in CLAIMS if claim.built and claim.source != "recalled"]
    assert len(judged) >= 100
    assert sum(claim.kind != "exact" for claim in judged) >= 50


def value(tree: Any, key: str) -> Any:
    for part in key.split("."):
        tree = tree[part]
    return tree


READ = [(name, claim) for name, claim in CLAIMS if claim.readings]


@pytest.mark.parametrize(("name", "claim"), READ, ids=[f"{name}.{claim.id}" for name, claim in READ])
def test_another_reading_answers_an_open_point_of_the_card_in_another_way(name: str, claim: Claim) -> None:
    asked = {reading.key for reading in catalog.milestone_class(name).card.readings}
    firsts = [config.compose(name, [f"scale={claim.scale}", *arm]).tree for arm in claim.arms]
    assert len({*claim.readings}) == len(claim.readings)
    text = explain.explain(name, claim)
    for reading in claim.readings:
        config.check_keys(firsts[0], reading)
        for override in reading:
            key, _, typed = override.partition("=")
            assert key in asked
            assert all(value(first, key) != config.from_yaml(f"typed: {typed}")["typed"] for first in firsts)
            assert f"`{override}`" in text


@pytest.mark.slow
@pytest.mark.parametrize(("name", "claim"), READ, ids=[f"{name}.{claim.id}" for name, claim in READ])
def test_every_reading_composes_and_builds(name: str, claim: Claim) -> None:
    for reading in claim.readings:
        for arm in claim.arms_under(reading):
            assemble.make(config.compose(name, [f"scale={claim.scale}", *arm, "replicas=1"]))


def test_what_counts_after_an_epoch_is_measured_then_and_told() -> None:
    early = [(name, claim) for name, claim in CLAIMS if claim.at is not None]
    assert {name for name, _ in early} == {"lenet"}
    lenet = assemble.make(config.compose("lenet", ["scale=paper"]))
    (phase,) = lenet.phases()
    measured = {"train": "train_set"} | {split: split for split in ("valid", "test")}
    for name, claim in early:
        assert claim.metric.partition("/")[0] in {measured[split] for split in phase.measures}
        assert 0 < (claim.at or 0) <= (phase.epochs or 0)
        assert claim.overrides == ()  # so that the runs of the headline's claim answer for it
        assert f"after {claim.at} epoch" in explain.explain(name, claim)


OTHERWISE: dict[str, Any] = {
    "id": "other", "metric": "test/loss", "published": 2.0, "source": "secondary", "unit": "nats", "better": "high",
    "kind": "best", "digit": 0.5, "runs_behind": 3, "spread": 0.1, "spread_over": "runs", "counts": (1, 2),
    "data": ("mnist",), "overrides": ("epochs=1",), "against": ("epochs=2",), "scale": "quick", "seeds": 7,
    "rivals": (3.0,), "bound": True, "at": 4, "readings": (("epochs=3",),), "drawn": False,
}  # fmt: skip
WORDS: dict[str, Any] = {"says": "in other words", "where": "elsewhere", "cost": {"cpu": 9.0}}


def test_a_digest_is_of_all_that_fixes_a_verdict_and_of_no_word() -> None:
    claim = Claim("id", "says", "test/error", 1.0, "where", "seen")
    assert {field.name for field in dataclasses.fields(Claim)} == {*OTHERWISE, *WORDS}
    digests = {dataclasses.replace(claim, **{name: other}).digest for name, other in OTHERWISE.items()}
    assert len(digests) == len(OTHERWISE)
    assert claim.digest not in digests
    assert all(dataclasses.replace(claim, **{name: other}).digest == claim.digest for name, other in WORDS.items())


PRINTED: dict[str, dict[str, float]] = {
    "mcculloch_pitts": {"M1": 9, "M4b": 128, "M4b-2": 8, "M6a": 34, "M6a-2": 7, "M6b-2": 11, "M6c-1": 4},
    "perceptron": {"P1a": 14, "P1b": 104, "P1c": 1882, "P6a": 98, "P6b": 82, "P6c": 56, "P6d": 73, "P6f": 50},
    "mlp_xor": {"X1": 558, "X4": 247, "X4-8": 181, "X4-32": 115, "X5": 2825, "X7a": 1425, "X9": 260},
    "lstm": {
        "S3b": 21_730, "S3ds": 100 * 29 / 30, "S6": 5040, "S8e": 49_000, "S9e": 203_000, "S10b1": 58_370,
        "S10c2": 452_460, "S11aw": 0.828, "S12b2": 565_640, "S13c": 853_000, "S14aw": 13_900 / 2560, "S15b": 571_100,
    },
    "lenet": {"L13": 0.95, "L13t": 0.35, "L17": 2.6, "L17-2": 2.2, "L17-3": 1.5, "L1": 12, "L7": 4.7, "L7-L1": 7.3,
              "L9": 3.05, "L14": 0.8, "L16-15k": 1.68, "L18-MLP": 3.2, "L19": 401},
    "dae": {"T3-basic": 2.84, "T3-rot-0": 10.3, "T3-bg_img-gap": 6.32, "T3-mnist": 1.28, "T4-rot": 8.76, "F10": 45},
    "alexnet": {"A10": 37.5, "A10-1-5": 18.3, "A12-1": 40.7, "ReLU": 6, "LRN": 1.4, "2GPU-5": 1.2, "C11": 11},
    "resnet": {"R20": 8.75, "R110": 6.43, "R110m": 6.61, "R1202": 7.93, "T2-18-A": 27.88, "T3-152-B-5": 5.71,
               "T4-50-B": 20.74, "T1-101-B": 23.6, "P110": 60},
    "gan": {"P-M": 225, "P-M-b": 214, "P-T": 2057},
}  # fmt: skip
"""Read off the papers once more, errors and shares in percent: claim → number."""


@pytest.mark.parametrize("name", PRINTED)
def test_published_numbers_are_those_of_the_paper(name: str) -> None:
    known = {claim.id: claim for claim in catalog.milestone_class(name).card.claims}
    found = {id: known[id].published * (100 if known[id].unit == "%" else 1) for id in PRINTED[name]}
    assert found == pytest.approx(PRINTED[name])


@pytest.mark.parametrize("name", catalog.CATALOG)
def test_the_timeline_prints_the_number_of_the_claim_that_heads_a_milestone(name: str) -> None:
    claim = catalog.milestone_class(name).card.headline
    assert catalog.find(name).headline.startswith(claim.printed)


def test_the_digit_of_a_difference_is_the_sum_of_both_printed_digits() -> None:
    known = {claim.id: claim for claim in catalog.milestone_class("lenet").card.claims}
    for id in ("L13-L1", "L13-L7", "L7-L1"):
        ahead, behind = (known[each] for each in id.split("-"))
        assert known[id].published == pytest.approx(behind.published - ahead.published)
        assert known[id].digit == pytest.approx(behind.digit + ahead.digit)


def test_what_hundreds_of_runs_on_xor_leave_open_is_told() -> None:
    claim = next(claim for claim in catalog.milestone_class("mlp_xor").card.claims if claim.id == "X2")
    for counts in ((198, 200), (298, 300)):
        least, most = alike(counts, 1000)
        assert f"{least:,} to {most:,}" in claim.where


@pytest.mark.parametrize(("name", "claim"), CLAIMS, ids=[f"{name}.{claim.id}" for name, claim in CLAIMS])
def test_every_claim_is_explained_and_its_commands_compose(name: str, claim: Claim) -> None:
    text, judged = explain.explain(name, claim), claim.built and claim.source != "recalled"
    assert claim.says in text
    assert claim.where in text
    assert f"**Source:** {claim.source}" in text
    assert ("Not built" in text) == (not claim.built)
    assert len(explain.commands(name, claim)) == (0 if not judged else 2 if claim.against else 1)
    for command, arm in zip(explain.commands(name, claim), (claim.overrides, claim.against), strict=False):
        assert command in text
        landmarks, run, milestone, *words = shlex.split(command)
        assert (landmarks, run, milestone) == ("landmarks", "run", name)
        swept = [word for word in words if word.startswith("seed=")]
        assert ("-m" in words) == (claim.seeds > 1) == bool(swept)
        assert not swept or swept in (
            ["seed=" + ",".join(map(str, range(claim.seeds)))],
            [f"seed=range({claim.seeds})"],
        )
        rest = tuple(word for word in words if word != "-m" and word not in swept)
        found = config.compose(name, rest).tree
        assert found["scale"] == claim.scale
        assert found == config.compose(name, [f"scale={claim.scale}", *arm]).tree


def test_every_milestone_that_learns_is_checked_on_a_gpu_too() -> None:
    learning = [name for name in catalog.CATALOG if assemble.make(config.compose(name)).phases()]
    assert sorted(learning) == sorted(RUNS)
