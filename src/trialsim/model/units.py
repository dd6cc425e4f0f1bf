"""The units of the whole package: days, months of 30.4375 days, mg/day or mg/day for each m² or kg of a patient."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

DAYS_PER_MONTH: Final = 30.4375
DAYS_PER_WEEK: Final = 7.0
DAYS_PER_YEAR: Final = 365.25


@dataclass(frozen=True)
class DoseUnit:
    """The unit of the doses of a trial: mg a day, for each unit of body size where there is one.

    `size` is the unit of the body size (`m²`, `kg`), empty for doses that are the same for everyone. `size_in_columns`
    is its spelling in the names of columns.
    """

    size: str = ""
    size_in_columns: str = ""

    @property
    def text(self) -> str:
        """As it is written: `mg/day`, `mg/m²/day`."""
        return f"mg/{self.size}/day" if self.size else "mg/day"

    @property
    def suffix(self) -> str:
        """The end of the name of a column: `mg_per_day`, `mg_per_m2_per_day`."""
        return f"mg_per_{self.size_in_columns}_per_day" if self.size else "mg_per_day"

    def column(self, name: str) -> str:
        """The name of a column, as it is for doses in mg/day, in this unit."""
        return name.removesuffix(MG_PER_DAY.suffix) + self.suffix if name.endswith(MG_PER_DAY.suffix) else name


MG_PER_DAY: Final = DoseUnit()
DOSE_UNITS: Final = (MG_PER_DAY, DoseUnit("m²", "m2"), DoseUnit("kg", "kg"))


def dose_unit_of(columns: Iterable[str]) -> DoseUnit:
    """The unit of the doses of a table by the names of its columns; mg/day where none is of a dose."""
    columns = tuple(columns)
    by_size = [unit for unit in DOSE_UNITS if unit.size]
    return next((unit for unit in by_size if any(name.endswith(unit.suffix) for name in columns)), MG_PER_DAY)
