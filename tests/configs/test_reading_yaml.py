"""Hostile and careless YAML is refused in words, at its line, within bounds of time and memory; numbers are decimal."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import trialsim as ts
from trialsim.config import Settings, parse_value
from trialsim.config.source import yaml_nodes
from trialsim.config.source.yaml import MAX_BYTES, dump_yaml, read_yaml
from trialsim.config.source.yaml_nodes import MAX_DIGITS

Writer = Callable[[str | bytes], Path]

ZEROS = "0" * 400
BOMB = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    def written(text: str | bytes) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
        return path

    return written


def message_of(path: Path) -> str:
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_scenario(path)
    message = str(raised.value)
    message.encode("utf-8")
    return message


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("extends: tosi2000\ntitle: !!int ''", 2, "the tag !!int is not read"),
        ("extends: tosi2000\ntitle: !!float ''", 2, "the tag !!float is not read"),
        ("extends: tosi2000\ntitle: !!int '-'", 2, "the tag !!int is not read"),
        ("extends: tosi2000\ninterpretations: !!set {a, b}", 2, "the tag !!set is not read"),
        ("extends: tosi2000\ntitle: !!python/name:os.system x", 2, "is not read"),
        (f"extends: tosi2000\naccrual: {{patients: 1{'0' * 5000}}}", 2, "this number has 5,001 digits"),
        (f"extends: tosi2000\naccrual: {{patients: 0x{'f' * 4000}}}", 2, "this is a text and not a decimal number"),
        (f"extends: tosi2000\naccrual: {{patients: 1{'0' * 350}}}", 2, "this number is too large"),
        (f"extends: tosi2000\ndisease: {{sensitive: {'[' * 400}", 2, "this is nested too deeply"),
        (f"extends: tosi2000\nx: {'[' * 2000}{']' * 2000}", 2, "this is nested too deeply"),
        (f"extends: tosi2000\nx: {'{a: ' * 2000}1{'}' * 2000}", 2, "this is nested too deeply"),
        (
            f"b0: &b0 [1]\n{''.join(f'b{i}: &b{i} [*b{i - 1}]{chr(10)}' for i in range(1, 90))}",
            None,
            "nested too deeply",
        ),
        ("a: &a [*a]", 1, "the text contains itself"),
        (BOMB, None, "this text has too many values"),
        ('extends: tosi2000\ntitle: "\\uD800"', 2, "not valid Unicode"),
        ('extends: tosi2000\ninterpretations: {"\\uD800": x}', 2, "this cannot be a key"),
        ("extends: tosi2000\nx: {[a]: 1}", 2, "a key is missing before a colon"),
        ("extends: tosi2000\nx: .inf", 2, "this number is not finite"),
        ("extends: tosi2000\nx: 1e400", 2, "this number is not finite"),
        ("extends: tosi2000\ntreatment:\n\tevery: 3 days", 3, "there is a tab: use spaces"),
        ("extends: tosi2000\ntreatment: {every:\t3 days}", 2, "there is a tab: use spaces"),
        ('extends: tosi2000\ntitle: "open\nname: x', 2, "this quotation mark is never closed"),
        ("extends: tosi2000\ntreatment: [1, 2\n", 2, "this [ is never closed"),
        ("extends: tosi2000\ntreatment: {a: 1\n", 2, "this { is never closed"),
        ("extends: tosi2000\ntitle: a: b", 2, "a second `: ` stands in this line"),
        ("extends: tosi2000\n\x00", 2, "it has the character U+0000"),
    ],
)
def test_hostile_yaml_is_refused_at_its_line(write: Writer, text: str, line: int | None, expected: str) -> None:
    message = message_of(write(text))
    assert expected in message
    assert line is None or f"mine.yaml:{line}" in message


def test_a_file_that_is_too_large_or_not_utf_8_says_so(write: Writer) -> None:
    assert "it is larger than 4 MB" in message_of(write("title: " + "x" * MAX_BYTES))
    assert "it is not UTF-8 text" in message_of(write("extends: tosi2000\ntitle: é".encode("latin-1")))
    assert "it is not UTF-8 text" in message_of(write("extends: tosi2000\n".encode("utf-16")))


def test_a_text_with_too_many_values_is_refused(write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert yaml_nodes.MAX_NODES == 100_000
    monkeypatch.setattr(yaml_nodes, "MAX_NODES", 1000)
    assert "this text has too many values" in message_of(write(f"x: [{'1,' * 1010}]"))


def test_a_byte_order_mark_is_read_over(write: Writer) -> None:
    assert ts.load_scenario(write(b"\xef\xbb\xbfextends: tosi2000\ntitle: mine\n")).title == "mine"


def test_a_long_chain_of_files_says_what_it_is(tmp_path: Path) -> None:
    for i in range(30):
        (tmp_path / f"s{i}.yaml").write_text(f"extends: s{i + 1}.yaml\n")
    message = message_of(tmp_path / "s0.yaml")
    assert "too many files extend one another" in message
    assert "s20.yaml:1  extends = s21.yaml" in message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("027", 27), ("-08", -8), ("1e3", 1000.0), ("1e-3", 0.001), (".5", 0.5), ("5.", 5.0), ("+5", 5),
        ("1:40", "1:40"),
        ("0x1F", "0x1F"), ("0o17", "0o17"), ("0b11", "0b11"), ("1_000", "1_000"), ("yes", "yes"), ("off", "off"),
        ("true", True), ("~", None), ("", None), ("1999-10-01", "1999-10-01"), ("'027'", "027"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_are_read_as_in_yaml_1_2(text: str, value: object) -> None:
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", ["1e3", "027", "08", "1:40", "0x1F", "yes", "null", "1999-10-01", "1_0", ".5", "", "~"]
)
def test_a_text_that_looks_like_something_else_reads_back_equal(tmp_path: Path, text: str) -> None:
    written = dump_yaml({"text": text, "number": 1e-5})
    (tmp_path / "x.yaml").write_text(written)
    assert read_yaml(tmp_path / "x.yaml")[0] == {"text": text, "number": 1e-5}
    assert yaml.safe_load(written) == {"text": text, "number": 1e-5}, "also for a reader of YAML 1.1"


def test_numbers_with_leading_zeros_are_decimal_everywhere(write: Writer) -> None:
    scenario = ts.load_scenario(
        write("extends: tosi2000\naccrual: {patients: 027}\ntreatment: {levels: [010, 0100]}\n")
    )
    assert scenario.accrual.patients == 27
    assert [dose.value for dose in scenario.treatment.levels] == [10.0, 100.0]
    text = ts.load_sizing("simon_response", {"largest_n": parse_value("0100")})
    assert text.study.largest_n == 100
    message = message_of(write("extends: tosi2000\naccrual: {patients: 1_000}\ntreatment: {levels: [1:40]}\n"))
    assert "mine.yaml:2  accrual.patients = 1_000" in message
    assert "this is a text and not a decimal number" in message
    assert "treatment.levels.0 = 1:40" in message


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "\ud800"}, {"\ud800": 1}, {"accrual.patients": 10**400}, {"disease.sensitive": float("nan")},
        {".".join("a" * 5000): 1}, {f"treatment.levels.{'9' * 5000}": 1}, {"x" * 5000: 1},
        {"treatment": [[[{"a": float("inf")}]]]},
    ],
    ids=lambda changes: next(iter(changes))[:20].encode("ascii", "replace").decode(),
)  # fmt: skip
def test_changes_from_python_are_refused_alike(tosi2000: ts.Scenario, changes: dict[str, Any]) -> None:
    with pytest.raises(ts.ConfigurationError) as raised:
        tosi2000.with_changes(changes)
    str(raised.value).encode("utf-8")


def test_a_deep_mapping_from_python_is_refused(tosi2000: ts.Scenario) -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(ts.ConfigurationError, match="nested too deeply"):
        tosi2000.with_changes({"treatment": deep})


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("simon_response", "alpha: 0.05", f"alpha: 1{ZEROS}", "alpha"),
        ("simon_response", "alpha: 0.05", f"alpha: 1{'0' * 320}", "alpha"),
        ("simon_response", "alternative: 0.30", f"alternative: 1{'0' * 320}", "alternative"),
        ("simon_response", "power: 0.80", "power: 0.80\nsafety: {endpoint: any severe toxicity, rate: 0.3, "
         f"prior: [1{'0' * 320}, 1]}}", "safety.prior.0"),
        ("compare_titration", "any severe toxicity: -0.5}", f"any severe toxicity: 1{'0' * 320}}}", "utility"),
        ("compare_titration", "any severe toxicity: -0.5}", "any severe toxicity: .inf}", "utility"),
        ("compare_titration", "replicates: 1000", "replicates: 100\ndesign: parallel\n"
         "allocation: {ratio: {as published: 100000000000000000000}}", "allocation.ratio.as published"),
        ("logrank_progression", "power: 0.80", "power: 0.80\nallocation: {ratio: {thalidomide: 100000000000000000000}}",
         "allocation.ratio.thalidomide"),
    ],
)  # fmt: skip
def test_huge_numbers_of_studies_are_refused(write: Writer, file: str, old: str, new: str, expected: str) -> None:
    text = (Path(__file__).parents[2] / "configs" / "studies" / f"{file}.yaml").read_text(encoding="utf-8")
    assert old in text
    path = write(text.replace(old, new))
    with pytest.raises(ts.ConfigurationError) as raised:
        (ts.load_study if file.startswith("compare") else ts.load_sizing)(path)
    assert re.search(rf"mine.yaml:\d+  {expected}", str(raised.value))


def test_a_setting_with_a_number_of_many_digits_names_the_option() -> None:
    with pytest.raises(ts.ConfigurationError, match="--set x"):
        parse_value("9" * (MAX_DIGITS + 1), "--set x")
    with pytest.raises(ts.ConfigurationError, match=r"--set treatment\.evry"):
        ts.load_scenario("tosi2000", Settings({"treatment.evry": None}))
