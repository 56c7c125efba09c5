"""What `landmarks show` prints and a run's text card holds: one Markdown text, computed from the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from landmarks import config
from landmarks.milestone import Milestone


def describe(milestone: Milestone, composed: config.Composed) -> str:
    """Everything a reader wants to know of a milestone as configured, as Markdown."""
    card = milestone.card
    parts = [
        f"# {card.title}",
        card.citation,
        f"**New:** {card.new}",
        f"**Headline claim:** {card.headline.says.rstrip('.')} ({card.headline.where}).",
        "## Layers\n\n" + _layers(milestone),
        _section("Switches", [f"`{key}` – {what}" for key, what in card.switches.items()]),
        _section("Experiments", [f"`experiment={name}`" for name in config.experiments(composed.tree["milestone"])]),
        _demonstration(milestone),
        _section("Claims", [f"**{c.id}** {c.says} ({c.where}; {c.source})" for c in card.claims]),
        _section(
            "Readings of what the paper leaves open",
            [f"`{r.key}` – {r.question} Options: {', '.join(r.options)}. {r.evidence}" for r in card.readings],
        ),
        "## Departures from the paper\n\n" + departures(milestone),
        f"## Configuration\n\n```yaml\n{config.to_yaml(composed.tree)}```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def departures(milestone: Milestone) -> str:
    """The departures of this configuration as a Markdown list."""
    active = [d for d in milestone.card.departures if d.applies(milestone.config)]
    lines = [f"**{d.id}** – paper: {d.paper} Here: {d.ours} {d.why}" for d in active]
    return _bullets(lines) if lines else "None."


def _demonstration(milestone: Milestone) -> str:
    found, name = milestone.card.demonstration, milestone.config.milestone
    if found is None:
        return ""
    arms = [f"*{arm.name}*: `landmarks run {name} {' '.join(arm.overrides)}`" for arm in found.arms]
    findings = [f"asked: {finding.says}" for finding in found.findings]
    off = f"With `{' '.join(found.off)}` in every arm (`landmarks demo {name} --off`) it must come out as not shown."
    seeds = f"Seeds {', '.join(map(str, found.seeds))}. " if len(found.seeds) > 1 else ""
    body = _bullets([*arms, *findings])
    return f"## Demonstration (`landmarks demo {name}`)\n\n{found.point}\n\n{body}\n\n{seeds}{off}"


def _layers(milestone: Milestone) -> str:
    rows = [
        (
            layer.name,
            layer.output,
            f"{layer.parameters:,}",
            "" if layer.connections is None else f"{layer.connections:,}",
        )
        for layer in milestone.layers()
    ]
    parameters = sum(layer.parameters for layer in milestone.layers())
    connections = sum(layer.connections or 0 for layer in milestone.layers())
    total = ("**in all**", "", f"**{parameters:,}**", f"**{connections:,}**" if connections else "")
    return table(("layer", "output", "trainable parameters", "connections"), [*rows, total])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _section(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n{_bullets(lines)}" if lines else ""


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
