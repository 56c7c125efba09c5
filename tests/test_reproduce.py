"""`landmarks reproduce`: which runs claims need, what fits a budget, each run once whatever happens, the verdicts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

import landmarks
from landmarks import catalog, cli, config, data, loop, making, reproduction, runs, shipped, wanted
from landmarks.claims import Claim
from landmarks.errors import Interrupted, LandmarksError, NotFinite, UsageError
from landmarks.milestone import Batch, Scalars
from landmarks.milestones.mlp_xor import MLPXOR
from landmarks.plan import Plan, Request
from landmarks.reproduction import Terms
from landmarks.wanted import Asked, take

pytestmark = pytest.mark.usefixtures("compose_once")

SHORT = ("epochs=40", "log_every=10", "eval_every=20", "checkpoint_every=10", "criterion.tolerance=null")
OTHER = ("model.hidden=0",)


def claim(id: str, **fields: Any) -> Claim:
    """A claim on XOR that takes a blink."""
    words: dict[str, Any] = {
        "kind": "value",
        "overrides": SHORT,
        "seeds": 5,
        "cost": {"cpu": 0.2, "cuda": 0.2},
    } | fields
    return Claim(id, "It learns.", "train/loss", 0.25, "nowhere", "seen", **words)


CLAIMS = (
    claim("V"),
    claim("C", kind="contrast", against=(*SHORT, *OTHER), cost={"cpu": 0.3, "cuda": 0.3}),
    claim("R", overrides=(*SHORT, *OTHER), readings=(("optimizer.momentum=0",),), cost={}),
    replace(claim("N"), metric="nowhere/loss"),
    replace(claim("Q"), source="recalled"),
)
"""V shares its runs with one arm of C, R with the other; N is not built, Q recalled."""


@pytest.fixture
def claims(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XOR with these claims alone, and code that some commit holds."""
    monkeypatch.setattr(MLPXOR, "card", replace(MLPXOR.card, claims=CLAIMS))
    monkeypatch.setattr(runs, "state_of_code", lambda: {"commit": "c" * 40, "dirty": False, "date": "2026-01-01"})
    monkeypatch.setattr(shipped, "folder", lambda: workplace / "committed")
    monkeypatch.setattr(making, "PATIENCE", 0.1)


def reproduce(*words: str, check: bool = False, **terms: Any) -> reproduction.Reproduction:
    return reproduction.reproduce(words, Terms(**({"quiet": True} | terms)), check)


def finished(root: str = "runs") -> list[str]:
    """The fingerprint of every finished run."""
    found = [runs.summary(folder) for folder in runs.all_runs(root)]
    return [summary["fingerprint"] for summary in found if summary["status"] == "finished"]


def words_of(done: reproduction.Reproduction) -> dict[str, str]:
    return {outcome.claim.id: outcome.verdict.word for outcome in done.outcomes}


def at_step(monkeypatch: pytest.MonkeyPatch, n: int, act: Callable[[], None]) -> None:
    """Let something happen in the middle of the n-th step."""
    calls, step = [0], MLPXOR.step

    def patched(self: MLPXOR, batch: Batch) -> Scalars:
        calls[0] += 1
        if calls[0] == n:
            act()
        return step(self, batch)

    monkeypatch.setattr(MLPXOR, "step", patched)


# What is asked for


def test_words_name_claims_each_once(claims: None) -> None:
    names = [asked.name for asked in wanted.chosen(["mlp_xor.V", "mlp_xor,mlp_xor.V", "mlp_xor.R,"])]
    assert names == ["mlp_xor.V", "mlp_xor.C", "mlp_xor.R", "mlp_xor.N", "mlp_xor.Q"]
    assert {asked.milestone for asked in wanted.chosen(["all"])} == {*catalog.CATALOG}


@pytest.mark.parametrize(("text", "seconds"), [("2h", 7200), ("30m", 1800), ("90s", 90), ("1.5min", 90), (7, 7)])
def test_a_budget_is_a_time(text: str | float, seconds: float) -> None:
    assert wanted.seconds_of(text) == seconds


def test_a_claim_needs_every_arm_under_every_reading(claims: None) -> None:
    found = {asked.claim.id: asked for asked in wanted.with_requests(wanted.chosen(["mlp_xor"]), ["device=cpu"], 2)}
    arm = ("scale=paper", *SHORT, *OTHER)
    assert [(r.overrides, r.seed) for r in found["R"].requests] == [
        ((*arm, *reading, "device=cpu"), seed) for reading in ((), ("optimizer.momentum=0",)) for seed in (0, 1)
    ]
    assert [(r.overrides[-2:], r.seed) for r in found["C"].requests] == [
        ((last, "device=cpu"), seed) for last in (SHORT[-1], OTHER[-1]) for seed in (0, 1)
    ]
    assert {r.seconds for r in found["R"].requests} == {0.3, None}  # one arm is C's, whose cost is known
    assert (found["N"].requests, found["Q"].requests) == ((), ())


def plan_of(**needs: dict[str, float | None]) -> tuple[list[Asked], Plan]:
    """Claims by the runs that they need, with the seconds of each; those in capitals stand already."""
    asked = []
    for id, runs_of in needs.items():
        requests = tuple(Request("m", (key,), seconds=seconds) for key, seconds in runs_of.items())
        asked.append(Asked("m", claim(id), "m", requests))
    keys = {request: request.overrides[0] for each in asked for request in each.requests}
    missing = [SimpleNamespace(key=key) for key in dict.fromkeys(keys.values()) if key.islower()]
    return asked, cast(Plan, SimpleNamespace(keys=keys, missing=missing))


def taken(asked: list[Asked], plan: Plan, *words: Any) -> tuple[list[str], dict[str, str]]:
    found, left = take(asked, plan, *words)
    return [each.claim.id for each in found], {each.claim.id: each.why for each in left}


def test_the_cheapest_first_and_shared_runs_cost_once() -> None:
    asked = plan_of(long={"a": 50, "b": 50}, free={"S": 9.0}, short={"a": 50, "c": 1}, unknown={"d": None, "e": 1})
    assert taken(*asked) == (["free", "short", "long", "unknown"], {})
    ids, left = taken(*asked, 101.0)
    assert ids == ["free", "short", "long"]  # long costs 50 more, not 100
    assert left == {"unknown": "2 runs, how long they take is not known"}
    ids, left = taken(*asked, 100.0)
    assert (ids, left["long"]) == (["free", "short"], "1 run, about 50 s, beyond the budget")


def test_a_budget_counts_what_is_made_at_once() -> None:
    asked = plan_of(two={"a": 60, "b": 60}, one={"c": 100})
    assert taken(*asked, 100.0)[0] == ["one"]
    assert taken(*asked, 100.0, 2)[0] == ["one"]  # 220 s by two
    assert taken(*asked, 110.0, 2)[0] == ["one", "two"]
    assert taken(*asked, 99.0, 8)[0] == ["two"]  # a run is made by one


# What is made


def test_each_run_is_made_once_and_only_what_is_missing(claims: None, capsys: pytest.CaptureFixture[str]) -> None:
    done = reproduce("mlp_xor.V", seeds=2, quiet=False)
    assert (len(finished()), words_of(done)) == (2, {"V": "inconclusive"})
    assert "2 runs to make, less than 1 s on one CPU core" in capsys.readouterr().out
    done = reproduce("mlp_xor", quiet=False)
    said = capsys.readouterr().out
    assert re.search(r"mlp_xor.V +5 +2 +3 ", said), said
    assert re.search(r"mlp_xor.C +10 +2 +5 ", said), said
    assert len(finished()) == len({*finished()}) == 15  # three arms of five seeds
    assert words_of(done) | {"C": "", "R": ""} == {"V": "worse", "C": "", "R": "", "N": "not run", "Q": "not judged"}
    assert [outcome.claim.id for outcome in done.outcomes] == [c.id for c in CLAIMS]
    (reading,) = next(outcome for outcome in done.outcomes if outcome.claim.id == "R").readings
    assert reading[1].n == 5
    assert done.exit_code == 0
    again = reproduce("mlp_xor", quiet=False)
    assert "nothing to make" in capsys.readouterr().out
    assert (words_of(again), len(finished())) == (words_of(done), 15)


def test_to_plan_loads_no_data_and_composes_an_arm_once(claims: None, monkeypatch: pytest.MonkeyPatch) -> None:
    landmarks.run("mlp_xor", "scale=paper", *SHORT, "seed=1", quiet=True)
    monkeypatch.setattr(data, "load", lambda *words: pytest.fail("loaded"))
    composed, tree = [], config.tree

    def counted(*words: Any) -> config.Tree:
        composed.append(words)
        return tree(*words)

    monkeypatch.setattr(config, "tree", counted)
    asked = wanted.with_requests(wanted.chosen(["mlp_xor"]), [], 50)
    plan = Plan([request for each in asked for request in each.requests], "runs")
    assert (len(plan.steps), len(plan.found), len(composed)) == (
        150,
        1,
        4,
    )  # three arms, one of them for its device too


@pytest.mark.parametrize("killed", [False, True])
def test_a_stopped_run_is_gone_on_with(
    killed: bool, claims: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Killed(BaseException):
        pass

    def act() -> None:
        if killed:
            raise Killed
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        at_step(patch, 27, act)
        if killed:
            with pytest.raises(Killed):
                reproduce("mlp_xor.V")
        else:
            assert cli.main(["reproduce", "mlp_xor.V"]) == 143
            said = capsys.readouterr().err
            assert said == "landmarks: interrupted; what was begun is saved, and the same command goes on\n"
    (folder,) = runs.all_runs("runs")
    reproduce("mlp_xor.V")
    assert len(finished()) == len(runs.all_runs("runs")) == 5
    assert "resumed at step" in (folder / "log.txt").read_text()


def test_a_run_at_which_another_is_at_work_is_left_to_it(claims: None, capsys: pytest.CaptureFixture[str]) -> None:
    reproduce("mlp_xor.V", seeds=1)
    (folder,) = runs.all_runs("runs")
    text = (folder / "summary.json").read_text()
    (folder / "summary.json").unlink()
    with runs.locked(folder):
        done = reproduce("mlp_xor.V")
        assert "another process is at work on this run" in capsys.readouterr().err
    assert [each.why for each in done.left] == ["another process makes its runs"]
    assert (len(runs.all_runs("runs")), done.exit_code) == (5, 0)
    (folder / "summary.json").write_text(text)
    assert (words_of(done), words_of(reproduce("mlp_xor.V"))) == ({"V": "inconclusive"}, {"V": "worse"})
    assert len(runs.all_runs("runs")) == 5


def test_a_run_that_another_is_about_to_start_is_not_started(claims: None) -> None:
    (step,) = Plan([Request("mlp_xor", SHORT)], "runs").missing
    with making._alone(step), pytest.raises(making.Busy, match="another process is at work"):
        making.once(step)
    assert making.once(step) == making.once(step)
    assert len(runs.all_runs("runs")) == 1


def test_what_fails_is_told_and_the_rest_goes_on(
    claims: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    once = making.once

    def failing(step: Any, clean: bool = False) -> Path:
        if step.composed.tree["seed"] == 1:
            raise LandmarksError("the disk is full")
        return once(step, clean)

    monkeypatch.setattr(making, "once", failing)
    done = reproduce("mlp_xor.V")
    assert capsys.readouterr().err == "landmarks: mlp_xor.V, seed 1: the disk is full\n"
    assert (len(finished()), done.failed, done.exit_code) == (4, 1, 1)


def test_a_run_that_diverged_is_not_made_again(
    claims: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = MLPXOR.step

    def diverging(self: MLPXOR, batch: Batch) -> Scalars:
        found = step(self, batch)
        return {name: value / (self.config.seed != 1) for name, value in found.items()}

    with monkeypatch.context() as patch:
        patch.setattr(MLPXOR, "step", diverging)
        done = reproduce("mlp_xor.V")
    assert "is not finite" in capsys.readouterr().err
    assert (len(finished()), done.failed, done.exit_code) == (4, 1, 1)
    again = reproduce("mlp_xor.V", quiet=False)
    out, err = capsys.readouterr()
    assert re.search(r"mlp_xor.V +5 +5, 1 diverged +0 ", out), out
    assert (err, again.exit_code, len(runs.all_runs("runs"))) == ("", 0, 5)
    (folder,) = [each for each in runs.all_runs("runs") if runs.summary(each)["status"] == "failed"]
    request = Request("mlp_xor", ("scale=paper", *SHORT), seed=1)
    plan = Plan([request], "runs")
    assert not plan.missing
    for ask in (lambda: plan.folder(request), lambda: making.once(plan.steps[plan.keys[request]])):
        with pytest.raises(NotFinite, match=f"{folder.name}: this run has diverged"):
            ask()
    landmarks.load(folder).resume(quiet=True)  # by hand it goes on, here with what does not diverge
    assert (len(finished()), runs.summary(folder).get("diverged")) == (5, None)


CUTS: dict[str, Callable[[str], str]] = {
    "environment.json": lambda text: text[: len(text) // 2],
    "config.yaml": lambda text: text[: text.index("scale:")],
    "config.yaml ": lambda text: text.replace("epochs:", "epoch:"),
    "summary.json": lambda text: text[:40],
    "summary.json ": lambda text: "[1]",
}


@pytest.mark.parametrize("name", CUTS)
def test_a_damaged_run_stops_nothing(name: str, claims: None, capsys: pytest.CaptureFixture[str]) -> None:
    runs.leave_out.cache_clear()
    folder = landmarks.run("mlp_xor", "scale=paper", *SHORT, "figures=false", quiet=True).folder
    path = folder / name.strip()
    path.write_text(CUTS[name](path.read_text()))
    assert len(Plan([Request("mlp_xor", ("scale=paper", *SHORT))], "runs").missing) == 1
    done = reproduce("mlp_xor.V", seeds=2)
    said = {*capsys.readouterr().err.splitlines()}
    gone_on = name.startswith("summary")
    warned = f"landmarks: {folder}: damaged, or of an older version, so it counts for nothing"
    assert said == (set() if gone_on else {warned})
    assert (done.exit_code, len(done.outcomes[0].runs), len(runs.all_runs("runs"))) == (0, 2, 2 + (not gone_on))


def test_what_cannot_go_on_as_it_is_damaged_is_made_anew(
    claims: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*words: Any) -> None:
        raise LandmarksError("the data are gone")

    folder = landmarks.run("mlp_xor", *SHORT, "figures=false", quiet=True).folder
    (folder / "summary.json").unlink()
    (step,) = Plan([Request("mlp_xor", SHORT)], "runs").missing
    with monkeypatch.context() as patch:
        patch.setattr(data, "load", gone)
        with pytest.raises(LandmarksError, match="the data are gone"):
            making.once(step)
    assert runs.all_runs("runs") == [folder]
    path = folder / "config.yaml"
    path.write_text(path.read_text().replace("criterion:", "criterium:"))
    made = making.once(step)
    assert f"{folder}: a run of another version" in capsys.readouterr().err
    assert made != folder
    assert making.once(step) == made


def test_what_nobody_checked_does_not_stand_for_what_is_checked(claims: None, workplace: Path) -> None:
    table = workplace / "own.csv"
    table.write_text("".join(f"{i},{i % 7},{'ab'[i > 20]}\n" for i in range(40)))
    own = ("data.name=csv", f"data.root={table}", "epochs=3")
    for words in (SHORT, own):
        unchecked = (*words, "data.verify=false")
        landmarks.run("mlp_xor", *unchecked, "figures=false", quiet=True)
        assert not Plan([Request("mlp_xor", unchecked)], "runs").missing
    assert len(Plan([Request("mlp_xor", SHORT)], "runs").missing) == 1
    assert not Plan([Request("mlp_xor", own)], "runs").missing  # files of one's own are known by what is in them


def test_a_claim_is_left_out_once(claims: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduction, "_work", lambda steps, *words: ({*list(steps)[:1]}, {*steps}))
    done = reproduce("mlp_xor.V,mlp_xor.C")
    assert [(each.name, each.why.partition(" ")[0]) for each in done.left] == [
        ("mlp_xor.V", "time"), ("mlp_xor.C", "time"),
    ]  # fmt: skip


def test_past_its_budget_nothing_is_started(claims: None) -> None:
    done = reproduce("mlp_xor.V,mlp_xor.C", budget=60.0, begun=time.monotonic() - 61)
    assert not runs.all_runs("runs")
    assert {each.name: each.why for each in done.left} == dict.fromkeys(
        ("mlp_xor.V", "mlp_xor.C"), "time was up before all its runs were made"
    )
    assert (done.exit_code, words_of(done)) == (0, {"V": "not run", "C": "not run"})


def test_runs_of_changed_code_do_not_stand_for_those_of_a_commit(
    claims: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(runs, "state_of_code", lambda: {"commit": "c" * 40, "dirty": True, "date": ""})
        assert words_of(reproduce("mlp_xor.V", quiet=False)) == {"V": "not judged"}
        assert "will not be judged" in capsys.readouterr().out
        reproduce("mlp_xor.V")
        assert len(finished()) == 5
    assert words_of(reproduce("mlp_xor.V")) == {"V": "worse"}
    assert len(finished()) == 10


def test_runs_of_another_revision_do_not_stand(claims: None, monkeypatch: pytest.MonkeyPatch) -> None:
    reproduce("mlp_xor.V")
    monkeypatch.setattr(loop, "REVISION", loop.REVISION + 1)
    reproduce("mlp_xor.V", seeds=1)
    assert len({*finished()}) == 6


def test_what_lacks_its_data_is_named_and_the_rest_goes_on(
    claims: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(settings: Any) -> None:
        raise LandmarksError(f"{settings.name} is not here; fetch it")

    monkeypatch.setattr(data, "_present", lambda source: "no" if source.name == "parity" else "yes")
    monkeypatch.setattr(
        data, "load", lambda *words, load=data.load: absent(*words) if words[0].name == "parity" else load(*words)
    )
    lacking = claim("L", overrides=("experiment=parity", *SHORT))
    monkeypatch.setattr(MLPXOR, "card", replace(MLPXOR.card, claims=(*CLAIMS, lacking)))
    done = reproduce("mlp_xor", seeds=1)
    assert {each.name: each.why for each in done.asked if each.why and not each.barred} == {
        "mlp_xor.L": "parity is not here; fetch it"
    }
    assert (len(finished()), done.exit_code) == (3, 0)
    assert reproduce("mlp_xor.V,mlp_xor.L", seeds=1).exit_code == 1
    assert cli.main(["reproduce", "mlp_xor.L", "--seeds", "1"]) == 1
    assert re.search("mlp_xor.L +parity is not here; fetch it", capsys.readouterr().out)


def test_check_names_what_comes_out_worse(claims: None, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reproduce("mlp_xor.V,mlp_xor.C")
    committed = workplace / "committed"
    committed.mkdir()

    def commit(**verdicts: str) -> None:
        outcomes = {id: {"word": word} for id, word in verdicts.items()}
        (committed / "mlp_xor.json").write_text(json.dumps({"outcomes": outcomes, "runs": []}))

    found = words_of(reproduce("mlp_xor.V,mlp_xor.C"))
    commit(**found)
    assert cli.main(["reproduce", "mlp_xor.V,mlp_xor.C", "--check", "-q"]) == 0
    commit(**found | {"V": "compatible"})
    capsys.readouterr()
    assert cli.main(["reproduce", "mlp_xor.V,mlp_xor.C", "--check", "-q"]) == 1
    last = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in last] == ["mlp_xor.V", "mlp_xor.C", "worse than committed"]
    assert last[-1].startswith("worse than committed: mlp_xor.V was compatible and is worse: ")
    commit(N="holds", V="worse")  # what is not run is not worse
    assert cli.main(["reproduce", "mlp_xor.V,mlp_xor.N", "--check", "-q"]) == 1  # but nothing of N could be run
    assert "worse than committed" not in capsys.readouterr().out


def test_shipped_results_spare_no_run(claims: None, workplace: Path) -> None:
    from landmarks.evidence import Evidence, store

    reproduce("mlp_xor.V")
    (workplace / "committed").mkdir()
    (workplace / "committed" / "mlp_xor.json").write_text(json.dumps(store(Evidence("mlp_xor", "runs").outcomes())))
    assert len(reproduce("mlp_xor.V", seeds=1, root="others").outcomes[0].runs) == 1
    assert len(finished("others")) == 1


def test_python_returns_the_outcomes(claims: None) -> None:
    (outcome,) = landmarks.reproduce("mlp_xor.V", "device=cpu", budget="1m", seeds=1, quiet=True)
    assert (outcome.claim.id, outcome.verdict.n, len(outcome.runs)) == ("V", 1, 1)
    with pytest.raises(UsageError, match="seeds 0: write a whole number"):
        landmarks.reproduce("mlp_xor.V", seeds=0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "reproduce wants a milestone, a claim or all"),
        ("lenett", "did you mean lenet?"),
        ("mlp_xor.v", "did you mean V?"),
        ("mlp_xor.V --budget 2", "--budget 2: write a time such as 90s, 30m or 2h"),
        ("mlp_xor.V --budget 0h", "write a time"),
        ("mlp_xor.V --seeds 0", "--seeds 0: write a whole number, at least 1"),
        ("mlp_xor.V --jobs two", "--jobs two: write a whole number"),
        ("mlp_xor.V seed=3", "--seeds N makes seeds 0 to N - 1"),
        ("mlp_xor.V epochs=3", "would make other runs than those that the claims are about; `landmarks run mlp_xor`"),
        ("mlp_xor.D data.name=mnist", "the runs of mlp_xor.D set data.name=parity; leave one of the two out"),
        ("mlp_xor.V data.name=parityy", "did you mean parity?"),
        ("mlp_xor.V --check", "--check: no result of mlp_xor.V is committed"),
        ("mlp_xor.V --checks", "did you mean --check?"),
        ("mlp_xor.V --jobs 2 hydra/launcher=basic", "hydra/launcher=basic decides how many runs are made at once"),
        ("mlp_xor.V hydra/launcher=slurm", "`pip install hydra-submitit-launcher` brings"),
    ],
)
def test_a_wrong_wish_is_one_sentence(
    words: str, says: str, claims: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = claim("D", overrides=("data.name=parity", *SHORT))
    monkeypatch.setattr(MLPXOR, "card", replace(MLPXOR.card, claims=(*CLAIMS, other)))
    assert cli.main(["reproduce", *words.split()]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not runs.all_runs("runs")


# Elsewhere, and several at once


def test_hydras_launcher_makes_them_too(claims: None) -> None:
    done = reproduce("mlp_xor.V", "hydra/launcher=basic")
    assert (len(finished()), done.failed, words_of(done)) == (5, 0, {"V": "worse"})
    assert reproduce("mlp_xor.V", "hydra/launcher=basic").outcomes == done.outcomes
    assert len(finished()) == 5


def test_ctrl_c_goes_past_hydras_launcher(claims: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        at_step(patch, 27, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(Interrupted, match="the same command goes on") as stopped:
            reproduce("mlp_xor.V", "hydra/launcher=basic")
    assert stopped.value.exit_code == 130
    reproduce("mlp_xor.V", "hydra/launcher=basic")
    assert len(finished()) == len(runs.all_runs("runs")) == 5


@pytest.mark.slow
def test_two_at_once_make_each_run_once(claims: None) -> None:
    done = reproduce("mlp_xor.V,mlp_xor.C", seeds=2, jobs=2)
    assert len(finished()) == len({*finished()}) == len(runs.all_runs("runs")) == 4
    assert (done.failed, done.left) == (0, [])


def longer(claim: Claim) -> Claim:
    """The same claim on runs of seconds, which save and log often."""
    swap = {"epochs=40": "epochs=2000", "checkpoint_every=10": "checkpoint_every=50"}
    arms = {arm: tuple(swap.get(word, word) for word in getattr(claim, arm)) for arm in ("overrides", "against")}
    return replace(claim, **arms)  # type: ignore[arg-type]


DRIVER = """
import sys
from dataclasses import replace
from landmarks import cli
from landmarks.milestones.mlp_xor import MLPXOR
from tests.test_reproduce import CLAIMS, longer
MLPXOR.card = replace(MLPXOR.card, claims=tuple(map(longer, CLAIMS)))
sys.exit(cli.main(sys.argv[1:]))
"""


def started(folder: Path, *words: str, claims: str = "mlp_xor.V,mlp_xor.C") -> subprocess.Popen[str]:
    """`landmarks reproduce` with the longer claims, in a process of its own."""
    command = [sys.executable, "-c", DRIVER, "reproduce", claims, "--runs", str(folder), *words]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def progress(folder: Path) -> int:
    """Lines of all logs so far: what a run cannot go on without moving."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*/*/metrics.jsonl"))


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> bool:
    """Whether it came to be before the process ended."""
    while not there():
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_interrupted_five_times_it_ends_with_the_same_verdicts(jobs: str, workplace: Path) -> None:
    """SIGINT and SIGKILL in turn, wherever the logs happen to be."""
    whole, _ = started(workplace / "whole", "-q").communicate()
    rng, folder, stops = np.random.default_rng(int(jobs)), workplace / "torn", []
    for number in (signal.SIGINT, signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGINT):
        process = started(folder, "--jobs", jobs)
        goal = progress(folder) + int(rng.integers(1, 250))
        assert wait_for(lambda goal=goal: progress(folder) >= goal, process), process.communicate()  # type: ignore[misc]
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        stops.append(process.returncode)
        assert number == signal.SIGKILL or said.endswith("and the same command goes on\n"), said
    assert stops == [130, -9, 130, -9, 130]
    torn, said = started(folder, "-q", "--jobs", jobs).communicate()
    assert (torn, said) == (whole, "")
    made = finished(str(folder))
    assert len(made) == len({*made}) == len(runs.all_runs(str(folder))) == 10
    assert {*made} == {*finished(str(workplace / "whole"))}


@pytest.mark.slow
def test_the_children_of_a_killed_parent_save_and_end(workplace: Path) -> None:
    folder = workplace / "runs"
    process = started(folder, "--jobs", "2")
    assert wait_for(lambda: progress(folder) >= 10, process)
    process.kill()
    process.communicate()  # returns when nobody holds its output any more: the children have ended
    assert {runs.summary(each)["status"] for each in runs.all_runs(str(folder))} <= {"interrupted", "finished"}


@pytest.mark.slow
def test_a_launcher_for_other_machines_makes_them_too(workplace: Path) -> None:
    pytest.importorskip("submitit")
    process = started(workplace / "runs", "--seeds", "2", "hydra/launcher=submitit_local", claims="mlp_xor.V")
    _, said = process.communicate()
    assert (process.returncode, said) == (0, "")
    assert len(finished(str(workplace / "runs"))) == 2
