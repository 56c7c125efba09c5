"""Every claim that the suite makes: it has what its rule needs, its runs compose, and `landmarks show` explains it."""

from __future__ import annotations

import math
import shlex

import pytest

from landmarks import assemble, catalog, config, explain
from landmarks.claims import Claim
from landmarks.errors import LandmarksError
from landmarks.rules import needed
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
    assert claim.digit > 0 or claim.kind in ("exact", "share", "contrast")


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
