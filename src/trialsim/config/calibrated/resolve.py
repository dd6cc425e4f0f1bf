"""Which numbers stand where a scenario says `calibrated`: those of a parameter set, or of a table of draws.

A scenario that is filled in holds a value for each such number, with its origin (see `parameters.ParameterValue`). From
a table of draws that is the median; a run takes the draws themselves for every value of this origin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from trialsim.config.calibrated.draw_tables import ParameterTable, table_wanted
from trialsim.config.schema.parameters import Parameter, ParameterSet
from trialsim.config.schema.scenario import own_name
from trialsim.config.source.builtin import DRAWS_ENDINGS, builtin_names, find_file, is_path
from trialsim.config.source.yaml import Place
from trialsim.errors import ConfigurationError, Problem
from trialsim.files.regular import is_file

Data = dict[str, Any]
LoadSet = Callable[[str], ParameterSet]

FITTED_MODE: Final = "fitted mode"
PARAMETER_SET: Final = "parameter set"
POSTERIOR_MEDIAN: Final = "posterior median"
_OF_THE_TABLE: Final = {"digest", "drug", "reference_dose"}  # written when values are filled in


def as_mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, or an empty one where something else stands (validation will say so)."""
    return value if isinstance(value, Mapping) else {}


def expand_shorthand(written: Any) -> Any:
    """`parameters` in its long form: a word, or the path of a table of draws."""
    if not isinstance(written, str):
        return written
    return {"use": "calibrated", "draws": written} if _names_draws(written) else {"use": written}


def _names_draws(written: str) -> bool:
    """Whether a text for `parameters` is a path, which must be that of a table of draws, and not a word."""
    if written.endswith((".yaml", ".yml")):  # a parameter set, which stands under a key of its own
        return False
    return written.endswith(DRAWS_ENDINGS) or is_path(written) or bool(Path(written).suffix)


def resolve_paths(over: Data, path: Path | None) -> Data:
    """Files that `parameters` name are resolved from the file that names them, wherever that is inherited."""
    parameters = expand_shorthand(over.get("parameters"))
    if path is None or not isinstance(parameters, Mapping):
        return over
    resolved = dict(parameters)
    if isinstance(resolved.get("calibrated_to"), str) and is_path(resolved["calibrated_to"]):
        resolved["calibrated_to"] = str(find_file(resolved["calibrated_to"], "parameters", path).resolve())
    if isinstance(resolved.get("draws"), str) and is_file(path.parent / resolved["draws"]):
        resolved["draws"] = str((path.parent / resolved["draws"]).resolve())
    is_word = isinstance(over.get("parameters"), str)  # stays one, to take the place of what stood there before
    return {**over, "parameters": resolved.get("draws", resolved["use"]) if is_word else resolved}


def align_parameters(base: Data, over: Data) -> tuple[Data, Data]:
    """Two layers whose `parameters` can be merged: a word is expanded.

    A word above takes the place of everything below but the values that the user has written, and the path of a
    parameter set, which goes with the cohort, or its name where the cohort does not tell it.
    """
    below, above = expand_shorthand(base.get("parameters")), over.get("parameters")
    if not isinstance(below, Mapping) or above is None:
        return base, over
    if not isinstance(above, str):
        return ({**base, "parameters": below}, over) if isinstance(above, Mapping) else (base, over)
    parameters: Data = {}
    set_name = below.get("calibrated_to")
    cohort = over.get("cohort") or _name_of_cohort(base.get("cohort"))
    tells_alone = isinstance(set_name, str) and (
        is_path(set_name) or not cohort or ("cohort" not in over and cohort != set_name)
    )
    if tells_alone and not _names_draws(above):
        parameters["calibrated_to"] = set_name
    values = {name: value for name, value in as_mapping(below.get("values")).items() if not is_filled_in(value)}
    if values:
        parameters["values"] = values
    return {**base, "parameters": parameters}, {**over, "parameters": expand_shorthand(above)}


def _name_of_cohort(cohort: Any) -> Any:
    """The name of a cohort that is named or written out."""
    return as_mapping(cohort).get("name") if isinstance(cohort, Mapping) else cohort


def drop_outdated_values(base: Data, over: Mapping[str, Any]) -> Data:
    """What `base` says of parameters, without what was filled in from elsewhere than `over` now says."""
    if not {"draws", "calibrated_to", "centre", "use"} & set(as_mapping(over.get("parameters"))):
        return base
    new_parameters = as_mapping(over["parameters"])
    outdated_keys = _OF_THE_TABLE | ({"draws"} if new_parameters.get("use", "calibrated") != "calibrated" else set())
    if new_parameters.get("draws") is not None:
        outdated_keys |= {"use", "centre"}
    if "calibrated_to" in new_parameters:
        outdated_keys.add("centre")
    parameters = {key: value for key, value in as_mapping(base.get("parameters")).items() if key not in outdated_keys}
    values = as_mapping(parameters.get("values"))
    parameters["values"] = {name: value for name, value in values.items() if not is_filled_in(value)}
    return {**base, "parameters": parameters}


def fill_calibrated_values(data: Data, load_set: LoadSet) -> Data:
    """A scenario's plain data with a value for every calibrated number that has none.

    `load_set` gives the `ParameterSet` of a name. Values that were filled in for a number that is not there any more
    are dropped.
    """
    parameters = expand_shorthand(data.get("parameters", "mode"))
    if isinstance(parameters, Mapping) and "draws" in parameters:
        parameters = {"use": "calibrated", **parameters}
    values = as_mapping(parameters).get("values", {})
    if not isinstance(parameters, Mapping) or not isinstance(values, Mapping):
        return {**data, "parameters": parameters}
    used_names = set(calibrated_names(data, ()))
    values = {name: value for name, value in values.items() if name in used_names or not is_filled_in(value)}
    use = parameters.get("use", "mode")
    if use == "calibrated" and "digest" not in parameters:  # whatever table is there now
        values = {name: value for name, value in values.items() if not is_median_of_draws(value)}
    data = {**data, "parameters": {**parameters, "values": values}}
    set_name = parameters.get("calibrated_to") or as_mapping(data.get("cohort")).get("name")
    if not used_names - set(values) or use not in ("mode", "calibrated"):
        return data
    if use == "calibrated":
        return _with_medians(
            data, table_wanted(parameters, str(as_mapping(data.get("cohort")).get("name") or "")), load_set, used_names
        )
    if set_name is None:
        return data
    if not _has_set(data, str(set_name)):
        raise _NoSetError(str(set_name))
    return _with_modes(data, str(set_name), load_set(str(set_name)), used_names)


class _NoSetError(ConfigurationError):
    """A cohort of a user's own, with calibrated numbers and nothing that says what they are."""

    def __init__(self, cohort: str) -> None:
        problem = f"no parameter set of the cohort {cohort!r} comes with the package, and none is named."
        allowed = (
            "`parameters: {calibrated_to: FILE}`, the parameter set with your priors, or `parameters: "
            "DIR/posterior.parquet`, as `trialsim calibrate COHORT --out DIR` writes it."
        )
        super().__init__([Problem("", "parameters", problem, allowed)])


def _has_set(data: Data, set_name: str) -> bool:
    """Whether there should be a parameter set: one that is named, or a built-in one with the name of the cohort."""
    is_named = as_mapping(data["parameters"]).get("calibrated_to") is not None
    return is_named or is_path(set_name) or set_name in builtin_names("parameters")


def _with_modes(data: Data, set_name: str, parameter_set: ParameterSet, used_names: set[str]) -> Data:
    """The modes of a parameter set as values of the calibrated numbers that have none yet."""
    filled = {
        name: _value_in_set(item, parameter_set.name)
        for name, item in parameter_set.parameters.items()
        if name in used_names
    }
    return _with_values(data, filled, {"use": "mode", "calibrated_to": set_name, **_of_set(parameter_set)})


def _with_medians(data: Data, table: ParameterTable, load_set: LoadSet, used_names: set[str]) -> Data:
    """The medians of a table of draws, and the numbers that were fixed: of the table, else of the parameter set."""
    filled = {
        name: {
            "value": table.median(name),
            "source": f"calibrated: median of {table.title}",
            "origin": POSTERIOR_MEDIAN,
        }
        for name in table.names
        if name in used_names
    } | {
        name: {"value": number.text, "source": number.source, "origin": PARAMETER_SET}
        for name, number in table.fixed.items()
        if name in used_names
    }
    set_name = data["parameters"].get("calibrated_to") or as_mapping(data.get("cohort")).get("name")
    context: Data = {"use": "calibrated", "digest": table.digest, **table.context}
    if set_name is not None:
        context["calibrated_to"] = str(set_name)
        if used_names - set(filled) - set(data["parameters"]["values"]) and _has_set(data, str(set_name)):
            parameter_set = load_set(str(set_name))
            filled |= {
                name: _value_in_set(item, parameter_set.name)
                for name, item in parameter_set.parameters.items()
                if name in used_names and name not in filled and item.prior.distribution == "fixed"
            }
    return _with_values(data, filled, context)


def _with_values(data: Data, filled: Data, context: Data) -> Data:
    parameters = data["parameters"]
    values = {**filled, **parameters["values"]}
    return {**data, "parameters": {**parameters, **context, "values": values}}


def _value_in_set(item: Parameter, name: str) -> Data:
    """A number of a parameter set as the value of a parameter."""
    if item.fitted:
        return {"value": item.mode, "source": f"calibrated: mode of {name}", "origin": FITTED_MODE}
    return {"value": item.mode, "source": f"{item.source} in the parameter set {name}", "origin": PARAMETER_SET}


def _of_set(parameter_set: ParameterSet) -> Data:
    """What the rates of a parameter set hold for: its drug, at its reference dose."""
    return {"drug": parameter_set.drug, "reference_dose": parameter_set.reference_dose.text}


def is_filled_in(value: Any) -> bool:
    """Whether a value in plain data was filled in, from a parameter set or a table of draws."""
    return str(as_mapping(value).get("origin", "user")) != "user"


def is_median_of_draws(value: Any) -> bool:
    """Whether a value in plain data stands for the draws that it is the median of."""
    return str(as_mapping(value).get("origin")) == POSTERIOR_MEDIAN


def calibrated_names(data: Any, place: Place) -> Iterator[str]:
    """The parameters that a scenario refers to, from its plain data."""
    if data == "calibrated":
        yield own_name(place)
    elif isinstance(data, Mapping):
        if isinstance(data.get("calibrated"), str):
            yield str(data["calibrated"]).strip()
            return
        for key, value in data.items():
            if place or key not in ("cohort", "parameters", "interpretations"):
                yield from calibrated_names(value, (*place, str(key)))
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from calibrated_names(value, (*place, i))
