"""Scenarios that Hypothesis makes up: clocks, shapes, exponents, rules, ladders, resolution, accrual, cut-offs."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import trialsim as ts
from tests.trials import scenario_of

NAMES = ("nausea", "neuropathy", "sedation")
PIECES: tuple[list[dict[str, Any]], ...] = (
    [],
    [],
    [{"after": "20 days", "ratio": 3}],
    [{"after": "1 month", "ratio": 0}, {"after": "47.5 days", "ratio": 1.7}, {"after": "4 months", "ratio": 0.2}],
)


def rates(most: float) -> st.SearchStrategy[str]:
    """A rate per month as text."""
    return st.floats(0.01, most).map(lambda rate: f"{rate:.4f} /month")


@st.composite
def toxicities(draw: st.DrawFn) -> dict[str, Any]:
    """One toxicity clock."""
    event: dict[str, Any] = {
        "kind": "toxicity",
        "rate": draw(rates(1.5)),
        "shape": draw(st.sampled_from([0.6, 1, 1, 2.5])),
        "dose_exponent": draw(st.sampled_from([0, 0.76, 2])),
        "driven_by": draw(st.sampled_from(["time", "time", "exposure"])),
        "delay": draw(st.sampled_from(["0 days", "0 days", "9.3 days"])),
        "severe": draw(st.booleans()),
        "dose_limiting": draw(st.booleans()),
        "frailty": draw(st.sampled_from([None, "fragile"])),
    }
    if event["driven_by"] == "time":
        event["piecewise"] = draw(st.sampled_from(PIECES))
    if draw(st.booleans()):
        event["effects"] = draw(effects())
    if draw(st.booleans()):
        event |= {"resolves": {"rate": draw(rates(5))}, "recurs": draw(st.booleans())}
    return event


POPULATION = {
    "age": {"median": "60 years", "sd": "9 years", "lowest": "18 years"},
    "sex": {"male": 17, "female": 10},
    "marker": {"distribution": "lognormal", "median": "4.4 mg/L", "sd": 0.6},
    "marrow": {"distribution": "logit-normal", "median": "70 %", "sd": 1},
}


CORRELATIONS: tuple[list[dict[str, Any]], ...] = (
    [],
    [{"between": ["marker", "sex"], "correlation": -0.4}],
    [
        {"between": ["age", "marker"], "correlation": 0.3},
        {"between": ["marrow", "marker"], "correlation": 0.9},
        {"between": ["sex", "marrow"], "correlation": -0.2},
    ],
)


@st.composite
def effects(draw: st.DrawFn, ratio_key: str = "hazard_ratio") -> dict[str, Any]:
    """Effects of some of the covariates."""
    ratio = draw(st.floats(0.5, 2))
    found = {
        "age": {ratio_key: ratio, "per": "10 years"},
        "sex": {f"{ratio_key}s": {"female": ratio}},
        "marker": {ratio_key: ratio, "per": "1 mg/L"},
        "marrow": {ratio_key: ratio, "per": "10 %"},
    }
    return {name: found[name] for name in draw(st.lists(st.sampled_from(list(found)), min_size=1, unique=True))}


CATEGORIES: tuple[list[Any], ...] = (  # of response, from the least
    ["minor response", "partial response"],
    ["any remission"],
    [{"name": "minor response", "counts": False}, "partial response", "complete response"],
    [{"name": f"grade {letter}", "counts": letter > "B"} for letter in "ABCDEF"],
)


def names_of(categories: list[Any]) -> list[str]:
    """The names of categories of response."""
    return [item["name"] if isinstance(item, dict) else item for item in categories]


DAYS = st.sampled_from(["14 days", "20.6 days", "28 days", "2 months"])


def conditions(names: list[str], levels: list[int], responses: list[str]) -> st.SearchStrategy[Any]:
    """Conditions of every kind, and groups of them."""
    toxicities = st.sampled_from(["any", "severe", *names])
    single = st.one_of(
        st.sampled_from(["always", "at maximum", "reduced before", *responses]),
        st.fixed_dictionaries(
            {"toxicity": toxicities, "timing": st.sampled_from(["new or ongoing", "new", "ongoing", "ever"])},
            optional={"at_least": st.integers(1, 3)},
        ),
        st.fixed_dictionaries({"toxicity": toxicities, "within": DAYS}),
        st.fixed_dictionaries({"free_of": toxicities, "days": DAYS}),
        st.fixed_dictionaries({"level": st.sampled_from(levels)}),
        *(st.fixed_dictionaries({key: DAYS}) for key in ("study_day", "stable_for", "unchanged_for")),
    )

    def groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(inner, min_size=1, max_size=3)
        return st.one_of(
            *(st.fixed_dictionaries({key: several}) for key in ("all_of", "any_of")),
            st.fixed_dictionaries({"not": inner}),
        )

    return st.recursive(single, groups, max_leaves=5)


@st.composite
def rules(
    draw: st.DrawFn, resolving: list[str], names: list[str], levels: list[int], responses: list[str]
) -> list[dict[str, Any]]:
    """A few rules, the first that holds decides; holds only for toxicities that resolve."""
    found: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 4))):
        do = draw(st.sampled_from(["keep", "reduce", "stop", "escalate", "go to", *(["hold"] if resolving else [])]))
        when = [draw(conditions(names, levels, responses))]
        rule: dict[str, Any] = {"when": when, "do": do, "at": draw(st.sampled_from(["visit", "onset"]))}
        if do == "hold":
            when[:] = [{"not": when[0]}] if draw(st.booleans()) else []
            when.append({"toxicity": draw(st.sampled_from(resolving))})
            rule["resume"] = draw(st.sampled_from(["same", "lower", levels[0]]))
        if do in ("reduce", "escalate"):
            rule["levels"] = draw(st.integers(1, 2))
        if do == "reduce":
            rule["at_lowest"] = draw(st.sampled_from(["stay", "stop"]))
        if do == "go to":
            rule["level"] = draw(st.sampled_from(levels))
        if draw(st.integers(0, 3)) == 0:
            rule["once"] = True
        found.append(rule)
    if draw(st.booleans()):
        found.append({"when": draw(st.sampled_from([responses[0], "at maximum"])), "do": "keep"})
    return [*found, {"when": "tolerated", "do": "escalate"}]


@st.composite
def treatments(draw: st.DrawFn, resolving: list[str], names: list[str], responses: list[str]) -> dict[str, Any]:
    """A ladder, visits and rules, with whatever may stand beside them."""
    levels = draw(st.lists(st.integers(50, 900), min_size=1, max_size=5, unique=True).map(sorted))
    found: dict[str, Any] = {
        "reference_dose": draw(st.sampled_from([25, 400, "0.3 g/day"])),
        "levels": levels,
        "every": draw(st.sampled_from(["7 days", "14 days", "10.3 days", "1 month"])),
        "rules": draw(rules(resolving, names, levels, responses)),
    }
    if draw(st.integers(0, 2)) == 0:
        found["start"] = draw(st.sampled_from(levels))
    beside = draw(st.integers(0, 3))
    if beside == 0:
        found["loading"] = {"dose": draw(st.sampled_from(levels)), "days": draw(DAYS)}
    elif beside == 1:
        found["start_by"] = [
            {"covariate": "sex", "category": "female", "dose": draw(st.sampled_from(levels))},
            {"covariate": "marker", "at_least": "3 mg/L", "below": "6 mg/L", "dose": draw(st.sampled_from(levels))},
        ]
    if draw(st.integers(0, 2)) == 0:
        first = {"every": "3.7 days", "until": "14.8 days"}
        found["visits_at_first"] = [first, *draw(st.sampled_from([[], [{"every": "20 days", "until": "74.8 days"}]]))]
    if draw(st.integers(0, 3)) == 0:
        found["between_changes"] = draw(DAYS)
    if draw(st.integers(0, 3)) == 0:
        found["schedule"] = {"days": 21, "of": 28}
    found["reescalate"] = draw(st.sampled_from(["always", "always", "never", "28 days"]))
    return found


@st.composite
def scenarios(draw: st.DrawFn) -> ts.Scenario:
    """A whole scenario with up to 12 patients."""
    names = list(NAMES[: draw(st.integers(1, 3))])
    events: dict[str, Any] = {name: draw(toxicities()) for name in names}
    if draw(st.booleans()):
        names += ["worse", "worst"][: draw(st.integers(1, 2))]
        for name in names[names.index("worse") :]:
            share, limits = draw(st.sampled_from([0.2, 0.6, 1])), draw(st.booleans())
            events[name] = {"kind": "toxicity", "part_of": names[0], "share": share, "dose_limiting": limits}
    resolving = [name for name in names if "resolves" in events[events[name].get("part_of", name)]]
    categories = draw(st.sampled_from(CATEGORIES))
    responses, during = names_of(categories), draw(st.sampled_from([{}, {"during": "before progression"}]))
    has_responses = draw(st.booleans())
    if has_responses:
        exponent = draw(st.sampled_from([0, 0.2]))
        for name in responses:
            events[name] = {"kind": name, "rate": draw(rates(2)), "dose_exponent": exponent}
        events[responses[-1]]["shape"] = 1.5
        events["relapse"] = {"kind": "relapse", "rate": draw(rates(0.5)), **during}
    events["progression"] = {"kind": "progression", "rate": draw(rates(0.5)), **during, **draw(dose_on_disease())}
    events["death"] = {"kind": "death", "rate": draw(rates(0.2)), "shape": draw(st.sampled_from([1, 1.4]))}
    if draw(st.booleans()):
        events["death"] |= {"frailty": "fragile", "delay": "20 days"}
        events["early death"] = {"kind": "death", "rate": draw(rates(0.2)), "shape": 0.5}
    if draw(st.booleans()):
        events["choice"] = {"kind": "discontinuation", "rate": draw(rates(0.5)), **draw(dose_on_disease())}
    if draw(st.booleans()):
        events["withdrawal"] = {"kind": "withdrawal", "rate": draw(rates(0.2)), "during": "treatment"}
    accrual = draw(accruals())
    return scenario_of(
        population=POPULATION,
        correlations=draw(st.sampled_from(CORRELATIONS)),
        frailties={"fragile": {"sd": 0.7, "long_term": draw(st.sampled_from([0, 0, "30 %"]))}},
        accrual=accrual,
        treatment=draw(treatments(resolving, names, responses)),
        responses=categories,
        disease=draw(diseases()) if has_responses or draw(st.booleans()) else None,
        events=events,
        assessment=draw(assessments()),
        evaluable={"after": "2 months", "early_progression": draw(st.booleans()), "early_death": draw(st.booleans())},
        cut_off=draw(cut_offs(accrual["patients"])),
    )


@st.composite
def diseases(draw: st.DrawFn) -> dict[str, Any]:
    """Who can respond, perhaps by baseline values."""
    return {
        "sensitive": draw(st.sampled_from([0, 0.5, 0.5, 1])),
        "effects": draw(st.one_of(st.just({}), effects("odds_ratio"))),
    }


def assessments() -> st.SearchStrategy[dict[str, Any]]:
    """How often the disease is looked at, and how often that is missed."""
    confirmed = [
        {"every": "10.3 days", "confirmation": "20.6 days", "missed": 0.2},
        {"every": "28 days", "confirmation": "40 days"},
    ]
    often = [{"every": "continuously"}, {"every": "28 days"}, {"every": "14 days"}]
    return st.sampled_from(
        [*often, {"every": "14 days", "missed": "40 %"}, {"every": "28 days", "missed": 0.1}, *confirmed]
    )


def dose_on_disease() -> st.SearchStrategy[dict[str, Any]]:
    """The part of the dose in a hazard that goes on without the drug."""
    return st.sampled_from([{}, {"dose_exponent": -0.4, "dose_floor": "60 mg/day"}, {"dose_exponent": 0.3}])


@st.composite
def accruals(draw: st.DrawFn) -> dict[str, Any]:
    """Either kind of accrual."""
    plan: dict[str, Any] = {"opens": "2001-02-03", "patients": draw(st.integers(1, 12))}
    if draw(st.booleans()):
        return {**plan, "over": draw(st.sampled_from(["1 day", "5 months", "12 months"]))}
    plan["sites"] = {
        "A": {"rate": draw(rates(6)), "ramp_up": draw(st.sampled_from(["0 days", "2.5 months"]))},
        "B": {"rate": draw(rates(3)), "opens": "2001-05-01"},
    }
    plan["pauses"] = draw(st.sampled_from([[], [{"start": "2001-04-01", "end": "2001-06-15"}]]))
    return {**plan, "closes_after": "24 months", "ineligible": draw(st.sampled_from([0, "20 %"]))}


def cut_offs(n_patients: int) -> st.SearchStrategy[dict[str, Any]]:
    """Each kind of cut-off, for `n_patients` patients."""
    few, some = min(2, n_patients), min(3, n_patients)
    return st.sampled_from(
        [
            {"after_opening": "9.7 months"},
            {"date": "2002-01-31"},
            {"after_last_entry": "4 months"},
            {"after_last_entry": "1 day"},
            {"after_count": few, "of": "deaths", "at_latest": "30 months"},
            {"after_count": few, "of": "progressions", "at_latest": "30 months"},
            {"after_count": 1, "of": "responses", "at_latest": "30 months"},
            {"after_count": some, "of": "evaluable patients", "at_latest": "30 months"},
        ]
    )
