"""The power of a given n by a formula, in words: what is known of it before anything is simulated."""

from __future__ import annotations

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import ALTERNATIVE, Information, PlannedDesign


def planned_power(planned: PlannedDesign) -> str:
    """The planned power of a design of a given n, in a sentence without its end; empty where no formula has it."""
    at = planned.operating_characteristics(ALTERNATIVE)
    if at is None:
        return ""
    how = "by the normal approximation" if planned.design.information is Information.EVENTS else "exact"
    return f"With {planned.n} patients {planned.design.power_in_words} is {at.rejects:.4f} ({how})"


def use_of_power(study: SizeStudy) -> str:
    """What the key `power` is used for where n is given: by boundaries that spend beta, and by nothing else."""
    futility = study.looks.futility
    if futility is not None and futility.spending is not None:
        return f"`power`, {study.power:g}, only says which beta the looks spend"
    return "`power` is not used"
