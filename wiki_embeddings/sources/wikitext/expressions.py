"""Arithmetic of the parser functions #expr and #ifexpr.

Operators and their precedence: https://www.mediawiki.org/wiki/Help:Extension:ParserFunctions#expr
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator

_TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)|([a-z]+)|(<>|!=|<=|>=|[-+*/^()=<>]))", re.I
)

_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "abs": abs, "acos": math.acos, "asin": math.asin, "atan": math.atan, "ceil": math.ceil,
    "cos": math.cos, "exp": math.exp, "floor": math.floor, "ln": math.log,
    "not": lambda value: not value, "sin": math.sin, "sqrt": math.sqrt, "tan": math.tan,
    "trunc": math.trunc,
}  # fmt: skip
_CONSTANTS = {"e": math.e, "pi": math.pi}


def _round(value: float, digits: float) -> float:
    """Round half away from zero, as PHP does."""
    scale = 10 ** int(digits)
    return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value)


_OPERATORS: dict[str, tuple[int, Callable[[float, float], float]]] = {
    "or": (1, lambda left, right: bool(left) or bool(right)),
    "and": (2, lambda left, right: bool(left) and bool(right)),
    **dict.fromkeys(["="], (3, operator.eq)),
    **dict.fromkeys(["<>", "!="], (3, operator.ne)),
    "<": (3, operator.lt),
    ">": (3, operator.gt),
    "<=": (3, operator.le),
    ">=": (3, operator.ge),
    "round": (4, _round),
    "+": (5, operator.add),
    "-": (5, operator.sub),
    "*": (6, operator.mul),
    "/": (6, operator.truediv),
    "div": (6, operator.truediv),
    "mod": (6, math.fmod),
    "fmod": (6, math.fmod),
    "^": (7, math.pow),
}
_UNARY = 8
_MAX_LENGTH = 1000  # characters; keeps the recursion shallow enough for Python's stack
_MAX_DEPTH = 50


def evaluate(expression: str) -> float | None:
    """Compute an expression; None if it is malformed, or has no finite real value."""
    expression = expression.replace("−", "-").replace("×", "*").strip()
    if len(expression) > _MAX_LENGTH:
        return None
    try:
        tokens = [*_tokens(expression), ""]
        value, position = _evaluate(tokens, 0, 0, 0)
        return float(value) if not tokens[position] and math.isfinite(value) else None
    except (ValueError, ArithmeticError, TypeError):  # also a domain that yields no real number
        return None


def format_result(value: float) -> str:
    """Write a result as MediaWiki does, with up to 14 digits."""
    text = f"{value:.14g}"
    return "0" if text == "-0" else text.replace("e+", "E").replace("e-", "E-")


def _tokens(expression: str) -> Iterator[str]:
    position = 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise ValueError(f"unknown character at {expression[position:]!r}")
        yield (match[1] or match[2] or match[3]).lower()
        position = match.end()


def _evaluate(tokens: list[str], position: int, precedence: int, depth: int) -> tuple[float, int]:
    """Evaluate from a position while the operators bind more tightly than a precedence."""
    left, position = _operand(tokens, position, depth)
    while (entry := _OPERATORS.get(tokens[position])) and entry[0] > precedence:
        right, position = _evaluate(tokens, position + 1, entry[0], depth)
        left = entry[1](left, right)
    return left, position


def _operand(tokens: list[str], position: int, depth: int) -> tuple[float, int]:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    word = tokens[position]
    if word == "(":
        value, position = _evaluate(tokens, position + 1, 0, depth + 1)
        if tokens[position] != ")":
            raise ValueError("a bracket is not closed")
        return value, position + 1
    if word in _FUNCTIONS or word in {"-", "+"}:
        function = _FUNCTIONS.get(word, operator.neg if word == "-" else operator.pos)
        value, position = _evaluate(tokens, position + 1, _UNARY, depth + 1)
        return function(value), position
    if word in _CONSTANTS:
        return _CONSTANTS[word], position + 1
    return float(word), position + 1
