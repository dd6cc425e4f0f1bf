"""The synopsis of a study of several cohorts in plain language: which trials, what they share, how they differ."""

from __future__ import annotations

from collections.abc import Iterator

from trialsim.config.loading.calibration_studies import JointStudy
from trialsim.config.schema.parameters import Prior


def joint_study_synopsis(joint: JointStudy) -> Iterator[str]:
    """Lines of text."""
    study = joint.study
    yield study.title
    if study.description:
        yield study.description
    yield "\nTRIALS that are calibrated together"
    for name, scenario in joint.scenarios.items():
        title = scenario.cohort.title if scenario.cohort is not None else ""
        n_statistics = len(scenario.published_statistics)
        yield f"  {name}: {scenario.accrual.patients} patients, {n_statistics} published statistics. {title}"
    families = {name: family for family, item in study.between_trials.items() for name in item.parameters}
    used = list(dict.fromkeys(name for item in joint.scenarios.values() for name in item.parameters.values))
    shared = [name for name in used if name not in families and name not in study.own]
    yield f"\nPRIORS from the parameter set {joint.parameters.name}"
    yield "  The same in every trial: " + (", ".join(_with_prior(joint, shared)) or "none") + "."
    for family, item in study.between_trials.items():
        names = ", ".join(_with_prior(joint, item.parameters))
        yield f"  Differing between trials, {family} (sd half-normal with scale {item.sd.text}): {names}."
    if study.own:
        yield "  Of each trial's own: " + ", ".join(_with_prior(joint, study.own)) + "."


def _with_prior(joint: JointStudy, names: list[str]) -> list[str]:
    return [f"{name} ({_words(joint.parameters.parameters[name].prior)})" for name in names]


def _words(prior: Prior) -> str:
    if prior.distribution == "fixed":
        return f"fixed at {prior.median}"
    bound = f", above {prior.above:g}" if prior.above is not None else ""
    return f"{prior.distribution}, median {prior.median}, sd {prior.sd:g}{bound}"
