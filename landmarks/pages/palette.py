"""The colours of the report, light and dark, and the verdicts that wear them."""

from __future__ import annotations

from landmarks.evidence import Outcome

LIGHT = {
    "page": "#fcfcfa", "raised": "#ffffff", "ink": "#1c2530", "muted": "#55606e", "line": "#d9dde2", "grid": "#dde1e6",
    "link": "#1f5fa8", "ours": "#b3311f", "other": "#1f5fa8", "paper": "#1c2530", "code": "#f0f1ee",
    "good": "#17663a", "good-back": "#e4f3e9", "bad": "#a3271a", "bad-back": "#fbe9e6", "open": "#72500a",
    "open-back": "#faf0d7", "none": "#55606e", "none-back": "#eef0f2",
}  # fmt: skip
DARK = {
    "page": "#14181e", "raised": "#1b2027", "ink": "#e7eaee", "muted": "#a7b1bd", "line": "#343c47", "grid": "#3a434f",
    "link": "#8ab8f0", "ours": "#ff8f7d", "other": "#8ab8f0", "paper": "#e7eaee", "code": "#252b34",
    "good": "#86d9a3", "good-back": "#173325", "bad": "#ff9f90", "bad-back": "#42211c", "open": "#ecc76b",
    "open-back": "#3a2f14", "none": "#a7b1bd", "none-back": "#2a313b",
}  # fmt: skip


def tone(outcome: Outcome) -> str:
    """good, bad, open or none: what a verdict says for the claim, against it, not yet, or not at all."""
    if not outcome.verdict.counts:
        return "none"
    return {1: "good", -1: "bad", 0: "open"}[outcome.rank]


def css() -> str:
    """The colours as CSS variables: the system's choice, unless the page's button made another."""
    light, dark = (";".join(f"--{name}:{value}" for name, value in colours.items()) for colours in (LIGHT, DARK))
    return (
        f":root{{color-scheme:light;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n"
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\n"
    )
