"""The language of McCulloch and Pitts (1943): temporal propositional expressions (TPEs), read, evaluated, compiled.

A sentence `N(t-k)` says that N fired k synaptic delays ago. Sentences are joined by or, and, not; `ever(…)` says that
something held at some time up to now (the bounded quantifier of Theorem 10, which takes a circle). Before time 0
nothing fires. Histories are (B, T) tensors of bool, time in synaptic delays.
"""

from __future__ import annotations

import ast
import itertools
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from graphlib import TopologicalSorter

import numpy as np
import torch
from torch import Tensor

from landmarks.errors import UsageError
from landmarks.parts.wiring import Cell, Net, Output

LONGEST = 99
"""The longest delay that is read; every history of 20 steps is more than can be gone through anyway."""
HELP = "write names, name(t-k), and (∧ · &), or (∨ |), not (¬ ~), ever(…) and parentheses"
SIGNS = str.maketrans({"∨": "|", "∧": "&", "·": "&", "−": "-", "∼": "~", "¬": "~", "\n": " ", "\t": " ", "#": "$"})
"""The paper's signs, each as the one sign that Python knows: places in the text stay where they are. No comments."""
WORDS = "and", "or", "not"
RESERVED = re.compile(
    r"\b(?:(?:and|or|not|ever)(?=\(\s*t\s*[-)])|ever\b(?!\s*\()|(?:"
    + "|".join(word for word in keyword.kwlist if word not in WORDS)
    + r")\b)"
)
"""Words of the language, or of Python's, that stand where only a name can."""


@dataclass(frozen=True)
class Fired:
    """N(t−k)."""

    name: str
    delay: int = 0

    def __str__(self) -> str:
        return f"{self.name}(t-{self.delay})" if self.delay else f"{self.name}(t)"


@dataclass(frozen=True)
class Not:
    part: Expression

    def __str__(self) -> str:
        return f"not {_inside(self.part, And, Or)}"


@dataclass(frozen=True)
class And:
    left: Expression
    right: Expression

    def __str__(self) -> str:
        return f"{_inside(self.left, Or)} and {_inside(self.right, Or)}"


@dataclass(frozen=True)
class Or:
    left: Expression
    right: Expression

    def __str__(self) -> str:
        return f"{self.left} or {self.right}"


@dataclass(frozen=True)
class Ever:
    """(∃x) x ≤ t: the part held at x, counted from time 0."""

    part: Expression

    def __str__(self) -> str:
        return f"ever({self.part})"


Expression = Fired | Not | And | Or | Ever


def _inside(part: Expression, *looser: type[Expression]) -> str:
    """A part of an expression, in parentheses where it binds more loosely than what it is part of."""
    return f"({part})" if isinstance(part, looser) else str(part)


def parse(text: str) -> Expression:
    """Read `heat(t-1) or cold(t-3) and not cold(t-2)`; ∨ ∧ · ¬ ~ | & stand for the words, binding as in Python.

    A delay may follow parentheses, `(a or b)(t-1)`, and delays add up: `a(t-1)(t-2)` is `a(t-3)`.
    Raises UsageError that points to the first wrong place.
    """
    plain = text.translate(SIGNS)
    start = len(plain) - len(plain.lstrip(" "))
    if found := RESERVED.search(plain):
        raise UsageError(f"expression {text!r}: {_spot(text, *found.span())} is a reserved word and no name; {HELP}")
    try:
        return _Reader(text, start).read(ast.parse(plain[start:], mode="eval").body, 0)
    except SyntaxError as error:
        wrong = (
            f"{_spot(text, start + error.offset - 1)} does not fit there" if error.offset else "something is missing"
        )
        raise UsageError(f"expression {text!r}: {wrong}; {HELP}") from None
    except (RecursionError, MemoryError):
        raise UsageError(f"expression of {len(text):,} signs: nested too deeply; use fewer parentheses") from None
    except ValueError as error:
        raise UsageError(f"expression {text!r}: {error}; {HELP}") from None


@dataclass(frozen=True)
class _Reader:
    """From Python's syntax tree to an expression; everything that is not named here is refused where it stands."""

    text: str
    start: int

    def read(self, node: ast.expr, delay: int) -> Expression:
        match node:
            case ast.Name(id=name) if name not in ("t", "ever"):
                return Fired(name, delay)
            case ast.BoolOp(op=op, values=values):
                return self.join(And if isinstance(op, ast.And) else Or, [self.read(v, delay) for v in values])
            case ast.BinOp(op=ast.BitAnd(), left=left, right=right):
                return And(self.read(left, delay), self.read(right, delay))
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                return Or(self.read(left, delay), self.read(right, delay))
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=part):
                return Not(self.read(part, delay))
            case ast.Call(func=ast.Name(id="ever"), args=[part], keywords=[]):
                return Ever(self.read(part, delay))
            case ast.Call(func=part, args=[when], keywords=[]):
                if (total := delay + self.delay(when)) > LONGEST:
                    raise self.refuse(when, f"is too long: at most {LONGEST} delays, all told")
                return self.read(part, total)
        raise self.refuse(node)

    def join(self, kind: type[And | Or], parts: list[Expression]) -> Expression:
        """Halves of halves, so that many parts cost few delays."""
        if len(parts) == 1:
            return parts[0]
        half = len(parts) // 2
        return kind(self.join(kind, parts[:half]), self.join(kind, parts[half:]))

    def delay(self, node: ast.expr) -> int:
        """k of `t-k`, 0 of `t`."""
        match node:
            case ast.Name(id="t"):
                return 0
            case ast.BinOp(op=ast.Sub(), left=ast.Name(id="t"), right=ast.Constant(value=int(k))):
                return k
        raise self.refuse(node, f"is no time: write t or t-k, k a whole number up to {LONGEST}")

    def refuse(self, node: ast.expr, why: str = f"is not understood; {HELP}") -> UsageError:
        bytes_before = self.text[self.start :].translate(SIGNS).encode()
        place, end = (self.start + len(bytes_before[:at].decode()) for at in (node.col_offset, node.end_col_offset))
        return UsageError(f"expression {self.text!r}: {_spot(self.text, place, end)} {why}")


def _spot(text: str, start: int, end: int | None = None) -> str:
    """What stands in the text from `start`, and where that is for a reader who counts from 1."""
    return f"“{text[start:end]}” at character {start + 1}"


def names(expression: Expression) -> tuple[str, ...]:
    """The names in the order of their first mention."""
    return tuple(dict.fromkeys(atom.name for atom in atoms(expression)))


def memory(expression: Expression) -> int:
    """How many synaptic delays an expression looks back; through `ever` at least one more, to differ from now."""
    match expression:
        case Fired(_, delay):
            return delay
        case Not(part):
            return memory(part)
        case Ever(part):
            return memory(part) + 1
        case And(left, right) | Or(left, right):
            return max(memory(left), memory(right))


def telling(output: Output) -> int:
    """How many steps a history must have at least to tell all about what a line is said to say."""
    return memory(output.formula) + output.lag + 1


def atoms(expression: Expression) -> list[Fired]:
    match expression:
        case Fired():
            return [expression]
        case Not(part) | Ever(part):
            return atoms(part)
        case And(left, right) | Or(left, right):
            return atoms(left) + atoms(right)


def evaluate(expression: Expression, fired: Mapping[str, Tensor]) -> Tensor:
    """Whether the expression holds, (B, T) bool, directly by its meaning; `fired` maps each name to (B, T) bool."""
    match expression:
        case Fired(name, delay):
            history = fired[name]
            start = history.new_zeros(history.shape)
            start[:, delay:] = history[:, : max(history.shape[1] - delay, 0)]
            return start
        case Not(part):
            return ~evaluate(part, fired)
        case And(left, right):
            return evaluate(left, fired) & evaluate(right, fired)
        case Or(left, right):
            return evaluate(left, fired) | evaluate(right, fired)
        case Ever(part):
            return evaluate(part, fired).cumsum(1) > 0


def holds_in_silence(expression: Expression) -> bool:
    """Whether it is true when nothing ever fired: the last row of its truth table (Theorem 3)."""
    silence = torch.zeros(1, 1, dtype=torch.bool)
    return bool(evaluate(expression, dict.fromkeys(names(expression), silence)))


@dataclass(frozen=True)
class Signal:
    """A line that fires at t as something holds at t − `lag` – or as it does not hold, where `negated`."""

    line: str
    lag: int
    negated: bool = False


def compile(*expressions: Expression) -> Net:
    """A net of threshold-2 cells, built from Fig. 1a–d, that realises the expressions in the extended sense (Th. 2).

    Equal cells are made once. `ever` takes a cell that excites itself; without it the net is of order 0. Raises
    UsageError for an expression that is true when nothing fired, which no net realises (Theorem 3).
    """
    builder = _Builder({})
    outputs = []
    for expression in expressions:
        signal = builder.signal(expression)
        if signal.negated:
            raise UsageError(
                f"expression {expression}: it is true when nothing has fired, and by Theorem 3 a net realises only what"
                " is then false; add “and …” with something that must have fired"
            )
        signal = builder.wait(signal, max(-signal.lag, signal.line not in builder.made.values()))
        outputs.append(Output(signal.line, expression, signal.lag))
    inputs = dict.fromkeys(name for expression in expressions for name in names(expression))
    cells = tuple(replace(cell, name=name) for cell, name in builder.made.items())
    return Net(tuple(inputs), cells, tuple(outputs))


@dataclass(frozen=True)
class _Builder:
    """Cells made so far, without their names, and their names: numbers, which no name in an expression can be."""

    made: dict[Cell, str]

    def signal(self, expression: Expression) -> Signal:
        """A line for the expression or for its contrary: what is true in silence is carried as its negation."""
        match expression:
            case Fired(name, delay):
                return Signal(name, -delay)
            case Not(part):
                signal = self.signal(part)
                return replace(signal, negated=not signal.negated)
            case And(left, right):
                return self.both(self.signal(left), self.signal(right))
            case Or(left, right):  # a or b: not (not a and not b)
                a, b = self.signal(left), self.signal(right)
                joined = self.both(replace(a, negated=not a.negated), replace(b, negated=not b.negated))
                return replace(joined, negated=not joined.negated)
            case Ever(part):
                return self.latch(self.signal(part), expression)

    def both(self, a: Signal, b: Signal) -> Signal:
        """a and b, once the earlier of the two lines has waited for the other."""
        late = max(a.lag, b.lag)
        a, b = self.wait(a, late - a.lag), self.wait(b, late - b.lag)
        if a.negated and b.negated:
            return Signal(self.cell({a.line: 2}, {b.line: 2}), late + 1, negated=True)  # Fig. 1b
        if a.negated or b.negated:
            yes, no = (b, a) if a.negated else (a, b)
            return Signal(self.cell({yes.line: 2}, inhibitors=(no.line,)), late + 1)  # Fig. 1d
        return Signal(self.cell({a.line: 1}, {b.line: 1}), late + 1)  # Fig. 1c

    def wait(self, signal: Signal, delays: int) -> Signal:
        """The same, so many synaptic delays later: a chain of Fig. 1a."""
        for _ in range(delays):
            signal = replace(signal, line=self.cell({signal.line: 2}), lag=signal.lag + 1)
        return signal

    def latch(self, signal: Signal, expression: Expression) -> Signal:
        """A cell that once fired excites itself for ever. Raises UsageError for what held before anything fired."""
        if signal.negated:
            raise UsageError(f"expression {expression}: what it asks for holds in silence, so it says nothing")
        name = str(len(self.made) + 1)
        return Signal(self.cell({signal.line: 2}, {name: 2}), signal.lag + 1)

    def cell(self, *endings: Mapping[str, int], inhibitors: tuple[str, ...] = ()) -> str:
        """The name of a cell with these endings, counted together where they come from one line."""
        counts: dict[str, int] = {}
        for line, count in (item for group in endings for item in group.items()):
            counts[line] = counts.get(line, 0) + count
        return self.made.setdefault(Cell("", tuple(sorted(counts.items())), inhibitors), str(len(self.made) + 1))


def solve(net: Net) -> dict[str, Expression]:
    """What each cell of a net without circles says, as an expression of the receptors (Theorem 1).

    A cell fires as, one delay ago, one of the least sets of lines with endings enough fired and no inhibitor did.
    Raises graphlib.CycleError where there is a circle.
    """
    cells = {cell.name: cell for cell in net.cells}
    said: dict[str, Expression] = {name: Fired(name) for name in net.inputs}
    for name in TopologicalSorter({name: cell.sources for name, cell in cells.items()}).static_order():
        if name in cells:
            said[name] = _delayed(_before(cells[name], said))
    return {name: said[name] for name in cells}


def _before(cell: Cell, said: Mapping[str, Expression]) -> Expression:
    """What must have held one delay before the cell fires."""
    counts = dict(cell.endings)
    enough = [
        [said[line] for line in lines]
        for size in range(1, len(counts) + 1)
        for lines in itertools.combinations(counts, size)
        if cell.threshold <= sum(counts[line] for line in lines) < cell.threshold + min(counts[line] for line in lines)
    ]
    impossible = And(said[cell.sources[0]], Not(said[cell.sources[0]]))
    found = reduce(Or, [reduce(And, parts) for parts in enough]) if enough else impossible
    return reduce(And, [Not(said[line]) for line in cell.inhibitors], found)


def _delayed(expression: Expression) -> Expression:
    """The same one delay ago: what held at t holds of t − 1."""
    match expression:
        case Fired(name, delay):
            return Fired(name, delay + 1)
        case Not(part):
            return Not(_delayed(part))
        case Ever(part):
            return Ever(_delayed(part))
        case And(left, right):
            return And(_delayed(left), _delayed(right))
        case Or(left, right):
            return Or(_delayed(left), _delayed(right))


def draw_expression(draw: np.random.Generator, inputs: Sequence[str], depth: int, reach: int) -> Expression:
    """A random expression: signs nested `depth` deep at most, delays up to `reach`; many are no TPE."""
    if not depth or draw.random() < 0.1:
        return Fired(str(draw.choice(inputs)), int(draw.integers(reach + 1)))
    kind = draw.integers(3)
    left = draw_expression(draw, inputs, depth - 1, reach)
    if kind == 0:
        return Not(left)
    return (And if kind == 1 else Or)(left, draw_expression(draw, inputs, depth - 1, reach))
