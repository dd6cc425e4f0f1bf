"""Whether the level that a design promises is kept in the scenario, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import NULL, REJECTS, TOXIC_NULL
from trialsim.design.operating_characteristics import LARGEST_Z, value_of


def levels_exceeded(study: SizeStudy, calendar: pd.DataFrame) -> Iterator[str]:
    """A sentence for each null under which the scenario makes the test reject more often than is asked for."""
    toxic = study.toxicity.alpha if study.toxicity is not None else study.alpha
    for truth, asked in ((NULL, study.alpha), (TOXIC_NULL, toxic)):
        planned, level, error = (value_of(calendar, truth, REJECTS, x) for x in ("planned", "value", "mcse"))
        promised = asked if math.isnan(planned) else max(asked, planned)
        if level - promised > LARGEST_Z * error:
            yield (
                f"The level is not kept in this scenario: the type I error is {level:.4f} ± {error:.4f} where "
                f"{asked:g} is asked for."
            )
