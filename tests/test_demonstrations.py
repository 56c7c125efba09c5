"""Demonstrations: the rule of a finding, the plan that makes each run once, and that each idea can be switched off."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import landmarks
from landmarks import catalog, cli, demonstrations, making
from landmarks.claims import Demonstration, Equal, Gap
from landmarks.demonstrations import judge
from landmarks.errors import UsageError
from landmarks.plan import Plan, Request

GAP = Gap("less error", "new", "old", "test/error", least=0.01)
NAMES = list(catalog.CATALOG)


def arms(**values: list[float]) -> dict[str, list[SimpleNamespace]]:
    return {name: [SimpleNamespace(metrics={"test/error": v}) for v in found] for name, found in values.items()}


def test_a_gap_must_reach_what_was_asked_and_two_standard_errors() -> None:
    assert judge(GAP, arms(new=[0.02, 0.03], old=[0.05, 0.06])).holds
    assert not judge(GAP, arms(new=[0.05, 0.06], old=[0.02, 0.03])).holds  # the other way round
    assert not judge(GAP, arms(new=[0.02, 0.02], old=[0.025, 0.025])).holds  # too small
    assert not judge(GAP, arms(new=[0.02, 0.02], old=[0.02, 0.06])).holds  # too uncertain: 0.02 ± 0.02
    assert not judge(GAP, arms(new=[0.02], old=[0.09])).holds  # one pair has no standard error
    high = replace(GAP, better="high")
    assert judge(high, arms(new=[0.9, 0.91], old=[0.5, 0.51])).holds


def test_a_gap_beyond_another_metric_compares_what_was_lost() -> None:
    def run(plain: float, moved: float) -> SimpleNamespace:
        return SimpleNamespace(metrics={"test/error": plain, "test/moved": moved})

    gap = Gap("bears it", "new", "old", "test/moved", 0.01, beyond="test/error")
    assert judge(gap, {"new": [run(0.1, 0.12), run(0.1, 0.13)], "old": [run(0.1, 0.2), run(0.1, 0.21)]}).holds
    # the old arm is worse, but loses no more
    assert not judge(gap, {"new": [run(0.1, 0.12), run(0.1, 0.13)], "old": [run(0.3, 0.32), run(0.3, 0.33)]}).holds


def test_equal_arms_come_out_as_not_shown() -> None:
    """A/A: an arm compared with itself goes beyond two standard errors of five pairs in 5.8 % of all cases."""
    draws = np.random.default_rng(0).normal(0.05, 0.02, (2000, 2, 5))
    found = [judge(replace(GAP, least=0.0), arms(new=list(new), old=list(old))).holds for new, old in draws]
    assert 0.04 < np.mean(found) < 0.08
    asked = [judge(GAP, arms(new=list(new), old=list(old))).holds for new, old in draws]
    assert np.mean(asked) <= np.mean(found)


def test_an_exact_finding_holds_in_every_run_or_not_at_all() -> None:
    exact = Equal("solved", "new", "test/error", 0.0)
    assert judge(exact, arms(new=[0.0, 0.0])).holds
    assert not judge(exact, arms(new=[0.0, 0.001])).holds
    assert not judge(replace(exact, metric="test/other"), arms(new=[0.0])).holds


def test_a_missing_metric_never_shows_anything() -> None:
    assert not judge(replace(GAP, metric="nowhere"), arms(new=[0.0, 0.0], old=[1.0, 1.0])).holds
    assert not judge(GAP, arms(new=[0.0, 0.0], old=[1.0, math.nan])).holds


def test_a_plan_makes_each_run_once_and_finds_it_again(workplace: Path) -> None:
    asked = [Request("mlp_xor", ("epochs=5",)), Request("mlp_xor", ("epochs=5", "log_every=2")), Request("mlp_xor", ())]
    first = Plan(asked, "runs")
    assert len(first.missing) == 2  # what is logged makes no other run
    made = [(step.request, run) for step, run in making.make(first.missing, lambda step: None)]
    assert [request for request, _ in made] == [asked[0], asked[2]]
    again = Plan(asked, "runs")
    assert not again.missing
    assert [again.folder(request) for request in asked] == [made[0][1], made[0][1], made[1][1]]


def test_a_run_counts_as_the_same_only_with_the_same_numbers(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = landmarks.run("mlp_xor", "epochs=5", "figures=false", quiet=True)
    (step,) = Plan([Request("mlp_xor", ("epochs=5",))], "elsewhere").missing
    checksum = json.loads((run.folder / "environment.json").read_text())["data"]
    assert step.fingerprint(checksum) == run.summary["fingerprint"]
    assert not Plan([Request("mlp_xor", ("epochs=5",))], "runs").missing
    assert Plan([Request("mlp_xor", ("epochs=5", "seed=1"))], "runs").missing
    monkeypatch.setattr(catalog.milestone_class("mlp_xor"), "revision", 99)
    assert Plan([Request("mlp_xor", ("epochs=5",))], "runs").missing


def test_how_often_a_run_is_measured_decides_when_it_may_end(workplace: Path) -> None:
    run = landmarks.run("mlp_xor", "epochs=5", "figures=false", quiet=True)
    assert Plan([Request("mlp_xor", ("epochs=5", "eval_every=7"))], "runs").missing
    assert not Plan([Request("mlp_xor", ("epochs=5", "log_every=7", "checkpoint_every=2"))], "runs").missing
    assert run.status == "finished"


def test_a_plan_finds_runs_on_own_data_and_sees_when_they_change(workplace: Path) -> None:
    table = workplace / "own.csv"
    table.write_text("".join(f"{i},{i % 7},{'ab'[i > 20]}\n" for i in range(40)))
    words = ("data.name=csv", f"data.root={table}", "epochs=5", "figures=false")
    landmarks.run("mlp_xor", *words, quiet=True)
    asked = Request("mlp_xor", words)
    assert not Plan([asked], "runs").missing
    table.write_text(table.read_text().replace("39,", "40,"))
    assert Plan([asked], "runs").missing


def test_all_leaves_out_what_has_no_demonstration(toy: Callable[[str], None]) -> None:
    toy("tenth")
    assert demonstrations.milestones() == NAMES


def test_an_interrupted_run_is_no_result_and_is_gone_on_with(workplace: Path) -> None:
    run = landmarks.run("mlp_xor", "epochs=5", "figures=false", quiet=True)
    text = (run.folder / "summary.json").read_text()
    (run.folder / "summary.json").write_text(text.replace('"finished"', '"interrupted"'))
    asked = Request("mlp_xor", ("epochs=5",))
    planned = Plan([asked], "runs")
    assert planned.missing
    assert [made.run for made in making.make(planned.missing, lambda step: None)] == [run.folder]
    assert landmarks.load(run.folder).status == "finished"


def test_a_milestone_without_a_demonstration_says_so(toy: Callable[[str], None]) -> None:
    toy("tenth")
    with pytest.raises(UsageError, match="tenth has no demonstration"):
        landmarks.demo("tenth")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["demo"], "demo wants a milestone"),
        (["demo", "lenett"], "did you mean lenet?"),
        (["demo", "lenet", "seed=3"], "it takes no seed=3"),
        (["demo", "lenet", "--of"], "no option --of (did you mean --off?)"),
    ],
)
def test_a_wrong_demo_is_one_sentence(
    words: list[str], says: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


SHORTER: dict[str, tuple[str, ...]] = {
    "lenet": ("epochs=2", "figures=false", "histograms=false"),
    "dae": ("pretraining.epochs=4",),
    "lstm": ("data.T=30", "replicas=3", "steps=3000"),
    "gan": ("figures=false", "histograms=false"),
    "resnet": ("data.labels=40", "model.widths=[4,8,16]", "model.input=16", "batch_size=20", "steps=60",
               "log_every=10", "eval_every=60", "figures=false"),
}  # fmt: skip
"""What makes the runs of a demonstration shorter where they are long."""
SHORTER_OFF: dict[str, tuple[str, ...]] = {"lstm": ("model.carousel=0.5", "steps=1500")}
"""Over lags of 10 steps a weight of 0.9 would not do."""

LONG = ("lstm", "lenet", "dae", "alexnet", "resnet")
"""Shown and not shown takes these a quarter of a minute at least, even so shortened: hundreds of updates before they
begin (alexnet), 56 layers each (resnet), thousands of updates for the rivals (lenet). The fast suite has four others,
whose verdicts fall both ways."""


def shorter(name: str) -> Demonstration:
    """A milestone's demonstration with short runs, and no more seeds than its findings need."""
    found = catalog.milestone_class(name).card.demonstration
    assert found is not None
    needed = 2 if any(isinstance(finding, Gap) for finding in found.findings) else 1
    short = [replace(arm, overrides=(*arm.overrides, *SHORTER.get(name, ()))) for arm in found.arms]
    return replace(found, arms=tuple(short), seeds=found.seeds[:needed], off=SHORTER_OFF.get(name, found.off))


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in NAMES])
def test_the_point_shows_and_is_gone_with_its_idea(name: str, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cls = catalog.milestone_class(name)
    monkeypatch.setattr(cls, "card", replace(cls.card, demonstration=shorter(name)))
    on, off = landmarks.demo(name, quiet=True), landmarks.demo(name, off=True, quiet=True)
    assert on.verdict == "shown", on
    assert off.verdict == "not shown", off
    assert on.picture.read_bytes().startswith(b"\x89PNG")
    assert on.picture != off.picture
    assert max(map(len, str(on).splitlines())) <= 80


@pytest.mark.slow
def test_demo_all_and_again(workplace: Path) -> None:
    found = demonstrations.demonstrate(NAMES, off=False, root="runs")
    assert [shown.verdict for shown in found] == ["shown"] * len(NAMES)
    assert not Plan([request for name in NAMES for _, request in demonstrations._requests(
        name, demonstrations._demonstration(name), False)], "runs").missing  # fmt: skip


@pytest.mark.slow
def test_no_demonstration_survives_without_its_idea(workplace: Path) -> None:
    found = demonstrations.demonstrate(NAMES, off=True, root="runs")
    assert [shown.verdict for shown in found] == ["not shown"] * len(NAMES)
