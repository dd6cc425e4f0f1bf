"""The command `run_again`: what a manifest describes, whichever command it is of, once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trialsim.calibration.fitting import MOST_STEPS
from trialsim.config import scenario_from_mapping
from trialsim.config.calibrated.draw_tables import ParameterTable, read_table
from trialsim.config.loading.calibration_studies import joint_study_from_mapping
from trialsim.config.loading.comparisons import study_from_mapping
from trialsim.config.loading.size_studies import sizing_from_mapping
from trialsim.errors import ConfigurationError, Problem, RequestError
from trialsim.files.regular import is_file
from trialsim.simulation import ignore_stage
from trialsim.storage.layouts import PARAMETERS_FILE, PRIOR_DRAWS_FILE
from trialsim.storage.manifest import MANIFEST, Manifest, read_manifest
from trialsim.workflows.calibrate import Calibrated, calibrate
from trialsim.workflows.calibrate_study import CalibratedStudy, calibrate_study
from trialsim.workflows.compare import Compared, compare
from trialsim.workflows.run import run
from trialsim.workflows.run_result import Result
from trialsim.workflows.size import Sized, size

Again = Result | Compared | Sized | Calibrated | CalibratedStudy


def manifest_file(named: Path | str) -> Path:
    """The manifest that a path names: the file, or that of a results folder."""
    path = Path(named)
    return path / MANIFEST if path.is_dir() else path


def run_again(
    manifest: Path | str,
    on_progress: Callable[[int, int], None] = lambda done, wanted: None,
    *,
    workers: int | None = None,
    on_stage: Callable[[str, str], None] = ignore_stage,
    on_note: Callable[[str], None] = lambda text: None,
) -> Again:
    """Run, calibrate, compare or size again what a manifest describes.

    The digest of the results comes out equal. Of a calibration the draws are made again, and not what `leave_one_out`
    and `sensitivity` add.

    Parameters
    ----------
    manifest
        The manifest, or its results folder. Where the parameters, or the prior of a calibration, were draws in a file
        of the user's, they are taken from the copy beside the manifest.
    on_progress
        Called with how much is done and how much there will be.
    workers
        How many threads; by default as many as there are cores. It changes no result.
    on_stage
        Called with the name of each part of the work as it begins, and its unit.
    on_note
        Called with what a user should know.

    Returns
    -------
    Result, Compared, Sized, Calibrated or CalibratedStudy
        The new results; `digest_mismatch` says whether their digest is the one of the manifest.

    Raises
    ------
    ConfigurationError
        For a file that is no manifest.
    RequestError
        For a manifest without all that is needed.
    InputError, DisagreementError, Interrupted
        As the command raises them that the manifest is of.
    """
    file = manifest_file(manifest)
    data = read_manifest(file)
    how = {"workers": workers, "on_progress": on_progress, "on_stage": on_stage, "on_note": on_note}
    try:
        return _COMMANDS[data.layout.command](file, data, how)
    except (KeyError, TypeError, AttributeError) as error:
        wrong = f"this part of the manifest is missing or not what a {data.layout.command} writes ({error})."
        raise ConfigurationError([Problem(str(file), "", wrong, "a manifest.json as it was written.")]) from error


def digest_mismatch(manifest: Path | str, result: Again) -> str:
    """What to say where the digest of the results is not that of the manifest; empty where it is."""
    data = read_manifest(manifest_file(manifest))
    expected = str(data.get("posterior_digest") or data.get("results_digest"))
    if result.digest == expected:
        return ""
    versions = ", ".join(f"{name} {number}" for name, number in sorted(data.get("versions", {}).items()))
    return (
        f"{manifest}\n  the digest of the results is {result.digest[:16]}, that of the manifest {expected[:16]}.\n"
        f"  Expected: equal digests with the same versions ({versions}) on the same kind of processor."
    )


def _run(file: Path, data: Manifest, how: dict[str, Any]) -> Result:
    if data["strategy"]:
        wrong = f"the dose was decided by the Python function {data['strategy']}, which is not in the manifest."
        raise RequestError(str(file), wrong, "run(scenario, strategy=…) with that function.")
    scenario = scenario_from_mapping(_with_draws(data["scenario"], file), str(file))
    return run(scenario, data["replicates"], data["seed"], data["kept_replicates"], **how)


def _compare(file: Path, data: Manifest, how: dict[str, Any]) -> Compared:
    study = study_from_mapping(_study(data, file))
    return compare(study, None, data["replicates"], data["seed"], **how)


def _size(file: Path, data: Manifest, how: dict[str, Any]) -> Sized:
    sizing = sizing_from_mapping(_study(data, file))
    return size(sizing, None, data["replicates"], data["seed"], **how)


def _calibrate(file: Path, data: Manifest, how: dict[str, Any]) -> Calibrated:
    """Sampling ends at the first look at which the manifest's effective sample size is reached, as it did then."""
    scenario = scenario_from_mapping(data["scenario"], str(file))
    return calibrate(
        scenario,
        None,
        data["seed"],
        prior=_prior_draws(data, file),
        draws=data["draws"],
        min_ess=data["smallest_ess"],
        most_steps=max(MOST_STEPS, data["steps"]),
        replicates=data["replicates"],
        **how,
    )


def _prior_draws(data: Manifest, file: Path) -> ParameterTable | None:
    """The draws that were the prior, from the copy beside the manifest; None where the parameter set alone was."""
    if not data["prior"]:
        return None
    copy, digest = file.parent / PRIOR_DRAWS_FILE, data["prior"]["digest"]
    draws = read_table(copy, str(copy))
    if draws.digest != digest:
        problem = f"these are other draws than the prior that the manifest names (their digest is {draws.digest})."
        raise RequestError(str(copy), problem, f"the draws with the digest {digest}.")
    return draws


def _calibrate_study(file: Path, data: Manifest, how: dict[str, Any]) -> CalibratedStudy:
    study = joint_study_from_mapping(data["study"])
    return calibrate_study(study, data["seed"], draws=data["draws"], replicates=data["replicates"], **how)


_COMMANDS: dict[str, Callable[[Path, Manifest, dict[str, Any]], Again]] = {
    "run": _run,
    "calibrate": _calibrate,
    "calibrate study": _calibrate_study,
    "compare": _compare,
    "size": _size,
}


def _study(data: Manifest, file: Path) -> dict[str, Any]:
    """The resolved study of a manifest, its draws those beside the manifest."""
    scenarios = {name: _with_draws(scenario, file) for name, scenario in data["study"]["scenarios"].items()}
    return {**data["study"], "scenarios": scenarios}


def _with_draws(scenario: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """A scenario whose parameters are the copy of the user's draws beside the manifest, if there is one."""
    copy = file.parent / PARAMETERS_FILE
    parameters = scenario.get("parameters")
    if not isinstance(parameters, Mapping) or "draws" not in parameters or not is_file(copy):
        return dict(scenario)
    return {**scenario, "parameters": {**parameters, "draws": str(copy)}}
