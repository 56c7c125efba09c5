"""HTML from words: whatever is no markup is escaped, in one place."""

from __future__ import annotations

import html


class Markup(str):
    """Text that is HTML already."""


def tag(name: str, /, *inside: str | None, **attributes: str | bool | None) -> Markup:
    """An element; what is inside, and its attributes, is escaped unless it is markup. None and False are left out.

    `_` in an attribute's name is `-`, and one at its end is dropped (`class_`, `for_`).
    """
    said = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{html.escape(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{name}{said}>{join(*inside)}</{name}>")


def join(*parts: str | None) -> Markup:
    """Parts one after the other, escaped unless they are markup."""
    return Markup("".join(part if isinstance(part, Markup) else html.escape(part) for part in parts if part))


def prose(text: str) -> Markup:
    """A sentence in which what stands between backticks is code."""
    return join(*(tag("code", part) if i % 2 else part for i, part in enumerate(text.split("`"))))


def listed(items: list[Markup], kind: str = "ul", class_: str | None = None) -> Markup:
    """A list."""
    return tag(kind, *(tag("li", item) for item in items), class_=class_)


def table(head: tuple[str, ...] | list[str], rows: list[list[str]], caption: str, class_: str | None = None) -> Markup:
    """A table whose rows begin with their head, in a box that scrolls by itself where it is too wide."""
    heads = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head)))
    body = [tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest)) for first, *rest in rows]
    inside = tag("table", tag("caption", caption), heads, tag("tbody", *body), class_=class_)
    return tag("div", inside, class_="scroll", tabindex="0", role="region", aria_label=caption)


def folded(summary: str, *inside: str, class_: str | None = None) -> Markup:
    """What opens at a click or a key."""
    return tag("details", tag("summary", summary), *inside, class_=class_)
