"""The claims of a milestone as a table of the report: a line each, and behind it all that its verdict rests on."""

from __future__ import annotations

from collections.abc import Sequence

from landmarks.claims import Claim
from landmarks.evidence import Outcome
from landmarks.pages import words
from landmarks.pages.chapters import Chapter
from landmarks.pages.palette import tone
from landmarks.pages.tags import Markup, folded, join, listed, prose, table, tag
from landmarks.records import Record, alike, sweep
from landmarks.rules_in_words import SOURCES, in_words
from landmarks.verdicts import shares_level

HEAD = ("Claim", "Paper", "Ours", "n", "Verdict")
SHIPPED = "shipped with the package"


def claims(chapter: Chapter) -> Markup:
    """All claims of a milestone: those that runs of ours can speak to, and, folded, those that none can."""
    contrasts = sum(map(shares_level, chapter.card.claims))
    built, quoted = list[Markup](), list[Markup]()
    for outcome in chapter.outcomes.values():
        (built if outcome.claim.judgeable else quoted).append(_claim(chapter.entry.name, outcome, contrasts))
    title = chapter.card.title
    parts = [_table(f"Claims of {title}: the paper's number, ours, and the verdict", built)] if built else []
    if quoted:
        said = f"{len(quoted)} statements that nothing here can be held against"
        parts.append(folded(said, _table(f"Statements of {title}, listed and not judged", quoted), class_="quoted"))
    return join(*parts)


def _table(caption: str, bodies: list[Markup]) -> Markup:
    """A table of claims, each a group of two rows."""
    head = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in HEAD)))
    return tag("table", tag("caption", caption), head, *bodies, class_="claims")


def chip(outcome: Outcome) -> Markup:
    """A verdict as sign, word and colour."""
    word = outcome.verdict.word
    sign = tag("span", words.SIGNS[word], aria_hidden="true")
    return tag("span", sign, f" {word}", class_=f"verdict {tone(outcome)}")


def ours(outcome: Outcome) -> Markup:
    """Our number with its interval, or a dash."""
    said = words.ours(outcome.claim, outcome.verdict)
    return join(words.unbroken(said)) if said else tag("span", "–", aria_label="none")


def _claim(name: str, outcome: Outcome, contrasts: int) -> Markup:
    claim, verdict = outcome.claim, outcome.verdict
    anchor = f"{name}.{claim.id}"
    first = join(tag("a", claim.id, href=f"#{anchor}", class_="id"), " ", prose(claim.says))
    cells = (
        join(words.unbroken(words.paper(claim)), " ", _source(claim)),
        ours(outcome),
        join(f"{verdict.n:,}" if verdict.n else tag("span", "–", aria_label="none")),
        join(chip(outcome), *(join(" ", tag("span", mark, class_="mark")) for mark in marks(outcome))),
    )
    labelled = (tag("td", tag("span", cell), data_label=head) for head, cell in zip(HEAD[1:], cells, strict=True))
    row = tag("tr", tag("th", first, scope="row"), *labelled)
    said = join(prose(verdict.sentence[:1].upper() + verdict.sentence[1:]), ".")
    brief = None if outcome.runs else "brief"  # on paper the sentence says it all
    behind = folded(said, _details(anchor, outcome, contrasts), class_=brief)
    details = tag("tr", tag("td", behind, colspan=str(len(HEAD))))
    return tag("tbody", row, details, id=anchor, data_milestone=name, data_verdict=verdict.word)


def _source(claim: Claim) -> Markup | None:
    """A mark where the number was not seen in the paper itself."""
    if claim.source == "seen":
        return None
    return tag("span", claim.source, class_="mark", title=SOURCES[claim.source])


def marks(outcome: Outcome) -> list[str]:
    """What else must be seen of an outcome at a glance."""
    return [*[SHIPPED] * outcome.shipped, *words.beside(outcome)]


def _details(anchor: str, outcome: Outcome, contrasts: int) -> Markup:
    claim, verdict = outcome.claim, outcome.verdict
    what = f"`{claim.metric}`" + (f" after {claim.at} epochs" if claim.at is not None else "")
    where = " or ".join(claim.data) if claim.data else "any, as it is generated"
    facts = {
        "In the paper": join(claim.where),
        "Source": join(f"{claim.source}: {SOURCES[claim.source]}"),
        "Measured as": prose(what) if claim.built else join("nothing here measures it"),
        "Judged on": join(where),
        "Cost": join(words.cost(claim)) if claim.built else None,
        "Repeat": command(f"landmarks reproduce {anchor}") if claim.judgeable else None,
    }
    told = tag("dl", *(join(tag("dt", key), tag("dd", value)) for key, value in facts.items() if value))
    parts = [told]
    if claim.judgeable:
        parts.append(_rule(claim, verdict.n, contrasts))
    if outcome.readings:
        parts.append(_readings(outcome))
    if outcome.edited:
        parts.append(tag("p", f"{words.changed(outcome).capitalize()}; the rule is today's."))
    if outcome.runs:
        parts.append(_runs(anchor, outcome.runs))
    return tag("div", *parts, class_="behind")


def _rule(claim: Claim, n: int, contrasts: int) -> Markup:
    rule = in_words(claim, n, contrasts)
    when = [join(tag("b", f"{words.SIGNS[word]} {word}"), f" – {said}") for word, said in rule.outcomes.items()]
    formula = tag("pre", rule.formula) if rule.formula else None
    return join(tag("h4", f"The rule: {claim.kind}"), tag("p", rule.says), formula, listed(when, class_="plain"))


def _readings(outcome: Outcome) -> Markup:
    """What comes out under each declared answer to what the paper leaves open."""
    named = [("as configured", outcome.verdict), *((" ".join(words), v) for words, v in outcome.readings)]
    items = [
        join(tag("code", name) if i else name, f": {words.SIGNS[v.word]} ", tag("b", v.word), f" – {v.sentence}")
        for i, (name, v) in enumerate(named)
    ]
    return join(tag("h4", f"Readings: agrees {outcome.under}"), listed(items, class_="plain"))


def _runs(anchor: str, records: tuple[Record, ...]) -> Markup:
    """Where the runs come from, those together that differ in their seeds alone."""
    groups = alike(records)
    told = [words.provenance(group) for group in groups]
    rows = [
        [f"{len(group)}", tag("code", sweep(group)), *said.values(), _origin(group)]
        for group, said in zip(groups, told, strict=True)
    ]
    count = f"{sum(map(len, groups))} run{'s' * (sum(map(len, groups)) > 1)}"
    head = ["runs", "command", *told[0], "from"]
    return folded(f"Provenance of {count}", table(head, rows, f"The {count} behind {anchor}", "runs"))


def _origin(group: Sequence[Record]) -> str:
    """Whether runs were made here."""
    came = sum(record.shipped for record in group)
    return "run here" if not came else SHIPPED if came == len(group) else f"run here, {came} {SHIPPED}"


def command(text: str) -> Markup:
    """A command to copy."""
    return tag("span", tag("code", text), tag("button", "copy", type="button", class_="copy", hidden=True,
                                              aria_label=f"copy {text}"), class_="command")  # fmt: skip
