"""What `landmarks show` prints and a run's text card holds: one Markdown text, computed from the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from landmarks import assemble, catalog, config, shipped
from landmarks.claims import Claim, Study
from landmarks.errors import UsageError
from landmarks.milestone import Card, Milestone
from landmarks.pages import words
from landmarks.settings import Settings

if TYPE_CHECKING:
    from landmarks.evidence import Outcome


class Text(str):
    """Markdown: printed as it is, and rendered in a notebook."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        """With headings that stand below those of a notebook."""
        return re.sub("^#", "###", self, flags=re.MULTILINE)


def text(what: str | None, overrides: Sequence[str], root: str) -> Text:
    """What `landmarks show` says of a milestone as configured, or of a claim (`NAME.CLAIM`); of None what there is.

    With what came out in the runs below `root` and in those that are shipped. Raises UsageError.
    """
    if what is None:
        return Text(table(*shipped.listed()) + "\n")
    name, dot, word = what.partition(".")
    if dot and overrides:
        raise UsageError(f"{what} stands alone, so it takes no {overrides[0]}")
    if dot:
        from landmarks import explain

        claim = explain.find(name, word)
        return Text(explain.explain(name, claim, _outcomes(name, root)[claim.id]))
    composed = config.compose(name, overrides)
    return Text(describe(assemble.make(composed), composed, _outcomes(name, root)))


def _outcomes(name: str, root: str) -> dict[str, Outcome]:
    from landmarks.evidence import Evidence

    return {outcome.claim.id: outcome for outcome in Evidence(name, root).outcomes()}


def describe(milestone: Milestone, composed: config.Composed, outcomes: Mapping[str, Outcome] | None = None) -> str:
    """Everything a reader wants to know of a milestone as configured, as Markdown; with what came out of its claims."""
    card, name = milestone.card, milestone.config.milestone
    parts = [
        f"# {card.title}",
        card.citation,
        f"**New:** {card.new}",
        f"**Headline claim:** {card.headline.says.rstrip('.')} ({card.headline.where}).",
        "## Layers\n\n" + _layers(milestone),
        _section("Switches", [f"`{key}` – {what}" for key, what in card.switches.items()]),
        _section("Experiments", _experiments(name)),
        _demonstration(milestone),
        *(_study(name, study) for study in card.studies),
        _section("Claims", [_claim(claim) + _came_out(claim, outcomes or {}) for claim in card.claims]),
        f"`landmarks show {name}.{card.claims[0].id}` explains one: its rule, its arithmetic, its runs."
        if card.claims
        else "",
        _section(
            "Readings of what the paper leaves open",
            [f"`{r.key}` – {r.question} Options: {', '.join(r.options)}. {r.evidence}" for r in card.readings],
        ),
        "## Departures from the paper\n\n" + departures(card, milestone.config),
        f"## Configuration\n\n```yaml\n{config.to_yaml(composed.tree)}```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def bibtex(names: Sequence[str]) -> str:
    """The entries of the papers of some milestones. Raises UsageError where a milestone has none."""
    cards = {name: catalog.milestone_class(name).card for name in names}
    if lacking := [name for name, card in cards.items() if not card.bibtex]:
        raise UsageError(f"{lacking[0]} has no BibTeX entry; `landmarks show {lacking[0]}` has its citation")
    return "\n\n".join(card.bibtex.strip() for card in cards.values()) + "\n"


def departures(card: Card, *runs: Settings) -> str:
    """The departures of a milestone's configurations (of one, or of a contrast's two arms) as a Markdown list."""
    active = [d for d in card.departures if any(d.applies(run) for run in runs)]
    lines = [f"**{d.id}** – paper: {d.paper} Here: {d.ours} {d.why}" for d in active]
    return bullets(lines) if lines else "None."


def _demonstration(milestone: Milestone) -> str:
    found, name = milestone.card.demonstration, milestone.config.milestone
    if found is None:
        return ""
    arms = [f"*{arm.name}*: `{' '.join(('landmarks run', name, *arm.overrides))}`" for arm in found.arms]
    findings = [f"asked: {finding.says}" for finding in found.findings]
    off = f"With `{' '.join(found.off)}` in every arm (`landmarks demo {name} --off`) it must come out as not shown."
    seeds = f"Seeds {', '.join(map(str, found.seeds))}. " if len(found.seeds) > 1 else ""
    body = bullets([*arms, *findings])
    return f"## Demonstration (`landmarks demo {name}`)\n\n{found.point}\n\n{body}\n\n{seeds}{off}"


def _study(name: str, study: Study) -> str:
    """What each rung adds to those before it."""
    rungs = [f"*{arm.name}*" + f": `{' '.join(arm.overrides)}`" * bool(arm.overrides) for arm in study.rungs]
    seeds = f"On top of each other, with seeds {', '.join(map(str, study.seeds))}; compared in `{study.metric}`."
    head = f"## Study (`landmarks run {name} experiment={study.name}`)"
    return f"{head}\n\n{study.says}.\n\n{bullets(rungs)}\n\n{seeds}"


def _layers(milestone: Milestone) -> str:
    """The layer table: a column for what at least one layer gives, and the sums."""
    layers = milestone.layers()
    columns: dict[str, Sequence[int | None]] = {
        "parameters": [layer.parameters for layer in layers],
        "multiply-adds": [layer.multiply_adds for layer in layers],
        "connections": [layer.connections for layer in layers],
    }
    replicas = milestone.config.replicas
    given = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    rows = [
        (layer.name, layer.output, *("" if values[i] is None else f"{values[i]:,}" for values in given.values()))
        for i, layer in enumerate(layers)
    ]
    total = ("**in all**", "", *(f"**{sum(value or 0 for value in values):,}**" for values in given.values()))
    notes = ["Trainable parameters" + f" of each of {replicas:,} replicas" * (replicas > 1)]
    if "multiply-adds" in given:
        notes.append("multiply-adds of one pattern on its way forward, without biases")
    if "connections" in given:
        notes.append("connections as the paper counts them")
    return table(("layer", "output", *given), [*rows, total], len(given)) + f"\n\n{'; '.join(notes)}."


def _experiments(name: str) -> list[str]:
    """Each experiment with the first sentence of the comment that heads its file."""
    found = []
    for experiment in config.experiments(name):
        text = (config.folder() / "experiment" / name / f"{experiment}.yaml").read_text(encoding="utf-8")
        head = takewhile(lambda line: line.startswith("#"), text.split("\n"))
        said = " ".join(line.lstrip("# ") for line in head if "@package" not in line)
        first = re.split(r"(?<=\.)\s+(?=[A-Z])|\s+(?=Paper:)", said)[0]
        found.append(f"`experiment={experiment}` – {first}" if first else f"`experiment={experiment}`")
    return found


def _claim(claim: Claim) -> str:
    """A claim in a line."""
    printed = claim.printed if claim.kind != "contrast" or not claim.published else f"ahead by {claim.printed}"
    built = "" if claim.built else ", not built"
    return f"**{claim.id}** {claim.says} *{printed}; {claim.where}; {claim.source}; {claim.kind}{built}*"


def _came_out(claim: Claim, outcomes: Mapping[str, Outcome]) -> str:
    """The verdict in a few words, where there is one or might be one."""
    found = outcomes.get(claim.id)
    return f" → {words.result(found)}" if found and claim.judgeable else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> str:
    """A Markdown table; so many of the last columns are numbers, and end at one edge."""
    lines = [head, ["---"] * (len(head) - numbers) + ["---:"] * numbers, *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _section(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n{bullets(lines)}" if lines else ""


def bullets(lines: Sequence[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)
