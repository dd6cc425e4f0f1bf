"""The draws that a user gives as the prior of a calibration, and what to say about them before the work begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trialsim.calibration.model import Calibration
from trialsim.config.calibrated.draw_tables import ParameterTable
from trialsim.config.calibrated.prior_draws import PriorLike, load_prior_draws, prior_file
from trialsim.errors import ConfigurationError
from trialsim.storage.manifest import MANIFEST, read_manifest


def given_prior(prior: PriorLike | None) -> ParameterTable | None:
    """The draws, or None where the parameter set alone is the prior. Raises `TableError`."""
    return None if prior is None else load_prior_draws(prior)


def notes_on_prior(prior: PriorLike | None, calibration: Calibration) -> Iterator[str]:
    """What the draws give, what they do not, and what would be wrong about them."""
    draws = calibration.prior_draws
    if prior is None or draws is None:
        return
    given = calibration.drawn_names
    others = [name for name in calibration.names if name not in given]
    rest = f"; by the parameter set: {', '.join(others)}" if others else ""
    yield f"prior: {len(given)} of {len(calibration.names)} parameters by {len(draws.values):,} draws{rest}"
    cohort = calibration.scenario.cohort
    if cohort is not None and not isinstance(prior, ParameterTable) and cohort.name in _cohorts_behind(prior):
        yield f"warning: the draws were calibrated to {cohort.name}: its patients are counted twice"
    for name, number in calibration.fixed_numbers.items():
        if name in draws.fixed and (draws.fixed[name].value, draws.fixed[name].unit) != (number.value, number.unit):
            yield f"warning: the draws hold for {name} = {draws.fixed[name].text}; here it is {number.text}"


def _cohorts_behind(given: Path | str) -> set[str]:
    """The cohorts that draws were calibrated to, where a manifest beside them says so."""
    path = prior_file(given)
    for name in (MANIFEST, f"{path.stem}.json", f"{path.stem.split('-')[0]}.json"):
        try:
            data = read_manifest(path.with_name(name))
        except (ConfigurationError, OSError):
            continue
        if "cohort" in data:
            return {str(data["cohort"])}
        return set(data["study"].get("scenarios", {})) if isinstance(data.get("study"), dict) else set()
    return set()
