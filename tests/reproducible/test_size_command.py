"""`trialsim size`: the same answer however it is come by, JSON, pictures, and messages for what cannot be had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scipy.stats import binom

import trialsim as ts
from tests.command_line import Done, trialsim
from tests.interruption import interrupt
from trialsim.storage.job_folder import job_folder_path

pytestmark = pytest.mark.slow

STUDY = """study: size
title: a small study
scenario: followup
changes: {parameters: mode}
endpoint: {of: partial response, within: 4 months}
design: single-stage
null: 0.10
alternative: 0.30
alpha: 0.10
power: 0.80
largest_n: 60
replicates: 300
"""
ARMS = """study: size
title: two arms
scenario: followup
changes: {parameters: mode}
variants: {published: {}, fixed: {treatment.levels: [100]}}
control: published
endpoint: {of: any severe toxicity, within: 4 months}
design: two-arm
alternative: modelled
alpha: 0.10
power: 0.80
looks: {at: [0.5, 1], futility: {z: [0]}}
largest_n: 300
replicates: 300
"""
EVENTS = """study: size
title: times
scenario: followup
variants: {control: {}, experimental: {}}
endpoint: progression-free
design: logrank
alternative: 0.5
alpha: 0.10
power: 0.60
looks: {at: [0.5, 1]}
conduct: {follow_up: 6 months}
largest_n: 100
replicates: 300
"""


PLAIN = """study: size
title: plain rates
scenario: followup
endpoint: {of: partial response, within: 4 months}
design: two-arm
rates: {control: 0.1, experimental: 0.4}
allocation: {ratio: {experimental: 2}}
n: 30
"""
MEDIANS = """study: size
title: plain medians
scenario: followup
endpoint: progression-free
design: logrank
medians: {control: 3 months, experimental: 6 months}
conduct: {follow_up: 6 months}
n: 40
"""


FEWER = "from trialsim.design import hypotheses\nhypotheses.PATIENTS_OF_RATES = 20_000"


@pytest.fixture(autouse=True)
def _fewer_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within this process, rates and checks on a tenth of the trials: what is tested does not depend on it."""
    monkeypatch.setattr("trialsim.design.hypotheses.PATIENTS_OF_RATES", 20_000)
    monkeypatch.setattr("trialsim.design.job.CHECK_TRIALS", 10_000)


def study(folder: Path, text: str = STUDY, **more: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text + "".join(f"{key}: {value}\n" for key, value in more.items()), encoding="utf-8")
    return path


def size(folder: Path, *options: str) -> Done:
    return trialsim(folder, "size", *options)


def test_json_is_all_that_is_printed_and_the_folder_holds_everything(tmp_path: Path) -> None:
    done = size(tmp_path, str(study(tmp_path)), "--json", "--out", "out")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"kind", "n", "r", "alpha", "power", "p0", "p1", "en_p0", "pet_p0"} <= set(found["design"])
    assert found["design"]["kind"] == "single-stage"
    assert found["search"]["lower"] <= found["search"]["n"] <= found["search"]["upper"]
    assert found["assurance"] is None
    assert all(abs(row["z"]) < 4 for row in found["exact_and_simulated"])
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"manifest.json", "study.yaml", "protocol.txt", "calendar.csv", "curve.csv", "power.png", "boundaries.png",
            "calendar.png"} <= files  # fmt: skip
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["results_digest"] == found["results_digest"]
    again = size(tmp_path, "out/study.yaml", "--json", "--out", "again", "--workers", "2")
    assert json.loads(again.stdout)["results_digest"] == found["results_digest"]
    table = size(tmp_path, str(tmp_path / "study.yaml"), "--out", "out", "--replicates", "200")
    assert "in place of" in table.stdout
    assert "For the protocol" in table.stdout


def test_a_given_n_is_answered_without_a_search_and_everything_printed_says_so(tmp_path: Path) -> None:
    path = study(tmp_path, STUDY, n="40")
    done = size(tmp_path, str(path), "--json", "--out", "out")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    power = float(binom.sf(found["design"]["r"], 40, 0.3))
    assert found["search"] is None
    assert found["design"]["power"] == pytest.approx(power)
    assert found["power_of_n"]["n"] == 40
    assert found["power_of_n"]["planned"] == pytest.approx(power)
    rows = {(row["truth"], row["quantity"]): row for row in found["calendar"]}
    of_calendar = rows["alternative", "rejects the null"]
    assert found["power_of_n"]["simulated"] == of_calendar["value"]
    sentence = f"With 40 patients the power is {power:.4f} (exact); this n is given and was not searched for."
    assert sentence in found["protocol"]
    assert sentence in (tmp_path / "out" / "protocol.txt").read_text(encoding="utf-8")
    assert not {"curve.csv", "power.png"} & {item.name for item in (tmp_path / "out").iterdir()}
    printed = " ".join(size(tmp_path, "out/study.yaml", "--out", "again").stdout.split())
    assert f"With 40 patients the power is {power:.4f} (exact), and" in printed
    assert "This n is given; it was not searched for." in printed


@pytest.fixture
def _any_number_of_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer trials than a user may ask for: those that are there are compared to the bit."""
    monkeypatch.setattr("trialsim.workflows.size.check_size", lambda *_: None)


@pytest.mark.usefixtures("_any_number_of_trials")
@pytest.mark.parametrize("text", [PLAIN, MEDIANS], ids=["rates", "medians"])
def test_plain_arms_are_conducted_alike_by_both_engines(tmp_path: Path, text: str) -> None:
    path = study(tmp_path, text)
    fast, slow = (ts.size(path, {"n": 20}, 12, engine=engine, workers=1) for engine in ("batch", "reference"))
    assert fast.digest == slow.digest
    assert fast.assurance is None  # of plain numbers, although the scenario has draws
    assert "in control and" in fast.paragraph


@pytest.mark.usefixtures("_any_number_of_trials")
@pytest.mark.parametrize("text", [STUDY, ARMS, EVENTS], ids=["one arm", "two arms", "times to events"])
def test_neither_engine_nor_workers_change_the_answer(tmp_path: Path, text: str) -> None:
    path = study(tmp_path, text)
    fast, shared = (ts.size(path, None, 100, workers=workers) for workers in (1, 2))
    assert fast.digest == shared.digest
    if text is STUDY:
        few, slow = (
            ts.size(path, {"largest_n": 40}, 20, engine=engine, workers=1) for engine in ("batch", "reference")
        )
        assert few.digest == slow.digest


def test_a_posterior_gives_assurance_and_contributions_of_parameters(tmp_path: Path) -> None:
    text = STUDY.replace("changes: {parameters: mode}\n", "").replace("alternative: 0.30", "alternative: calibrated")
    found = ts.size(study(tmp_path, text), None, 2000)
    assurance = found.assurance
    assert assurance is not None
    low, high = assurance.quantiles[0], assurance.quantiles[-1]
    assert 0.0 <= low < assurance.assurance < high <= 1.0
    assert assurance.assurance < assurance.power_at_median  # a concave power curve: uncertainty costs
    shares = assurance.shares.set_index("parameter")["share"]
    assert shares.sum() == pytest.approx(1.0)
    assert set(shares.index[:3]) & {"sensitive", "partial response rate"}
    assert "assurance" in found.paragraph
    assert "seed 1" in found.paragraph


def test_an_interrupted_search_goes_on_to_the_same_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trialsim.design.job.CHECK_TRIALS", 100_000)  # time enough for an interruption
    path = str(study(tmp_path))
    options = (path, "--replicates", "10000", "--out", "out")
    folder = job_folder_path(tmp_path / "out")
    interrupt(
        ("size", *options, "--workers", "1"), tmp_path, lambda: bool(list(folder.glob("check*.checkpoint"))), FEWER
    )
    refused = size(tmp_path, path, "--replicates", "300", "--out", "out", "--resume")
    assert refused.returncode == 2
    assert "replicates" in refused.stderr
    resumed = size(tmp_path, *options, "--resume", "--quiet", "--workers", "2")
    assert resumed.returncode == 0, resumed.stderr
    whole = size(tmp_path, path, "--replicates", "10000", "--out", "whole", "--quiet")
    assert whole.returncode == 0, whole.stderr
    digests = [
        json.loads((tmp_path / name / "manifest.json").read_text())["results_digest"] for name in ("out", "whole")
    ]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (STUDY.replace("alternative: 0.30", "alternative: 0.05"), "not above the null"),
        (STUDY.replace("alternative: 0.30", "alternative: 0.10"), "not above the null"),
        (STUDY.replace("null: 0.10", "null: 0"), "a rate of 0 or 1 leaves nothing to test"),
        (STUDY.replace("alpha: 0.10", "alpha: 0"), "no test of a finite trial has this level"),
        (STUDY.replace("power: 0.80", "power: 1"), "no finite trial has this power"),
        (STUDY.replace("largest_n: 60", "largest_n: 10"), r"n = \d+ reaches it; `n: 10` asks for the power of so many"),
        (STUDY.replace("largest_n: 60", "largest_n: 30") + "n: 31\n", "31 patients are more than `largest_n` = 30"),
        (PLAIN + "alternative: modelled\n", "the `rates` of the arms are the alternative"),
        (STUDY.replace("largest_n: 60", "largest_n: 10").replace("single-stage", "simon-optimal"), "one stage takes"),
        (STUDY.replace("within: 4 months", "within: 3 weeks"), "the first assessment is on day 28"),
        (STUDY.replace("alternative: 0.30", "alternative: 0.95"), "nobody can reach it"),
        (STUDY.replace("alternative: 0.30", "alternative: calibrated"), "parameters are fixed"),
        (STUDY.replace("alternative: 0.30", "alternative: maybe"), "is not a valid alternative"),
        (STUDY.replace("partial response", "partial respons"), "Did you mean partial response"),
        (STUDY.replace(", within: 4 months", ""), "must know how long it waits"),
        (STUDY.replace("design: single-stage", "design: simon"), "this word is not known here"),
        (STUDY.replace("of: partial response", "of: rash"), "asks whether a rate is high enough"),
        (STUDY + "looks: {at: [0.5, 1]}\n", "single-stage does not use it"),
        (STUDY + "surprise: 1\n", "this key is not known here"),
        (STUDY + "variants: {a: {}, b: {}}\n", "single-stage does not use it"),
        (STUDY + "half_width: 0.1\n", "single-stage does not use it"),
        (STUDY.replace("null: 0.10\n", ""), "single-stage needs it"),
        (STUDY.replace("study: size", "study: compare"), "is a study that compares variants: trialsim compare"),
        (STUDY + "sides: 2\nconduct: {follow_up: 1 month}\n", r"sides\n.*does not use it(.|\n)*conduct.follow_up\n"),
        (STUDY.replace("alpha: 0.10", "alpha: 0").replace("power: 0.80", "power: 2"), r"alpha 0:(.|\n)*power 2:"),
        (STUDY + "conduct: {attained: green-dahlberg}\n", "are those of two stages"),
        (
            STUDY.replace("single-stage", "fleming") + "stages: {first: 10, all: 20}\n",
            "these stages have power",
        ),
        (STUDY.replace("single-stage", "fleming") + "stages: {first: 10, all: 70}\n", "within the limit"),
        (
            STUDY + "safety: {endpoint: {of: any response, within: 3 months}, rate: 0.5}\n",
            "this is not a toxicity",
        ),
        (STUDY.replace("changes: {", "changes: {accrual.closes_after: 2 months, "), "patients are there"),
        (STUDY.replace("changes: {", "changes: {events.withdrawal.rate: 2.5 /month, "), "hardly anyone is evaluable"),
        (
            STUDY.replace("single-stage", "simon-optimal") + "conduct: {interim_after: 1 day}\n",
            "nobody has been assessed",
        ),
        (ARMS.replace("z: [0]", "spending: banana"), "spends no beta"),
        (ARMS.replace("at: [0.5, 1]", "at: [0.000001, 1]"), "nothing can be rejected"),
        (ARMS + "sides: 2\n", "futility is on one side"),
        (ARMS.replace("treatment.levels: [100]", "treatment.levels: [100], parameters: calibrated"), "in some arms"),
        (ARMS.replace("at: [0.5, 1]", "at: [0.5, 0.9]"), "looks rise to the whole"),
        (ARMS.replace("z: [0]", "z: [0, 1]"), "one z for each interim look"),
        (ARMS.replace("treatment.levels: [100]", "treatment.levels: [100, 300, 500, 700, 800]"), "not better"),
        (ARMS.replace("fixed: {treatment.levels: [100]}", "a: {}, b: {}"), "two `variants`"),
        (ARMS.replace("control: published", "control: best"), "there is no variant 'best'"),
        (ARMS.replace("largest_n: 300", "largest_n: 20"), "n <= 20"),
        (EVENTS.replace("alternative: 0.5", "alternative: 1.2"), "this hazard ratio is not an improvement"),
        (EVENTS.replace("largest_n: 100", "largest_n: 10"), "largest_n from about"),
        (EVENTS.replace("endpoint: progression-free", "endpoint: rash"), "must know how long it waits"),
        (STUDY.replace("scenario: followup", "scenario: folowup"), "Did you mean followup"),
        (STUDY.replace("{parameters: mode}", "{parameters: mode, treatment.evry: 14 days}"), "this key is not known"),
    ],
)
def test_what_cannot_be_had_has_its_message(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ts.InputError, match=message) as raised:
        ts.size(study(tmp_path, text), None, 100)
    is_one_line = "\n" not in str(raised.value)  # a file of another kind
    assert is_one_line or "Allowed: " in str(raised.value)


def test_changes_are_of_the_study_or_of_its_scenario(tmp_path: Path) -> None:
    path = study(tmp_path)
    found = ts.load_sizing(path, {"power": 0.7, "conduct.not_evaluable": "failures", "accrual.patients": 44})
    assert found.study.power == 0.7
    assert found.study.conduct.not_evaluable == "failures"
    assert found.scenarios["all patients"].accrual.patients == 44
    assert ts.check([str(path)])[0].startswith("a small study")
