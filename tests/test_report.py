"""The report: one page that loads nothing, says all that the outcomes say and no more, and can be read by everybody."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import matplotlib
import pytest

import landmarks
from landmarks import catalog, cli, records, shipped, thinning
from landmarks.claims import Claim
from landmarks.errors import LandmarksError
from landmarks.evidence import Outcome
from landmarks.figures import inline, outcomes, redrawn
from landmarks.pages import html, palette, words
from landmarks.pages.chapters import Chapter, gather, totals
from landmarks.pages.tags import Markup, join, prose, tag
from landmarks.records import Record
from landmarks.verdicts import Verdict, judge
from tests.test_evidence import AT, CONTRAST, READ, RECALLED, TIME, UNBUILT, VALUE, claim, commit, made, word

__all__ = ["claim"]  # a fixture
pytestmark = pytest.mark.usefixtures("compose_once")
VOID = ("meta", "link", "br", "hr", "img", "input")
NINE = tuple(catalog.CATALOG)
EVIL = "<script>alert(\"1\")</script> & 'more' `<b>`"


class Page(HTMLParser):
    """What a page is made of: its elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    def values(self, key: str) -> list[str]:
        return [attributes[key] for _, attributes in self.elements if key in attributes]


def invented(
    chapter: Chapter, id: str, values: Sequence[Any], curves: Sequence[dict[str, Any]] | None = None
) -> Chapter:
    """A chapter with runs that nobody made behind a claim: one for each value of its metric, seeds 0, 1, 2, …"""
    claim, base = chapter.outcomes[id].claim, re.sub("_(mean|median)$", "", chapter.outcomes[id].claim.metric)
    place = claim.data[0] if claim.data else "generated"
    found = tuple(
        Record(
            chapter.entry.name, ("scale=paper", *claim.overrides, f"seed={seed}"), "paper", seed, 0, f"{seed:016}", id,
            place, place, "0" * 64, "cpu", "cpu", "c0ffee" * 7, False, "2026-02-03", 60.0,
            values={base: value}, curves=curves[seed] if curves else {}, shipped=True,
        )
        for seed, value in enumerate(values)
    )  # fmt: skip
    verdict = judge(claim, [one for record in found for one in record.measured(claim)])
    outcome = Outcome(chapter.entry.name, claim, verdict, found)
    return replace(chapter, outcomes=chapter.outcomes | {id: outcome}, arms=chapter.arms | {id: (found,)})


@pytest.fixture(scope="module")
def chapters(compose_once: None) -> list[Chapter]:
    """All nine milestones with invented runs behind some of their claims."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipped, "read", lambda name: {"outcomes": {}, "runs": []})
        found = {name: gather(name, None) for name in NINE}
    times = [float(100 + 10 * i) for i in range(250)]
    curve = [{"test/error": {"epoch": [1, 2, 3], "value": [0.03, 0.02, 0.01 + i / 1000]}} for i in range(5)]
    found["perceptron"] = invented(found["perceptron"], "P6a", [0.97, 0.98, 0.96, 0.975, 0.985])
    found["mlp_xor"] = invented(invented(found["mlp_xor"], "X1", [times]), "X4", [[math.nan, *times]])
    found["lstm"] = invented(found["lstm"], "S15a", [[20_000.0 + 1_000 * i for i in range(20)]])
    found["lenet"] = invented(found["lenet"], "L13", [0.009, 0.0095, 0.01, 0.0092, 0.0098], curve)
    return [*found.values()]


@pytest.fixture(scope="module")
def document(chapters: list[Chapter]) -> str:
    return html.document(chapters)


@pytest.fixture(scope="module")
def page(document: str) -> Page:
    return Page(document)


# One page that is whole


def test_it_is_html_whose_ids_are_its_own_and_whose_links_lead_somewhere(page: Page) -> None:
    assert page.open == []
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert set(NINE) < set(ids)
    targets = [value[1:] for value in page.values("href") if value.startswith("#")]
    assert set(targets) <= set(ids)
    (root,) = page.all("html")
    assert root == {"lang": "en"}


def test_nothing_leaves_the_page(page: Page, document: str) -> None:
    assert not page.values("src")
    assert {value for value in page.values("href") if not value.startswith("#")} == {"data:,"}
    assert not re.search(r"https?://|@import|url\((?!#)|\b(fetch|XMLHttpRequest|sendBeacon|WebSocket)\b", document)
    policy = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy == [html.POLICY]
    assert "default-src 'none'" in html.POLICY


def test_the_same_evidence_gives_the_same_bytes(chapters: list[Chapter]) -> None:
    few = [chapters[NINE.index("perceptron")]]
    assert html.document(few) == html.document(few)


def test_it_is_small_enough_for_a_mail_and_bears_no_time_of_its_own(document: str) -> None:
    assert len(document.encode()) < 2_000_000
    dates = set(re.findall(r"\b20\d\d-\d\d-\d\d\b", document))
    assert dates == {"2026-02-03"}  # the invented runs'


def test_every_claim_is_there_with_its_words_number_place_and_verdict(page: Page, chapters: list[Chapter]) -> None:
    bodies = {body["id"]: body for body in page.all("tbody") if "data-verdict" in body}
    text = " ".join("".join(page.text).split())
    for chapter in chapters:
        for id, outcome in chapter.outcomes.items():
            body = bodies.pop(f"{chapter.entry.name}.{id}")
            assert body["data-verdict"] == outcome.verdict.word
            claim = outcome.claim
            for said in (claim.where, words.paper(claim), f"{id} {claim.says}", words.ours(claim, outcome.verdict)):
                assert said.replace("`", "") in text
    assert not bodies


def test_totals_are_those_of_the_outcomes(document: str, chapters: list[Chapter]) -> None:
    found = Counter(outcome.verdict.word for chapter in chapters for outcome in chapter.outcomes.values())
    counted, left = totals(chapters)
    assert counted + left == found
    assert not set(left) - {"other data", "not judged", "not run", "stale"}
    header = document[document.index("<header") : document.index("</header>")]
    shown = dict(re.findall(r"</span> ([a-z ]+)</span> (\d+)</li>", header))
    assert {word: int(n) for word, n in shown.items()} == dict(counted)
    assert f"{sum(counted.values())} of {sum(found.values())} claims judged; newest result 2026-02-03" in header
    assert all(f"{n} {word}" in header for word, n in left.items())
    assert counted["compatible"] >= 2


def test_every_word_a_verdict_can_have_is_explained(document: str) -> None:
    from typing import get_args

    from landmarks.rules import Word

    assert set(words.MEANINGS) == set(words.SIGNS) == set(get_args(Word))
    for said in words.MEANINGS.values():
        assert str(join(said)) in document


def test_a_claim_has_its_rule_cost_provenance_and_command(document: str) -> None:
    start = document.index('<tbody id="lenet.L13"')
    body = document[start : document.index("</tbody>\n", start)]
    for said in (
        "landmarks reproduce lenet.L13", "landmarks run lenet scale=paper -m seed=0,1,2,3,4", "c0ffeec0ff", "mnist: 0",
        "cpu, torch", "2026-02-03", "h = t(n−1)·s·√(1/n + 1/k)", "Fig. 9, p. 12", "on one CPU core",
        "shipped with the package", "Provenance of 5 runs", "test/error",
    ):  # fmt: skip
        assert said in body, said
    assert "0.95\u00a0±\u00a0" in body
    assert "≈</span> compatible" in body


def test_what_is_not_run_shows_what_it_would_take(document: str, chapters: list[Chapter]) -> None:
    assert chapters[-1].outcomes["R20"].verdict.word == "not run"
    start = document.index('<tbody id="resnet.R20"')
    assert "5 runs at scale=paper" in document[start : document.index("</summary>", start)]


# For everybody


def test_figures_are_told_and_tables_have_heads(page: Page) -> None:
    figures = page.all("svg")
    assert len(figures) >= 8
    for figure in figures:
        assert figure["role"] == "img"
        assert len(figure["aria-label"]) > 40
    assert all(head.get("scope") in ("row", "col") for head in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    named = [("aria-label" in a or a["class"] == "scroll") for a in page.all("div") if "tabindex" in a]
    assert all(named)


def test_what_is_worked_by_hand_is_a_button_a_link_or_a_labelled_field(page: Page) -> None:
    assert not page.values("onclick")
    assert all(button["type"] in ("button", "reset") for button in page.all("button"))
    order = [name for name, _ in page.elements if name in ("label", "select")]
    assert order == ["label", "select"] * 2
    skip = next(a for a in page.all("a"))
    assert skip["class"] == "skip"
    assert skip["href"] == "#timeline"
    hidden = [a for name, a in page.elements if name in ("form", "button") and "hidden" in a]
    assert len(hidden) == len(page.all("form")) + len([b for b in page.all("button") if b["type"] == "button"])


def luminance(colour: str) -> float:
    """Of sRGB, as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_formula_of_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_letters_stand_out_from_what_is_behind_them_in_light_and_dark(document: str) -> None:
    blocks = [
        dict(re.findall(r"--([\w-]+):(#[0-9a-f]{6})", block))
        for block in re.findall(r"\{color-scheme[^}]*\}", document)
    ]
    assert blocks == [palette.LIGHT, palette.DARK, palette.DARK]
    used = set(re.findall(r"var\(--([\w-]+)\)", document))
    for colours in blocks:
        assert used <= set(colours)
        grounds = ("page", "raised", "code")
        for letters, ground in product(("ink", "muted", "link", "ours", "other", "paper"), grounds):
            assert contrast(colours[letters], colours[ground]) >= 4.5, (letters, ground)
        for tone in ("good", "bad", "open", "none"):
            assert contrast(colours[tone], colours[f"{tone}-back"]) >= 4.5, tone


def test_a_verdict_is_never_told_by_colour_alone(chapters: list[Chapter]) -> None:
    for outcome in (chapter.headline for chapter in chapters):
        said = Page(str(html.chip(outcome))).text
        assert said == [words.SIGNS[outcome.verdict.word], f" {outcome.verdict.word}"]


# Nothing but text gets in


def test_whatever_is_no_markup_is_escaped() -> None:
    assert tag("p", EVIL) == (
        "<p>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#x27;more&#x27; `&lt;b&gt;`</p>"
    )
    assert tag("a", Markup("<b>x</b>"), None, href='"><', class_="k", hidden=True, title=None) == (
        '<a href="&quot;&gt;&lt;" class="k" hidden><b>x</b></a>'
    )
    assert prose("say `<i>` twice") == "say <code>&lt;i&gt;</code> twice"


def test_a_claim_with_markup_in_its_words_stays_text(claim: Callable[..., None]) -> None:
    claim(replace(VALUE, says=EVIL, where=EVIL), AT, READ, RECALLED, UNBUILT)
    text = html.document([gather("tenth", None)])
    assert text.count("<script>") == 1  # its own
    assert "alert(" in " ".join(Page(text).text)


# How an outcome may stand


def test_what_is_stale_edited_shipped_or_on_other_data_is_marked(claim: Callable[..., None]) -> None:
    claim(VALUE, CONTRAST, READ)
    now = [made(i, values={"train_set/error": 0.2 + i / 1000}) for i in range(5)]
    old = made(9, values={"train_set/error": 0.9}, revisions=(0, 0))
    read = [made(i, "optimizer.lr=0.2", values={"train_set/error": 0.5}) for i in range(5)]
    commit(*now, old, *read, outcomes={"V": {"digest": "another"}})
    text = html.document([gather("tenth", None)])
    assert "1 stale run" in text
    assert "the claim was changed after this result" in text
    assert "shipped with the package" in text
    assert '<span class="mark">under 1 of 3 readings, 1 not run</span>' in text
    assert "Readings: agrees under 1 of 3 readings, 1 not run" in text
    assert re.search(r"optimizer\.lr=0\.2</code>: ▼ <b>worse</b>", text)
    commit(*(made(i, place="elsewhere", values={"train_set/error": 0.3}) for i in range(5)))
    assert word("V") == "other data"
    assert "◇</span> other data" in html.document([gather("tenth", None)])
    commit(old)
    assert "↻</span> stale" in html.document([gather("tenth", None)])


@pytest.mark.parametrize(
    ("claim", "ours", "interval", "said"),
    [
        (VALUE, 0.2, (0.187, 0.213), "20.0 ± 1.3 %"),
        (VALUE, 0.2, None, "20 %"),
        (CONTRAST, 0.02, (0.01, 0.03), "ahead by 2.0 ± 1.0 %"),
        (CONTRAST, -0.02, (-0.03, -0.01), "behind by 2.0 ± 1.0 %"),
        (CONTRAST, 0.9, None, "ahead in 90 % of pairs"),
        (TIME, 31390.0, (21000.0, 45000.0), "31,390 sweeps (21,000 to 45,000)"),
        (replace(TIME, runs_behind=1), 31390.0, (210.0, math.inf), "median 31,390 sweeps (210 to never)"),
        (replace(VALUE, kind="share"), 0.95, (0.93, 0.96), "95 % (93 to 96)"),
        (replace(VALUE, kind="best"), 0.06, (0.05, math.inf), "6 % (5 to no end)"),
        (replace(VALUE, kind="ratio", unit="count"), 5.1, (4.0, 6.5), "5.1 times (4 times to 6.5 times)"),
        (VALUE, None, None, ""),
    ],
)  # fmt: skip
def test_ours_in_words(claim: Claim, ours: float | None, interval: tuple[float, float] | None, said: str) -> None:
    assert words.ours(claim, Verdict("V", "holds", "", 5, ours, interval)) == said


@pytest.mark.parametrize(
    ("seeds", "other", "said"),
    [
        ((0, 1, 2), (), ""),
        ((), (), ""),
        ((90,), (), "seed 90"),
        ((90, 3, 17), (), "seeds 3, 17, 90"),
        ((1, 2, 3, 4, 5), (1, 2, 3, 4, 5), "seeds 1, 2, 3, 4, 5"),
        ((0, 1, 2, 3, 4, 6), (), "other seeds than the first 6"),
        ((0, 1), (0, 2), "other seeds than the first 2"),
    ],
)
def test_seeds_are_told_where_they_are_not_the_first(seeds: Sequence[int], other: Sequence[int], said: str) -> None:
    made = {"": seeds, "other": other}
    behind = tuple(
        Record(
            "tenth", (), "paper", seed, 0, f"{arm}{seed}", arm, "toy", "toy", "0", "cpu", "cpu", "c0", False, "", 1.0
        )
        for arm, found in made.items()
        for seed in found
    )
    assert words.seeds(behind) == said
    outcome = Outcome("tenth", VALUE, Verdict("V", "holds", "", 5, 0.2), behind)
    assert words.verdict(outcome) == f"✓ holds ({said})" if said else "✓ holds"


def test_readings_are_told_beside_any_verdict() -> None:
    other: Any = Verdict("V", "worse", "", 5, 0.3)
    for found, of, said in (
        ("compatible", other, "≈ compatible (under 1 of 2 readings)"),
        ("worse", other, "▼ worse (agrees under 0 of 2 readings)"),
        ("holds", Verdict("V", "not run", ""), "✓ holds (under 1 of 2 readings, 1 not run)"),
        ("not run", other, "○ not run"),
    ):
        verdict: Any = Verdict("V", found, "", 5, 0.2)  # type: ignore[arg-type]
        assert words.verdict(Outcome("tenth", VALUE, verdict, (), ((("a=1",), of),))) == said


def test_the_papers_number_in_words() -> None:
    assert (
        words.paper(replace(VALUE, spread=0.01, spread_over="runs", runs_behind=5)) == "20 % ± 1 % over runs, mean of 5"
    )
    assert words.paper(replace(VALUE, kind="best", runs_behind=5)) == "20 %, best of 5"
    assert words.paper(replace(VALUE, kind="share", counts=(29, 30))) == "20 % (29 of 30)"
    assert words.paper(replace(VALUE, kind="exact", bound=True)) == "at most 20 %"
    assert words.paper(CONTRAST) == "ahead"
    assert words.paper(replace(CONTRAST, published=0.03)) == "ahead by 3 %"


# Figures


def test_a_figure_takes_the_pages_colours_letters_and_ids_of_its_own(document: str) -> None:
    figures = re.findall(r"<svg.*?</svg>", document, flags=re.S)
    for figure in figures:
        assert not re.search(r"#[0-9a-f]{6}\b|font-family|<metadata|<style", figure)
    assert len({id for figure in figures for id in re.findall(r' id="([^"]*)"', figure)}) == sum(
        len(re.findall(r' id="', figure)) for figure in figures
    )


def test_the_overview_says_the_paper_and_ours_of_each_number(chapters: list[Chapter]) -> None:
    with inline.styled():
        (found,) = outcomes.overview(chapters[NINE.index("perceptron")])
        drawn = inline.svg(found, "x")
    assert "P6a: paper 98 %, ours 97.4 ± 4.9 %" in found.told
    assert "P6b" not in found.told  # not run
    assert ">P6a</text>" in drawn


def test_a_drawing_moves_with_its_numbers(chapters: list[Chapter]) -> None:
    chapter = chapters[NINE.index("perceptron")]
    outcome = chapter.outcomes["P6a"]
    other = replace(outcome, verdict=replace(outcome.verdict, ours=0.9, interval=(0.85, 0.95)))
    moved = replace(chapter, outcomes=chapter.outcomes | {"P6a": other})
    with inline.styled():
        first, second = (inline.svg(next(outcomes.overview(each)), "x") for each in (chapter, moved))
    assert first != second


def test_a_distribution_has_all_runs_and_the_papers_number(chapters: list[Chapter]) -> None:
    chapter = chapters[NINE.index("mlp_xor")]
    with inline.styled():
        found = outcomes.distribution(chapter, chapter.outcomes["X1"].claim)
        assert found
        assert found.told.startswith("X1: time to criterion. 250 of 250 runs have met the criterion")
        assert "the paper's number is 558 sweeps" in found.told
        assert outcomes.distribution(chapter, chapter.outcomes["X5"].claim) is None


def test_curves_are_drawn_with_their_seeds_and_the_papers_number(chapters: list[Chapter]) -> None:
    chapter = chapters[NINE.index("lenet")]
    with inline.styled():
        found = outcomes.course(chapter, [chapter.outcomes["L13"].claim])
        none = outcomes.course(chapter, [chapter.outcomes["L7"].claim])
    assert none is None
    assert found
    assert "ours, 5 seeds: mean 3 at 1, 1.2 at 3; paper, L13: 0.95 %" in found.told
    (axes,) = found.figure.axes
    assert len(axes.lines) == 5 + 1 + 1 + 1  # the seeds, their mean, the paper's line and its sign in the legend


def test_the_papers_figures_are_drawn_again(chapters: list[Chapter]) -> None:
    found: dict[str, list[Any]] = {}
    with inline.styled():
        for chapter in chapters:
            found[chapter.entry.name] = [*redrawn.drawings(chapter)]
    assert [drawing.title for drawing in found["lenet"]] == [
        "Figure 5, drawn again",
        "Figure 9, drawn again: test errors",
    ]
    five, nine = found["lenet"]
    assert "ours, test: 3.00 % after 1, 1.20 % after 3" in five.told
    assert "paper, test: 2.6 % after 1" in five.told
    assert "LeNet-5: paper 0.95 %" in nine.told
    assert "A linear classifier: paper 12.0 %" in nine.told
    (ten,) = found["perceptron"]
    assert "γ at 10: paper 98 %, ours 97.4" in ten.told
    assert "β at 100: paper 50 %" in ten.told
    (line,) = found["mlp_xor"]
    assert "2 hidden units: paper 247 sweeps, ours 1345 ± " in line.told
    assert "over 250 of 251 that solve it" in line.told
    (tables,) = found["lstm"]
    assert "Table 9, S15a: paper 31,390 sequences, mean of 20, ours 29,500" in tables.told
    (units,) = found["mcculloch_pitts"]
    assert ("absolute inhibition", "not run (2)", "not run (7)", "not run (34)") in units.rows
    assert not found["gan"]


def test_drawing_leaves_the_style_of_other_pictures_alone() -> None:
    before = dict(matplotlib.rcParams)
    with inline.styled():
        assert matplotlib.rcParams["svg.fonttype"] == "none"
    assert dict(matplotlib.rcParams) == before


# Curves that are kept


def test_a_curve_is_thinned_to_few_points_with_both_ends() -> None:
    lines = [{"step": 10 * i, "epoch": i, "phase": "training", "test/error": 1 / (i + 1)} for i in range(1, 201)]
    lines += [
        {"step": 2000, "epoch": 200, "phase": "end", "test/error": 0.123456789},
        {"step": 5, "epoch": 1, "phase": "x"},
    ]
    found = thinning.curves(lines, [replace(VALUE, metric="test/error"), VALUE])
    assert set(found) == {"test/error"}
    epochs, values = found["test/error"]["epoch"], found["test/error"]["value"]
    assert len(epochs) == len(values) == thinning.MOST
    assert (epochs[0], epochs[-1], values[0], values[-1]) == (1, 200, 0.5, 0.12346)
    assert max(b - a for a, b in pairwise(epochs)) <= 6


def test_a_curve_by_updates_without_what_is_no_number() -> None:
    lines = [{"step": i, "epoch": 1, "phase": "a", "test/error": math.nan if i == 2 else 0.1 * i} for i in range(1, 5)]
    found = thinning.curves(lines, [replace(VALUE, metric="test/error")])
    assert found == {"test/error": {"step": [1, 3, 4], "value": [0.1, 0.3, 0.4]}}
    assert thinning.curves(lines[:1], [replace(VALUE, metric="test/error")]) == {}
    assert thinning.curves(lines, [replace(TIME, metric="test/error")]) == {}


def test_curves_are_stored_and_results_without_them_are_read(claim: Callable[..., None]) -> None:
    claim(VALUE)
    run = landmarks.run("tenth", "scale=paper", "figures=false", quiet=True)
    record = records.record(run.folder, [VALUE])
    tree = json.loads(json.dumps(record.as_json()))
    assert len(tree["curves"]["train_set/error"]["value"]) > 1
    assert tree["curves"]["train_set/error"]["value"][-1] == pytest.approx(run.metrics["train_set/error"], rel=1e-4)
    assert Record.from_json(tree).curves == record.curves
    del tree["curves"]
    assert Record.from_json(tree).curves == {}


# The command


@pytest.fixture
def alone(claim: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up milestone and no other."""
    claim(VALUE)
    monkeypatch.setattr(catalog, "CATALOG", {"tenth": catalog.CATALOG["tenth"]})


@pytest.mark.usefixtures("alone")
def test_the_command_writes_a_file_from_runs_and_says_where_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    landmarks.run("tenth", "scale=paper", "figures=false", "runs=there", quiet=True)
    assert cli.main(["report", "--runs", "there"]) == 0
    assert capsys.readouterr().out == "report.html\n"
    text = Path("report.html").read_text()
    assert "inconclusive" in text
    assert "run here" in text
    assert str(Path.cwd()) not in text
    assert cli.main(["report", "-o", "other.html"]) == 0
    said = capsys.readouterr().out
    assert said == "runs: there is no such folder, so the report has what came with the package alone\nother.html\n"
    assert "not run" in Path("other.html").read_text()
    assert landmarks.report("third.html", "there") == Path("third.html")
    assert Path("third.html").read_text() == text


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("place", ["nowhere/report.html", "."])
def test_a_file_that_cannot_be_written_is_told_in_a_sentence(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "-q", "-o", place]) == 1
    assert re.fullmatch(
        rf"landmarks: {re.escape(place)}: cannot be written \([^)]+\); choose another file with -o\n",
        capsys.readouterr().err,
    )
    assert not Path("nowhere").exists()


@pytest.mark.usefixtures("alone")
def test_what_fails_on_the_way_leaves_no_empty_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "gather", lambda name, root: (_ for _ in ()).throw(LandmarksError("no")))
    with pytest.raises(LandmarksError, match="no"):
        landmarks.report("report.html")
    assert not Path("report.html").exists()
    Path("report.html").write_text("older")
    with pytest.raises(LandmarksError, match="no"):
        landmarks.report("report.html")
    assert Path("report.html").read_text() == "older"


def test_report_takes_no_other_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "lenet"]) == 2
    assert "there is nothing to do with lenet here" in capsys.readouterr().err
