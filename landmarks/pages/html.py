"""The report: one HTML file of all outcomes, which loads nothing, says how to read it, and is the same bytes twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from landmarks import catalog
from landmarks.errors import writing
from landmarks.pages import words
from landmarks.pages.chapters import Chapter, gather, newest, totals
from landmarks.pages.claims import SHIPPED, chip, claims, command, ours
from landmarks.pages.drawings import figures
from landmarks.pages.palette import css
from landmarks.pages.tags import Markup, folded, join, listed, prose, table, tag
from landmarks.rules_in_words import SOURCES

TITLE = "Landmarks: how close each model comes to its paper"
WHAT = (
    "Landmarks re-runs the models that made deep learning, each as its own paper describes it, and holds what comes"
    " out against the number that the paper printed. Each verdict is given by a rule that was fixed before the run;"
    " none is given by hand. Behind each claim are its rule, its cost, and the command, seed, code, data and device of"
    " every run, so that anybody can make it again."
)
READ = (
    f"95 % throughout. {words.INTERVAL}. n counts independent pairs of seed and replica, in a contrast those of the"
    " smaller arm. The rule of each claim, with its numbers, is behind it."
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""The browser itself refuses to load anything."""


def write(path: Path, root: str | None) -> Path:
    """Write the report of all milestones, from the finished runs below `root` and from those shipped; the file's path.

    Raises LandmarksError where it cannot be written.
    """
    new = not path.exists()
    _put(path, "", "a")  # before the work, not after it
    if new:
        path.unlink()
    _put(path, document([gather(name, root) for name in catalog.CATALOG]), "w")
    return path


def _put(path: Path, text: str, mode: str) -> None:
    with writing(path, "choose another file with -o"), path.open(mode, encoding="utf-8") as file:
        file.write(text)


def document(chapters: Sequence[Chapter]) -> str:
    """The whole page."""
    here = Path(__file__).parent
    style, script = ((here / f"report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    head = tag(
        "head",
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><link rel="icon" href="data:,">'),
        tag("title", TITLE),
        tag("style", Markup(css() + style)),
    )
    body = tag(
        "body",
        tag("a", "Skip to the timeline", href="#timeline", class_="skip"),
        _header(chapters),
        tag("main", _timeline(chapters), _filters(chapters), *map(_section, chapters)),
        tag("script", Markup(script)),
    )
    return f'<!DOCTYPE html>\n<html lang="en">{head}{body}</html>\n'.replace("</tbody>", "</tbody>\n")


def _header(chapters: Sequence[Chapter]) -> Markup:
    counted, left = totals(chapters)
    every = [outcome for chapter in chapters for outcome in chapter.outcomes.values()]
    shipped, date = sum(outcome.shipped for outcome in every), newest(chapters)
    said = f"{sum(counted.values())} of {len(every)} claims judged" + (f"; newest result {date}" if date else "")
    rest = f"In no total: {_counts(left)}." if left else ""
    came = f"{shipped} outcome{'s rest' if shipped != 1 else ' rests'} on runs that came with the package alone,"
    return tag(
        "header",
        tag("button", "Theme: system", type="button", id="theme", hidden=True),
        tag("h1", TITLE),
        tag("p", WHAT),
        tag("p", tag("b", said), "."),
        _tally(chapters),
        tag("p", rest, f" {came} marked “{SHIPPED}”." if shipped else "", class_="muted"),
        _legend(),
    )


def _tally(chapters: Sequence[Chapter]) -> Markup:
    """The totals, one chip each."""
    counted, _ = totals(chapters)
    of = {o.verdict.word: o for chapter in chapters for o in chapter.outcomes.values()}
    items = [join(chip(of[word]), f" {counted[word]}") for word in words.SIGNS if word in counted]
    return listed(items, class_="tally")


def _counts(found: Counter[str]) -> str:
    return ", ".join(f"{found[word]} {word}" for word in words.SIGNS if word in found)


def _legend() -> Markup:
    verdicts = [[f"{words.SIGNS[word]} {word}", f"{said}."] for word, said in words.MEANINGS.items()]
    sources = [[source, f"{said[0].upper()}{said[1:]}."] for source, said in SOURCES.items()]
    return folded(
        "How to read a verdict",
        tag("p", READ),
        table(["verdict", "what it says"], verdicts, "Verdicts"),
        table(["source", "where the published number comes from"], sources, "Sources"),
    )  # fmt: skip


def _timeline(chapters: Sequence[Chapter]) -> Markup:
    head = ("Year", "Model", "Headline claim", "Paper", "Ours", "Verdict", "All its claims")
    rows = []
    for chapter in chapters:
        outcome, entry = chapter.headline, chapter.entry
        cells = (
            tag("a", entry.model, href=f"#{entry.name}"),
            prose(outcome.claim.says),
            join(words.unbroken(words.paper(outcome.claim))),
            ours(outcome),
            chip(outcome),
            _spread(chapter),
        )
        labelled = (tag("td", tag("span", cell), data_label=name) for name, cell in zip(head[1:], cells, strict=True))
        rows.append(tag("tr", tag("th", entry.year, scope="row"), *labelled))
    heads = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head)))
    caption = tag("caption", "The milestones in order, each with the claim that heads it")
    timeline = tag("table", caption, heads, tag("tbody", *rows), class_="timeline")
    return tag("section", tag("h2", "Timeline"), timeline, id="timeline", tabindex="-1")


def _spread(chapter: Chapter) -> Markup:
    """How often which verdict was given in a milestone, as signs."""
    found = Counter(outcome.verdict.word for outcome in chapter.outcomes.values())
    said = [
        tag("span", f"{sign} {found[word]}", title=word, role="img", aria_label=f"{found[word]} {word}")
        for word, sign in words.SIGNS.items()
        if word in found
    ]
    return tag("span", *said, class_="spread")


def _filters(chapters: Sequence[Chapter]) -> Markup:
    """Shown where JavaScript runs; without it everything is seen."""
    given = {outcome.verdict.word for chapter in chapters for outcome in chapter.outcomes.values()}
    choices: dict[str, dict[str, str]] = {
        "milestone": {chapter.entry.name: f"{chapter.entry.year} {chapter.entry.model}" for chapter in chapters},
        "verdict": {word: f"{sign} {word}" for word, sign in words.SIGNS.items() if word in given},
    }
    fields = [
        tag("label", f"{name.capitalize()} ", tag("select", tag("option", "all", value=""),
            *(tag("option", said, value=value) for value, said in options.items()), name=name))
        for name, options in choices.items()
    ]  # fmt: skip
    count = tag("output", role="status", aria_live="polite")
    return tag("form", *fields, tag("button", "show all", type="reset"), count, id="filters", hidden=True,
               aria_label="Filter the claims")  # fmt: skip


def _section(chapter: Chapter) -> Markup:
    card, entry = chapter.card, chapter.entry
    shown, more = figures(chapter)
    count = f"{len(more)} more figure{'s' * (len(more) > 1)}: times over replicas, curves over seeds"
    return tag(
        "section",
        tag("h2", f"{entry.year} · {card.title}"),
        tag("p", card.citation, class_="muted"),
        tag("p", tag("b", "New: "), prose(card.new[:1].upper() + card.new[1:].rstrip(".") + ".")),
        tag("p", "Repeat all of it: ", command(f"landmarks reproduce {entry.name}")),
        tag("div", *shown, class_="figures") if shown else None,
        folded(count, tag("div", *more, class_="figures")) if more else None,
        tag("h3", "Claims"),
        claims(chapter),
        _readings(chapter),
        _departures(chapter),
        id=entry.name,
        data_milestone=entry.name,
    )


def _readings(chapter: Chapter) -> Markup | None:
    """What the paper leaves open, and how it is read here."""
    items = [
        join(tag("code", r.key), " – ", prose(r.question), tag("i", f" Options: {', '.join(r.options)}. "),
             prose(r.evidence))
        for r in chapter.card.readings
    ]  # fmt: skip
    return folded(f"{len(items)} readings of what the paper leaves open", listed(items)) if items else None


def _departures(chapter: Chapter) -> Markup | None:
    """Where the runs behind the claims differ from the paper."""
    found, ran = chapter.departures(), chapter.measured_claims
    items = []
    for departure, ids in found:
        where = tag("i", " In all of them." if len(ids) == len(ran) else f" In those of {', '.join(ids)}.")
        items.append(
            join(tag("b", departure.id), " – paper: ", prose(departure.paper), " Here: ", prose(departure.ours), " ",
                 prose(departure.why), where if ran else None)
        )  # fmt: skip
    whose = "these runs" if ran else "the headline's runs, of which there are none yet"
    return folded(f"{len(items)} departures from the paper in {whose}", listed(items)) if items else None
