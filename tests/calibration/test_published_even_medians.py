"""An even number of patients may have a median of the highest dose that lies between two rungs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.calibration.model import Calibration, calibration_of
from trialsim.calibration.targets import LadderMedian
from trialsim.config import load_published_trial

INVENTED = Path(__file__).parent / "invented"  # 40 patients on 100, 200 and 300 mg/day
KEYS = "kind: median, printed: 250 mg/day, value: 250 mg/day, rounded_to: 10 mg/day, source: invented"
STATISTICS = ("dose.median.highest_level", "highest dose", "those with nausea")
N_TRIALS = 3000


@pytest.fixture(scope="module")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    folder = tmp_path_factory.mktemp("invented")
    for file in INVENTED.glob("*.yaml"):
        shutil.copy(file, folder)
    lines = [
        f"  dose.median.highest_level: {{{KEYS}}}",
        f"  highest dose: {{{KEYS}}}",
        f"  those with nausea: {{{KEYS.replace('250', '150')}, endpoint: highest dose,",
        "    among: n_onsets.nausea > 0, of: 12}",
    ]
    text = (folder / "cohort.yaml").read_text(encoding="utf-8")
    (folder / "cohort.yaml").write_text(text.replace("statistics:", "\n".join(["statistics:", *lines]), 1), "utf-8")
    return calibration_of(load_published_trial(folder / "cohort.yaml"), replicates=N_TRIALS)


def test_each_of_them_is_a_term_of_its_own(calibration: Calibration) -> None:
    found = {term.quantities: term for term in calibration.terms if isinstance(term, LadderMedian)}
    assert {quantities[0]: (term.n, term.low, term.high) for quantities, term in found.items()} == {
        "dose.median.highest_level": (40, 245.0, 255.0),
        "highest dose": (40, 245.0, 255.0),
        "those with nausea": (12, 145.0, 155.0),
    }
    assert all(term.rungs == (100.0, 200.0, 300.0) for term in found.values())


def test_a_cohort_prints_it_as_often_as_the_term_says(calibration: Calibration) -> None:
    """Where half of the patients have nausea before they reach the maximum, 250 is often the mean of 200 and 300."""
    names = [name for term in calibration.terms for name in term.quantities[:1]]
    scores = np.zeros((13, len(calibration.names)))
    scores[:, calibration.names.index("nausea rate")] = np.linspace(2.0, 5.0, 13)
    every = calibration.log_likelihoods(scores, 2)
    best = int(np.argmax(every[:, names.index("highest dose")]))
    logs, z = dict(zip(names, every[best].tolist(), strict=True)), scores[best : best + 1]
    assert logs["highest dose"] == pytest.approx(logs["dose.median.highest_level"], abs=1e-9)
    patients = calibration.simulator.patients(calibration.engine_values(z)[0].tolist(), 99, 1, N_TRIALS)
    share = float(np.mean(patients.outcomes["median_highest_dose_mg_per_day"] == 250.0))
    error = N_STANDARD_ERRORS * np.sqrt(share * (1.0 - share) / N_TRIALS)
    assert np.exp(logs["highest dose"]) == pytest.approx(share, abs=error + 0.01)  # of cells from as many trials
    assert share > 0.02


@pytest.mark.parametrize("quantity", STATISTICS)
def test_it_is_left_out_like_any_other(calibration: Calibration, quantity: str) -> None:
    quantities = [name for term in calibration.without(quantity).terms for name in term.quantities]
    assert quantity not in quantities
    assert set(STATISTICS) - set(quantities) == {quantity}


def test_it_stays_known_how_many_were_evaluable(tosi2000: ts.Scenario) -> None:
    """One evaluable of four more patients: the median is taken given that 20 of 28 were evaluable."""
    cohort = tosi2000.to_mapping()["cohort"]
    keys = {"kind": "median", "printed": "400", "value": "400 mg/day", "rounded_to": "100 mg/day", "source": "invented"}
    statistics = {"evaluable": {**cohort["statistics"]["evaluable"], "of": 28}, "dose.median.highest_level": keys}
    one = {"name": "even", "title": "Even", "citation": "nobody", "facts": {}, "statistics": statistics}
    changes = {"interpretations": None, "cohort": one, "accrual.patients": 28}
    found = calibration_of(
        tosi2000.with_changes({**changes, "parameters": {"use": "mode", "calibrated_to": "tosi2000"}})
    )
    (term,) = [term for term in found.terms if isinstance(term, LadderMedian)]
    assert (term.n, term.n_evaluable, len(term.cells)) == (28, 20, 2 * 4)
    assert np.isfinite(found.log_likelihoods(np.zeros((1, len(found.names))))).all()
