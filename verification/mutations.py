"""Mutants of YAML texts: what a slip of the hand, a broken editor or an attacker makes of a configuration."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

Mutation = Callable[[random.Random, str, Sequence[str]], str]

NUMBERS = (
    "0", "-1", "1", "2.5", "1e3", "1e-3", "1e400", "-1e400", ".inf", ".nan", "0x1F", "0x" + "f" * 4000, "0o17", "0b11",
    "027", "1:40", "1_000", "1,5", "1,000", "0.1.2", "²", "1" + "0" * 20, "1" + "0" * 400, "9" * 5000, "1e", "+", "-",
    "100 000", "3/4", "1e18", "0.5 %", "5 %", "٣",
)  # fmt: skip
UNITS = (
    "days", "weeks", "mo", "months", "yrs", "h", "mg/day", "g/day", "ug/day", "µg/day", "mcg/d", "mg/week", "g/week",
    "mg/kg", "mg", "/month", "per mo", "/week", "/day", "%", "percent", "",
)  # fmt: skip
VALUES = (
    "", "null", "~", "{}", "[]", "''", "true", "yes", "no", "calibrated", "{calibrated: x}", "{value: 1}",
    "{source: x}",
    "{value: 1 /month, source: 2006}", "!!int ''", "!!float ''", "!!int '-'", "!!set {a, b}", "!!binary x",
    "!!python/object:os.system x", "!!timestamp foo", '"\\uD800"', '"\\0"', '"open', "'open", "[open", "{open", "*none",
    "@at", "%percent", "? x", "- - - x", "1999-13-40", "2027-01-01", "0001-01-01", "9999-12-31", "tosi2000", "followup",
    "simon_response", "/dev/null", "/dev/zero.yaml", "..", "/", "x" * 5000, "a: b: c", "<<", "&a x", "[1, 2, 3]",
    "{a: {b: {c: d}}}", "no-such.yaml", "\t", "'\\'", "x\ud7ff",
)  # fmt: skip
_VALUE = re.compile(r"(?<=: )[^\s,{}\[\]#][^,{}\[\]#\n]*")
_KEY = re.compile(r"(?m)(?:(?<=^)|(?<=[ {,]))([A-Za-z_][\w .-]*)(?=:(?:\s|$))")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
_UNIT = re.compile(r"(?<=\d )(?:days|months|years|mg/day|/month|%|mg/L)")
_SECTION = re.compile(r"(?m)^\w+:.*\n(?:[ \t-].*\n|\n)*")


def change_bytes(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """Characters flipped, lost or inserted."""
    for _ in range(rng.randint(1, 3)):
        i = rng.randrange(len(text) + 1)
        kind = rng.randrange(3)
        sign = rng.choice("\t\0\x07\ufeff\u2028\u00a0\"'[]{}:,#&*!|>-?%@`\\\n\r é😀\udcff\udc80")
        if kind == 0:
            text = text[:i] + sign + text[i:]
        elif kind == 1:
            text = text[:i] + text[i + rng.randint(1, 40) :]
        else:
            text = text[:i] + chr(ord(text[i : i + 1] or "a") ^ (1 << rng.randrange(7))) + text[i + 1 :]
    return text


def change_lines(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """Lines lost, doubled, swapped or indented otherwise; the end cut off."""
    lines = text.split("\n")
    i, j, kind = rng.randrange(len(lines)), rng.randrange(len(lines)), rng.randrange(6)
    if kind == 0:
        del lines[i]
    elif kind == 1:
        lines.insert(j, lines[i])
    elif kind == 2:
        lines[i], lines[j] = lines[j], lines[i]
    elif kind == 3:
        lines[i] = rng.choice(("  ", " ", "\t", "    ")) + lines[i]
    elif kind == 4:
        lines[i] = lines[i].lstrip()
    else:
        lines = lines[:i]
    return "\n".join(lines)


def _replaced(rng: random.Random, text: str, pattern: re.Pattern[str], new: Callable[[str], str]) -> str:
    places = list(pattern.finditer(text))
    if not places:
        return text
    at = rng.choice(places)
    return text[: at.start()] + new(at.group()) + text[at.end() :]


def change_keys(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """A key misspelt, taken from elsewhere, or left without its value."""
    kind = rng.randrange(3)
    if kind == 0:
        return _replaced(rng, text, _KEY, lambda key: key[: len(key) // 2] + key[len(key) // 2 + 1 :] or "x")
    if kind == 1:
        other = _KEY.findall(rng.choice(others)) or ["x"]
        return _replaced(rng, text, _KEY, lambda key: rng.choice(other))
    return _replaced(rng, text, _VALUE, lambda value: "")


def change_values(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """A value replaced by something of another kind, or by a value from elsewhere."""
    other = _VALUE.findall(rng.choice(others)) or ["x"]
    new = rng.choice(VALUES) if rng.random() < 0.7 else rng.choice(other)
    return _replaced(rng, text, _VALUE, lambda value: new)


def change_numbers(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """A number replaced by one that is odd, huge, or written otherwise."""
    return _replaced(rng, text, _NUMBER, lambda number: rng.choice(NUMBERS))


def change_units(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """A unit replaced by another one."""
    return _replaced(rng, text, _UNIT, lambda unit: rng.choice(UNITS))


def nest_values(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """A value wrapped in lists or mappings, a few or thousands deep."""
    depth = rng.choice((1, 2, 10, 59, 60, 61, 62, 400, 2000))
    opening, closing = rng.choice((("[", "]"), ("{a: ", "}"), ("{value: ", "}"), ("{not: ", "}"), ("{all_of: [", "]}")))
    return _replaced(rng, text, _VALUE, lambda value: opening * depth + value + closing * depth)


def add_aliases(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """Anchors and aliases: one value twice, one that contains itself, or many that multiply."""
    kind = rng.randrange(4)
    if kind == 0:
        text = _replaced(rng, text, _VALUE, lambda value: f"&a {value}")
        return _replaced(rng, text, _VALUE, lambda value: "*a")
    if kind == 1:
        return _replaced(rng, text, _VALUE, lambda value: "&a [*a]")
    if kind == 2:
        return _replaced(rng, text, _VALUE, lambda value: "&a {<<: *a, x: *a}")
    bomb = ["&a0 [1]"] + [f"&a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, rng.choice((3, 9, 80)))]
    return _replaced(rng, text, _VALUE, lambda value: f"[{', '.join(bomb)}]")


def swap_sections(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """A section replaced by one from another file, or added to the end."""
    sections = _SECTION.findall(rng.choice(others) + "\n") or ["x: y\n"]
    new = rng.choice(sections)
    if rng.random() < 0.3:
        return f"{text}\n{new}"
    return _replaced(rng, text, _SECTION, lambda section: new)


def delete_spaces(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """The space after one colon or after all colons lost."""
    if rng.random() < 0.1:
        return text.replace(": ", ":")
    return _replaced(rng, text, re.compile(r": "), lambda _: ":")


def write_commas(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """A decimal comma for a point, or commas between thousands."""
    if rng.random() < 0.3:
        return _replaced(rng, text, _NUMBER, lambda number: f"{number},000")
    return _replaced(rng, text, re.compile(r"(?<=\d)\.(?=\d)"), lambda _: ",")


MUTATIONS: dict[str, Mutation] = {
    "bytes": change_bytes,
    "lines": change_lines,
    "keys": change_keys,
    "values": change_values,
    "numbers": change_numbers,
    "units": change_units,
    "nesting": nest_values,
    "aliases": add_aliases,
    "sections": swap_sections,
    "spaces after colons": delete_spaces,
    "commas": write_commas,
}


def mutant(text: str, others: Sequence[str], seed: str) -> tuple[str, bytes]:
    """A mutant of a text, the same for the same seed, with the kind of its (first) mutation."""
    rng = random.Random(seed)
    kinds = [rng.choice(list(MUTATIONS))]
    while rng.random() < 0.2:
        kinds.append(rng.choice(list(MUTATIONS)))
    for kind in kinds:
        text = MUTATIONS[kind](rng, text, others)
    return kinds[0], text.encode("utf-8", "surrogateescape" if rng.random() < 0.9 else "replace")
