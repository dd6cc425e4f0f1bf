"""The boundary that stops a trial of any design for toxicity."""

from __future__ import annotations

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import needed
from trialsim.design.theory.toxicity import ToxicityBoundary, bayesian_boundary, exact_boundary
from trialsim.errors import RequestError


def safety_boundary(study: SizeStudy, n: int) -> ToxicityBoundary:
    """The boundary of a study that stops a trial of up to `n` patients for toxicity."""
    safety = needed(study.safety, "safety")
    if safety.method == "exact":
        return exact_boundary(n, safety.rate.value, safety.alpha, safety.first)
    return bayesian_boundary(n, safety.rate.value, safety.certainty, safety.prior, safety.first)


def checked_boundary(study: SizeStudy, n: int) -> ToxicityBoundary:
    """The boundary that stops a trial of `n` patients for toxicity. Raises `RequestError` where it never can."""
    boundary, safety = safety_boundary(study, n), needed(study.safety, "safety")
    if safety.first > n:
        wrong = f"the trial has {n} patients, so that the first look would be after the last of them."
        raise RequestError(f"safety.first = {safety.first}", wrong, f"up to {n}.", key="safety.first")
    if all(x > patients for patients, x in enumerate(boundary.at_least, start=1)):
        wrong = f"not even {n} toxicities in {n} patients stop the trial."
        raise RequestError("safety", wrong, "less certainty, a larger alpha, or more patients.", key="safety")
    return boundary
