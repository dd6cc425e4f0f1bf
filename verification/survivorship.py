"""More drug, more response, without a cause: survivorship in the calibrated model.

    python -m verification.survivorship [replicates]

Barlogie et al. 2001 saw responses of at least 25 % in 54 % of patients who had taken more than 42 g of thalidomide in
three months, and in 21 % of those who had taken less. Here the dose has no effect on response at all (its exponent is
set to 0) and everyone can be observed for a year or more, yet the two groups differ: whoever progresses, dies or stops
early takes less and has no response. Writes results/verification/survivorship.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import trialsim as ts
from trialsim.records.tables import plain_rows

RESULTS = Path(__file__).parents[1] / "results" / "verification"
THREE_MONTHS_DAYS = 91.3125
LIMIT_MG = 42_000.0


def dose_in_three_months(events: pd.DataFrame, patients: pd.DataFrame) -> pd.Series:
    """The cumulative dose (mg) of each patient by day 91.3125, from the log of doses."""
    key = ["replicate", "patient"]
    moves = events[events["dose_to_mg_per_day"].notna()].sort_values([*key, "study_day"], kind="stable")
    until = patients.set_index(key)["treatment_days"].clip(upper=THREE_MONTHS_DAYS).rename("until")
    moves = moves.join(until, on=key)
    following = moves.groupby(key)["study_day"].shift(-1).fillna(moves["until"])
    days = (np.minimum(following, moves["until"]) - moves["study_day"]).clip(lower=0.0)
    taken: pd.Series = (moves["dose_to_mg_per_day"] * days).groupby([moves["replicate"], moves["patient"]]).sum()
    return taken.rename("mg")


def compared(replicates: int, seed: int = 11) -> pd.DataFrame:
    """Response of those above and below 42 g: patients, responders, share and its standard error over trials."""
    scenario = ts.load_scenario("tosi2000").with_changes(
        {"parameters.values.response dose exponent": 0, "cut_off": {"after_opening": "24 months"}}
    )
    result = ts.run(scenario, replicates, seed, keep=replicates)
    mg = dose_in_three_months(result.events, result.patients)
    patients = result.patients.join(mg, on=["replicate", "patient"])
    patients = patients.assign(group=np.where(patients["mg"] > LIMIT_MG, "above 42 g", "below 42 g"))
    rows: list[dict[str, Any]] = []
    for group, found in patients.groupby("group"):
        responds = found["best_response"] > 0
        by_trial = responds.groupby(found["replicate"]).agg(["sum", "size"])
        share = float(responds.mean())
        residual = by_trial["sum"] - share * by_trial["size"]
        error = float(np.sqrt((residual**2).sum()) / len(found))
        rows.append({"group": group, "patients": len(found), "responders": int(responds.sum()), "share": share,
                     "se": error})  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    found = compared(replicates)
    RESULTS.mkdir(parents=True, exist_ok=True)
    summary = {"what": "response of at least 25 % by dose taken in three months, causal exponent 0",
               "replicates": replicates, "groups": plain_rows(found)}  # fmt: skip
    (RESULTS / "survivorship.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
