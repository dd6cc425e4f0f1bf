"""The categories of response of a scenario, from the least to the best."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import field_validator, model_serializer, model_validator

from trialsim.config.schema.json_forms import TEXT, JsonSchema
from trialsim.config.schema.population import Section
from trialsim.config.schema.written_values import mistake
from trialsim.model import disease

EXAMPLE: Final = "[partial response, {name: complete response, abbreviation: CR}]"
# Words that would mean something else in the name of a column, or of an endpoint.
MAX_NAME: Final = 40
# No underscore: it stands for a space in the name of a column. Single spaces, and a letter first.
_NAME: Final = re.compile(rf"(?!.*  )[^\W\d_](?:[^\W_]|[ +/()-]){{0,{MAX_NAME - 1}}}(?<! )")
ALLOWED_NAME: Final = f"a letter first, then letters, digits, single spaces and + / ( ) -, at most {MAX_NAME} in all"
_RESERVED: Final = ("any", "none", "confirmed", "evaluable", "enrolled", "screened", "died", "progressed")


class ResponseCategory(Section):
    """A category of response: its `name`, `abbreviation` (the initials unless given), and what it `means` in words.

    One that does not count (`counts: false`), such as a minor response in many trials, is seen and shown, and
    is no response in endpoints, cut-offs and designs. What is better than one that counts counts too.
    """

    name: str
    """The name of the category, such as partial response."""
    abbreviation: str
    """Its abbreviation, the initials of its name unless given."""
    means: str = ""
    """What the category means, in words."""
    counts: bool = True
    """Whether it counts as a response in endpoints, cut-offs and designs."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        if isinstance(data, str):
            data = {"name": data.strip()}
        if isinstance(data, Mapping) and isinstance(data.get("name"), str) and "abbreviation" not in data:
            initials = "".join(word[0] for word in re.findall(r"\w+", data["name"])).upper()
            data = {**data, "abbreviation": initials}
        return data

    @classmethod
    def short_forms(cls) -> tuple[JsonSchema, ...]:
        """The name alone."""
        return (TEXT,)

    @classmethod
    def needed_keys(cls) -> JsonSchema:
        """The abbreviation follows from the name."""
        return {"required": ["name"]}

    @field_validator("name", mode="after")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not is_name(name):
            raise mistake(f"{name[: MAX_NAME + 10]!r} cannot be a name", ALLOWED_NAME)
        if name.removesuffix(" response") in _RESERVED:
            raise mistake("this name means something else", "another name, such as complete response")
        return name

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        written = handler(self)
        return {key: value for key, value in written.items() if key != "means" or value}

    @property
    def flat(self) -> disease.ResponseCategory:
        """The category as engines know it."""
        return disease.ResponseCategory(self.name, self.abbreviation, self.counts)


def is_name(text: str) -> bool:
    """Whether a text may be the name of a category of response; what is allowed is `ALLOWED_NAME`."""
    return _NAME.fullmatch(text) is not None


MINOR_AND_PARTIAL: Final = (
    ResponseCategory(name="minor response", abbreviation="MR"),
    ResponseCategory(name="partial response", abbreviation="PR"),
)


def check_categories(categories: Sequence[ResponseCategory]) -> None:
    """Raise where categories cannot be told apart, or a better one does not count."""
    if not 1 <= len(categories) <= disease.MOST_RESPONSES:
        raise mistake(f"there are {len(categories)} categories of response", f"1 to {disease.MOST_RESPONSES}")
    flat = [item.flat for item in categories]
    for what in ("name", "abbreviation", "column"):
        values = [getattr(item, what) for item in flat]
        if len(set(values)) < len(values):
            twice = next(value for value in values if values.count(value) > 1)
            raise mistake(f"two categories of response have the {what} {twice}", "one for each")
    if len(flat) > 1 and any(item.column == "response" for item in flat):
        raise mistake("one of several categories is called response", EXAMPLE)
    counts = [item.counts for item in flat]
    if counts != sorted(counts):
        raise mistake("a category that counts as a response comes before one that does not", "the least first")


def with_responses_named(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A scenario as written, with the words of its rules that are categories of response made into conditions."""
    treatment = data.get("treatment")
    if not isinstance(treatment, Mapping) or not isinstance(treatment.get("rules"), list):
        return data
    names = tuple(_names_in(data))
    rules = [
        {**rule, "when": _condition(rule["when"], names)} if isinstance(rule, Mapping) and "when" in rule else rule
        for rule in treatment["rules"]
    ]
    return {**data, "treatment": {**treatment, "rules": rules}}


def _names_in(data: Mapping[str, Any]) -> Iterator[str]:
    """The names of the categories, as far as they can be read."""
    written = data.get("responses")
    if not isinstance(written, list):
        yield from (item.name for item in MINOR_AND_PARTIAL)
        return
    for item in written:
        name = item.get("name") if isinstance(item, Mapping) else getattr(item, "name", item)
        if isinstance(name, str):
            yield name.strip()


def _condition(data: Any, names: Sequence[str]) -> Any:
    if isinstance(data, str):
        return {"response": data.strip()} if data.strip() in names else data
    if isinstance(data, list):
        return [_condition(item, names) for item in data]
    if not isinstance(data, Mapping):
        return data
    found = {key: _condition(value, names) for key, value in data.items() if key in ("all_of", "any_of", "not")}
    response = data.get("response")
    if isinstance(response, str) and f"{response.strip()} response" in names:
        found["response"] = f"{response.strip()} response"
    return {**data, **found}
