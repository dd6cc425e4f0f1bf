"""The error that a truth has because its rate is set on simulated patients, in the error of the power."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from scipy.stats import binom

from trialsim.config.loading.size_studies import load_sizing
from trialsim.design import hypotheses
from trialsim.design.base import ALTERNATIVE, NULL
from trialsim.design.hypotheses import rate_of
from trialsim.design.preparation import prepare_study
from trialsim.design.prepared_study import PreparedStudy

N_PATIENTS = 20_000  # that rates are set on, fewer than users get
STUDY = """study: size
title: a small study
scenario: followup
changes: {parameters: mode}
endpoint: {of: partial response, within: 4 months}
design: DESIGN
null: 0.10
alternative: 0.30
alpha: 0.10
power: 0.80
largest_n: 60
"""


def ready(folder: Path, monkeypatch: pytest.MonkeyPatch, design: str, **changes: str) -> PreparedStudy:
    monkeypatch.setattr(hypotheses, "PATIENTS_OF_RATES", N_PATIENTS)
    path = folder / "size.yaml"
    path.write_text(STUDY.replace("DESIGN", design), encoding="utf-8")
    return prepare_study(load_sizing(path, changes), "batch", 1, 100)


def test_it_is_the_slope_of_the_exact_power_times_the_error_of_the_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """d/dp P(X > r) = n b(r; n - 1, p); the rate of those who are evaluable has the error of a share."""
    study = ready(tmp_path, monkeypatch, "single-stage")
    n, r = study.numbers["n"], study.numbers["r"]
    value, error = study.rates["modelled"]
    n_counted = value * (1.0 - value) / error**2
    assert 0.5 * N_PATIENTS < n_counted <= N_PATIENTS
    for truth, p in ((NULL, 0.1), (ALTERNATIVE, 0.3)):
        slope = n * float(binom.pmf(r, n - 1, p))
        expected = slope * math.sqrt(p * (1.0 - p) / n_counted)
        assert study.error_of_setting(truth) == pytest.approx(expected, rel=0.01)


@pytest.mark.slow
def test_it_is_the_spread_of_the_power_over_other_simulated_patients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The share of sensitive patients is set on 30 other samples; each is judged on one large sample."""
    study = ready(tmp_path, monkeypatch, "single-stage")
    n, r = study.numbers["n"], study.numbers["r"]
    outcome = study.outcomes.primary[0]
    large = 200_000
    powers = []
    for seed in range(30):
        monkeypatch.setattr(hypotheses, "SEED_OF_RATES", 1000 + seed)
        monkeypatch.setattr(hypotheses, "PATIENTS_OF_RATES", N_PATIENTS)
        (protocol,) = (hypotheses.with_rate(study.draft.protocols[0], outcome, 0.3, study.draft.counts_all),)
        monkeypatch.setattr(hypotheses, "SEED_OF_RATES", 1)
        monkeypatch.setattr(hypotheses, "PATIENTS_OF_RATES", large)
        powers.append(float(binom.sf(r, n, rate_of(protocol, outcome, study.draft.counts_all)[0])))
    mean = math.fsum(powers) / 30
    sd = math.sqrt(math.fsum((power - mean) ** 2 for power in powers) / 29)
    assert sd == pytest.approx(study.error_of_setting(ALTERNATIVE), rel=4.0 / math.sqrt(2.0 * 29))


def test_a_rate_that_is_not_set_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ready(tmp_path, monkeypatch, "single-stage", alternative="modelled").error_of_setting(ALTERNATIVE) == 0.0
    simon = ready(tmp_path, monkeypatch, "simon-optimal")
    design = simon.design
    for truth, rate in ((NULL, 0.1), (ALTERNATIVE, 0.3)):
        exact, at_rate = design.operating_characteristics(truth), design.at_rates((rate,))
        assert exact is not None
        assert at_rate is not None
        assert at_rate.rejects == pytest.approx(exact.rejects)
    assert 0.0 < simon.error_of_setting(NULL) < 0.02
