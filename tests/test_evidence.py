"""Runs as evidence: which run speaks to which claim, what it says, and that a verdict follows from nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks import report
from benchmarks.place import ROOT

import landmarks
import results
from landmarks import catalog, cli, config, evidence, execute, loop, records, runs, shipped
from landmarks.claims import Claim
from landmarks.evidence import Evidence, Outcome
from landmarks.pages import chapters, markdown
from landmarks.records import Record
from tests import toys

VALUE = Claim("V", "It errs on 20 %.", "train_set/error", 0.2, "p. 1", "seen", digit=0.01, data=("toy",))
CONTRAST = replace(VALUE, id="C", kind="contrast", published=0.0, against=("optimizer.lr=0.01",))
AT = replace(VALUE, id="A", at=3)
READ = replace(VALUE, id="D", readings=(("optimizer.lr=0.2",), ("optimizer.lr=0.3",)))
SHARE = replace(VALUE, id="S", metric="train_set/solved", kind="share", published=0.9, counts=(18, 20), seeds=1)
SOLVED = replace(VALUE, id="E", metric="train_set/solved_error_mean", published=0.1, seeds=1)
TIME = replace(VALUE, id="T", metric="train_set/sweeps_mean", kind="time", published=100, runs_behind=3, digit=1,
               unit="sweeps", seeds=1)  # fmt: skip
ALONE = replace(VALUE, id="R", metric="test/error")
RECALLED = replace(VALUE, id="Q", source="recalled")
UNBUILT = replace(VALUE, id="U", metric="other/error")

pytestmark = pytest.mark.usefixtures("compose_once")


@pytest.fixture
def claim(toy: Callable[[str], None], workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what the made-up milestone claims; results are committed in `claims/`, and the code is clean."""
    toy("tenth")
    monkeypatch.setattr(shipped, "folder", lambda: workplace / "claims")
    monkeypatch.setattr(runs, "_commit", lambda: ("c0ffee", False))
    monkeypatch.setattr(runs, "loaded", lambda: ("c0ffee", False))
    evidence.composed.cache_clear()

    def put(*claims: Claim) -> None:
        monkeypatch.setattr(toys.Tenth, "card", replace(toys.CARD, headline=claims[0], claims=claims))

    return put


def made(seed: int = 0, *overrides: str, revisions: tuple[int, int] | None = None, **fields: Any) -> Record:
    """A run that nobody made: of the paper's scale, on the toy's data, with values of your choice."""
    fields = {"place": "toy", "data": fields.get("place", "toy"), "checksum": "0" * 64, "dirty": False} | fields
    tree = config.compose("tenth", ["scale=paper", *overrides]).tree
    tree |= {"seed": seed, "first_replica": fields.get("first_replica", 0)}
    tree["data"]["name"] = fields["place"]
    now = revisions or (toys.Tenth.revision, loop.REVISION)
    known = {
        "milestone": "tenth", "overrides": ("scale=paper", *overrides, f"seed={seed}"), "scale": "paper", "seed": seed,
        "first_replica": 0, "fingerprint": runs.fingerprint(tree, fields["checksum"], "cpu", now),
        "configuration": records.digest(tree), "kind": "cpu", "device": "cpu", "commit": "c0ffee", "seconds": 2.0,
        "date": "2026-01-01", "versions": {"torch": "2.0"}, "shipped": True,
    }  # fmt: skip
    return Record(**known | fields)


def errors(values: Iterable[float], *overrides: str, **fields: Any) -> list[Record]:
    """A run for each value of the error, with seeds 0, 1, 2, …"""
    return [made(i, *overrides, values={"train_set/error": v}, **fields) for i, v in enumerate(values)]


def commit(*found: Record, outcomes: dict[str, Any] | None = None) -> None:
    """Make these runs the committed ones."""
    tree = {"headline": None, "outcomes": outcomes or {}, "runs": [run.as_json() for run in found]}
    shipped.folder().mkdir(exist_ok=True)
    (shipped.folder() / "tenth.json").write_text(shipped.as_text(tree))


def judged(root: str | None = None) -> dict[str, Outcome]:
    return {outcome.claim.id: outcome for outcome in Evidence("tenth", root).outcomes()}


def word(id: str = "V", root: str | None = None) -> str:
    return judged(root)[id].verdict.word


def plain(text: str) -> str:
    """A page without what keeps a line from ending."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


NEAR = (0.19, 0.2, 0.21, 0.2, 0.2)


# Which run speaks to which claim


def test_a_key_that_was_added_later_counts_where_it_is_not_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = config.compose("lenet", ["scale=paper"]).tree

    def fingerprint(**model: Any) -> str:
        return runs.fingerprint(tree | {"model": tree["model"] | model}, "", "cpu", (1, 1))

    before, unknown = fingerprint(), fingerprint(later=0)
    lenet = catalog.milestone_class("lenet")
    monkeypatch.setattr(lenet, "added", {**lenet.added, "model.later": 0})
    assert before == fingerprint() == fingerprint(later=0) != unknown
    assert fingerprint(later=1) not in (before, unknown)


def test_a_run_is_found_by_its_fingerprint_whatever_its_paths_and_logging(claim: Callable[..., None]) -> None:
    claim(VALUE, AT)
    words = ("scale=paper", "seed=3", "runs=elsewhere", "log_every=5", "figures=false", "histograms=false")
    run = landmarks.run("tenth", *words, "checkpoint_every=100", quiet=True)
    found = judged("elsewhere")["V"]
    (record,) = found.runs
    assert record.fingerprint == run.summary["fingerprint"] == made(3).fingerprint
    assert record.command == "landmarks run tenth scale=paper seed=3"
    assert record.values == {"train_set/error": run.metrics["train_set/error"]}
    assert (record.commit, record.dirty, record.date) == ("c0ffee", False, runs.state_of_code()["date"])
    assert not found.shipped
    assert found.verdict.n == 1
    assert not judged("nowhere")["V"].runs
    again = Record.from_json(json.loads(json.dumps(record.as_json())))
    assert again == replace(record, shipped=True)
    assert "elsewhere" not in json.dumps(record.as_json())


def test_a_run_of_another_configuration_scale_or_start_is_none_of_the_claims(claim: Callable[..., None]) -> None:
    claim(VALUE)
    landmarks.run("tenth", "scale=paper", "figures=false", quiet=True)
    landmarks.run("tenth", "scale=paper", "figures=false", f"init={runs.find('last', 'runs')}", quiet=True)
    landmarks.run("tenth", "scale=paper", "figures=false", "optimizer.lr=0.2", quiet=True)
    landmarks.run("tenth", "figures=false", quiet=True)
    found = judged("runs")["V"]
    assert [run.overrides for run in found.runs] == [("scale=paper",)]
    assert not found.stale


def test_a_run_of_ours_counts_before_a_shipped_one_and_a_clean_one_before_any(claim: Callable[..., None]) -> None:
    claim(VALUE)
    commit(made(3, values={"train_set/error": 0.7}))
    run = landmarks.run("tenth", "scale=paper", "seed=3", "figures=false", quiet=True)
    assert judged(None)["V"].runs[0].values == {"train_set/error": 0.7}
    (mine,) = judged("runs")["V"].runs
    assert mine.values == {"train_set/error": run.metrics["train_set/error"]}
    path = run.folder / "environment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dirty": True}))
    (other,) = judged("runs")["V"].runs
    assert other.shipped
    assert judged("runs")["V"].shipped


@pytest.mark.parametrize("dirty", [True, None])
def test_code_that_is_changed_or_unknown_is_not_judged(claim: Callable[..., None], dirty: bool | None) -> None:
    claim(VALUE)
    commit(*errors(NEAR, dirty=dirty))
    assert word() == "not judged"
    commit(*errors(NEAR))
    assert word() == "compatible"
    few = errors(NEAR)
    commit(*few[:4], replace(few[4], dirty=dirty))
    assert word() == "inconclusive"  # four are left


def test_a_run_that_went_on_with_changed_code_is_dirty_and_tells_its_length(
    claim: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(VALUE, replace(VALUE, id="L", overrides=("epochs=14",)))
    run = landmarks.run("tenth", "scale=paper", "figures=false", quiet=True)
    assert judged("runs")["V"].runs[0].dirty is False
    execute.resume(run.folder, ["epochs=13"], quiet=True)
    assert not judged("runs")["V"].runs
    monkeypatch.setattr(runs, "_commit", lambda: ("c0ffee", True))
    execute.resume(run.folder, ["epochs=14"], quiet=True)
    (record,) = judged("runs")["L"].runs
    assert record.dirty is True
    assert record.command == "landmarks run tenth scale=paper epochs=14"
    assert not judged("runs")["V"].runs
    assert not judged("runs")["V"].stale


def test_other_data_are_shown_and_a_contrast_is_judged_there(claim: Callable[..., None]) -> None:
    claim(VALUE, CONTRAST)
    far = [0.6, 0.61, 0.6, 0.59, 0.6]
    commit(*errors(NEAR, place="other"), *errors(far, "optimizer.lr=0.01", place="other"))
    found = judged()
    assert found["V"].verdict.word == "other data"
    assert not found["V"].verdict.counts
    assert found["C"].verdict.word == "holds"
    commit(*errors(NEAR), *errors(far, "optimizer.lr=0.01", place="other"))
    assert word("C") == "inconclusive"  # an arm on each


# What a run says


def test_each_replica_speaks_for_itself(claim: Callable[..., None]) -> None:
    claim(TIME, SHARE, SOLVED, replace(VALUE, seeds=1))
    solved = [1.0] * 18 + [0.0] * 2
    sweeps, tried = [90.0 + i for i in range(20)], [0.05] * 9 + [0.15] * 9 + [0.9] * 2
    values = {"train_set/sweeps": sweeps, "train_set/solved": solved, "train_set/solved_error": tried}
    run = made(7, values=values | {"train_set/error": [0.2] * 20}, first_replica=100)
    each = {claim.id: run.measured(claim) for claim in (TIME, SHARE, SOLVED, VALUE)}
    assert [(one.seed, one.replica) for one in each["V"]] == [(7, 100 + i) for i in range(20)]
    assert [one.value for one in each["T"]] == sweeps
    assert [one.solved for one in each["T"]] == [one.solved for one in each["S"]] == [*map(bool, solved)]
    assert [one.value for one in each["E"]] == tried[:18]  # of those that are solved alone
    commit(run)
    assert word() == "stale"  # other replicas than the claim's: of an enumeration they would be other questions
    commit(made(7, values=run.values))
    found = judged()
    assert found["V"].verdict.n == 20
    assert (found["S"].verdict.word, found["S"].verdict.ours) == ("compatible", 0.9)
    assert found["T"].verdict.ours == pytest.approx(sum(sweeps[:18]) / 18)
    assert found["E"].verdict.ours == pytest.approx(0.1)
    assert found["E"].verdict.n == 18


def test_values_of_replicas_are_read_from_the_run(claim: Callable[..., None]) -> None:
    claim(VALUE, SHARE, ALONE)
    run = landmarks.run("tenth", "scale=paper", "figures=false", quiet=True)
    (run.folder / "replicas.json").write_text('{"train_set/solved": [1, 0], "train_set/error": [0.1, 0.3]}')
    path = run.folder / "summary.json"
    metrics = {f"test/error{end}": v for end, v in (("", 0.2), ("/0", 0.1), ("/1", 0.3), ("/2", 0.2))}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metrics": metrics}))
    (record,) = Evidence("tenth", "runs").records
    assert record.values["train_set/error"] == [0.1, 0.3]
    assert [one.solved for one in record.measured(SHARE)] == [True, False]
    assert [one.value for one in record.measured(ALONE)] == [0.1, 0.3, 0.2]


def test_a_claim_at_an_epoch_is_answered_by_that_epoch_alone(claim: Callable[..., None]) -> None:
    often = ("eval_every=4",)
    claim(replace(AT, overrides=often), replace(AT, id="Z", at=99, overrides=often), replace(VALUE, overrides=often))
    run = landmarks.run("tenth", "scale=paper", "figures=false", *often, quiet=True)
    curve = run.curves["train_set/error"]
    found = judged("runs")
    assert found["A"].runs[0].values["train_set/error@3"] == curve.value[curve.epoch.index(3)]
    assert [one.value for one in found["A"].runs[0].measured(found["A"].claim)] == [curve.value[curve.epoch.index(3)]]
    assert not found["Z"].runs  # its last value is no answer
    assert found["V"].runs[0].measured(found["V"].claim)[0].value == curve.value[-1]


def test_what_is_no_number_stays_so_in_json(claim: Callable[..., None]) -> None:
    claim(VALUE)
    run = made(0, values={"train_set/error": math.inf, "train_set/sweeps": [3.0, math.nan, 2.5]})
    text = json.dumps(run.as_json(), allow_nan=False)
    assert '"train_set/sweeps": [3, null, 2.5]' in text
    again = Record.from_json(json.loads(text)).values["train_set/sweeps"]
    assert isinstance(again, list)
    assert math.isnan(again[1])
    assert again[::2] == [3.0, 2.5]


# What turns a verdict


def elsewhere(kind: str, found: Iterable[Record], checksum: str = "0" * 64) -> list[Record]:
    """The same runs on another kind of device, or on data of another checksum."""
    tree, now = config.compose("tenth", ["scale=paper"]).tree, (toys.Tenth.revision, loop.REVISION)
    prints = {run.seed: runs.fingerprint(tree | {"seed": run.seed}, checksum, kind, now) for run in found}
    return [replace(run, kind=kind, checksum=checksum, fingerprint=prints[run.seed]) for run in found]


def test_a_verdict_is_from_one_kind_of_device_and_one_set_and_never_mixes_them(claim: Callable[..., None]) -> None:
    claim(VALUE)
    commit(*errors(NEAR), *elsewhere("cuda", errors(NEAR)))
    found = judged()["V"]
    assert (len(found.runs), found.verdict.n) == (5, 5)
    assert len({run.kind for run in found.runs}) == 1
    mixed = errors(NEAR)[:2] + elsewhere("cuda", errors(NEAR))[2:]
    commit(*mixed)
    assert (judged()["V"].verdict.n, word()) == (3, "inconclusive")
    commit(*errors(NEAR)[:2], *elsewhere("cpu", errors(NEAR), "1" * 64)[2:])
    assert (judged()["V"].verdict.n, word()) == (3, "inconclusive")


def test_arms_on_different_kinds_of_device_are_no_contrast(claim: Callable[..., None]) -> None:
    claim(CONTRAST)
    worse = errors([0.5, 0.51, 0.5, 0.52, 0.5], "optimizer.lr=0.01")
    commit(*errors(NEAR), *worse)
    assert word("C") == "holds"
    commit(*elsewhere("cuda", errors(NEAR)), *worse)
    assert word("C") == "inconclusive"
    assert "different kinds of device" in judged()["C"].verdict.sentence


def test_n_counts_distinct_pairs_of_seed_and_replica(claim: Callable[..., None]) -> None:
    claim(VALUE)
    commit(*errors(NEAR[:4]), *errors(NEAR[:4]))
    assert (judged()["V"].verdict.n, word()) == (4, "inconclusive")


def test_a_run_that_diverged_counts_as_one_that_never_arrived(claim: Callable[..., None]) -> None:
    claim(VALUE, TIME)
    commit(*errors(NEAR), made(5, failed=True))
    found = judged()["V"]
    assert (found.verdict.word, len(found.runs)) == ("inconclusive", 6)
    assert "1 of 6 runs gave no number" in found.verdict.sentence


def test_only_what_a_verdict_rests_on_stands_behind_it(claim: Callable[..., None]) -> None:
    claim(VALUE)
    dirty = made(5, values={"train_set/error": 0.9}, dirty=True)
    other = made(6, values={"train_set/error": 0.9}, place="other")
    commit(*errors(NEAR), dirty, other)
    found = judged()["V"]
    assert {run.seed for run in found.runs} == {0, 1, 2, 3, 4}
    assert found.verdict.n == 5
    drawn = chapters.gather("tenth", None)
    assert [one.value for one in drawn.measured(VALUE)] == [*NEAR]  # nor is anything else drawn


def test_contrasts_under_a_reading_share_their_level_under_that_reading(claim: Callable[..., None]) -> None:
    under = ("epochs=6",)
    first = replace(CONTRAST, readings=(under,))
    second = replace(first, id="C2", against=("optimizer.lr=0.02",))
    claim(first, second)
    values = {
        "": NEAR,
        "optimizer.lr=0.01": (0.3, 0.31, 0.3, 0.3, 0.31),
        "optimizer.lr=0.02": (0.3, 0.31, 0.3, 0.3, 0.31),
    }
    close = (0.2, 0.26, 0.19, 0.23, 0.22)
    found = [run for words, each in values.items() for run in errors(each, *([words] if words else []))]
    weak = [run for words in values for run in errors(close if words else NEAR, *([words] if words else []), *under)]
    commit(*found, *weak)
    levels = [verdict.sentence.rpartition("against ")[2] for o in judged().values() for _, verdict in o.readings]
    assert levels == ["0.025", "0.025"]  # neither is sure under the reading, so both are tested at half


def test_a_shifted_published_value_turns_the_verdict_and_no_run_leaves_none(claim: Callable[..., None]) -> None:
    claim(VALUE)
    commit(*errors(NEAR))
    assert word() == "compatible"
    claim(replace(VALUE, published=0.3))
    assert word() == "better"
    claim(replace(VALUE, published=0.1))
    assert word() == "worse"
    (shipped.folder() / "tenth.json").unlink()
    assert word() == "not run"
    assert judged()["V"].verdict.n == 0


def test_runs_of_an_earlier_revision_are_stale_and_never_mixed_in(
    claim: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(VALUE)
    old = errors([0.9] * 5)
    commit(*old)
    assert word() == "worse"
    for place, name, value in ((toys.Tenth, "revision", 2), (loop, "REVISION", loop.REVISION + 1)):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, value)
            found = judged()["V"]
            assert (found.verdict.word, found.stale, found.runs) == ("stale", 5, ())
            assert not found.verdict.counts
            commit(*old, *errors(NEAR))
            found = judged()["V"]
            assert (found.verdict.word, found.stale, found.verdict.n) == ("compatible", 5, 5)
            assert "5 stale runs left out" in markdown.section(chapters.gather("tenth", None))
        commit(*old)
    contrast = errors([0.9] * 5, "optimizer.lr=0.01")
    monkeypatch.setattr(toys.Tenth, "revision", 2)
    claim(CONTRAST)
    commit(*errors(NEAR), *(replace(run, fingerprint=f"{i}") for i, run in enumerate(contrast)))
    assert word("C") == "stale"  # one arm is


def test_a_configuration_that_was_changed_makes_its_runs_stale(
    claim: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(VALUE)
    commit(*errors(NEAR))
    tree = evidence.composed("tenth", VALUE.typed(())).tree
    changed = config.Composed(tree | {"optimizer": {"lr": 0.15}}, ())
    monkeypatch.setattr(evidence, "composed", lambda *arm: changed)
    assert word() == "stale"


def test_an_edited_claim_shows_though_it_is_recorded_or_the_same_runs_are_made_again(
    claim: Callable[..., None],
) -> None:
    claim(VALUE)
    commit(*errors(NEAR))
    results.record("tenth", [])
    assert not judged()["V"].edited
    claim(replace(VALUE, says="In other words.", cost={"cpu": 3}))
    assert not judged()["V"].edited
    claim(replace(VALUE, readings=(("optimizer.lr=0.2",), ("optimizer.lr=0.3",))))
    assert judged()["V"].extended
    assert "readings were added after this result" in markdown.section(chapters.gather("tenth", None))
    claim(replace(VALUE, published=0.21))
    assert judged()["V"].edited
    assert not judged()["V"].extended
    assert "the claim was changed after this result" in markdown.section(chapters.gather("tenth", None))
    results.record("tenth", [])  # to record it anew hides nothing
    assert judged()["V"].edited
    commit(*(replace(run, date="2026-02-02", seconds=3.0) for run in errors(NEAR)),
           outcomes={"V": judged()["V"].as_json()})  # fmt: skip
    assert judged()["V"].edited  # the same runs made again are not new evidence


def test_readings_are_judged_each(claim: Callable[..., None]) -> None:
    claim(READ)
    commit(*errors(NEAR))
    assert judged()["D"].under == "under 1 of 3 readings, 2 not run"
    commit(*errors(NEAR), *errors([0.5, 0.51], "optimizer.lr=0.2"))
    assert judged()["D"].under == "under 1 of 3 readings, 1 inconclusive, 1 not run"
    commit(*errors(NEAR), *errors([0.5, 0.51, 0.5, 0.5, 0.5], "optimizer.lr=0.2"), *errors(NEAR, "optimizer.lr=0.3"))
    found = judged()["D"]
    assert found.under == "under 2 of 3 readings"
    assert [verdict.word for _, verdict in found.readings] == ["worse", "compatible"]
    assert len(found.runs) == 15
    assert "with `optimizer.lr=0.2` worse" in markdown.section(chapters.gather("tenth", None))


def test_a_contrast_is_held_to_the_level_it_shares_under_each_reading(claim: Callable[..., None]) -> None:
    lead = [0.24, 0.2, 0.26, 0.2, 0.23]  # over NEAR: p = 0.13, so no
    far = [0.23, 0.24, 0.25, 0.23, 0.21]  # p = 0.0055: enough alone and for two, but not for ten
    first = replace(CONTRAST, id="C0", readings=(("epochs=9",),))
    many = [replace(CONTRAST, id=f"C{i}", against=(f"optimizer.lr=0.0{i}",)) for i in range(2, 11)]
    commit(*errors(NEAR), *errors(lead, "optimizer.lr=0.01"), *errors(NEAR, "epochs=9"),
           *errors(far, "optimizer.lr=0.01", "epochs=9"))  # fmt: skip
    for others, said in (((), "holds"), (many[:1], "holds"), (many, "inconclusive")):
        claim(first, *others)
        ((_, verdict),) = judged()["C0"].readings
        assert verdict.word == said
        assert f"against {0.05 / (1 + len(others)):.2g}" in verdict.sentence


def test_what_is_recalled_or_not_built_is_listed(claim: Callable[..., None]) -> None:
    claim(VALUE, RECALLED, UNBUILT)
    commit(*errors(NEAR))
    assert (word("Q"), word("U")) == ("not judged", "not run")
    text = markdown.section(chapters.gather("tenth", None))
    assert "Listed, not judged: 2" in text
    assert "**U** It errs on 20 %. *20 %; p. 1; not built here*" in text


# What is committed, and the pages made of it


def test_record_keeps_what_speaks_and_leaves_out_the_rest(claim: Callable[..., None]) -> None:
    claim(VALUE, CONTRAST)
    far = errors([0.6, 0.61, 0.6, 0.59, 0.6], "optimizer.lr=0.01")
    silent = errors(NEAR, "optimizer.lr=0.5")
    dirty = [replace(errors([0.2] * 9)[8], dirty=True)]
    commit(*far[::-1], *silent, *dirty, *errors(NEAR)[::-1])
    landmarks.run("tenth", "scale=paper", "seed=5", "figures=false", quiet=True)
    assert results.record("tenth", [Path("runs")])
    text = (shipped.folder() / "tenth.json").read_text()
    found = shipped.read("tenth")
    assert [run["seed"] for run in found["runs"]] == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4]
    assert found["headline"]["claim"] == "V"
    assert found["outcomes"] == json.loads(json.dumps({id: each.as_json() for id, each in judged().items()}))
    assert str(Path.cwd()) not in text
    assert sum('"fingerprint"' in line for line in text.splitlines()) == 11  # a run a line
    results.record("tenth", [])
    results.record("tenth", [Path("runs"), Path("runs")])
    assert (shipped.folder() / "tenth.json").read_text() == text
    claim(ALONE)
    assert not results.record("tenth", [])
    assert not (shipped.folder() / "tenth.json").exists()


def test_stale_runs_stay_committed_until_there_are_others(
    claim: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(VALUE)
    commit(*errors(NEAR))
    monkeypatch.setattr(toys.Tenth, "revision", 2)
    results.record("tenth", [])
    assert shipped.read("tenth")["outcomes"]["V"]["word"] == "stale"
    assert len(shipped.read("tenth")["runs"]) == 5
    commit(*map(Record.from_json, shipped.read("tenth")["runs"]), *errors(NEAR))
    results.record("tenth", [])
    assert len(shipped.read("tenth")["runs"]) == 5
    assert word() == "compatible"


def test_the_page_tells_each_claim_and_where_it_comes_from(claim: Callable[..., None]) -> None:
    claim(VALUE, replace(VALUE, id="N", says="A|B.", overrides=("epochs=3",), cost={"cpu": 61.0}, source="secondary"))
    commit(*errors(NEAR))
    text = markdown.claims([chapters.gather("tenth", None)])
    assert "2 claims, 1 of them judged. The newest run is of 2026-01-01." in text
    assert "| ≈ compatible | 1 |" in plain(text)
    row = "| **V** It errs on 20 %. | 20 % (p. 1) | 20.0 ± 2.7 % | 5 | ≈ compatible | R1 |"
    assert row in plain(text)
    assert (
        "| **N** A\\|B. | 20 % (p. 1; secondary) |  |  | ○ not run | 61 s a run, 5 min for all 5, on one CPU core |"
        in plain(text)
    )
    prints = " ".join(run.fingerprint[:8] for run in errors(NEAR))
    line = "| R1 | `landmarks run tenth scale=paper -m seed=0,1,2,3,4` | toy: 00000000 | c0ffee | cpu, torch 2.0 |"
    assert f"{line} 2026-01-01 | 2 s | {prints} |" in text
    assert text == markdown.claims([chapters.gather("tenth", None)])


def test_the_readme_opens_with_a_line_for_each_milestone(claim: Callable[..., None]) -> None:
    claim(VALUE)
    commit(*errors(NEAR))
    chapter = chapters.gather("tenth", None)
    head, _, row = plain(markdown.headlines([chapter])).splitlines()
    assert head == "| year | milestone | the paper | ours | verdict | command |"
    assert row == "| 2026 | toy | none | 20.0 ± 2.7 % | ≈ compatible | `landmarks reproduce tenth.V` |"
    claim(UNBUILT)
    row = plain(markdown.headlines([chapters.gather("tenth", None)])).splitlines()[-1]
    assert row == "| 2026 | toy | none |  | ○ not run | `landmarks run tenth` |"


def test_show_tells_how_a_claim_stands_and_what_stands_behind_it(
    claim: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    claim(VALUE, RECALLED)
    commit(*errors(NEAR))
    assert cli.main(["show", "tenth"]) == 0
    said = capsys.readouterr().out
    assert (
        "- **V** It errs on 20 %. *20 %; p. 1; seen; value* → **≈ compatible**, 20.0 ± 2.7 %, n = 5, as shipped" in said
    )
    assert "- **Q** It errs on 20 %. *20 %; p. 1; recalled; value*\n" in said
    claim(replace(VALUE, published=0.5), RECALLED)
    assert cli.main(["show", "tenth.V"]) == 0
    said = capsys.readouterr().out
    assert "- **▲ better**, 20.0 ± 2.7 %, n = 5, as shipped: 20.00 % ± 2.65 % over 5 runs; paper 50.00 %." in said
    command = "`landmarks run tenth scale=paper -m seed=0,1,2,3,4`"
    assert (
        f"- {command} – data toy: 00000000; commit c0ffee; device cpu, torch 2.0; date 2026-01-01; a run took 2 s"
        in said
    )
    assert cli.main(["show", "tenth.Q"]) == 0
    assert "The verdict" not in capsys.readouterr().out
    landmarks.run("tenth", "scale=paper", "seed=8", "figures=false", "runs=mine", quiet=True)
    assert cli.main(["show", "tenth.V", "--runs", "mine"]) == 0
    said = capsys.readouterr().out
    assert "n = 6:" in said  # no longer all that is shipped
    assert "landmarks run tenth scale=paper seed=8" in said


def test_the_script_records_and_makes_the_pages(
    claim: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    claim(VALUE)
    monkeypatch.setattr(catalog, "CATALOG", {"tenth": catalog.CATALOG["tenth"]})
    monkeypatch.setattr(results, "ROOT", Path.cwd())
    landmarks.run("tenth", "scale=paper", "figures=false", quiet=True)
    assert results.main(["record", "runs"]) == 0
    assert capsys.readouterr().out == "tenth: 1 runs, 1 of 1 claims measured\n"
    begin, end = results.CLAIMS
    Path("RESULTS.md").write_text(f"# Results\n\n{begin}\nold\n{end}\n\nmore\n")
    Path("README.md").write_text("# landmarks\n")
    assert results.main(["page"]) == 0
    (made,) = (text for name, _, text in results.pages() if name == "RESULTS.md")
    assert "? inconclusive" in plain(made)
    assert Path("RESULTS.md").read_text() == f"# Results\n\n{begin}\n{made}{end}\n\nmore\n"
    assert Path("README.md").read_text() == "# landmarks\n"  # it has no place for the table
    assert results.main(["record", "nowhere"]) == 1
    assert "nowhere: there is no such folder" in capsys.readouterr().err


def test_the_pages_follow_from_the_committed_results() -> None:
    for name, markers, made in results.pages():
        text = (ROOT / name).read_text(encoding="utf-8")
        assert markers[0] in text
        assert report.written(text, made, *markers) == text, "python scripts/results.py page"


@pytest.mark.parametrize("name", catalog.CATALOG)
def test_committed_outcomes_follow_from_the_committed_runs(name: str) -> None:
    found = shipped.read(name)
    if not found["runs"]:
        pytest.skip("nothing was recorded")
    again = results.stored(Evidence(name, None).outcomes())
    assert shipped.as_text(again) == (shipped.folder() / f"{name}.json").read_text(encoding="utf-8")
    assert len({run["fingerprint"] for run in found["runs"]}) == len(found["runs"])
    assert all(run["dirty"] is False and run["commit"] and run["date"] for run in found["runs"])


@pytest.mark.parametrize(
    "name", [n if n == "alexnet" else pytest.param(n, marks=pytest.mark.slow) for n in catalog.CATALOG]
)
def test_files_read_once_compose_as_hydra_does(name: str) -> None:
    """The arms of a milestone's claims."""
    claims = catalog.milestone_class(name).card.claims
    arms = [("scale=paper", *arm) for one in claims for more in ((), *one.readings) for arm in one.arms_under(more)]
    for arm in set(arms):
        assert config.tree(name, arm) == config.compose(name, arm).tree


def test_a_key_that_another_one_refers_to_is_read_once_too() -> None:
    formula = ("scale=paper", "expression=a(t-1) or b(t-2)")
    assert config.tree("mcculloch_pitts", formula) == config.compose("mcculloch_pitts", formula).tree
