"""Pictures: labels do not run together, legends and names lie beside the data, nothing shows more than there is."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

import trialsim as ts
from trialsim.design.search import SearchResult
from trialsim.report.calibration.figures import draw_sensitivity
from trialsim.report.comparison.figures import draw_differences, draw_plane
from trialsim.report.design.figures import draw_boundaries, draw_calendar, draw_power
from trialsim.report.pictures import prepare, save_figures
from trialsim.report.run.predictive import draw_predictive
from trialsim.report.run.swimmer import TOXICITY_MARKS, mark_of_toxicity
from trialsim.storage.formats import FORMATS

RESULTS = Path(__file__).parents[2] / "results"
STUDY = RESULTS / "studies" / "compare_titration"


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:
    prepare()


def boxes(items: list[Any]) -> list[Any]:
    return [Text.get_window_extent(item) for item in items if item.get_visible() and item.get_text()]


def check_ticks(figure: Figure) -> None:
    figure.draw_without_rendering()
    for axes in figure.axes:
        if axes.get_visible():
            for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
                for one, other in itertools.combinations(boxes(labels), 2):
                    assert not one.overlaps(other), axes.get_title()


def test_tick_labels_of_differences_do_not_run_together() -> None:
    check_ticks(draw_differences("Titration", pd.read_csv(STUDY / "differences.csv").fillna({"unit": ""})))


def plane() -> tuple[Figure, Axes]:
    estimates = pd.read_csv(STUDY / "estimates.csv").fillna({"unit": ""})
    differences = pd.read_csv(STUDY / "differences.csv").fillna({"unit": ""})
    figure = draw_plane(
        "Titration",
        estimates,
        differences,
        ("any response of the enrolled", "any severe toxicity"),
        {"other ladder": "fixed 400"},
    )
    figure.draw_without_rendering()
    return figure, figure.axes[0]


def test_numbers_on_the_plane_are_near_their_points_and_apart_from_each_other() -> None:
    _, axes = plane()
    numbers = [item for item in axes.texts if isinstance(item, Annotation)]
    assert len(numbers) == 12
    for number in numbers:
        assert np.hypot(*number.get_position()) <= 25.0  # in points: no line across the data
    for one, other in itertools.combinations(boxes(numbers), 2):
        assert not one.overlaps(other)


def test_the_labels_of_the_plane_lie_on_the_page_and_beside_its_title() -> None:
    figure, axes = plane()
    title = next(item for item in figure.texts if "benefit against harm" in item.get_text())
    page = figure.bbox
    for label in (axes.xaxis.label, axes.yaxis.label):
        box = label.get_window_extent()
        assert not box.overlaps(title.get_window_extent())
        assert page.fully_containsx(box.x0)
        assert page.fully_containsx(box.x1)
        assert page.fully_containsy(box.y0)
        assert page.fully_containsy(box.y1)


def test_a_variant_without_a_known_difference_has_no_number_on_the_plane() -> None:
    estimates = pd.read_csv(STUDY / "estimates.csv").fillna({"unit": ""})
    differences = pd.read_csv(STUDY / "differences.csv").fillna({"unit": ""})
    differences[["lower", "upper"]] = np.nan  # as from one trial
    differences.loc[differences["variant"] == "cap 400", "value"] = np.nan
    figure = draw_plane(
        "Titration", estimates, differences, ("any response of the enrolled", "any severe toxicity"), {}
    )
    names = {text.get_text().split("  ")[-1] for text in figure.axes[0].texts if not isinstance(text, Annotation)}
    numbers = [text for text in figure.axes[0].texts if isinstance(text, Annotation)]
    assert "cap 400" not in names
    assert len(numbers) == len(names) == 11


def test_a_sign_that_the_font_lacks_is_no_news_for_the_terminal(tmp_path: Path) -> None:
    figure = Figure()
    figure.suptitle("試験")
    with warnings.catch_warnings(record=True) as seen:
        prepare()
        save_figures(tmp_path, FORMATS, {"title": figure})
    assert (tmp_path / "title.png").is_file()
    assert seen == []


def test_each_panel_of_the_tornado_is_sorted() -> None:
    table = pd.read_csv(RESULTS / "calibration" / "tosi2000" / "sensitivity.csv").fillna({"unit": ""})
    figure = draw_sensitivity("Salvage", table)
    check_ticks(figure)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == table["quantity"].nunique()
    for axes in panels:
        widths = [abs(bar.get_width()) for bar in axes.patches]  # type: ignore[attr-defined]
        assert widths == sorted(widths)
        assert widths[-1] > 0.0


def test_bars_of_counts_end_with_the_last_patient(tosi2000: ts.Scenario) -> None:
    result = ts.run(tosi2000.with_changes({"evaluable.after": "1 days"}), 300)
    assert max(item.upper for item in result.estimate_list if item.statistic == "evaluable") == 27.0
    figure = draw_predictive(result.scenario, result.replicates.store, result.estimate_list)
    check_ticks(figure)
    panel = next(axes for axes in figure.axes if axes.get_xlabel() == "patients")
    assert max(patch.get_data().edges.max() for patch in panel.patches) <= 27.0  # type: ignore[attr-defined]


def search() -> SearchResult:
    """Few trials at first, many near the answer, and a few first ones among these that lie lower by chance."""
    curve = pd.DataFrame(
        {"n": [20, 30, 40, 45, 50, 60], "replicates": [100, 100, 2000, 100, 2000, 2000],
         "power": [0.5, 0.6, 0.78, 0.65, 0.81, 0.85], "lower": [0.4, 0.5, 0.76, 0.55, 0.79, 0.83],
         "upper": [0.6, 0.7, 0.8, 0.75, 0.83, 0.87]}
    )  # fmt: skip
    return SimpleNamespace(curve=curve, target=0.8, n=48, lower=45, upper=52)  # type: ignore[return-value]


def ready(**more: Any) -> Any:
    study = SimpleNamespace(alternative=0.3)
    design = SimpleNamespace(power_by_n=lambda: None)
    return SimpleNamespace(study=study, design=design, boundary=None, **more)


def legends_lie_outside(figure: Figure) -> bool:
    figure.draw_without_rendering()
    frames = [axes.get_window_extent() for axes in figure.axes]
    return all(axes.get_legend() is None for axes in figure.axes) and not any(
        legend.get_window_extent().overlaps(frame) for legend in figure.legends for frame in frames
    )


def test_power_shows_few_trials_only_where_there_are_not_many() -> None:
    figure = draw_power("Size", ready(), search())
    few = next(line for line in figure.axes[0].lines if "few" in str(line.get_label()))
    assert list(np.asarray(few.get_xdata())) == [20, 30]
    assert figure.legends
    assert legends_lie_outside(figure)


def test_the_calendar_has_its_legend_beside_the_curves_and_lines_that_differ_without_colour() -> None:
    rng = np.random.default_rng(1)
    rows: Any = {
        truth: {"decided_day": rng.uniform(100, 900, 50), "enrolled": rng.integers(10, 60, 50)}
        for truth in ("null", "alternative", "calibrated", "posterior median")
    }
    figure = draw_calendar("Size", rows)
    assert figure.legends
    assert legends_lie_outside(figure)
    assert len({str(line.get_linestyle()) for line in figure.axes[0].lines}) == 4


@pytest.mark.parametrize("toxicity", [{}, {"most_toxic1": 12, "most_toxic": 32}])
def test_names_of_boundaries_lie_over_no_line(toxicity: dict[str, int]) -> None:
    design = {"n1": 19, "r1": 3, "n": 55, "r": 12, "p0": 0.15, "p1": 0.3, **toxicity}
    figure = draw_boundaries("Simon", ready().design, design, None)
    assert figure is not None
    figure.draw_without_rendering()
    axes = figure.axes[0]
    frame = axes.get_window_extent()
    assert len(boxes(list(axes.texts))) == 2
    assert not any(box.overlaps(frame) for box in boxes(list(axes.texts)))
    assert not boxes(list(axes.texts))[0].overlaps(boxes(list(axes.texts))[1])


def test_toxicities_differ_in_shape_and_colour() -> None:
    markers, colours = zip(*TOXICITY_MARKS, strict=True)
    assert len(set(markers)) == len(set(colours)) == len(TOXICITY_MARKS)
    assert len({mark_of_toxicity(index) for index in range(30)}) == 30  # as many toxicities as a scenario may have


def test_pictures_come_in_every_format_and_the_same_picture_is_the_same_file(tmp_path: Path) -> None:
    def files(name: str) -> list[bytes]:
        figure = Figure()
        figure.subplots().plot([1, 2, 3])
        (tmp_path / name).mkdir()
        save_figures(tmp_path / name, FORMATS, {"power": figure, "none": None})
        assert {path.name for path in (tmp_path / name).iterdir()} == {"power.png", "power.svg", "power.pdf"}
        return [(tmp_path / name / f"power.{form}").read_bytes() for form in FORMATS]

    first = files("one")
    assert [content[:4] for content in first] == [b"\x89PNG", b"<?xm", b"%PDF"]
    assert files("other") == first
