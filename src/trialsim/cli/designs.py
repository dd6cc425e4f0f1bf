"""The command `design`: every plain function of a design as a command of its own, with its arguments as options."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

import pandas as pd
import typer

from trialsim.cli.options import JsonOption
from trialsim.cli.output import print_json, print_view
from trialsim.errors import OptionError, RequestError
from trialsim.records.tables import plain_rows
from trialsim.workflows.designs import FUNCTIONS
from trialsim.workflows.designs.reestimation import Reestimation
from trialsim.workflows.designs.trial_design import TrialDesign

Parse = Callable[[Any], Any]


def read_number(text: str | float) -> float:
    """A number, or a share in per cent; what is a number already stays one. Raises `ValueError`."""
    written = str(text).strip()
    try:
        return float(written[:-1]) / 100.0 if written.endswith("%") else float(written)
    except ValueError:
        raise ValueError(f"{text!r} is not a number, such as 0.3 or 30%") from None


def read_numbers(text: Any) -> Any:
    """Numbers with commas between them, a whole number, or a word; what is no text stays as it is."""
    if not isinstance(text, str):
        return text
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 1 and re.fullmatch(r"\d+", parts[0]):
        return int(parts[0])
    try:
        return [read_number(part) for part in parts]
    except ValueError:
        return text


def read_steps(text: Any) -> Any:
    """A number, or numbers from months on, 0:0.08,6:0.04, as they are written; nothing stays nothing."""
    if text is None:
        return None
    try:
        return read_number(text)
    except ValueError:
        return text


def read_time(text: Any) -> Any:
    """A number of months, or a time with its unit; nothing stays nothing."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def command_of(function: Callable[..., TrialDesign]) -> Callable[..., None]:
    """The command of a plain function: its arguments are options, and three more say what is printed."""
    helps, hints = _helps_of(function), get_type_hints(function)
    given = inspect.signature(function).parameters

    shown = _SHOWN if "spending" not in given else (*_AT_LOOKS, *_SHOWN)

    def command(**options: Any) -> None:
        chosen = {key: options.pop(f"_{key}", None) for key, _, _ in (*_AT_LOOKS, *_SHOWN)}
        design = function(**options)
        show(design, chosen)

    parameters = [_option(name, item, hints[name], helps.get(name, "")) for name, item in given.items()]
    parameters += [inspect.Parameter(f"_{key}", inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
                   for key, default, annotation in shown]  # fmt: skip
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {item.name: item.annotation for item in parameters}
    command.__name__, command.__doc__ = function.__name__, (function.__doc__ or "").split("\n\n", maxsplit=1)[0]
    return command


def _number(flag: str, text: str) -> Any:
    """An option that is a number, or nothing."""
    return Annotated[float | None, typer.Option(flag, help=text, parser=read_number, metavar="NUMBER")]


# Of designs with bounds by look: what is asked about a look that was taken, and of re-estimation.
_AT_LOOKS: Final = (
    ("look", None, Annotated[
        int | None, typer.Option("--at-look", help="The interim look at which conditional power is computed; with --z.")
    ]),
    ("z", None, _number("--z", "The statistic of that look, positive where the experimental arm does better.")),
    ("effect", None, _number("--effect", "A true hazard ratio or experimental rate, for the conditional power.")),
    ("promising", None, Annotated[
        Any,
        typer.Option("--promising", parser=read_numbers, metavar="NUMBERS",
                     help="Conditional power from which, or between which, the second stage is made larger: 0.36."),
    ]),
    ("target", None, _number("--target", "The conditional power that the larger second stage shall have.")),
    ("factor", None, _number("--factor", "How many times the planned second stage it is at most; 2 unless given.")),
)  # fmt: skip
_SHOWN: Final = (
    ("at", None, Annotated[
        list[str] | None,
        typer.Option("--at", metavar="RATES", help="True rates or hazard ratios to compute; repeat for more."),
    ]),
    ("plot", None, Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Write the picture.")]),
    ("study", None, Annotated[
        Path | None, typer.Option("--study", metavar="FILE", help="Write the study that conducts it.")
    ]),
    ("csv", False, Annotated[bool, typer.Option("--csv", help="Print the table as CSV, and nothing else.")]),
    ("json", False, JsonOption),
)  # fmt: skip


def _option(name: str, item: inspect.Parameter, hint: Any, text: str) -> inspect.Parameter:
    """An argument as an option of a command."""
    flag = f"--{name.replace('_', '-')}"
    kind, parser = _kind_of(hint)
    option = (
        typer.Option(flag, help=text)
        if parser is None
        else typer.Option(flag, help=text, parser=parser, metavar=_METAVARS[parser])
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=item.default, annotation=Annotated[kind, option]
    )


def _kind_of(hint: Any) -> tuple[Any, Parse | None]:
    """The type of an option and what reads it, from the type of an argument."""
    members = [item for item in get_args(hint) if item is not type(None)] if get_origin(hint) is not Literal else []
    if get_origin(hint) is Literal or any(get_origin(item) is Literal for item in members):
        return hint, None
    if hint is bool or hint is int:
        return hint, None
    if members == [int]:
        return int | None, None
    if hint is str or members == [str]:
        return str | None, None
    if hint is float:
        return float, read_number
    if any("tuple" in str(item) for item in (hint, *members)):
        return Any, read_steps
    is_list = any("Sequence" in str(item) for item in (hint, *members))
    return Any, read_numbers if is_list else read_time


_METAVARS: Final[dict[Parse, str]] = {
    read_number: "NUMBER",
    read_time: "MONTHS",
    read_numbers: "NUMBERS",
    read_steps: "NUMBER|MONTH:NUMBER,…",
}


def _helps_of(function: Callable[..., Any]) -> Mapping[str, str]:
    """What the docstring says of each parameter."""
    text = inspect.getdoc(function) or ""
    section = text.split("Parameters\n----------\n", maxsplit=1)[1].split("\nReturns\n", maxsplit=1)[0]
    helps = {}
    for names, words in re.findall(r"^(\S[^\n]*)\n((?:    [^\n]*\n?)+)", section, flags=re.MULTILINE):
        for name in names.split(", "):
            helps[name] = " ".join(words.split())
    return helps


def show(design: TrialDesign, chosen: Mapping[str, Any]) -> None:
    """Print a design as a table, as CSV or as JSON; write its picture and its study where they are asked for."""
    curve = design.operating_characteristics(_rates(chosen["at"]))
    power, rule = _power_at_look(design, chosen), _rule(design, chosen)
    if chosen["csv"] and chosen["json"]:
        raise OptionError("--csv, --json", "one of them is printed.", "one of them.")
    if chosen["plot"] is not None:
        _write_picture(design, chosen["plot"])
    if chosen["study"] is not None:
        design.to_study(chosen["study"])
    if chosen["json"]:
        more: dict[str, Any] = {"operating_characteristics": curve.to_dict("records")} if chosen["at"] else {}
        more |= {"conditional_power": plain_rows(power)} if power is not None else {}
        print_json({**design.to_json(), **more, **({"reestimation": rule.to_json()} if rule is not None else {})})
    elif chosen["csv"]:
        print(design.table.to_csv(index=False), end="")
    else:
        from trialsim.report.design.at_looks import power_at_look_view, reestimation_view
        from trialsim.report.design.plain_design import plain_design_view

        shown = curve if chosen["at"] else curve.iloc[0:0]
        print_view(plain_design_view(design.planned, design.numbers, design.looks, shown, design.paragraph))
        if power is not None:
            print_view(power_at_look_view(power, chosen["look"], chosen["z"]))
        if rule is not None:
            print_view(
                reestimation_view(
                    rule.numbers, rule.table, rule.operating_characteristics(), rule.scale, rule.paragraph
                )
            )


def _power_at_look(design: TrialDesign, chosen: Mapping[str, Any]) -> pd.DataFrame | None:
    """The conditional power after a look; nothing where it is not asked for. Raises `RequestError`."""
    look, z, effect = (chosen[key] for key in ("look", "z", "effect"))
    if look is None and z is None and effect is None:
        return None
    if look is None or z is None:
        given = ", ".join(
            flag for flag, value in (("--at-look", look), ("--z", z), ("--effect", effect)) if value is not None
        )
        raise OptionError(given, "conditional power takes a look and its z.", "--at-look 1 --z 1.2.")
    return design.conditional_power(look, z, effect)


def _rule(design: TrialDesign, chosen: Mapping[str, Any]) -> Reestimation | None:
    """The re-estimation; nothing where it is not asked for. Raises `RequestError`."""
    given = {key: chosen[key] for key in ("promising", "target", "factor") if chosen[key] is not None}
    return design.reestimation(**given) if given else None


def _write_picture(design: TrialDesign, path: Path) -> None:
    from trialsim.storage.formats import FORMATS

    form = path.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise OptionError(
            f"--plot {path}", "this is no format of a picture.", f"a name that ends in {', '.join(FORMATS)}."
        )
    design.plot().savefig(path, dpi=150)


def _rates(given: list[str] | None) -> Any:
    """`--at 0.2 --at 0.3`, or pairs `--at 0.2,0.4`. Raises `RequestError`."""
    if not given:
        return None
    try:
        rows = [tuple(read_number(part) for part in text.split(",")) for text in given]
    except ValueError:
        raise RequestError(
            f"--at {' '.join(given)}", "these are not numbers.", "such as 0.2, or 0.2,0.4 for two arms."
        ) from None
    return [row[0] if len(row) == 1 else row for row in rows]


app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A design at once, from plain numbers and without a scenario: exact where it counts patients.",
)
for _function in FUNCTIONS.values():
    app.command(_function.__name__.replace("_", "-"))(command_of(_function))
