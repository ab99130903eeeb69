"""Python text as data: what its plain assignments say, without running any of it."""

from __future__ import annotations

import ast
import operator
import warnings
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: a configuration is some ten kilobytes
_LARGEST = 1 << 20
#: magnitude up to which is computed: squares of squares would grow without end
_LIMIT = 1e15
#: stands for what is not plain data, and is left out of what holds it
_UNKNOWN: Final = object()
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def assignments(text: str) -> dict[str, Any]:
    """What a Python text assigns to names, as far as that is plain data.

    Lists, tuples, dicts and numbers' sums and products are taken; `dict(type="A", b=1)` and `A(b=1)` are dicts of their keywords,
    a name is what was assigned to it before. Whatever else there is (calls with values by place, comprehensions, attributes) is
    left out. Nothing is run.

    Args:
        text: Python source; one that is none, or is larger than a megabyte, says nothing.
    """
    if len(text) > _LARGEST:
        return {}
    try:
        with warnings.catch_warnings():
            # of a text that is only looked at, its author's doubtful escapes are nobody's concern
            warnings.simplefilter("ignore")
            return _assigned(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}


def _assigned(tree: ast.Module) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
            value = _value(statement.value, known)
            if value is not _UNKNOWN:
                known[statement.targets[0].id] = value
    return known


def _value(node: ast.expr, known: dict[str, Any]) -> Any:
    reader = _READERS.get(type(node))
    return _UNKNOWN if reader is None else reader(node, known)


def _row(node: Any, known: dict[str, Any]) -> Any:
    values = [_value(one, known) for one in node.elts]
    # a row with a hole would say something else
    return _UNKNOWN if any(value is _UNKNOWN for value in values) else values


def _dict(node: Any, known: dict[str, Any]) -> Any:
    pairs = [
        (_value(key, known), _value(value, known)) for key, value in zip(node.keys, node.values, strict=True) if key is not None
    ]
    return {key: value for key, value in pairs if isinstance(key, (str, int)) and value is not _UNKNOWN}


def _call(node: Any, known: dict[str, Any]) -> Any:
    if node.args or not isinstance(node.func, ast.Name):
        return _UNKNOWN
    pairs = [(keyword.arg, _value(keyword.value, known)) for keyword in node.keywords if keyword.arg is not None]
    named = {} if node.func.id == "dict" else {"type": node.func.id}
    return named | {name: value for name, value in pairs if value is not _UNKNOWN}


def _signed(node: Any, known: dict[str, Any]) -> Any:
    value = _value(node.operand, known)
    return -value if isinstance(node.op, ast.USub) and _is_number(value) else _UNKNOWN


def _computed(node: Any, known: dict[str, Any]) -> Any:
    left, right = _value(node.left, known), _value(node.right, known)
    compute = _ARITHMETIC.get(type(node.op))
    if compute is None or not _is_number(left) or not _is_number(right):
        return _UNKNOWN
    try:
        return compute(left, right)
    except ArithmeticError:
        return _UNKNOWN


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LIMIT


_READERS: dict[type[ast.expr], Callable[[Any, dict[str, Any]], Any]] = {
    ast.Constant: lambda node, _: node.value,
    ast.Name: lambda node, known: known.get(node.id, _UNKNOWN),
    ast.List: _row,
    ast.Tuple: _row,
    ast.Dict: _dict,
    ast.Call: _call,
    ast.UnaryOp: _signed,
    ast.BinOp: _computed,
}
