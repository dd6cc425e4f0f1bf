"""Write docs/tables.md from the declared columns.

python docs/write_tables.py
"""

from __future__ import annotations

from pathlib import Path

from trialsim.model import disease, titration
from trialsim.model import vocabulary as v
from trialsim.records.columns import PATIENTS, READABLE_EVENTS, REPLICATES, Column

HEAD = """# Tables

Written by `python docs/write_tables.py` from the declarations in `src/trialsim/records/columns.py`. Missing times and doses are
NaN. Days are days; months in reports are 30.4375 days.
"""
TABLES = {
    "events.parquet: one row for each thing that happened": READABLE_EVENTS,
    "patients.parquet: one row for each enrolled patient": PATIENTS,
    "replicates.parquet: one row for each trial": REPLICATES,
}
TAIL = """
The patients table has besides, for each toxicity NAME, `n_onsets.NAME` and `first_onset_days.NAME`, and at its end who the
patient is: `site`, `is_sensitive`, and for each covariate NAME `baseline.NAME` (per cent as a share of 1). The table of replicates has,
for each reported toxicity, `n_toxicity.NAME`, the number of patients with it. Reason codes: 1 progression seen, 2 stopped
by a rule, 3 death, 4 withdrawal, 5 cut-off.

## estimates.csv: one row for each quantity

`quantity`, `published` (empty if it is not), `value` (mean over trials, or ratio of totals for shares), `mcse` (its Monte Carlo
standard error), `lower` and `upper` (central 95 % of single trials), `unit` (empty for shares), `lower_mcse` and
`upper_mcse`, `position` (share of trials below the published figure plus half of those equal to it after rounding as
printed) and `position_mcse`, `n_defined` (trials in which the quantity exists), `interval_contains` (in words), `printed`.
`statistic` says what was measured (a reading may change it) and `is_inside` whether the published figure lies within
`lower` and `upper`. `readings.csv` has the same columns after `ambiguity` and `reading`.
"""


def text() -> str:
    """The whole page."""
    return HEAD + "".join(section(title, columns) for title, columns in TABLES.items()) + vocabulary() + TAIL


def vocabulary() -> str:
    """The words of `event` and `detail`."""
    return f"""
## The words of the event log

`event`: {", ".join(v.EVENT_NAMES)}.

`detail` of a decision: {", ".join(titration.DECISION_NAMES)}; of a response, progression, assessment, death or withdrawal
the state of the disease: {", ".join(disease.STATE_NAMES)}; of the end of treatment or observation:
{", ".join(v.REASON_NAMES[1:])} (relapse counts as progression there).
"""


def section(title: str, columns: tuple[Column, ...]) -> str:
    """One table of columns."""
    rows = "".join(f"| `{c.name}` | {c.dtype} | {c.unit} | {c.meaning} |\n" for c in columns)
    return f"\n## {title}\n\n| column | type | unit | meaning |\n|---|---|---|---|\n{rows}"


if __name__ == "__main__":
    (Path(__file__).parent / "tables.md").write_text(text(), encoding="utf-8")
