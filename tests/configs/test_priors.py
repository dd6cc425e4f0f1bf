"""Priors that cannot be are refused, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from trialsim.config import load_parameters
from trialsim.config.calibrated.draw_tables import write_table
from trialsim.config.calibrated.prior_draws import load_prior_draws
from trialsim.errors import ConfigurationError

TEMPLATE = """name: invented
drug: thalidomide
reference_dose: 400 mg/day
title: one prior
parameters:
  rash rate:
    mode: 0.05 /month
    prior: {prior}
    informed_by: nothing
    source: invented
"""


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ("{distribution: lognormal, median: 0.05 /month, sd: 0}", "a prior of zero width is a fixed number"),
        ("{distribution: lognormal, median: 0.05 /month}", "a prior of zero width is a fixed number"),
        ("{distribution: lognormal, median: 0 /month, sd: 1}", "a lognormal prior cannot have this median"),
        ("{distribution: logit-normal, median: 1.2, sd: 1}", "a logit-normal prior cannot have this median"),
        ("{distribution: lognormal, median: 1 /month, sd: 1, above: 0}", "a lognormal prior has its own bounds"),
        ("{distribution: lognormal, median: some, sd: 1}", "the median of a prior is a number"),
        ('{distribution: lognormal, median: "0,05 /month", sd: 1}', "Did you mean 0.05 /month?"),
        ("{distribution: cauchy, median: 1 /month, sd: 1}", "this word is not known here"),
        ("{distribution: normal, median: 1 /month, sd: -1}", "the number is out of range"),
    ],
)
def test_a_prior_that_cannot_be_is_refused(tmp_path: Path, prior: str, message: str) -> None:
    path = tmp_path / "set.yaml"
    path.write_text(TEMPLATE.replace("{prior}", prior), encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load_parameters(path)
    assert message in str(raised.value)
    assert "set.yaml:8" in str(raised.value)


@pytest.mark.parametrize("prior", ["{distribution: lognormal, median: 0.05, sd: 1}",
                                   "{distribution: lognormal, median: 20 days, sd: 1}"])  # fmt: skip
def test_a_mode_and_a_median_of_different_units_are_refused(tmp_path: Path, prior: str) -> None:
    path = tmp_path / "set.yaml"
    path.write_text(TEMPLATE.replace("{prior}", prior), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"set.yaml:6 .*\n.*of the prior have different units"):
        load_parameters(path)


def test_per_cent_and_a_plain_share_are_the_same_unit() -> None:
    prior = {"distribution": "logit-normal", "median": 0.5, "sd": 1}
    share = {"mode": "50 %", "prior": prior, "informed_by": "nothing", "source": "invented"}
    data = {"name": "a", "title": "b", "drug": "c", "reference_dose": "1 mg/day", "parameters": {"sensitive": share}}
    assert load_parameters(data).parameters["sensitive"].mode == "50 %"


def test_a_fixed_prior_needs_no_width(tmp_path: Path) -> None:
    path = tmp_path / "set.yaml"
    path.write_text(TEMPLATE.replace("{prior}", "{distribution: fixed, median: 0.05 /month}"), encoding="utf-8")
    assert load_parameters(path).parameters["rash rate"].prior.sd == 0.0


@pytest.mark.parametrize("median", ["0.06 /month", "0.05 /year"])
def test_a_fixed_number_is_one_number(tmp_path: Path, median: str) -> None:
    """Its mode is what a scenario takes, its median what a reader of the priors sees."""
    path = tmp_path / "set.yaml"
    path.write_text(TEMPLATE.replace("{prior}", f"{{distribution: fixed, median: {median}}}"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"the mode 0.05 /month and the median {median} of a fixed number"):
        load_parameters(path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("salvag", r"prior = salvag\n  there is no such folder, file or built-in posterior. Did you mean salvage\?"),
        ("no/where", "there is no such folder, file or built-in posterior"),
        ("draws.txt", "this is not a table of draws"),
        ("words.parquet", r"prior = \S*words.parquet\n  it cannot be read"),
        ("empty", "the folder has no posterior.parquet"),
    ],
)
def test_what_holds_no_draws_is_refused_as_a_prior(tmp_path: Path, given: str, message: str) -> None:
    for name in ("draws.txt", "words.parquet"):
        (tmp_path / name).write_text("these are words\n")
    (tmp_path / "empty").mkdir()
    path = tmp_path / given
    with pytest.raises(ConfigurationError, match=message):
        load_prior_draws(path if path.exists() else given)


def test_the_draws_of_a_prior_are_found_by_name_and_by_folder(tmp_path: Path) -> None:
    draws = load_prior_draws("salvage")
    write_table(tmp_path / "posterior.parquet", draws)
    assert load_prior_draws(tmp_path).digest == draws.digest == load_prior_draws(draws).digest
