"""What the simplest form of the model, calibrated to 27 patients alone, says of five trials that it has not seen.

    python -m verification.simplest_form

The scenario `tosi2000` has constant hazards, patients who are alike, no early deaths, no neuropathy, and nobody who
stops; its posterior comes from one trial. Here it predicts the other five, with their ladders and their follow-up, as
`trialsim calibrate six_trials --leave-one-out` predicts each from the others with the form that comes with the package.
Statistics that it has no clock for (neuropathy) are left out. Writes results/verification/simplest_form.csv.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

import trialsim as ts
from trialsim.calibration.joint.left_out import coverage_of, predicted
from trialsim.calibration.model import calibration_of
from trialsim.config import Scenario, load_published_trial
from trialsim.config.calibrated.draw_tables import posterior_file, read_table
from trialsim.config.loading.calibration_studies import load_joint_study

RESULTS: Final = Path(__file__).parents[1] / "results" / "verification"
NOT_IN_IT: Final = ("neuropathy", "severe neuropathy", "stopping", "early death")
WITH_FRAILTY: Final = (
    "relapse", "progression", "death before progression", "death after progression", "minor response",
    "partial response",
)  # fmt: skip


def simplest_form(trial: Scenario) -> Scenario:
    """A trial of the joint calibration in the form of `tosi2000`, with the statistics that this form has."""
    mapping = trial.to_mapping()
    events = {name: event for name, event in mapping["events"].items() if name not in NOT_IN_IT}
    for name in WITH_FRAILTY:
        events[name].pop("frailty", None)
    for name in ("relapse", "progression"):
        events[name] |= {"dose_exponent": 0.0, "dose_floor": None}
    events["intolerance"]["dose_exponent"] = {"calibrated": "toxicity dose exponent"}
    statistics = {
        name: item
        for name, item in mapping["cohort"]["statistics"].items()
        if (item.get("endpoint") or name) not in NOT_IN_IT
    }
    mapping |= {"events": events, "frailties": {}, "parameters": {"use": "mode", "calibrated_to": "tosi2000"}}
    mapping["cohort"] = {**mapping["cohort"], "statistics": statistics}
    return ts.load_scenario(mapping)


def main() -> None:
    """Predict, print and write."""
    table = read_table(posterior_file("tosi2000"), "the posterior of tosi2000")
    tables = []
    for name in load_joint_study("six_trials").scenarios:
        if name == "tosi2000":
            continue
        trial = calibration_of(simplest_form(load_published_trial(name)), replicates=1)
        columns = {item: table.column(item) for item in trial.names}
        rows = predicted(trial, trial.prior.scores(pd.DataFrame(columns).to_numpy()), 1)
        rows.insert(0, "trial", name)
        tables.append(rows)
    found = pd.concat(tables, ignore_index=True)
    found.round(6).to_csv(RESULTS / "simplest_form.csv", index=False)
    shown = ["trial", "quantity", "published", "predicted", "lower_90", "upper_90", "percentile"]
    print(found[shown].round(3).to_string(index=False))
    print(coverage_of(found).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
