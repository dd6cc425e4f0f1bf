"""The patients among whom an endpoint is measured: the denominator of a share."""

from __future__ import annotations

from enum import Enum


class Population(Enum):
    """Patients of a trial: how a file names them, which they are, and how a table of replicates counts them.

    `among` is an expression over the columns of the patients table, `column` a column of the replicates table, or
    several joined by ` + `.
    """

    ENROLLED = ("enrolled", "1", "n_enrolled")
    EVALUABLE = ("evaluable", "is_evaluable", "n_evaluable")
    RESPONDERS = (
        "responders",
        "is_evaluable and not missing(response_seen_days)",
        "n_responders_progression_free + n_responders_relapsed + n_responders_died",
    )

    def __init__(self, label: str, among: str, column: str) -> None:
        self.label = label
        self.among = among
        self.column = column

    @property
    def words(self) -> str:
        """The end of a name that says its denominator."""
        return f"of the {self.label}"


def population_named(label: str) -> Population | None:
    """The population that a file names; None if there is none."""
    return next((item for item in Population if item.label == label), None)
