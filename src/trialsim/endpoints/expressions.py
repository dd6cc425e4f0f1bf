"""Expressions over the columns of the patients table, such as `best_response == 2 and total_dose_mg > 42000`.

Numbers, columns, arithmetic, comparisons, `and`, `or`, `not`, and a few functions: nothing else is evaluated, so that a
file can be trusted as far as its numbers go. Truth is 1, falsehood 0; a day that has not come is missing, and so is
what is infinite; comparisons with what is missing are false.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

import numpy as np

from trialsim.config.source.problems import nearest
from trialsim.errors import RequestError
from trialsim.records.columns import BASELINE_PREFIX, DAYS_AT_PREFIX, DOSE_BY_PREFIX, FIRST_ONSET_PREFIX, ONSETS_PREFIX
from trialsim.typing import Floats


class Columns(Protocol):
    """Columns by name: a mapping of them, or a table of patients."""

    def __getitem__(self, name: str, /) -> Floats:
        """One column, shape (patients,)."""


def _truth(value: Any) -> Any:
    """Numbers as truths: neither 0 nor missing."""
    return np.not_equal(value, 0.0) & ~np.isnan(value)


def _missing(value: Any) -> Any:
    return np.asarray(np.isnan(value), dtype=np.float64)


def _where(condition: Any, if_true: Any, if_false: Any) -> Any:
    return np.where(_truth(condition), if_true, if_false)


def _not(value: Any) -> Any:
    return np.asarray(~_truth(value), dtype=np.float64)


def _unchanged(value: Any) -> Any:
    return value


def _all_or_any(join: np.ufunc, *values: Any) -> Any:
    truths = [_truth(value) for value in values]
    return np.asarray(join.reduce(np.broadcast_arrays(*truths)), dtype=np.float64)


def _compared(comparisons: tuple[Callable[[Any, Any], Any], ...], *sides: Any) -> Any:
    """Whether all comparisons of neighbours hold; none holds with what is missing."""
    pairs = zip(comparisons, sides, sides[1:], strict=False)
    truths = [compare(a, b) & ~np.isnan(a) & ~np.isnan(b) for compare, a, b in pairs]
    return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*truths)), dtype=np.float64)


_BINARY: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide, ast.Pow: np.power,
    ast.Mod: np.mod, ast.FloorDiv: np.floor_divide,
}  # fmt: skip
_UNARY: Final[dict[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.USub: np.negative, ast.UAdd: _unchanged, ast.Not: _not,
}  # fmt: skip
_COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: np.equal, ast.NotEq: np.not_equal, ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}  # fmt: skip
_FUNCTIONS: Final[dict[str, tuple[int, Callable[..., Any]]]] = {
    "min": (2, np.fmin), "max": (2, np.fmax), "abs": (1, np.abs), "log": (1, np.log), "exp": (1, np.exp),
    "sqrt": (1, np.sqrt), "missing": (1, _missing), "where": (3, _where),
}  # fmt: skip
_FAMILIES: Final = {
    prefix.removesuffix("."): prefix
    for prefix in (ONSETS_PREFIX, FIRST_ONSET_PREFIX, DAYS_AT_PREFIX, DOSE_BY_PREFIX, BASELINE_PREFIX)
}
MAX_LENGTH: Final = 1000
MAX_DEPTH: Final = 150  # evaluation calls itself up to twice for each part of a part
_MAX_CONSTANT: Final = 10**300
MAX_VALUE: Final = 1e50  # fourth powers are summed for the error of a variance


class _Part(Protocol):
    """A part of an expression that has been checked."""

    def value(self, columns: Columns) -> Any:
        """Its value for each patient."""


@dataclass(frozen=True)
class _Constant:
    number: float

    def value(self, columns: Columns) -> Any:
        return self.number


@dataclass(frozen=True)
class _Column:
    name: str

    def value(self, columns: Columns) -> Any:
        return columns[self.name]


@dataclass(frozen=True)
class _CategoryComparison:
    """Whether a column has the category with a code, or another one."""

    name: str
    code: int
    is_equal: bool

    def value(self, columns: Columns) -> Any:
        return np.asarray((np.asarray(columns[self.name]) == self.code) == self.is_equal, dtype=np.float64)


@dataclass(frozen=True)
class _Operation:
    compute: Callable[..., Any]
    parts: tuple[_Part, ...]

    def value(self, columns: Columns) -> Any:
        return self.compute(*[part.value(columns) for part in self.parts])


@dataclass(frozen=True)
class KnownColumns:
    """The columns that an expression may use, and the categories, in the order of their codes, of those with some."""

    names: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def spellings(self) -> list[str]:
        """The columns as an expression spells them: `baseline("prior transplant")` where a plain name is impossible."""
        return [_spelling(name) for name in self.names]


class Expression:
    """An expression that has been read."""

    def __init__(self, text: str, known: KnownColumns, max_length: int | None = MAX_LENGTH) -> None:
        """Read an expression over the known columns, of any length if `max_length` is None.

        Raises `RequestError` with what is wrong.
        """
        self.text = text
        self.known = known
        if max_length is not None and len(text) > max_length:
            raise self._refused("it is too long", f"at most {max_length} characters")
        tree = self._parsed(text.strip())
        if _depth(tree) > MAX_DEPTH:
            raise self._refused("it is nested too deeply", f"at most {MAX_DEPTH} levels of operations and brackets")
        self._root = self._checked(tree)

    def _parsed(self, text: str) -> ast.expr:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)  # such as `1 is 1`, which is refused anyway
                return ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError):
            raise self._refused("it cannot be read", "best_response == 2 and total_dose_mg > 42000") from None
        except (RecursionError, MemoryError):
            raise self._refused("it is nested too deeply", f"at most {MAX_DEPTH} levels") from None

    def __call__(self, columns: Columns, n: int) -> Floats:
        """Its value for each of `n` patients. Raises `RequestError` for values that are too large to be averaged."""
        with np.errstate(all="ignore"):
            value = np.asarray(self._root.value(columns), dtype=np.float64)
            value = np.where(np.isfinite(value), value, np.nan)
            is_too_large = np.abs(value) > MAX_VALUE
        if is_too_large.any():
            largest = float(value[is_too_large].flat[0])
            raise self._refused(f"a patient has the value {largest:.3g}", f"values of at most {MAX_VALUE:g}")
        return np.broadcast_to(value, (n,)).astype(np.float64)

    def _checked(self, node: ast.AST) -> _Part:
        """A part of the expression, once it is known to be allowed."""
        column = self._column_of(node)
        if isinstance(node, ast.Constant):
            if not isinstance(node.value, int | float) or not abs(node.value) <= _MAX_CONSTANT:
                raise self._refused(f"{str(node.value)[:40]!r} is not a number", "numbers up to 1e300, and columns")
            return _Constant(float(node.value))
        if column is not None:
            self._refuse_category(column)
            return _Column(column)
        category = self._category_comparison(node)
        if category is not None:
            return category
        compute, nodes = self._operation(node)
        return _Operation(compute, tuple([self._checked(item) for item in nodes]))

    def _operation(self, node: ast.AST) -> tuple[Callable[..., Any], list[ast.expr]]:
        """What an operation, a comparison or a call that is allowed computes, and of which parts."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            name, n = node.func.id, len(node.args)
            if name not in _FUNCTIONS or n != _FUNCTIONS[name][0]:
                allowed = ", ".join(f"{known} of {count}" for known, (count, _) in _FUNCTIONS.items())
                raise self._refused(f"there is no function {name} of {n} values", allowed)
            return _FUNCTIONS[name][1], node.args
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return _BINARY[type(node.op)], [node.left, node.right]
        if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
            return _UNARY[type(node.op)], [node.operand]
        if isinstance(node, ast.BoolOp):
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return partial(_all_or_any, join), node.values
        if isinstance(node, ast.Compare) and all(type(op) in _COMPARE for op in node.ops):
            comparisons = tuple(_COMPARE[type(op)] for op in node.ops)
            return partial(_compared, comparisons), [node.left, *node.comparators]
        raise self._refused(f"{ast.unparse(node)[:40]!r} is not allowed", "arithmetic, comparisons, and, or, not")

    def _column_of(self, node: ast.AST) -> str | None:
        """The column that a part of the expression names; None if it is not a column."""
        if isinstance(node, ast.Name):
            name = node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in _FAMILIES:
            name = _FAMILIES[node.value.id] + node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FAMILIES:
            name = self._member(node.func.id, node)
        else:
            return None
        if name not in self.known.names:
            spellings = self.known.spellings
            raise self._refused(f"there is no column {name}", ", ".join(spellings), nearest(name, spellings))
        return name

    def _member(self, family: str, node: ast.Call) -> str:
        """The column of a family that is written as a call, such as `n_onsets("rash")`."""
        if len(node.args) != 1 or not isinstance(node.args[0], ast.Constant) or node.keywords:
            raise self._refused(f"{family} takes one name or dose", 'n_onsets("rash"), days_at(400), baseline("age")')
        member = node.args[0].value
        if isinstance(member, int | float) and not abs(member) <= _MAX_CONSTANT:
            raise self._refused(f"{str(member)[:40]} is not a dose", "a dose of the ladder, such as days_at(400)")
        return _FAMILIES[family] + (f"{member:g}" if isinstance(member, int | float) else str(member))

    def _category_comparison(self, node: ast.AST) -> _CategoryComparison | None:
        """A comparison of a column with one of its categories; None for anything else."""
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            return None
        for side, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
            column = self._column_of(side)
            if column in self.known.categories and isinstance(other, ast.Constant) and isinstance(other.value, str):
                categories = self.known.categories[str(column)]
                if other.value not in categories:
                    near = nearest(other.value, list(categories))
                    problem = f"{column} has no category {other.value[:40]!r}"
                    raise self._refused(problem, ", ".join(categories), near)
                return _CategoryComparison(str(column), categories.index(other.value), isinstance(node.ops[0], ast.Eq))
        return None

    def _refuse_category(self, column: str) -> None:
        """A category is not a number: it can only be compared."""
        if column in self.known.categories:
            allowed = f'a comparison of it, such as {column} == "{self.known.categories[column][0]}"'
            raise self._refused(f"{column} is a category", allowed)

    def _refused(self, wrong: str, allowed: str, suggestion: str = "") -> RequestError:
        return RequestError(f"expression {self.text[:80]}", f"{wrong}.", f"{allowed}.", suggestion, key="expression")


def _spelling(name: str) -> str:
    family, _, rest = name.partition(".")
    if not rest or rest.isidentifier():
        return name
    return f"{family}({rest})" if rest.replace(".", "").isdigit() else f'{family}("{rest}")'


def _depth(tree: ast.AST) -> int:
    """How many operations and calls stand inside one another; without recursion, which has its own limit."""
    deepest, open_nodes = 0, [(tree, 1)]
    while open_nodes:
        node, depth = open_nodes.pop()
        deepest = max(deepest, depth)
        open_nodes += [(child, depth + 1) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return deepest
