"""What a replicate is summarised by: each quantity's columns in the table of replicates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from trialsim.model.units import DAYS_PER_MONTH
from trialsim.records.columns import TOXICITY_PREFIX
from trialsim.typing import Floats


class Outcomes(Protocol):
    """One row per replicate, column by column: a `ReplicateStore`, or a DataFrame with the same columns."""

    @property
    def columns(self) -> Iterable[str]:
        """The names of the columns."""

    def __getitem__(self, name: str, /) -> Any:
        """One column."""

    def __len__(self) -> int:
        """The number of replicates."""


@dataclass(frozen=True)
class Endpoint:
    """A quantity of one trial: a column, or a count `of` another count. `scale` converts to `unit`.

    `column` and `of` may name several columns, joined by ` + `, whose sum is meant.
    """

    name: str
    column: str
    of: str = ""
    unit: str = ""
    scale: float = 1.0

    def numerators(self, outcomes: Outcomes) -> Floats:
        """The quantity, or the count that stands above the line, in each replicate."""
        return _sum(outcomes, self.column) * self.scale

    def denominators(self, outcomes: Outcomes) -> Floats:
        """The count that stands below the line, in each replicate."""
        return _sum(outcomes, self.of)

    def per_trial(self, outcomes: Outcomes) -> Floats:
        """One value per replicate; missing where it does not exist."""
        values = self.numerators(outcomes)
        if not self.of:
            return values
        denominators = self.denominators(outcomes)
        result: Floats = np.full_like(values, np.nan)
        np.divide(values, denominators, out=result, where=denominators > 0.0)
        return result


def _sum(outcomes: Outcomes, columns: str) -> Floats:
    found = [np.asarray(outcomes[name], dtype=np.float64) for name in columns.split(" + ")]
    return np.add(*found) if len(found) > 1 else found[0]


_MONTHS: Final = 1.0 / DAYS_PER_MONTH
RESPONDERS: Final = "n_partial + n_minor"

FIXED: Final = (
    Endpoint("dose.median", "median_dose_mg_per_day", unit="mg/day"),
    Endpoint("evaluable", "n_evaluable", unit="patients"),
    Endpoint("response.partial", "n_partial", "n_evaluable"),
    Endpoint("response.minor", "n_minor", "n_evaluable"),
    Endpoint("responders.progression_free", "n_responders_progression_free", RESPONDERS),
    Endpoint("responders.relapsed", "n_responders_relapsed", RESPONDERS),
    Endpoint("responders.died", "n_responders_died", RESPONDERS),
    Endpoint("follow_up.median", "median_follow_up_days", unit="months", scale=_MONTHS),
    Endpoint("dose.median.evaluable", "median_dose_evaluable_mg_per_day", unit="mg/day"),
    Endpoint("dose.median.highest_level", "median_highest_dose_mg_per_day", unit="mg/day"),
    Endpoint("follow_up.median.responders", "median_follow_up_responders_days", unit="months", scale=_MONTHS),
    Endpoint("response.any", RESPONDERS, "n_evaluable"),
    Endpoint("toxicity.any_severe", "n_severe_toxicity", "n_enrolled"),
    Endpoint("treatment.stopped_by_rule", "n_stopped_by_rule", "n_enrolled"),
    Endpoint("progression.seen", "n_progressed", "n_enrolled"),
    Endpoint("died", "n_died", "n_enrolled"),
    Endpoint("enrolled", "n_enrolled", unit="patients"),
    Endpoint("screened", "n_screened", unit="patients"),
    Endpoint("trial.duration", "duration_days", unit="months", scale=_MONTHS),
)


def endpoints_of(columns: Iterable[str]) -> dict[str, Endpoint]:
    """Every endpoint that a table of replicates with these columns supports, by name, toxicities first."""
    names = [column.removeprefix(TOXICITY_PREFIX) for column in columns if column.startswith(TOXICITY_PREFIX)]
    toxicities = [Endpoint(f"toxicity.{name}", f"{TOXICITY_PREFIX}{name}", "n_enrolled") for name in names]
    return {endpoint.name: endpoint for endpoint in (*toxicities, *FIXED)}
