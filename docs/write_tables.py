"""Write docs/tables.md from the declared columns.

python docs/write_tables.py
"""

from __future__ import annotations

from pathlib import Path

from trialsim.endpoints.published import kinds_of
from trialsim.endpoints.registry import ENDPOINTS
from trialsim.endpoints.responses import USUAL
from trialsim.model import disease, titration
from trialsim.model import vocabulary as v
from trialsim.records.columns import READABLE_EVENTS, Column, patient_columns, replicate_columns

HEAD = """# Tables

Written by `python docs/write_tables.py` from the declarations in `src/trialsim/records/columns.py`. Missing times and doses are
NaN. Days are days; months in reports are 30.4375 days.
"""
TABLES = {
    "events.parquet: one row for each thing that happened": READABLE_EVENTS,
    "patients.parquet: one row for each enrolled patient": patient_columns(USUAL, (), ()),
    "replicates.parquet: one row for each trial": replicate_columns(USUAL, ()),
}
TAIL = """
The columns of minor and partial responses are those of a scenario that names no categories of its own. For a category NAME (what is neither letter nor digit becomes `_`: `pain_free_seen_days`) there are `NAME_seen_days` and `NAME_confirmed_days`, of
this category or a better one, except for the least that counts, whose days are those of any response; and `n_NAME` in the table of replicates (only spaces become `_`: `n_pain-free`). `best_response` is the
number of the category, from 1 for the least.

The patients table has besides, for each toxicity NAME, `n_onsets.NAME` and `first_onset_days.NAME`, for each level of the
ladder `days_at.DOSE` (days on treatment at this dose, mg/day), where a cohort publishes grams by a day `dose_by.DAY` (mg taken by that study day), and at its end the baseline: `site`, `is_sensitive`, and for each covariate NAME `baseline.NAME` (per cent as a share of 1). The table of replicates has,
for each reported toxicity, `n_toxicity.NAME`, the number of patients with it, and, where parameters vary, `parameter_draw`, the row
(from 1) of the table of draws that the trial has. Reason codes: 1 progression seen, 2 stopped
by a rule, 3 death, 4 withdrawal, 5 cut-off, 6 discontinuation.

In a trial with arms, patients and events have a column `arm` (empty for those who were not eligible), and in the table of replicates a column of an arm is `ARM | COLUMN`;
levels that an arm's ladder does not have are missing.

## estimates.csv: one row for each quantity

`quantity`, `published` (empty if it is not), `value` (mean over trials, or ratio of totals for shares), `mcse` (its Monte Carlo
standard error), `lower` and `upper` (central 95 % of single trials), `unit` (empty for shares), `lower_mcse` and
`upper_mcse`, `percentile` (share of trials below the published statistic plus half of those equal to it after rounding as
printed) and `percentile_mcse`, `n_defined` (trials in which the quantity exists), `interval_contains` (in words), `printed`.
`statistic` says what was measured (an interpretation may change it) and `is_inside` whether the published statistic lies within
`lower` and `upper`. `sd_sampling` and `sd_parameters`, each with `_mcse`, split the standard deviation of single trials into
sampling variability and parameter uncertainty (0 where they are fixed, empty where too few trials share a draw);
`lower_80`, `upper_80` and `is_inside_80` are the same for the central 80 %. A Kaplan-Meier median that a trial did not reach counts as
later than any other: an end of an interval may be infinite, and `value` and the standard deviations are over the trials that reached it. `interpretations.csv` has the same columns after
`ambiguity` and `interpretation`.

With arms there is `arm` before them, `whole trial` for what a trial has once, and `differences.csv`: `arm`, `control`, `quantity`, `value` (of the arm less that of the
control), `mcse`, `lower` and `upper` (central 95 % of single trials), `unit`, `n_defined`.

## What `trialsim calibrate` writes

* `posterior.parquet`: one row a draw, one column a parameter, named with its unit in brackets.
* `prior.parquet`, with `--prior`: a copy of the draws that were the prior.
* `posterior_summary.csv`, one row a parameter: `prior_` and `posterior_` `median`, `lower` and `upper` (90 % intervals, in `unit`),
  `median_mcse`, `shift` of the median in prior standard deviations with `shift_mcse`, `contraction`
  (1 - var(posterior) / var(prior) on the scale of the prior) with `contraction_mcse`, `verdict`, `informed_by`, `r_hat`, `ess_bulk`,
  `ess_tail`.
* `correlations.csv`, one row a pair: `correlation` of the scores and `mcse`. `principal_components.csv`: eigenvectors of the posterior
  covariance of the scores, with `contraction` and `is_flat`.
* `predictive.csv`, one row a published statistic: `predicted` ± `mcse`, `sd_sampling`, `sd_parameters`, 80 and 95 % of trials,
  `percentile` (as above), `tail_probability` (twice the smaller of the shares on either side), `is_inside_80`.
* `left_out.csv`: the same, each statistic predicted from the others; `ess` (how many draws that prediction is worth), `method`.
* `sensitivity.csv`, one row a variant and quantity: `value` ± `mcse`, `sd_parameters`, `shift` from the first variant with
  `shift_mcse`, `r_hat`.

## What `trialsim compare` writes

* `estimates.csv`, one row a variant and quantity: `value` (mean over trials of the trial's number) ± `mcse`, `lower` and `upper`
  (central 95 % of single trials), `unit`, `sd_sampling` (what trials of this size scatter at known parameters), `sd_parameters` with
  `sd_parameters_mcse` (what not knowing them adds), `n_defined` (trials that have a number).
* `differences.csv`, one row a pair and quantity, `variant` less `control`: `value` ± `mcse`, `lower` and `upper` (95 % of the posterior of the
  expected difference; empty where the parameters are fixed), `sd_sampling` of the paired difference in one trial, `sd_parameters` with
  `_mcse`, `probability_better` with `probability_mcse` (over the posterior; ties count half; empty where neither more nor less is
  better), `times_fewer` (how many times fewer trials the pairing needed than independent runs for the same `mcse`; infinite where the two are
  always equal), `n_defined`.
* `ranks.csv`, one row a variant and quantity: `sucra`, and `rank_1`, `rank_2`, … with their probabilities over the posterior.
* `replicates.parquet`, one row a trial: `replicate`, `parameter_draw`, `VARIANT | QUANTITY` (the trial's number), the same with `| variance`
  (of it, that the trial's patients make), and `VARIANT - CONTROL | QUANTITY | variance` (of the difference on the same patients).
* `study.yaml`: the study and the scenario of every variant, every default written out.
"""


def text() -> str:
    """The whole page."""
    return (
        HEAD + "".join(section(title, columns) for title, columns in TABLES.items()) + vocabulary() + TAIL + endpoints()
    )


def endpoints() -> str:
    """The endpoints of the registry: what each command knows of them."""
    rows = [
        "\n## Endpoints\n",
        "From `src/trialsim/endpoints/registry.py`. A study names an endpoint by its name; `run`, cohorts and `calibrate` name its "
        "statistics. A share without a denominator is of all enrolled patients. Each toxicity of a scenario is an endpoint by its "
        "name, with the statistic `toxicity.NAME`; lower is better. The responses are those of a scenario that names no categories of its "
        "own; see [scenarios](scenarios.md) for others. A cohort may publish more of most endpoints than the table of "
        "replicates has: see [cohort files](cohorts.md).\n",
        "| endpoint | unit | better | in `compare` and `size` | statistics of a trial | measured in patients for a cohort |",
        "|---|---|---|---|---|---|",
    ]
    for item in ENDPOINTS:
        uses = [name for name, used in (("compare", item.measure), ("size", item.outcome)) if used is not None]
        keys = sorted(item.measure.keys) if item.measure is not None else []
        known = ", ".join(uses) + (f"; keys {', '.join(f'`{key}`' for key in keys)}" if keys else "")
        statistics = "; ".join(f"`{one.name}`: {one.label}" for one in item.statistics)
        unit = item.unit or ("share" if item.measure is not None else "")
        kinds = ", ".join(kinds_of(item))
        rows.append(f"| {item.name} | {unit} | {item.direction} | {known} | {statistics} | {kinds} |")
    return "\n".join(rows) + "\n"


def vocabulary() -> str:
    """The words of `event` and `detail`."""
    return f"""
## The words of the event log

`event`: {", ".join(v.EVENT_NAMES)}.

`detail` of a decision: {", ".join(titration.DECISION_NAMES)}; of a response, progression, assessment, death, withdrawal or discontinuation
the state of the disease: 0 stable, 1 to 6 the categories of response, {disease.RELAPSED} relapsed, {disease.PROGRESSED} progressed; of the end of treatment or observation:
{", ".join(v.REASON_NAMES[1:])} (relapse counts as progression there).
"""


def section(title: str, columns: tuple[Column, ...]) -> str:
    """One table of columns."""
    rows = "".join(f"| `{c.name}` | {c.dtype} | {c.unit} | {c.meaning} |\n" for c in columns)
    return f"\n## {title}\n\n| column | type | unit | meaning |\n|---|---|---|---|\n{rows}"


if __name__ == "__main__":
    (Path(__file__).parent / "tables.md").write_text(text(), encoding="utf-8")
