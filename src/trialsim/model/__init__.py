"""The medicine and the chance, written once.

Pure functions of plain numbers, in the order in which a patient meets them: `draws` (an address to a number), `accrual`
(when patients come), `course` (calendar and study days), `event_order` (what comes first on one instant), `baseline`
(who they are), `hazards` (of event clocks), `disease` (states), `rules` and `titration` (rules to decisions),
`vocabulary` (what can happen, as codes) and `protocol` (the flat numbers that engines read). Nothing here knows SimPy,
pandas, YAML or numba.
"""
