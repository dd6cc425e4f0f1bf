"""What the results folder of each command holds: its files, its pictures, and the entries of its manifest.

Results are written and manifests are read from these declarations. Nothing else in a results folder was written by a
command. To add a command, declare its layout here and add it to `LAYOUTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from trialsim.storage.formats import FORMATS

PARAMETERS_FILE: Final = "parameters.parquet"  # the user's own draws of the parameters, beside the results
DRAWS_FILE: Final = "posterior.parquet"
PRIOR_DRAWS_FILE: Final = "prior.parquet"  # the draws that were the prior
ENTRY_TYPES: Final[dict[str, type[Any]]] = {
    **dict.fromkeys(("command", "cohort", "engine", "strategy"), str),
    **dict.fromkeys(("scenario_digest", "study_digest", "results_digest", "posterior_digest"), str),
    **dict.fromkeys(("scenario", "study", "engines", "versions", "machine", "prior"), dict),
    **dict.fromkeys(("seed", "seed_of_draws", "replicates", "kept_replicates", "workers"), int),
    **dict.fromkeys(("ensembles", "steps", "draws", "schema_version"), int),
    **dict.fromkeys(("seconds", "largest_r_hat", "smallest_ess", "acceptance"), float),
    "is_complete": bool,
    "priors": list,
}


@dataclass(frozen=True)
class ResultFile:
    """A file of a results folder, and the attribute of the result that it holds; None is not written.

    Where the name has a `*`, the attribute is a mapping, and each item a file with its key in place of the star.
    `is_written_empty` says whether a table without rows is written.
    """

    name: str
    attribute: str
    is_written_empty: bool = True


@dataclass(frozen=True)
class Layout:
    """What the results folder of a command holds.

    `entries` names the entries of the manifest, in their order; those in `defaults` may be missing, and those in
    `configuration` make two results comparable. `packages` are what the results depend on beyond the packages of all
    commands.
    """

    command: str
    files: tuple[ResultFile, ...]
    pictures: tuple[str, ...]
    entries: tuple[str, ...]
    configuration: tuple[str, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ()

    @property
    def file_names(self) -> frozenset[str]:
        """The names of all files but the manifest."""
        pictures = {f"{picture}.{form}" for picture in self.pictures for form in FORMATS}
        return frozenset({file.name for file in self.files} | pictures)


def _tables(*names: str) -> tuple[ResultFile, ...]:
    """Tables as CSV, each the attribute of its name."""
    return tuple(ResultFile(f"{name}.csv", name) for name in names)


_SCENARIO: Final = ResultFile("scenario.yaml", "yaml")
_STUDY: Final = ResultFile("study.yaml", "yaml")
_REPLICATES: Final = ResultFile("replicates.parquet", "store")
_USER_DRAWS: Final = ResultFile(PARAMETERS_FILE, "user_draws")

RUN: Final = Layout(
    "run",
    (
        _SCENARIO,
        *_tables("estimates"),
        ResultFile("interpretations.csv", "interpretations", is_written_empty=False),
        ResultFile("differences.csv", "differences", is_written_empty=False),
        _REPLICATES,
        ResultFile("patients.parquet", "patients"),
        ResultFile("events.parquet", "events"),
        _USER_DRAWS,
    ),
    ("swimmer", "predictive"),
    (
        "command", "scenario", "scenario_digest", "seed", "replicates", "kept_replicates", "engine", "results_digest",
        "seconds", "is_complete", "strategy", "workers",
    ),
    ("command", "scenario", "strategy"),
    {"is_complete": True, "strategy": "", "workers": 1},
)  # fmt: skip

CALIBRATE: Final = Layout(
    "calibrate",
    (
        _SCENARIO,
        ResultFile(DRAWS_FILE, "table"),
        ResultFile(PRIOR_DRAWS_FILE, "prior_draws"),
        *_tables("posterior_summary", "correlations", "principal_components", "predictive", "left_out", "sensitivity"),
    ),
    ("posterior_summary", "predictive", "left_out", "sensitivity"),
    (
        "cohort", "scenario", "scenario_digest", "seed", "seed_of_draws", "replicates", "ensembles", "steps",
        "draws", "posterior_digest", "largest_r_hat", "smallest_ess", "acceptance", "workers", "seconds", "priors",
        "prior", "command",
    ),
    ("command", "cohort", "scenario", "priors", "prior"),
    {"priors": [], "prior": {}},
    packages=("emcee", "arviz-stats"),
)  # fmt: skip

CALIBRATE_STUDY: Final = Layout(
    "calibrate study",
    (
        _STUDY,
        ResultFile(DRAWS_FILE, "new_trial"),
        ResultFile("posterior-*.parquet", "trial_tables"),
        *_tables("posterior_summary", "between_trials", "predictive", "left_out", "coverage"),
    ),
    ("trials", "predictive", "left_out"),
    (
        "study", "study_digest", "seed", "seed_of_draws", "replicates", "draws", "posterior_digest", "largest_r_hat",
        "smallest_ess", "workers", "seconds", "command",
    ),
    ("command", "study"),
    packages=("arviz-stats",),
)  # fmt: skip

COMPARE: Final = Layout(
    "compare",
    (_STUDY, *_tables("estimates", "differences", "ranks"), _REPLICATES, _USER_DRAWS),
    ("plane", "differences", "ranks"),
    (
        "study", "study_digest", "seed", "replicates", "engines", "workers", "results_digest", "seconds",
        "is_complete", "command",
    ),
    ("command", "study"),
    {"is_complete": True},
)  # fmt: skip

SIZE: Final = Layout(
    "size",
    (
        _STUDY,
        ResultFile("protocol.txt", "protocol_text"),
        *_tables("calendar"),
        ResultFile("exact.csv", "exact", is_written_empty=False),
        *_tables("curve", "shares"),
        _USER_DRAWS,
    ),
    ("power", "boundaries", "assurance", "calendar"),
    ("study", "study_digest", "seed", "replicates", "engine", "workers", "results_digest", "seconds", "command"),
    ("command", "study"),
)  # fmt: skip

LAYOUTS: Final[dict[str, Layout]] = {
    layout.command: layout for layout in (RUN, CALIBRATE, CALIBRATE_STUDY, COMPARE, SIZE)
}
