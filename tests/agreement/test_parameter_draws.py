"""Where parameters vary from replicate to replicate, both engines give each replicate the same draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trialsim as ts
from tests.agreement.logs import first_difference
from tests.trials import scenario_of, toxicity
from trialsim.config import protocol_of
from trialsim.engines.batch import Batch
from trialsim.model.parameters import draw_numbers, under_draw
from trialsim.simulation.engine import simulate_rows

COLUMNS = (
    "steps [days]", "looks [days]", "nausea rate [/month]", "nausea shape", "exponent", "recovery [/month]",
    "evaluable after [days]", "end [months]", "missed", "fragile frailty sd", "fragile frailty long term",
    "nausea delay [days]", "age ratio", "nausea sex female hazard ratio",
)  # fmt: skip
EVERYWHERE = f"""{",".join(COLUMNS)}
14,28,0.3,1,0,2,60,12,0.3,0.5,0,0,1.5,1
7,14,0.9,2.5,0.76,0.5,30,9.5,0,0,0.2,10.4,1,2.5
28,0,0.05,0.6,-1,4,90,18,0.5,1.2,0.1,3,0.6,0.7
"""


@pytest.fixture
def varied(tmp_path: Path) -> ts.Scenario:
    """A trial in which everything that can vary does; an exponent and a look interval of 0 change its very shape."""
    (tmp_path / "draws.csv").write_text(EVERYWHERE, encoding="utf-8")
    nausea = toxicity(
        "calibrated", shape="calibrated", dose_exponent={"calibrated": "exponent"}, recurs=True,
        resolves={"rate": {"calibrated": "recovery"}}, dose_floor=50, delay="calibrated", frailty="fragile",
        effects={
            "sex": {"hazard_ratios": {"female": "calibrated"}},
            "age": {"hazard_ratio": {"calibrated": "age ratio"}, "per": "10 years"},
        },
    )  # fmt: skip
    return scenario_of(
        parameters=str(tmp_path / "draws.csv"),
        treatment={
            "reference_dose": 400,
            "levels": [100, 200, 400],
            "every": {"calibrated": "steps"},
            "rules": [
                {"when": {"toxicity": "nausea", "timing": "new"}, "do": "hold", "at": "onset", "resume": "lower"},
                {"when": "tolerated", "do": "escalate"},
            ],
        },
        population={"sex": {"female": 1, "male": 1}, "age": {"median": "60 years", "sd": "9 years"}},
        frailties={"fragile": {"sd": "calibrated", "long_term": "calibrated"}},
        events={"nausea": nausea, "progression": {"kind": "progression", "rate": "0.1 /month"}},
        assessment={"every": {"calibrated": "looks"}, "missed": {"calibrated": "missed"}},
        evaluable={"after": "calibrated"},
        cut_off={"after_opening": {"calibrated": "end"}},
    )


def test_logs_and_outcomes_are_equal_under_every_draw(varied: ts.Scenario) -> None:
    protocol = protocol_of(varied)
    assert protocol.n_parameter_draws == 3
    numbers = draw_numbers(3, 8, np.arange(1, 21))
    assert set(numbers) == {1, 2, 3}
    batch = Batch(protocol)
    for replicate in range(1, 21):
        assert first_difference(protocol, batch, 8, replicate) == ""
    reference, compiled = (simulate_rows(engine, protocol, 8, 1, 20) for engine in ("reference", "batch"))
    assert reference.tobytes() == compiled.tobytes()
    assert np.array_equal(compiled["parameter_draw"], numbers)


def test_a_draw_is_the_scenario_with_its_numbers_written_out(varied: ts.Scenario) -> None:
    """Row 2 of the table, written into the scenario by hand, is the same trial."""
    written = varied.with_changes(
        {
            "parameters": "fixed", "treatment.every": "7 days", "assessment.every": "14 days",
            "events.nausea.rate": "0.9 /month", "events.nausea.shape": 2.5, "events.nausea.dose_exponent": 0.76,
            "events.nausea.resolves.rate": "0.5 /month", "evaluable.after": "30 days",
            "cut_off.after_opening": "9.5 months", "assessment.missed": 0, "frailties.fragile.sd": 0,
            "frailties.fragile.long_term": 0.2, "events.nausea.delay": "10.4 days",
            "events.nausea.effects.age.hazard_ratio": 1, "events.nausea.effects.sex.hazard_ratios.female": 2.5,
        }
    )  # fmt: skip
    assert under_draw(protocol_of(varied), 2) == protocol_of(written)


def test_the_draw_of_a_replicate_depends_on_nothing_but_its_address(varied: ts.Scenario) -> None:
    """More patients, another rule and fewer replicates leave every replicate its own draw."""
    many = ts.run(varied, 40, seed=8).outcomes["parameter_draw"]
    changed = varied.with_changes({"accrual.patients": 3, "treatment.rules.0.resume": "same"})
    few = ts.run(changed, 15, seed=8, engine="reference").outcomes["parameter_draw"]
    assert list(few) == list(many[:15])


def test_draws_are_taken_with_equal_probability() -> None:
    counts = np.bincount(draw_numbers(40, 3, np.arange(1, 40_001)), minlength=41)[1:]
    assert abs(counts - 1000).max() < 5 * np.sqrt(1000 * 39 / 40)
