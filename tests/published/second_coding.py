"""A second coding of the published statistics of Tosi et al. 2000, made from the published text alone, without
looking at configs/cohorts.
"""

SECOND_CODING: dict[str, object] = {
    # Facts
    "patients": 27,
    "institutions": 1,
    "enrolment.first_month": "1999-10",
    "enrolment.last_month": "2000-07",
    "sex": {"male": 17, "female": 10},
    "age.median_years": 60,
    "stage": {"III": 27},
    "beta_2_microglobulin.median_mg_per_l": 4.36,
    "marrow_plasma_cells.median_percent": 70,
    "prior_transplant": {
        "none": 13,
        "single autologous": 4,
        "double autologous": 9,
        "allogeneic": 1,
    },
    "dose.start_mg_per_day": 100,
    "dose.step_mg_per_day": 200,  # ambiguous: a step of 200 from 100, or rungs 100, 200, 400, 600, 800
    "dose.every_days": 14,
    "dose.maximum_mg_per_day": 800,
    # Printed
    "printed.toxicity.constipation_percent": 40,  # ambiguous denominator: no count of 27 rounds to 40 %
    "printed.toxicity.lethargy_percent": 26,  # ambiguous denominator: 7 of 27, or 4 of 15 truncated
    "printed.toxicity.rash_percent": 20,  # ambiguous denominator: no count of 27 rounds to 20 %
    "printed.grade": "> II",  # ambiguous: "II or worse" may have been meant
    "printed.dose.median_mg_per_day": 400,  # ambiguous: 400 is no rung of the literal ladder
    "printed.response.partial_percent": 25,
    "printed.response.minor_percent": 20,
    "printed.follow_up.median_months": 5,  # ambiguous: all patients, or the nine responders only
    # Counts in the default interpretation: (count, denominator)
    "toxicity.constipation": (11, 27),  # ambiguous: nearest count of 27; alternative 6 of 15
    "toxicity.lethargy": (7, 27),  # ambiguous: nearest count of 27; alternative 4 of 15
    "toxicity.rash": (5, 27),  # ambiguous: nearest count of 27; alternatives 6 of 27 and 3 of 15
    "evaluable": (20, 27),  # ambiguous: why 7 were not evaluable is not said
    "response.partial": (5, 20),
    "response.minor": (4, 20),
    "responders.progression_free": (4, 9),
    "responders.relapsed": (4, 9),
    "responders.died": (1, 9),
    # Medians with rounding: (value, half width of rounding)
    "dose.median": (400, 50),  # ambiguous: read as the median of time-averaged daily doses on treatment
    "follow_up.median": (5, 0.5),  # ambiguous: from enrolment to cut-off or death; perhaps responders only
    # Alternative interpretations
    "truncated.toxicity.constipation": (6, 15),
    "truncated.toxicity.lethargy": (4, 15),
    "truncated.toxicity.rash": (3, 15),
    "six.toxicity.rash": (6, 27),
    "ladder.literal": (100, 300, 500, 700, 800),  # the last step is cut by the maximum
    "ladder.other": (100, 200, 400, 600, 800),
    "ladder.literal.days": (0, 14, 28, 42, 56),
    # Pooled comparison, grade III-IV (Glasmacher 2006)
    "pooled.constipation_percent": 16,
    "pooled.somnolence_percent": 11,
    "pooled.rash_percent": 3,
    "pooled.patients": 1674,
    "pooled.trials": 42,
}
