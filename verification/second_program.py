"""A second program of the shipped scenario `tosi2000`, written from docs/model.md alone without looking at the engine.

All patients of all trials are moved forward together, from one visit to the next. Every clock of the scenario has shape
1, so the next event of a patient between two visits is drawn afresh from the sum of the hazards that run at that moment
and its kind in proportion to them; there are no thresholds, no addresses of draws and no event queue.

How to run it, with the number of trials and the seed, both optional:

    python verification/second_program.py [trials] [seed]

It prints one line per quantity: name, value, Monte Carlo standard error.
"""

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

DEFAULTS: dict[str, float] = {
    "constipation rate": 0.134,
    "lethargy rate": 0.075,
    "rash rate": 0.050,
    "intolerance rate": 0.154,
    "toxicity dose exponent": 0.76,
    "rash dose exponent": 0.0,
    "sensitive": 0.5,
    "minor response rate": 0.83,
    "partial response rate": 0.35,
    "response dose exponent": 0.18,
    "relapse rate": 0.118,
    "death before progression rate": 0.032,
    "death after progression rate": 0.08,
    "progression rate": 0.081,
    "cut off": 10.70,
    "evaluable after": 2.85,
}

DAYS_PER_MONTH = 30.4375
REFERENCE_DOSE = 400.0
DOSES: Floats = np.array([100.0, 300.0, 500.0, 700.0, 800.0])
PATIENTS_PER_TRIAL = 27
ACCRUAL_MONTHS = 10.0
VISIT_EVERY = 14
ASSESSMENT_EVERY = 28

STABLE, MINOR, PARTIAL, RELAPSED, PROGRESSED = range(5)
STATE_AFTER = {"minor response": MINOR, "partial response": PARTIAL, "relapse": RELAPSED, "progression": PROGRESSED}
SEVERE = ("constipation", "lethargy", "rash")
TOXICITIES = (*SEVERE, "intolerance")
CLOCKS = (*TOXICITIES, *STATE_AFTER, "death")


@dataclass
class Patients:
    """The courses of all patients, one array element each; days are study days."""

    observable: Floats  # days from enrolment to the cut-off
    sensitive: Booleans
    day: Floats  # up to which the course is known: the end of observation when all is done
    alive: Booleans
    state: Integers
    level: Integers
    had: dict[str, Booleans]  # an onset of this toxicity on treatment
    best_seen: Integers  # STABLE if no response was seen
    end_seen: Integers  # RELAPSED or PROGRESSED once that was seen, otherwise STABLE
    end_seen_day: Floats
    dose_days: Floats  # integral of the dose
    treated_days: Floats

    @property
    def on_treatment(self) -> Booleans:
        """Treatment ends at death or when relapse or progression is seen."""
        treated: Booleans = self.alive & (self.end_seen == STABLE)
        return treated


def enrol(size: int, parameters: dict[str, float], rng: np.random.Generator) -> Patients:
    """Patients at their first dose."""
    arrival = rng.uniform(0.0, ACCRUAL_MONTHS, size)
    return Patients(
        observable=(parameters["cut off"] - arrival) * DAYS_PER_MONTH,
        sensitive=rng.random(size) < parameters["sensitive"],
        day=np.zeros(size),
        alive=np.ones(size, dtype=np.bool_),
        state=np.full(size, STABLE, dtype=np.int64),
        level=np.zeros(size, dtype=np.int64),
        had={name: np.zeros(size, dtype=np.bool_) for name in TOXICITIES},
        best_seen=np.full(size, STABLE, dtype=np.int64),
        end_seen=np.full(size, STABLE, dtype=np.int64),
        end_seen_day=np.full(size, np.inf),
        dose_days=np.zeros(size),
        treated_days=np.zeros(size),
    )


def daily_hazards(patients: Patients, who: Integers, parameters: dict[str, float]) -> Floats:
    """Hazards per day of the patients `who` at this moment, one column for each of CLOCKS."""
    relative_dose = DOSES[patients.level[who]] / REFERENCE_DOSE
    toxicity_factor = relative_dose ** parameters["toxicity dose exponent"]
    rash_factor = relative_dose ** parameters["rash dose exponent"]
    response_factor = relative_dose ** parameters["response dose exponent"]
    treated = patients.on_treatment[who]
    responsive = treated & patients.sensitive[who]
    state = patients.state[who]
    columns: dict[str, Floats] = {}
    for name in TOXICITIES:
        factor = rash_factor if name == "rash" else toxicity_factor
        columns[name] = parameters[f"{name} rate"] * factor * (treated & ~patients.had[name][who])
    for name, source in (("minor response", STABLE), ("partial response", MINOR)):
        columns[name] = parameters[f"{name} rate"] * response_factor * (responsive & (state == source))
    columns["relapse"] = parameters["relapse rate"] * ((state == MINOR) | (state == PARTIAL))
    columns["progression"] = parameters["progression rate"] * (state == STABLE)
    ended = (state == RELAPSED) | (state == PROGRESSED)
    before, after = parameters["death before progression rate"], parameters["death after progression rate"]
    columns["death"] = np.where(ended, after, before)
    return np.column_stack([columns[name] for name in CLOCKS]) / DAYS_PER_MONTH


def apply_events(patients: Patients, who: Integers, kinds: Integers) -> None:
    """Let the clocks fire; a severe toxicity reduces the dose one level at once, at the lowest it stays."""
    for kind, name in enumerate(CLOCKS):
        affected = who[kinds == kind]
        if name in STATE_AFTER:
            patients.state[affected] = STATE_AFTER[name]
        elif name == "death":
            patients.alive[affected] = False
        else:
            patients.had[name][affected] = True
            if name in SEVERE:
                patients.level[affected] = np.maximum(patients.level[affected] - 1, 0)


def run_clocks(patients: Patients, until: float, parameters: dict[str, float], rng: np.random.Generator) -> None:
    """Move everyone under observation to the study day `until`, to the cut-off or to death."""
    ends = np.minimum(until, patients.observable)
    running = np.flatnonzero(patients.alive & (patients.day < ends))
    while running.size:
        cumulative = np.cumsum(daily_hazards(patients, running, parameters), axis=1)
        total = cumulative[:, -1]
        waiting = np.full(running.size, np.inf)
        np.divide(rng.standard_exponential(running.size), total, out=waiting, where=total > 0.0)
        next_day = patients.day[running] + waiting
        fired = next_day < ends[running]
        reached = np.minimum(next_day, ends[running])
        passed = (reached - patients.day[running]) * patients.on_treatment[running]
        patients.treated_days[running] += passed
        patients.dose_days[running] += passed * DOSES[patients.level[running]]
        patients.day[running] = reached
        mark = rng.random(running.size) * total
        kinds = np.argmax(cumulative > mark[:, np.newaxis], axis=1)
        running = running[fired]
        apply_events(patients, running, kinds[fired])
        running = running[patients.alive[running]]


def assess(patients: Patients, day: float) -> None:
    """Look at the state of everyone in whom neither relapse nor progression was seen before."""
    looked_at = patients.alive & (patients.observable > day) & (patients.end_seen == STABLE)
    responding = looked_at & ((patients.state == MINOR) | (patients.state == PARTIAL))
    patients.best_seen[responding] = np.maximum(patients.best_seen, patients.state)[responding]
    ended = looked_at & ((patients.state == RELAPSED) | (patients.state == PROGRESSED))
    patients.end_seen[ended] = patients.state[ended]
    patients.end_seen_day[ended] = day


def visit(patients: Patients, day: float) -> None:
    """Raise the dose one level in everyone on treatment who never had a toxicity."""
    any_toxicity = np.logical_or.reduce([patients.had[name] for name in TOXICITIES])
    raised = patients.on_treatment & (patients.observable > day) & ~any_toxicity
    patients.level[raised] = np.minimum(patients.level[raised] + 1, DOSES.size - 1)


def follow(patients: Patients, parameters: dict[str, float], rng: np.random.Generator) -> None:
    """Run all courses to death or the cut-off."""
    day = 0
    while day < patients.observable.max():
        day += VISIT_EVERY
        run_clocks(patients, day, parameters, rng)
        if day % ASSESSMENT_EVERY == 0:
            assess(patients, day)
        visit(patients, day)


def mean(values: Floats) -> tuple[float, float]:
    """Mean over trials and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))


def pooled_share(members: Booleans, among: Booleans) -> tuple[float, float]:
    """Ratio of totals over trials, arrays being trials by patients, and its delta-method standard error."""
    counts, sizes = (members & among).sum(axis=1), among.sum(axis=1)
    if sizes.sum() == 0:
        return float("nan"), float("nan")
    share = float(counts.sum() / sizes.sum())
    residual = counts - share * sizes
    variance = float((residual**2).sum()) / (residual.size - 1)
    return share, float(np.sqrt(variance / residual.size) / sizes.mean())


def outcomes(patients: Patients, n_trials: int, parameters: dict[str, float]) -> dict[str, tuple[float, float]]:
    """The quantities of section 7, each with its standard error."""
    shape = (n_trials, PATIENTS_PER_TRIAL)
    evaluable_day = parameters["evaluable after"] * DAYS_PER_MONTH
    everyone = np.ones(shape, dtype=np.bool_)
    evaluable = ((patients.day > evaluable_day) | (patients.end_seen_day < evaluable_day)).reshape(shape)
    best_seen = patients.best_seen.reshape(shape)
    responders = evaluable & (best_seen != STABLE)
    relapse_seen = (patients.end_seen == RELAPSED).reshape(shape)
    dead = ~patients.alive.reshape(shape)
    average_dose = (patients.dose_days / patients.treated_days).reshape(shape)
    follow_up = (patients.day / DAYS_PER_MONTH).reshape(shape)
    results = {f"toxicity.{name}": pooled_share(patients.had[name].reshape(shape), everyone) for name in SEVERE}
    results["evaluable"] = mean(evaluable.sum(axis=1).astype(np.float64))
    results["response.partial"] = pooled_share(best_seen == PARTIAL, evaluable)
    results["response.minor"] = pooled_share(best_seen == MINOR, evaluable)
    results["responders.progression_free"] = pooled_share(~relapse_seen & ~dead, responders)
    results["responders.relapsed"] = pooled_share(relapse_seen, responders)
    results["responders.died"] = pooled_share(dead & ~relapse_seen, responders)
    results["dose.median"] = mean(np.median(average_dose, axis=1))
    results["follow_up.median"] = mean(np.median(follow_up, axis=1))
    return results


def simulate(n_trials: int, seed: int, parameters: dict[str, float]) -> dict[str, float]:
    """Simulate the trials; parameters not given are those of DEFAULTS. Standard errors are under NAME + ".se"."""
    unknown = sorted(set(parameters) - set(DEFAULTS))
    if unknown:
        raise ValueError(f"unknown parameters: {', '.join(unknown)}")
    values = {**DEFAULTS, **parameters}
    if n_trials < 2:
        raise ValueError(f"a standard error needs at least 2 trials, not {n_trials}")
    if values["cut off"] < ACCRUAL_MONTHS:
        raise ValueError(f"the cut-off must not precede the end of accrual, {ACCRUAL_MONTHS} months")
    rng = np.random.default_rng(seed)
    patients = enrol(n_trials * PATIENTS_PER_TRIAL, values, rng)
    follow(patients, values, rng)
    results: dict[str, float] = {}
    for name, (value, error) in outcomes(patients, n_trials, values).items():
        results[name] = value
        results[f"{name}.se"] = error
    return results


def main(arguments: list[str]) -> None:
    """Print one line per quantity."""
    n_trials = int(arguments[0]) if arguments else 4000
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    results = simulate(n_trials, seed, DEFAULTS)
    for name, value in results.items():
        if not name.endswith(".se"):
            print(f"{name:<30} {value:12.5f} {results[name + '.se']:10.5f}")


if __name__ == "__main__":
    main(sys.argv[1:])
