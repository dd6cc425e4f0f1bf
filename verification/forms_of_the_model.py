"""What the six trials say for and against each piece of the model's form, and what each piece does to the answers.

    python -m verification.forms_of_the_model [form ...]

The shipped questions are asked of three posteriors that come with the package: what `followup` predicts, and what the
studies of size and the comparison of strategies answer. Then of further forms: each is `salvage` with one piece taken
away, or with one more, calibrated to the six trials as `trialsim calibrate six_trials` is; statistics, priors of all
that stays, and draws of chance are the same, so that the evidence compares the forms. Prints, and writes
results/verification/forms.csv, form by form; what is there is kept.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml

import trialsim as ts
from trialsim.calibration.joint.build import joint_model_of
from trialsim.calibration.joint.fitting import JointFit, Simulated, fit_joint
from trialsim.calibration.joint.model import JointModel
from trialsim.calibration.joint.posterior import JointPosterior
from trialsim.config.calibrated.draw_tables import posterior_file, read_table, write_table
from trialsim.config.loading.calibration_studies import load_joint_study
from trialsim.config.loading.comparisons import study_data
from trialsim.config.source.builtin import find_file
from trialsim.records.tables import plain_rows
from trialsim.simulation.workers import available_cores
from trialsim.typing import Floats

TABLE: Final = Path(__file__).parents[1] / "results" / "verification" / "forms.csv"
STUDY: Final = "six_trials"
CENTRE: Final = "tosi2000"
REPLICATES: Final = 200  # simulated trials at each point
N_DRAWS: Final = 1000
MIN_ESS: Final = 400.0
PRIOR_POINTS: Final = 400
NEAR_POINTS: Final = 800
SPREAD: Final = 1.2  # of the points near the shipped posterior
N_CHAINS: Final = 128
SEED: Final = 1
TRUTHS: Final = 2000  # simulated trials under each truth of a study of size
SIZES: Final = ("simon_response", "bryant_day", "logrank_progression")
COMPARISON: Final = "compare_titration"
STRATEGIES: Final = ("cap 400", "fixed 200", "until response")
ENDPOINTS: Final = ("any response", "any severe toxicity")
TRIALS_COMPARED: Final = 200
PREDICTED: Final = (
    "response.partial", "response.any", "toxicity.any_severe", "progression.seen", "died", "dose.median.highest_level",
)  # fmt: skip


@dataclass(frozen=True)
class Form:
    """A form: numbers that are fixed, further parameters with their priors, and changes to every trial."""

    fixed: dict[str, str | float] = field(default_factory=dict)
    priors: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)


_LATE: Final = {"events": {name: {"shape": {"calibrated": "disease shape"}} for name in ("relapse", "progression")}}
_CURED: Final = {"frailties": {"disease": {"long_term": {"calibrated": "long-term share"}}}}
_DELAYED: Final = {
    "events": {f"{name} response": {"delay": {"calibrated": "response delay"}} for name in ("minor", "partial")}
}
FORMS: Final = {
    "salvage": Form(),
    "no frailty of disease": Form({"disease frailty sd": 0}),
    "no frailty of the speed of response": Form({"speed of response frailty sd": 0}),
    "no early death": Form({"early death rate": "0 /month"}),
    "nobody stops by choice": Form({"stopping rate": "0 /month"}),
    "no effect of the dose on disease": Form({"disease dose exponent": 0}),
    "intolerance in proportion to the dose": Form({"intolerance dose exponent": 1}),
    "none of these": Form(
        {
            "disease frailty sd": 0, "speed of response frailty sd": 0, "early death rate": "0 /month",
            "stopping rate": "0 /month", "disease dose exponent": 0, "intolerance dose exponent": 1,
        }
    ),
    "and a shape of relapse and progression": Form(
        priors={"disease shape": {"distribution": "lognormal", "median": 1, "sd": 0.3}}, changes=_LATE
    ),
    "and a long-term share": Form(
        priors={"long-term share": {"distribution": "logit-normal", "median": 0.05, "sd": 1}}, changes=_CURED
    ),
    "and a delay of response": Form(
        priors={"response delay": {"distribution": "lognormal", "median": "7 days", "sd": 0.7}}, changes=_DELAYED
    ),
}  # fmt: skip


SHIPPED: Final[dict[str, dict[str, Any]]] = {
    "27 patients alone, the simplest form": {
        "extends": "tosi2000", "parameters": {"use": "calibrated", "calibrated_to": "tosi2000"},
    },
    "six trials, the pilot's centre": {
        "extends": "salvage", "parameters": {"use": "calibrated", "calibrated_to": "salvage", "centre": CENTRE},
    },
    "six trials, a new trial": {
        "extends": "salvage", "parameters": {"use": "calibrated", "calibrated_to": "salvage", "centre": None},
    },
}  # fmt: skip


def study_of(form: Form, folder: Path) -> Path:
    """The study of the six trials in a form, as a file in a folder."""
    study = dict(study_data(STUDY)[0])
    parameters = yaml.safe_load(find_file("salvage", "parameters", Path(), "", "").read_text(encoding="utf-8"))
    for name, value in form.fixed.items():
        parameters["parameters"][name] |= {"mode": value, "prior": {"distribution": "fixed", "median": value}}
    for name, prior in form.priors.items():
        parameters["parameters"][name] = {
            "mode": prior["median"],
            "prior": prior,
            "informed_by": "all",
            "source": "assumed",
        }
    (folder / "parameters.yaml").write_text(yaml.safe_dump({**parameters, "name": "form"}), encoding="utf-8")
    scenarios = {}
    for name in study["cohorts"]:
        file = folder / f"{name}.yaml"
        priors = {"use": "mode", "calibrated_to": str(folder / "parameters.yaml"), "centre": None}
        base = study["scenarios"].get(name, name)
        trial = {"extends": base, "cohort": name, "parameters": priors, **form.changes}
        file.write_text(yaml.safe_dump(trial), encoding="utf-8")
        scenarios[name] = str(file)
    between = {}
    for family, item in study["between_trials"].items():
        names = [name for name in item["parameters"] if name not in form.fixed]
        if names:
            between[family] = {**item, "parameters": names}
    study |= {"between_trials": between, "parameters": str(folder / "parameters.yaml"), "scenarios": scenarios}
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    return folder / "study.yaml"


def near_the_shipped_posterior(model: JointModel) -> Floats:
    """Joint vectors near those of the shipped posterior, from the draws of each trial. Shape (draws, scores)."""
    random = np.random.default_rng(SEED)
    scores = [_scores_of(model, j, random) for j in range(len(model.trials))]
    x = random.standard_normal((len(scores[0]), model.n_scores))
    names = list(model.marginals)
    for k, name in enumerate(names):
        x[:, k] = np.mean(_of_trials(model, scores, name), axis=0)
    for f, family in enumerate(model.families):
        sds = np.stack([np.std(_of_trials(model, scores, name), axis=0) for name in family.parameters])
        sds *= np.array([[model.marginals[name].sd] for name in family.parameters])
        x[:, len(names) + f] = family.score(np.clip(np.sqrt(np.mean(sds**2, axis=0)), 0.05 * family.sd, 3 * family.sd))
    for j, places in enumerate(model.places):
        widths = model.trial_scores(np.where(np.isin(np.arange(model.n_scores), places.units), 1.0, x), j)
        for i, unit in enumerate(places.unit):
            if unit >= 0:
                shared = x[:, places.shared[i]] if places.shared[i] >= 0 else 0.0
                x[:, unit] = (scores[j][:, i] - shared) / (widths[:, i] - shared)
    return np.asarray(x)


def _scores_of(model: JointModel, j: int, random: np.random.Generator) -> Floats:
    """The scores of a trial's parameters under the shipped posterior; a parameter that it lacks from its prior."""
    table, trial = read_table(posterior_file("salvage", model.names[j]), "the shipped posterior"), model.trials[j]
    n = len(table.column(table.names[0]))
    columns = [
        marginal.scores(table.column(name)) if name in table.names else random.standard_normal(n)
        for name, marginal in zip(trial.names, trial.prior.marginals, strict=True)
    ]
    return np.column_stack(columns)


def _of_trials(model: JointModel, scores: list[Floats], name: str) -> list[Floats]:
    """The scores of one parameter in the trials that have it."""
    return [z[:, trial.names.index(name)] for z, trial in zip(scores, model.trials, strict=True) if name in trial.names]


def calibrated(form: Form, folder: Path) -> JointFit:
    """The joint posterior of the six trials in a form, from chains that begin near the shipped one."""
    model = joint_model_of(load_joint_study(study_of(form, folder)), REPLICATES)
    random, workers = np.random.default_rng(SEED), available_cores()
    near = near_the_shipped_posterior(model)
    points = (
        random.standard_normal((PRIOR_POINTS, model.n_scores)),
        near[:NEAR_POINTS] + (SPREAD - 1.0) * random.standard_normal((NEAR_POINTS, model.n_scores)),
    )
    simulated = Simulated()
    for number, x in enumerate(points):
        for j, trial in enumerate(model.trials):
            z = model.trial_scores(x, j)
            simulated.add(number, z, trial.probabilities(z, workers))
    start = near[-N_CHAINS:]
    return fit_joint(model, SEED, N_DRAWS, workers, simulated, start=start, min_ess=MIN_ESS)


def answers(base: Mapping[str, Any], folder: Path) -> dict[str, float]:
    """What `followup` predicts, and what the studies of size and the comparison answer, in a form.

    `base` says what `followup` and the scenario of the comparison become: `extends` and `parameters`, and `changes`.
    """
    followup, trial = folder / "followup.yaml", folder / "trial.yaml"
    own = yaml.safe_load(find_file("followup", "scenarios", Path(), "", "").read_text(encoding="utf-8"))
    form = {"parameters": base["parameters"], **base.get("changes", {})}
    events = {**own.pop("events"), **form.pop("events", {})}
    followup.write_text(yaml.safe_dump(own | {"extends": base["extends"], "events": events} | form), encoding="utf-8")
    of_trial = {"extends": base["extends"], "cohort": CENTRE, "parameters": base["parameters"]}
    trial.write_text(yaml.safe_dump(of_trial | base.get("changes", {})), encoding="utf-8")
    estimates = ts.run(str(followup), seed=SEED).estimates.set_index("quantity")["value"]
    found = {name: float(estimates[name]) for name in PREDICTED}
    for name in SIZES:
        sized = ts.size({**study_data(name)[0], "scenario": str(followup), "replicates": TRUTHS}, seed=SEED)
        found[f"{name}: n"] = float(sized.design["n"])
        found[f"{name}: assurance"] = float(sized.assurance.assurance) if sized.assurance is not None else np.nan
    return found | compared(trial)


def compared(trial: Path) -> dict[str, float]:
    """The differences of strategies from the published one, for the endpoints of the plane."""
    data = dict(study_data(COMPARISON)[0])
    kept = ts.load_scenario(str(trial)).events
    changes = {key: value for key, value in data["changes"].items() if not key.startswith("events.") or key[7:] in kept}
    variants = {name: data["variants"][name] for name in (data["control"], *STRATEGIES)}
    data |= {"scenario": str(trial), "changes": changes, "variants": variants, "endpoints": list(ENDPOINTS)}
    differences = ts.compare({**data, "replicates": TRIALS_COMPARED}, seed=SEED).differences
    return {
        f"{row['variant']}, {row['quantity']}": float(row["value"])
        for row in differences.to_dict("records")
        if row["variant"] in STRATEGIES
    }


def row_of(name: str, folder: Path) -> dict[str, Any]:
    """One row of the table."""
    if name in SHIPPED:
        return {"form": name} | answers(SHIPPED[name], folder)
    form = FORMS[name]
    fit, draws = calibrated(form, folder), folder / "draws.parquet"
    print(f"{name}: log evidence {fit.evidence.value:.2f} ± {fit.evidence.mcse:.2f}", flush=True)
    write_table(draws, JointPosterior(fit, "form").trial_tables[CENTRE])
    parameters = {"use": "calibrated", "draws": str(draws), "calibrated_to": None, "centre": None}
    row = {
        "form": name,
        "log_evidence": fit.evidence.value,
        "mcse": fit.evidence.mcse,
        "pareto_k": fit.k,
        "ess": fit.ess,
    }
    return row | answers({"extends": "salvage", "parameters": parameters, "changes": form.changes}, folder)


def main() -> None:
    wanted = sys.argv[1:] or [*SHIPPED, *FORMS]
    rows = plain_rows(pd.read_csv(TABLE)) if TABLE.is_file() else []
    for name in wanted:
        if name in [row["form"] for row in rows]:
            continue
        with tempfile.TemporaryDirectory() as place:
            row = row_of(name, Path(place))
        print(row, flush=True)
        rows.append(row)
        table = pd.DataFrame(rows)
        table.round(4).to_csv(TABLE, index=False)
    print(pd.DataFrame(rows).round(3).T.to_string())


if __name__ == "__main__":
    main()
