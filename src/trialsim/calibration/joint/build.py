"""The joint model that a study asks for."""

from __future__ import annotations

from trialsim.calibration.joint.model import Family, JointModel
from trialsim.calibration.model import REPLICATES, calibration_of
from trialsim.config.loading.calibration_studies import JointStudy


def joint_model_of(joint: JointStudy, replicates: int = REPLICATES) -> JointModel:
    """The trials of a study, ready to be calibrated together.

    Raises `ConfigurationError` for a trial that cannot be calibrated.
    """
    trials = {name: calibration_of(item, replicates=replicates) for name, item in joint.scenarios.items()}
    families = tuple(
        Family(name, tuple(item.parameters), item.sd.value) for name, item in joint.study.between_trials.items()
    )
    return JointModel(tuple(trials), tuple(trials.values()), families, frozenset(joint.study.own))
