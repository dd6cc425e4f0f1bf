"""The order of events that fall on one instant of the calendar, as one numbered list. Both engines follow it.

1  what follows from an event at once, before anything else happens: clocks start, stop and change their dose
2  CUT_OFF   the data cut-off, or the final look of a trial that has one: observation is half-open, [entry, cut-off)
3  ARRIVAL   a person arrives, enrols and takes the first dose; at midnight the slots of a clinic are free again
4  PATIENT   what happens to patients, in the order of their study days, and on one study day of a patient:
      4.1  CLOCK        an event clock fires: a toxicity, its end, a response, progression, death, withdrawal
      4.2  ASSESSMENT   the state of the disease is seen
      4.3  EVALUABLE    the patient has been on study long enough to be evaluable for response
      4.4  VISIT        a titration visit: the rules decide on what has happened and been seen by now
      4.5  WINDOW_END   a time in which the design asks for an event is over, [first dose, first dose + window]
5  STILL_OBSERVED   observation ends for those who are still in it at the cut-off: the last rows of a log

First what happens, then what is seen of it, then what is decided on it. The study day stands before the rank, because
two study days that differ by the last bit may fall on one instant of the calendar (see docs/why/exact-times.md).
"""

from __future__ import annotations

from typing import Final

# Classes of events of one instant. 0 and 1 are SimPy's own priorities: what follows from an event at once.
CUT_OFF: Final = 2
ARRIVAL: Final = 3
PATIENT: Final = 4
STILL_OBSERVED: Final = 5

# Ranks of the events of one patient on one study day.
CLOCK: Final = 1
ASSESSMENT: Final = 2
EVALUABLE: Final = 3
VISIT: Final = 4
WINDOW_END: Final = 5
