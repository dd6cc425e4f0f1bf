"""The commands `monitor` and `analyse`: where a trial stands while it runs, and inference after it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from trialsim.cli.options import JsonOption, SeedOption, SetOption, StudyArgument
from trialsim.cli.output import print_json, print_view, read_settings
from trialsim.errors import OptionError


def analyse(
    study: StudyArgument,
    data: Annotated[str | None, typer.Argument(metavar="[DATA]", help="A CSV or parquet file of patients.")] = None,
    counts: Annotated[
        list[str] | None,
        typer.Option(metavar="[ARM=]X/N,…", help="Responses of patients so far at each look; repeat for each arm."),
    ] = None,
    confidence: Annotated[float | None, typer.Option(help="Confidence level of the intervals.")] = None,
    adjust: Annotated[str, typer.Option(metavar="COLUMNS", help="Covariates to adjust for, with commas.")] = "",
    strata: Annotated[str, typer.Option(metavar="COLUMNS", help="What tests are stratified by, with commas.")] = "",
    subgroups: Annotated[
        str, typer.Option(metavar="COLUMNS", help="Columns in whose levels the effect is shown, with commas.")
    ] = "",
    look: Annotated[
        list[str] | None, typer.Option(metavar="EVENTS:Z", help="An interim look that was taken; repeat for each.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Analyse a trial that was conducted: decision, estimates, p-values and intervals by its design."""
    from trialsim.workflows.analyse import analyse as workflow

    if (data is None) == (not counts):
        raise OptionError("DATA, --counts", "the data are one of the two.", "a file of patients, or counts.")
    given: Any = data if data is not None else read_counts(counts or [])
    result = workflow(
        study, given, confidence=confidence, adjust=_columns(adjust), strata=_columns(strata),
        subgroups=_columns(subgroups), earlier=[read_look(text) for text in look or []],
    )  # fmt: skip
    if as_json:
        print_json({"study": study, **result.to_json()})
        return
    from trialsim.config.loading.size_studies import load_sizing
    from trialsim.report.design.analysis_view import analysis_view

    title = load_sizing(study).study.title
    print_view(analysis_view(title, result.decision, result.table, result.remarks, result.confidence))


def monitor(
    study: StudyArgument,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A CSV or parquet file of the patients so far.")],
    today: Annotated[
        str | None, typer.Option(metavar="DATE", help="The day of the look: a date, or days since the trial opened.")
    ] = None,
    futures: Annotated[int, typer.Option(help="How many futures are simulated.")] = 2000,
    seed: SeedOption = 1,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Where a running trial stands: the decision by its design, the probability of success, the next milestones."""
    from trialsim.config.loading.size_studies import load_sizing
    from trialsim.report.design.monitoring_view import monitoring_view
    from trialsim.workflows.monitor import monitor as workflow

    sizing = load_sizing(study, read_settings(settings))
    found = workflow(sizing, data, today=read_day(today), futures=futures, seed=seed)
    if as_json:
        print_json({"study": study, **found.to_json()})
        return
    print_view(
        monitoring_view(
            sizing.study.title, found.today.isoformat(), found.decision, found.endings if found.goes_on else None,
            found.safety, found.milestones, found.standing, (found.effective_draws, found.n_draws),
        )
    )  # fmt: skip


def read_day(text: str | None) -> float | str | None:
    """A date, or a number of days."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def read_counts(texts: list[str]) -> dict[str, Any]:
    """`5/19,21/54`, or `control=9/30` and `experimental=18/30`, to counts. Raises `OptionError`."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, rest = text.rpartition("=")
        pairs = [part.split("/") for part in rest.split(",")]
        try:
            responses, patients = zip(*((int(x), int(n)) for x, n in pairs), strict=True)
        except ValueError:
            allowed = "responses of patients, `--counts 5/19,21/54`, of each arm `--counts control=9/30`."
            raise OptionError(f"--counts {text}", "these are no counts.", allowed) from None
        of_arm = {"patients": list(patients), "responses": list(responses)}
        found.update({name: of_arm} if equals else of_arm)
    return found


def read_look(text: str) -> tuple[int, float]:
    """`50:1.8` to the events and the z of a look. Raises `OptionError`."""
    events, _, z = text.partition(":")
    try:
        return int(events), float(z)
    except ValueError:
        raise OptionError(f"--look {text}", "this is no look.", "events and z, `--look 50:1.8`.") from None


def _columns(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
