"""Draws for the centre of one of several trials, and for a new trial, of a posterior that comes with the package."""

from __future__ import annotations

import numpy as np
import pytest

import trialsim as ts
from trialsim.config import protocol_of
from trialsim.config.calibrated.draw_tables import posterior_file, read_table
from trialsim.config.loading.comparisons import study_data


def test_a_scenario_takes_the_draws_of_its_centre_or_of_a_new_trial() -> None:
    scenario = ts.load_scenario("salvage")
    assert scenario.parameters.centre == "tosi2000"
    elsewhere = scenario.with_changes({"parameters.centre": None})
    for item, centre in ((scenario, "tosi2000"), (elsewhere, None)):
        table = read_table(posterior_file("salvage", centre), "the draws")
        assert item.parameters.digest == table.digest
        protocol = protocol_of(item)
        place = protocol.parameter_names.index("rash rate")
        drawn = np.array(protocol.parameter_draws)[:, place]
        assert np.median(drawn) == pytest.approx(np.median(table.column("rash rate")), rel=1e-9)


def test_a_centre_without_draws_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ts.ConfigurationError, match="a centre: juliusson2000, kumar2003"):
        ts.load_scenario("salvage").with_changes({"parameters.centre": "nowhere"})


@pytest.mark.parametrize("name", study_data("six_trials")[0]["cohorts"])
def test_every_trial_of_the_study_has_a_scenario_with_the_draws_of_its_centre(name: str) -> None:
    scenario = ts.load_scenario("salvage" if name == "tosi2000" else name)
    assert (scenario.parameters.use, scenario.parameters.centre) == ("calibrated", name)
    assert scenario.cohort is not None
    assert scenario.cohort.name == name
