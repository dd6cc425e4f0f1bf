"""What a replicate is summarised by: each quantity's columns in the table of replicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from trialsim.analysis.estimate import Values
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.records.columns import TOXICITY_PREFIX


@dataclass(frozen=True)
class Endpoint:
    """A quantity of one trial: a column, or a count `of` another count. `scale` converts to `unit`."""

    name: str
    column: str
    of: str = ""
    unit: str = ""
    scale: float = 1.0

    def per_trial(self, outcomes: pd.DataFrame) -> Values:
        """One value per replicate; missing where it does not exist."""
        values: Values = outcomes[self.column].to_numpy(dtype=np.float64) * self.scale
        if not self.of:
            return values
        denominators = outcomes[self.of].to_numpy(dtype=np.float64)
        result: Values = np.full_like(values, np.nan)
        np.divide(values, denominators, out=result, where=denominators > 0.0)
        return result


_MONTHS: Final = 1.0 / DAYS_PER_MONTH

FIXED: Final = (
    Endpoint("dose.median", "median_dose_mg_per_day", unit="mg/day"),
    Endpoint("evaluable", "n_evaluable", unit="patients"),
    Endpoint("response.partial", "n_partial", "n_evaluable"),
    Endpoint("response.minor", "n_minor", "n_evaluable"),
    Endpoint("responders.progression_free", "n_responders_progression_free", "n_responders"),
    Endpoint("responders.relapsed", "n_responders_relapsed", "n_responders"),
    Endpoint("responders.died", "n_responders_died", "n_responders"),
    Endpoint("follow_up.median", "median_follow_up_days", unit="months", scale=_MONTHS),
    Endpoint("dose.median.evaluable", "median_dose_evaluable_mg_per_day", unit="mg/day"),
    Endpoint("dose.median.highest_level", "median_highest_dose_mg_per_day", unit="mg/day"),
    Endpoint("follow_up.median.responders", "median_follow_up_responders_days", unit="months", scale=_MONTHS),
    Endpoint("response.any", "n_responders", "n_evaluable"),
    Endpoint("toxicity.any_severe", "n_severe_toxicity", "n_enrolled"),
    Endpoint("treatment.stopped_by_rule", "n_stopped_by_rule", "n_enrolled"),
    Endpoint("progression.seen", "n_progressed", "n_enrolled"),
    Endpoint("died", "n_died", "n_enrolled"),
    Endpoint("enrolled", "n_enrolled", unit="patients"),
    Endpoint("screened", "n_screened", unit="patients"),
    Endpoint("trial.duration", "duration_days", unit="months", scale=_MONTHS),
)


def endpoints_of(outcomes: pd.DataFrame) -> dict[str, Endpoint]:
    """Every endpoint that a table of replicates supports, by name, toxicities first."""
    names = [column.removeprefix(TOXICITY_PREFIX) for column in outcomes.columns if column.startswith(TOXICITY_PREFIX)]
    toxicities = [Endpoint(f"toxicity.{name}", f"{TOXICITY_PREFIX}{name}", "n_enrolled") for name in names]
    return {endpoint.name: endpoint for endpoint in (*toxicities, *FIXED)}
