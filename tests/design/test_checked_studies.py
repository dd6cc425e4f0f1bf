"""`check` says of a study what `size` or `compare` would say of it, without simulating."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import trialsim as ts
from trialsim.config.loading.size_studies import load_sizing, located
from trialsim.design.preparation import prepare_study
from trialsim.errors import OptionError, RequestError
from trialsim.simulation.engine import BATCH
from trialsim.workflows.check import check

RESPONSE = {"of": "partial response", "within": "6 months"}
ONE: dict[str, Any] = {
    "study": "size", "title": "one arm", "scenario": "followup", "endpoint": RESPONSE, "design": "simon-optimal",
    "null": 0.15, "alternative": 0.30,
}  # fmt: skip
TWO: dict[str, Any] = {
    "study": "size", "title": "two arms", "scenario": "followup", "endpoint": RESPONSE, "design": "two-arm",
    "variants": {"a": {}, "b": {"treatment.levels": [100]}}, "alternative": "modelled",
}  # fmt: skip
TOXICITY = {"endpoint": {"of": "any severe toxicity", "within": "6 months"}, "null": 0.65, "alternative": 0.45}
BOUNDARY = {"endpoint": {"of": "rash", "within": "3 months"}, "rate": 0.3}
LOW, HIGH = [{"rate": "0.05 /month"}], [{"rate": "0.1 /month"}, {"after": "3 months", "rate": "0.08 /month"}]
TIMES: dict[str, Any] = {
    "study": "size", "title": "times", "scenario": "followup", "endpoint": "progression-free", "design": "logrank",
    "hazards": {"a": HIGH, "b": LOW},
}  # fmt: skip
SINGLE = {**ONE, "design": "single-stage"}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "endpoint": ({**ONE, "endpoint": {"of": "partial respons", "within": "6 months"}}, "Did you mean partial response"),
    "power": ({**SINGLE, "alternative": 0.18, "largest_n": 100}, "no single-stage test with n <= 100 has power 0.8"),
    "fleming": ({**ONE, "design": "fleming", "stages": {"first": 5, "all": 10}}, "these stages have power"),
    "two stages": ({**ONE, "alternative": 0.17, "largest_n": 5000}, "take about 2041 patients in one stage"),
    "two endpoints": ({**ONE, "design": "bryant-day", "toxicity": TOXICITY, "alternative": 0.2}, "one endpoint alone"),
    "two endpoints without a design": (
        {**ONE, "design": "bryant-day", "toxicity": TOXICITY, "alternative": 0.35, "largest_n": 30},
        "no design with n <= 30 has levels",
    ),
    "safety after the end": (
        {**ONE, "design": "single-stage", "alternative": 0.6, "safety": {**BOUNDARY, "first": 20}},
        "the first look would be after the last",
    ),
    "safety that never stops": (
        {**ONE, "design": "single-stage", "alternative": 0.6, "safety": {**BOUNDARY, "certainty": 0.9999999}},
        "toxicities in",
    ),
    "looks": ({**TWO, "looks": {"at": [0.05, 1.0]}}, "nothing can be rejected"),
    "test": ({**TWO, "test": "barnard"}, "there is no test 'barnard'"),
    "two sides of one": ({**TWO, "two_sided": "doubled"}, "the test is one-sided"),
    "two sides at looks": (
        {**TWO, "sides": 2, "two_sided": "doubled", "looks": {"at": [0.5, 1.0]}},
        "looks at two proportions take the pooled z statistic",
    ),
    "two sides that are the same": (
        {**TWO, "sides": 2, "two_sided": "ordered", "test": "unpooled"},
        "are the same for unpooled",
    ),
    "two sides of one arm": ({**ONE, "two_sided": "ordered"}, "simon-optimal does not use it"),
    "exact boundary of one look": ({**TWO, "looks": {"boundary": "exact"}}, "there is no interim look"),
    "exact boundary of events": (
        {
            **TWO, "design": "logrank", "endpoint": "survival", "alternative": 0.6,
            "looks": {"at": [0.5, 1.0], "boundary": "exact"},
        },
        "the log-rank test has no exact boundary",
    ),
    "weights at looks": (
        {**TIMES, "test": "fleming-harrington 0 1", "looks": {"at": [0.5, 1.0]}},
        "the information at a look is not the share of events",
    ),
    "unknown weights": ({**TIMES, "test": "wald"}, "there is no test 'wald' of two arms with times to events"),
    "extreme weights": ({**TIMES, "test": "fleming-harrington 0 99"}, "nearly all events have no weight"),
    "hazards and medians": ({**TIMES, "medians": {"a": "3 months", "b": "6 months"}}, "one of `hazards` and `medians`"),
    "late first hazard": ({**TIMES, "hazards": {"a": [{"after": "1 month", "rate": "0.1 /month"}], "b": LOW}},
                          "the first piece begins at entry"),
    "hazards that do not follow": (
        {**TIMES, "hazards": {"a": [*LOW, {"rate": "0.1 /month"}], "b": LOW}}, "the pieces follow each other",
    ),
    "no hazard": ({**TIMES, "hazards": {"a": [{"rate": "0 /month"}], "b": LOW}}, "nobody in this arm has an event"),
    "no piece": ({**TIMES, "hazards": {"a": [], "b": LOW}}, "0 pieces are too few or too many"),
    "equal hazards": ({**TIMES, "hazards": {"a": LOW, "b": LOW}}, "the arms have the same hazards"),
    "hazards of one arm": (
        {**TIMES, "hazards": {"a": LOW}, "variants": {"a": {}, "b": {}}}, "one of `hazards` for each",
    ),
    "events in one arm": (
        {**TIMES, "hazards": {"a": [{"rate": "0 /month"}, {"after": "3 months", "rate": "0.1 /month"}], "b": LOW}},
        "for a time only one of the arms has events",
    ),
    "hazards of rates": ({**TWO, "hazards": {"a": LOW, "b": LOW}}, "two-arm does not use it"),
    "no month of means": ({**TIMES, "design": "rmst"}, "rmst needs it"),
    "means beyond follow-up": (
        {**TIMES, "design": "rmst", "until": "18 months"}, "longer than the follow-up after the last entry, 12 months",
    ),
    "means of worse times": (
        {**TIMES, "design": "rmst", "until": "6 months", "control": "b"},
        "the mean of the experimental arm is not longer",
    ),
    "means of a log-rank test": ({**TIMES, "until": "6 months"}, "logrank does not use it"),
    "test at looks": ({**TWO, "test": "fisher", "looks": {"at": [0.5, 1.0]}}, "no test 'fisher' with interim looks"),
    "expression": (
        {**TWO, "test": "wald", "endpoint": {"expression": "best_respons > 1", "name": "mine", "better": "higher"}},
        "there is no column best_respons",
    ),
    "strata": ({**TWO, "allocation": {"strata": ["age"]}}, "there is no age to split by"),
    "arm of a ratio": ({**TWO, "allocation": {"ratio": {"c": 2}}}, "there is no variant of this name"),
    "ratio of a selection": (
        {**TWO, "design": "selection", "allocation": {"ratio": {"b": 2}}},
        "selection compares arms of equal size",
    ),
    "alpha of a selection": ({**TWO, "design": "selection", "alpha": 0.1}, "selection does not use it"),
    "conduct of a Wald test": (
        {**TWO, "test": "wald", "endpoint": "any severe toxicity", "conduct": {"accrual": "continue"}},
        "`test: wald` does not use it",
    ),
    "n": (
        {**ONE, "design": "fleming", "stages": {"first": 20, "all": 60}, "n": 60},
        "its sizes follow from the power that is asked for",
    ),
    "comparison": (
        {
            "study": "compare", "title": "c", "scenario": "followup", "variants": {"a": {}, "b": {}},
            "endpoints": [{"of": "survival", "at": "900 months"}],
        },
        "nobody is observed so long",
    ),
}  # fmt: skip


def begin(path: Path, kind: str) -> None:
    """What `compare` and `size` begin with."""
    if kind == "compare":
        ts.compare(str(path))
    else:
        prepare_study(load_sizing(path), BATCH, 1, 100)


@pytest.mark.parametrize("name", list(WRONG))
def test_check_refuses_what_size_and_compare_refuse(tmp_path: Path, name: str) -> None:
    data, message = WRONG[name]
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError) as checked:
        check([str(path)])
    assert message in str(checked.value)
    assert re.search(r"study\.yaml:\d+", str(checked.value)) is not None
    with pytest.raises(ts.InputError) as refused:
        begin(path, data["study"])
    assert message in str(refused.value)


@pytest.mark.parametrize("key", ["endpoint", "toxicity", "safety"])
def test_a_misspelt_endpoint_is_shown_where_it_stands(tmp_path: Path, key: str) -> None:
    misspelt = {"of": "any sever toxicity", "within": "6 months"}
    section = {"toxicity": {**TOXICITY, "endpoint": misspelt}, "safety": {**BOUNDARY, "endpoint": misspelt}}
    both = {**ONE, "design": "bryant-day", "toxicity": TOXICITY}
    data = {**both, "endpoint": misspelt} if key == "endpoint" else {**both, key: section[key]}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError, match="Did you mean any severe toxicity") as checked:
        check([str(path)])
    line = int(str(checked.value).partition("study.yaml:")[2].split()[0])
    lines = path.read_text(encoding="utf-8").splitlines()
    assert any("sever toxicity" in text and "severe" not in text for text in lines[line - 1 : line + 3])


def test_check_goes_on_to_the_next_file(tmp_path: Path) -> None:
    for i, name in enumerate(("fleming", "power")):
        (tmp_path / f"{i}.yaml").write_text(yaml.safe_dump(WRONG[name][0]), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError) as checked:
        check([str(tmp_path / "0.yaml"), str(tmp_path / "1.yaml")])
    assert len(checked.value.problems) == 2


@pytest.mark.parametrize(
    "name", ["simon_response", "bryant_day", "two_arm_toxicity", "logrank_progression", "progression_one_arm",
             "precision_response", "compare_titration"],
)  # fmt: skip
def test_shipped_studies_pass(name: str) -> None:
    assert check([name])


def test_an_error_is_placed_by_its_key_and_not_by_its_words(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(ONE), encoding="utf-8")
    sizing = load_sizing(path)
    for error, key in (
        (RequestError("alpha = 3", "it is wrong.", "another.", key="p0"), "null"),
        (RequestError("null = 3", "it is wrong.", "another."), "design"),
        (RequestError("power = 3", "it is wrong.", "another.", key="power"), "design"),  # not written
    ):
        assert located(pickle.loads(pickle.dumps(error)), sizing).problem.place == sizing.places[(key,)]
    assert not located(OptionError("null", "it is wrong.", "another."), sizing).problem.place
