"""Titration rules as flat numbers; `titration` says what their codes mean and whether a condition holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """One condition of a rule, as the first seven arguments of `titration.condition_holds`, or a group with `parts`."""

    kind: int
    toxicities: int = 0
    mode: int = 0
    at_least: int = 1
    response: int = 0
    level: int = 0
    days: float = 0.0
    parts: tuple[Condition, ...] = ()

    @property
    def leaves(self) -> tuple[Condition, ...]:
        """The conditions in it that have no parts."""
        return tuple(leaf for part in self.parts for leaf in part.leaves) if self.parts else (self,)


@dataclass(frozen=True)
class Rule:
    """A rule holds when its condition does. `text` is how the log names it.

    `amount` is how many levels to move, or the level to go to, or where a hold resumes (see `titration`). `waits_for`
    is the mask of toxicities that a hold waits for. With `once` a rule decides once for a patient. The rule that
    `ends_loading` lowers the dose without its being a reduction.
    """

    number: int
    text: str
    condition: Condition
    action: int
    amount: int
    stops_at_lowest: bool = False
    waits_for: int = 0
    once: bool = False
    ends_loading: bool = False
