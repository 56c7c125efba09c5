"""Studies: each rung one switch more, its effect by pairs of equal seed; and the ladder of LeNet-5."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import landmarks
from landmarks import assemble, catalog, cli, config, demonstrations, making, rules, studies
from landmarks.cards.lenet_ladder import LADDER
from landmarks.claims import Arm, Study
from landmarks.errors import Interrupted, UsageError
from landmarks.plan import Plan, Request, Step
from tests.toys import Tenth

pytestmark = pytest.mark.usefixtures("compose_once")

STAIRS = Study(
    "stairs",
    "A toy, faster each time",
    (
        Arm("slow", ("epochs=1",), 1),
        Arm("faster", ("optimizer.lr=0.3",), 1),
        Arm("longer", ("epochs=3", "optimizer.lr=0.2"), 1),
    ),
    seeds=(0, 1),
    metric="train_set/error",
    picture="landmarks.figures.studies:ladder",
)


@pytest.fixture
def stairs(toy: Callable[[str], None], workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A toy milestone with a study of three rungs."""
    toy("tenth")
    folder = workplace / "configs" / "experiment" / "tenth"
    folder.mkdir()
    (folder / "stairs.yaml").write_text("# @package _global_\nexperiment: stairs\n")
    monkeypatch.setattr(Tenth, "card", replace(Tenth.card, studies=(STAIRS,)))
    monkeypatch.setattr(making, "CORES", 1)
    return STAIRS


def test_a_rung_has_the_switches_of_all_before_it() -> None:
    assert [STAIRS.overrides(i) for i in range(3)] == [
        ("epochs=1",),
        ("epochs=1", "optimizer.lr=0.3"),
        ("epochs=3", "optimizer.lr=0.2"),
    ]


def test_an_interval_is_student_s() -> None:
    values = np.random.default_rng(0).normal(3, 1, (7, 2))
    for half, column in zip(rules.student(values), values.T, strict=True):
        low, high = stats.ttest_1samp(column, 0).confidence_interval(0.95)
        assert (column.mean() - half, column.mean() + half) == pytest.approx((low, high))
    assert np.isnan(rules.student(values[:1])).all()


def test_effects_are_told_by_holms_procedure_over_all() -> None:
    values = np.cumsum([0, 3, 0, -1.7, 0.9])[:, None] + np.random.default_rng(5).normal(0, 1, (5, 6))
    found = studies._effects([*values])
    chances = [stats.ttest_rel(after, before).pvalue for before, after in pairwise(values)]
    assert [effect.chance for effect in found] == pytest.approx(chances)
    told, left = set(), len(chances)
    for i in sorted(range(len(chances)), key=chances.__getitem__):
        if chances[i] > 0.05 / left:
            break
        told, left = told | {i}, left - 1
    assert {i for i, effect in enumerate(found) if effect.told} == told
    assert [effect.clear for effect in found] == [chance < 0.05 for chance in chances]
    assert 0 < len(told) < sum(effect.clear for effect in found)  # the data show all three kinds
    assert studies._effects([np.ones(1), np.ones(1)])[0].told is False  # of one seed nothing


ON_TOP = ("log_every=1", "runs=elsewhere")


def test_each_run_is_made_once_and_each_effect_is_a_paired_difference(
    stairs: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = landmarks.study("tenth", "stairs", *ON_TOP)
    assert "6 runs to make" in capsys.readouterr().out
    made = [run.config for rung in found.rungs for run in rung.runs]
    assert [config["seed"] for config in made] == [0, 1] * 3
    assert [config["epochs"] for config in made] == [1, 1, 1, 1, 3, 3]
    assert {config["log_every"] for config in made} == {1}  # on top of all
    errors = [[100 * run.metrics["train_set/error"] for run in rung.runs] for rung in found.rungs]
    assert found.rungs[0].effect is None
    for before, after, rung in zip(errors, errors[1:], found.rungs[1:], strict=False):
        assert rung.effect is not None
        assert rung.effect.mean == pytest.approx(sum(b - a for a, b in zip(before, after, strict=True)) / 2)
    assert found.whole.mean == pytest.approx(np.mean(errors[2]) - np.mean(errors[0]))
    assert found.picture == Path("elsewhere/studies/tenth_stairs-log_every=1.png")  # not that of the study alone
    assert found.picture.read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(demonstrations, "draw", lambda *_: None)  # that much is drawn
    shutil.rmtree(found.rungs[1].runs[1].folder)
    assert cli.main(["run", "tenth", "experiment=stairs", *ON_TOP]) == 0  # goes on with what is missing
    said = capsys.readouterr().out
    assert "1 run to make" in said
    again = landmarks.study("tenth", "stairs", *ON_TOP, quiet=True)
    assert str(again) in said
    assert [[*rung.values] for rung in again.rungs] == errors  # the same numbers
    assert cli.main(["run", "tenth", "experiment=stairs", *ON_TOP, "-q"]) == 0
    assert capsys.readouterr().out == found.result + "\n"
    assert found.result.startswith("tenth stairs log_every=1: train_set error")


def test_an_interrupted_study_says_how_it_goes_on(
    stairs: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> Path:
        raise Interrupted("runs/tenth/x: interrupted at step 3", signal.SIGTERM)

    monkeypatch.setattr(making, "once", stopped)
    assert cli.main(["run", "tenth", "experiment=stairs"]) == 128 + signal.SIGTERM
    assert capsys.readouterr().err.endswith("interrupted; what was begun is saved, and the same command goes on\n")


def test_with_a_flag_what_all_rungs_share_is_a_run_by_itself(stairs: Study) -> None:
    assert cli.main(["run", "tenth", "-m", "experiment=stairs", "seed=7", "-q"]) == 0
    assert landmarks.load("last").config["seed"] == 7


IN_ITS_WAY = {
    "seed=3": "override seed=3: the stairs has seeds of its own (0, 1)",
    "epochs=4": "the stairs sets epochs itself (in its rung slow)",
    "optimizer={lr: 1.0}": "the stairs sets optimizer.lr itself (in its rung faster)",
    "figures=true": "made for their numbers",
    "hydra.run.dir=x": "without Hydra's sweeps",
    "--watch": "--watch follows one run, and this is a study of many",
}


def test_what_is_in_a_study_s_way_is_one_sentence(stairs: Study, capsys: pytest.CaptureFixture[str]) -> None:
    for word, says in IN_ITS_WAY.items():
        assert cli.main(["run", "tenth", "experiment=stairs", word]) == 2
        said = capsys.readouterr().err
        assert says in said
        assert said.count("\n") == 1
    assert not Path("runs").exists()


def test_what_is_judged_on_held_out_data_wants_some(
    stairs: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Tenth, "card", replace(Tenth.card, studies=(replace(STAIRS, metric="valid/error"),)))
    assert cli.main(["run", "tenth", "experiment=stairs"]) == 2
    assert "data.valid: the stairs compares errors on held-out data" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_where_a_rung_has_diverged_nothing_more_is_made(stairs: Study, capsys: pytest.CaptureFixture[str]) -> None:
    def diverged(folder: Path) -> None:
        text = (folder / "summary.json").read_text()
        (folder / "summary.json").write_text(text.replace('"finished"', '"failed", "diverged": true'))

    first = landmarks.study("tenth", "stairs", quiet=True).rungs[0].runs[0].folder
    diverged(first)
    shutil.rmtree(Path("runs/tenth") / sorted(p.name for p in Path("runs/tenth").iterdir())[-1])
    assert cli.main(["run", "tenth", "experiment=stairs"]) == 1
    assert f"{first}: this run has diverged" in capsys.readouterr().err
    assert len([*Path("runs/tenth").iterdir()]) == 5


def test_a_run_at_which_another_process_is_at_work_is_told_of_at_the_end(
    stairs: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    once = making.once

    def elsewhere(step: Step, clean: bool = False) -> Path:
        if step.composed.tree["seed"] == 1:
            raise making.Busy("at work")
        return once(step, clean)

    monkeypatch.setattr(making, "once", elsewhere)
    assert cli.main(["run", "tenth", "experiment=stairs"]) == 1
    said = capsys.readouterr().err
    assert said == (
        "landmarks: another process is at work on 3 of the runs; the same command goes on when that has ended\n"
    )
    assert len([*Path("runs/tenth").iterdir()]) == 3


def test_a_run_is_no_study_and_a_study_no_run(stairs: Study) -> None:
    with pytest.raises(UsageError, match=r'landmarks\.study\("tenth", "stairs"\)'):
        landmarks.run("tenth", "experiment=stairs")
    with pytest.raises(UsageError, match=r'landmarks\.run\("lenet", "experiment=linear"\)'):
        landmarks.study("lenet", "linear")


def test_as_many_at_once_as_there_are_cores(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan([Request("mlp_xor", (), seed=seed) for seed in range(12)], "runs")
    for cores, jobs in ((1, 1), (2, 2), (64, making.MOST)):
        monkeypatch.setattr(making, "CORES", cores)
        assert making.at_once(plan) == jobs


def test_studies_look_at_held_out_data_alone() -> None:
    every = [study for name in catalog.CATALOG for study in catalog.milestone_class(name).card.studies]
    assert LADDER in every
    assert all(study.metric.startswith("valid/") and len(study.seeds) >= 3 for study in every)


def test_the_ladder_goes_from_1998_to_today_one_switch_at_a_time() -> None:
    def leaves(*words: str) -> dict[str, object]:
        return config.flat(config.tree("lenet", ("experiment=ladder", *words)))

    rungs = [leaves(*LADDER.overrides(i)) for i in range(len(LADDER.rungs))]
    for before, after, arm in zip(rungs, rungs[1:], LADDER.rungs[1:], strict=False):
        changed = {key for key in after if after[key] != before[key]}
        own = {word.partition("=")[0] for word in arm.overrides}
        assert changed <= own, arm.name
        assert len([key for key in changed if not key.startswith("optimizer.times.")]) == 1, arm.name
    published = config.flat(config.tree("lenet", ()))
    shared = {key for key in published if rungs[0][key] != published[key]}
    assert shared == {"experiment", "eval_every", "data.valid"}  # the first rung is LeNet-5 as it is
    assert config.tree("lenet", ("experiment=ladder", "scale=paper"))["data"]["valid"] == 5000


def test_the_networks_of_the_ladder() -> None:
    counts = {}
    for i, arm in enumerate(LADDER.rungs):
        words = ("experiment=ladder", *LADDER.overrides(i))
        network = assemble.make(config.Composed(config.tree("lenet", words), words))
        counts[arm.name] = sum(layer.parameters for layer in network.layers())
    full, bare, last = 60_000 + 36 * 25, 2 * 6 + 2 * 16, 84 * 10 + 10
    assert counts == {
        **dict.fromkeys(("1998", "mini-batches", "new order each pass", "no second order"), 60_000),
        "all maps to C3": full,
        **dict.fromkeys(("max pooling", "ReLU"), full - bare),
        **dict.fromkeys(("softmax", "Adam", "constant rate"), full - bare + last),
    }


def test_show_tells_of_the_ladder() -> None:
    shown = str(landmarks.show("lenet"))
    assert "`experiment=ladder` – From LeNet-5 of 1998 to its modern form, one switch at a time, each with its" in shown
    assert "## Study (`landmarks run lenet experiment=ladder`)" in shown
    assert all(f"- *{arm.name}*" in shown for arm in LADDER.rungs)
