"""`trialsim compare`: the same trials however they were come by, JSON, and messages for what cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import trialsim as ts
from tests.command_line import Done, trialsim
from tests.comparison.test_compare import STUDY, study
from tests.interruption import interrupt
from trialsim.storage.checkpoint import ROWS
from trialsim.storage.job_folder import job_folder_path

pytestmark = pytest.mark.slow


def compare(folder: Path, *options: str) -> Done:
    return trialsim(folder, "compare", *options)


def digest(folder: Path) -> str:
    return str(json.loads((folder / "manifest.json").read_text())["results_digest"])


def test_an_interrupted_comparison_goes_on_to_the_same_trials(tmp_path: Path) -> None:
    path = str(study(tmp_path))
    options = ("compare", path, "--replicates", "1200", "--engine", "reference", "--workers", "1", "--out", "out")
    rows = job_folder_path(tmp_path / "out") / ROWS
    interrupt(options, tmp_path, lambda: rows.exists() and rows.stat().st_size > 0)
    refused = compare(tmp_path, path, "--replicates", "1200", "--out", "out", "--resume", "--seed", "2")
    assert refused.returncode == 2
    assert "seed" in refused.stderr
    resumed = compare(tmp_path, path, "--replicates", "1200", "--out", "out", "--resume", "--quiet", "--workers", "2")
    assert resumed.returncode == 0, resumed.stderr
    assert digest(tmp_path / "out") == ts.compare(path, replicates=1200).digest


def test_json_is_all_that_is_printed(tmp_path: Path) -> None:
    done = compare(tmp_path, str(study(tmp_path)), "--replicates", "20", "--json")
    found = json.loads(done.stdout)
    assert set(found["variants"]) == {"one", "same", "slower"}
    assert {row["quantity"] for row in found["variants"]["one"]["estimates"]} == {
        "any response of the enrolled", "any severe toxicity", "progression-free at 3 months"
    }  # fmt: skip
    row = found["differences"][0]
    assert {"variant", "control", "quantity", "value", "mcse"} <= set(row)


def test_the_table_says_what_it_holds(tmp_path: Path) -> None:
    done = compare(tmp_path, str(study(tmp_path, STUDY, control="one")), "--replicates", "60", "--details")
    assert done.returncode == 0, done.stderr
    for words in ("Estimand (ICH E9(R1))", "any severe toxicity (less is better, treatment policy)", "always equal",
                  "times fewer", "P(better)", "variant less control (one)"):  # fmt: skip
        assert words in " ".join(done.stdout.split())


SLOWER = "slower: {treatment.every: 28 days}"
VARIANTS = "variants:\n  one: {}\n  same: {}\n  slower: {treatment.every: 28 days}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (STUDY.replace(SLOWER, "slower: {treatment.evry: 28 days}"), "study.yaml:9  variant slower"),
        (STUDY.replace(SLOWER, "slower: {strategy: fixed-150}"), "fixed-100"),
        (STUDY + "control: fastest\n", "there is no variant of this name"),
        (STUDY + "plane: {benefit: cure, harm: any severe toxicity}\n", "no endpoint of this name"),
        (STUDY + "utility: {any response: 1, cost: 2}\n", "no endpoint of this name"),
        (STUDY.replace("at: 3 months", "at: 50 months"), "nobody is observed so long"),
        (STUDY.replace("study: compare", "study: contrast"), "this word is not known here"),
        (STUDY + "surprise: 1\n", "this key is not known here"),
        (STUDY.replace("same: {}", "same: {parameters: mode}"), "the parameters vary in some variants"),
        (STUDY.replace(VARIANTS, ""), "nothing to compare"),
        (STUDY + "grid: {treatment.every: []}\n", "a key without values"),
        (STUDY.replace("  same: {}\n", "").replace(f"  {SLOWER}\n", ""), "nothing to compare it with"),
        (
            STUDY + "grid: {events.rash.rate: " + str([f"0.{i:02} /month" for i in range(90)]) + "}\n",
            "too many variants",
        ),
        (STUDY.replace("same:", "one - slower:"), "cannot be a name"),
        (STUDY + "name: ../elsewhere\n", "a name becomes a folder"),
        (STUDY + "plane: {benefit: average dose, harm: any severe toxicity}\n", "no endpoint of this name"),
        (STUDY.replace("[any response,", "[any respons,"), "Did you mean any response"),
    ],
)
def test_what_cannot_be_compared_has_its_message(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ts.InputError, match=message):
        ts.compare(study(tmp_path, text), replicates=4)


def test_check_refuses_what_compare_would(tmp_path: Path) -> None:
    with pytest.raises(ts.InputError, match="Did you mean any response"):
        ts.check([str(study(tmp_path, STUDY.replace("[any response,", "[any respons,")))])


def test_a_saved_study_is_compared_again(tmp_path: Path) -> None:
    path = str(study(tmp_path))
    assert compare(tmp_path, path, "--replicates", "30", "--out", "out", "--quiet").returncode == 0
    again = compare(tmp_path, "out/study.yaml", "--replicates", "30", "--out", "again")
    assert again.returncode == 0, again.stderr
    assert digest(tmp_path / "again") == digest(tmp_path / "out")
    replaced = compare(tmp_path, path, "--replicates", "20", "--out", "out")
    assert "in place of a comparison of 30 trials, seed 1" in " ".join(replaced.stdout.split())


def test_check_tells_a_study_and_warns_of_unreachable_rules(tmp_path: Path) -> None:
    text = STUDY.replace(
        "slower: {treatment.every: 28 days}",
        "slower: {treatment.rules: [{when: always, do: keep}, {when: tolerated, do: escalate}]}",
    )
    found = ts.check([str(study(tmp_path, text))])[0]
    assert "other rules, the first that holds decides:" in found
    assert "study.yaml:9 variant slower:" in " ".join(found.split())  # a long path may break the line
    assert "rule 1 always comes first" in found
