"""What a design without a scenario gives: its numbers, its curves, its picture, and the study that conducts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from trialsim.config.loading.plain_studies import EVENT, RESPONSE, TOXICITY, as_written
from trialsim.config.schema.size_study import SizeEndpoint, SizeStudy
from trialsim.config.source.yaml import dump_yaml
from trialsim.design.base import Hypotheses, Information, PlannedDesign, reported
from trialsim.design.plain import PlainCalendar, at_hazard_ratio, detectable, with_n
from trialsim.design.time_to_event.planned import EventDesign
from trialsim.errors import RequestError
from trialsim.records.tables import plain_mapping, plain_rows
from trialsim.workflows.designs.interim_power import table_of_power
from trialsim.workflows.designs.reestimation import Reestimation, reestimated

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRID: Final = tuple(round(0.05 * i, 2) for i in range(21))
FINE: Final = tuple(i / 50 for i in range(51))  # of a picture
RATIOS: Final = tuple(round(0.05 * i, 2) for i in range(6, 25))
_WORDS: Final = {RESPONSE: "response", TOXICITY: "toxicity", EVENT: "the event"}


@dataclass(frozen=True)
class TrialDesign:
    """A design from plain numbers; tables are pandas DataFrames.

    Attributes
    ----------
    kind
        The name of the design.
    numbers
        Its numbers by the field's names: sizes and boundaries, exact error rates, expected patients.
    table
        Its numbers as a row; of one of Simon's designs a row for each admissible one, with the weights of n against
        EN between which it is the best, and which of them is `chosen`.
    looks
        A row for each look: what it comes after, its boundaries, and how probable it is to stop there. Empty for one.
    paragraph
        The design in whole sentences.
    remarks
        What must be known before the numbers are read: the test, a level that is not kept.
    """

    planned: PlannedDesign = field(repr=False)
    calendar: PlainCalendar = field(default_factory=PlainCalendar, repr=False)

    @property
    def study(self) -> SizeStudy:
        """The numbers that were given, as a study."""
        return self.planned.study

    @property
    def kind(self) -> str:
        """The name of the design."""
        return self.planned.design.name

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers of the design, by the field's names."""
        return {"kind": self.kind, **self.planned.numbers}

    @cached_property
    def table(self) -> pd.DataFrame:
        """The numbers as a table; see the class."""
        others = self.planned.others
        if len(others) < 2:
            simple = {key: value for key, value in self.numbers.items() if not isinstance(value, list | Mapping)}
            return pd.DataFrame([simple])
        chosen = [all(self.planned.numbers.get(key) == row[key] for key in ("n1", "r1", "n", "r")) for row in others]
        return pd.DataFrame(others).assign(chosen=chosen)

    @cached_property
    def looks(self) -> pd.DataFrame:
        """The looks as a table; columns without a number are left out."""
        return pd.DataFrame(self.planned.looks).dropna(axis="columns", how="all")

    @property
    def paragraph(self) -> str:
        """The design in whole sentences."""
        return " ".join(self.planned.describe(_in_words))

    @property
    def remarks(self) -> list[str]:
        """What must be known before the numbers are read: the test, a level that is not kept."""
        return self.planned.remarks()

    def operating_characteristics(self, p: float | Iterable[Any] | None = None) -> pd.DataFrame:
        """What the design comes to at true rates, or at true hazard ratios.

        Parameters
        ----------
        p
            One value or several: rates of one arm; pairs of rates of two arms, the control first; pairs of a response
            rate and a toxicity rate; or hazard ratios. By default a grid, with the control as assumed.

        Returns
        -------
        DataFrame
            A row for each: the rates, how probably the null is rejected (or the aim of the design is reached), how
            probably it stops early, and the expected number of patients; with hazard ratios, of events.

        Raises
        ------
        RequestError
            For what is no rate, or no positive hazard ratio.
        """
        if isinstance(self.planned, EventDesign):
            ratios = [round(value * self.planned.null_ratio, 4) for value in RATIOS]
            return pd.DataFrame([at_hazard_ratio(self.planned, self.calendar, value) for value in _list_of(p, ratios)])
        names = self._names_of_rates
        rows = []
        for rates in self._rates(p, len(names)):
            at = self.planned.at_rates(rates)
            if at is not None:
                values = {
                    self._success: min(at.rejects, 1.0),
                    "stops_early": min(at.stops_early, 1.0),
                    "expected_n": at.expected_n,
                }
                rows.append({**dict(zip(names, rates, strict=True)), **values})
        return pd.DataFrame(rows)

    @property
    def _success(self) -> str:
        return self.planned.design.success.removesuffix(" the null").replace(" ", "_")

    @property
    def _names_of_rates(self) -> list[str]:
        if self.planned.design.hypotheses is Hypotheses.RESPONSE_AND_TOXICITY:
            return ["response", "toxicity"]
        return [f"rate of {name}" for name in self.study.variants] or ["rate"]

    def _rates(self, given: float | Iterable[Any] | None, n_rates: int) -> list[tuple[float, ...]]:
        """The rates that are asked for, `n_rates` each. Raises `RequestError`."""
        allowed = "a rate from 0 to 1." if n_rates == 1 else f"{n_rates} rates from 0 to 1, or a list of such tuples."
        if given is None:
            return self._grid(n_rates)
        listed = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
        if n_rates > 1 and len(listed) == n_rates and not isinstance(listed[0], Iterable):
            listed = [listed]
        asked = [
            tuple(item) if isinstance(item, Iterable) and not isinstance(item, str) else (item,) for item in listed
        ]
        for rates in asked:
            is_fine = len(rates) == n_rates and all(_is_number(rate) and 0.0 <= rate <= 1.0 for rate in rates)
            if not is_fine:
                raise RequestError(f"p: {rates}", "this is not what the design needs.", allowed, key="p")
        return [tuple(float(rate) for rate in rates) for rates in asked]

    def _grid(self, n_rates: int, grid: Sequence[float] = GRID) -> list[tuple[float, ...]]:
        """Rates from 0 to 1; of several, the last one changes and the others are as assumed."""
        if n_rates == 1:
            return [(rate,) for rate in grid]
        return [(*self.planned.alternative_rates[:-1], rate) for rate in grid]

    def power(self, n: int | Iterable[int] | None = None) -> float | pd.DataFrame:
        """The power of another number of patients, all arms together, at the alternative; without `n`, of this design.

        Parameters
        ----------
        n
            One number of patients, or several.

        Returns
        -------
        float or DataFrame
            The power; with several numbers a table with the columns `n` and `power`.

        Raises
        ------
        RequestError
            For a number of patients for which there is no such design.
        """
        if n is None:
            return float(self.planned.numbers["power"])
        if isinstance(n, Iterable):
            return pd.DataFrame({"n": list(n), "power": [self.at(int(one)).numbers["power"] for one in n]})
        return float(self.at(n).numbers["power"])

    def at(self, n: int) -> TrialDesign:
        """The design with another number of patients, all arms together.

        Parameters
        ----------
        n
            The number of patients.

        Returns
        -------
        TrialDesign
            The design of so many patients.

        Raises
        ------
        RequestError
            Where there is none.
        """
        return TrialDesign(with_n(self.planned, self.calendar, n), self.calendar)

    def detectable(self, power: float | None = None) -> float:
        """The alternative nearest to the null at which this design, as it is, has a power.

        Parameters
        ----------
        power
            The power; by default the one that was asked for.

        Returns
        -------
        float
            A rate (of the experimental arm, the control as assumed), or a hazard ratio; to 0.0001.

        Raises
        ------
        RequestError
            Where no alternative has the power.
        """
        return detectable(self.planned, self.calendar, self.study.power if power is None else power)

    def conditional_power(self, look: int, z: float, effect: float | None = None) -> pd.DataFrame:
        """How probably the trial still rejects, given the statistic at an interim look; by the normal approximation.

        Parameters
        ----------
        look
            The look that was taken, from 1.
        z
            Its statistic: log-rank z, score z against a margin, or pooled z of two rates; positive where the
            experimental arm does better.
        effect
            A true hazard ratio, or a true rate of the experimental arm, beside those below.

        Returns
        -------
        DataFrame
            A row for each assumption: the alternative, the current trend, the given effect, the null hypothesis, and
            what the look says of the effect with a flat prior (predictive power). Looks stop for futility as planned.

        Raises
        ------
        RequestError
            For a design without interim looks or without a z statistic, and a z with which the trial has ended.
        """
        return table_of_power(self.planned, look, z, effect)

    def reestimation(
        self, promising: float | Sequence[float] = 0.36, target: float | None = None, factor: float = 2.0
    ) -> Reestimation:
        """The same design with a second stage that is made larger where the interim look is promising.

        The rule is that of Mehta and Pocock (2011, Statist Med 30:3267), the test that of Cui, Hung and Wang (1999,
        Biometrics 55:853), whose weights keep the level. One-sided designs with two looks; by the normal approximation.

        Parameters
        ----------
        promising
            The conditional power, at the current trend and with the planned second stage, from which a result is
            promising, and that from which nothing is changed (the `target` unless given): 0.36, or (0.36, 0.8).
        target
            The conditional power that the larger second stage shall have; the power of the design unless given.
        factor
            How many times the planned second stage the larger one is at most, in events or patients after the look.

        Returns
        -------
        Reestimation
            The rule as a table, its level and power beside those without it, expected events or patients.

        Raises
        ------
        RequestError
            For a design without a z statistic at two looks, and a zone that is none.
        """
        return reestimated(self.planned, promising, target, factor)

    def plot(self) -> Figure:
        """The looks with their boundaries beside the curve of the operating characteristics.

        Returns
        -------
        matplotlib.figure.Figure
            The picture; `figure.savefig("design.png")` writes it.
        """
        from trialsim.report.design.plain_figures import draw_plain_design

        is_at_events = self.planned.design.information is Information.EVENTS
        rates = self._grid(len(self._names_of_rates), FINE) if not is_at_events else None
        return draw_plain_design(self.planned, self.numbers, self.operating_characteristics(rates), self._success)

    def to_study(
        self, path: Path | str | None = None, *, scenario: str | None = None, endpoint: str | None = None
    ) -> dict[str, Any]:
        """The study that conducts this design under the calendar of a scenario: `trialsim.size(design.to_study())`.

        Parameters
        ----------
        path
            Where to write it as a YAML file; None writes nothing.
        scenario
            The scenario, by its name or path; that of the shipped follow-up unless given.
        endpoint
            What the trial decides on; that of the shipped studies unless given.

        Returns
        -------
        dict
            The study as plain data.
        """
        study = as_written(self.study)
        if scenario is not None:
            study["scenario"] = scenario
        if endpoint is not None:
            study["endpoint"] = {**study["endpoint"], "of": endpoint}
        if path is not None:
            Path(path).write_text(dump_yaml(study), encoding="utf-8")
        return study

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "design": plain_mapping(reported(self.numbers)),
            "table": plain_rows(self.table),
            "looks": plain_rows(self.looks),
            "operating_characteristics": plain_rows(self.operating_characteristics()),
            "paragraph": self.paragraph,
        }

    def __str__(self) -> str:
        return self.table.to_string(index=False)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False))


def _in_words(endpoint: SizeEndpoint) -> str:
    return _WORDS.get(str(endpoint.of), str(endpoint.of))


def _list_of(given: float | Iterable[float] | None, default: Sequence[float]) -> list[float]:
    """Hazard ratios as a list. Raises `RequestError`."""
    if given is None:
        return list(default)
    listed = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    for value in listed:
        if not _is_number(value) or not 0.0 < value < np.inf:
            raise RequestError(f"p: {value!r}", "this is not a hazard ratio.", "a number above 0.", key="p")
    return [float(value) for value in listed]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
