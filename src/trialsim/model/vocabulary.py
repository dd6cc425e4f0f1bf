"""What can happen in a trial, as codes and names: the language of the event log."""

from __future__ import annotations

from typing import Final

# Events. A code, once given, is never given again.
SCREEN_FAILURE: Final = 0
ENROLLED: Final = 1
FIRST_DOSE: Final = 2
DECISION: Final = 3
TOXICITY_ONSET: Final = 4
TOXICITY_RESOLVED: Final = 5
RESPONSE: Final = 6
PROGRESSION: Final = 7
ASSESSED: Final = 8
BECAME_EVALUABLE: Final = 9
TREATMENT_ENDED: Final = 10
DIED: Final = 11
WITHDREW: Final = 12
OBSERVATION_ENDED: Final = 13
DISCONTINUED: Final = 14
ASSESSMENT_MISSED: Final = 15
RESPONSE_CONFIRMED: Final = 16
EVENT_NAMES: Final = (
    "screen failure", "enrolled", "first dose", "decision", "toxicity onset", "toxicity resolved", "response",
    "progression", "assessed", "became evaluable", "treatment ended", "died", "withdrew", "observation ended",
    "discontinued", "assessment missed", "response confirmed",
)  # fmt: skip

# Why a treatment or an observation ended.
NO_REASON: Final = 0
PROGRESSION_SEEN: Final = 1
TOXICITY_STOP: Final = 2
DEATH: Final = 3
WITHDRAWAL: Final = 4
CUT_OFF: Final = 5
DISCONTINUATION: Final = 6
REASON_NAMES: Final = (
    "", "progression seen", "stopped by rule", "death", "withdrawal", "cut-off", "discontinuation",
)  # fmt: skip

# What a published statistic can be compared with, besides `toxicity.NAME` (a share) for every reported toxicity and
# `response.NAME` for every category of response: the quantity and its unit, which is empty for a share.
STATISTICS: Final = {
    "dose.median": "mg/day",
    "dose.median.evaluable": "mg/day",
    "dose.median.highest_level": "mg/day",
    "evaluable": "patients",
    "response.any": "",
    "responders.progression_free": "",
    "responders.relapsed": "",
    "responders.died": "",
    "follow_up.median": "months",
    "follow_up.median.responders": "months",
    "toxicity.any_severe": "",
    "treatment.stopped_by_rule": "",
    "progression.seen": "",
    "died": "",
}

# Cut-off kinds.
CUT_AT_DAY: Final = 0
CUT_AFTER_LAST_ENTRY: Final = 1
CUT_AFTER_COUNT: Final = 2

# What a cut-off may count, as it is seen.
COUNT_DEATHS: Final = 0
COUNT_PROGRESSIONS: Final = 1
COUNT_RESPONSES: Final = 2
COUNT_EVALUABLE: Final = 3

# The event logs that are kept in memory, together: some 250 bytes a row as a table, more while SimPy runs.
MAX_LOGGED_EVENTS: Final = 3_000_000
