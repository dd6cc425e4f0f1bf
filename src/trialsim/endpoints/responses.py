"""The endpoints that the categories of response of a scenario are, and the statistics that count them.

For a category NAME: `NAME` is that it is the best one seen, `NAME or better` what it says, `confirmed NAME` and
`duration of NAME` are of it or a better one. The best of all needs no `or better`, and the least that counts no
`confirmed` or `duration`: `any response`, `confirmed response` and `relapse-free` mean it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from trialsim.config.schema.responses import MINOR_AND_PARTIAL
from trialsim.endpoints.endpoint import RESPONSE, SURVIVAL, DesignOutcome, Endpoint
from trialsim.endpoints.measures import PROGRESSED_OR_DIED, RESPONDED, ConfirmedResponse, Mean, Response, TimeToEvent
from trialsim.endpoints.per_trial import TrialStatistic
from trialsim.endpoints.population import Population
from trialsim.model import interim
from trialsim.model.disease import STATISTIC_PREFIX, ResponseCategory
from trialsim.records.columns import REPLICATES, TOXICITY_PREFIX, confirmed_column, count_column, seen_column

ANY_RESPONSE: Final = "any response"
ANY_STATISTIC: Final = f"{STATISTIC_PREFIX}any"
CONFIRMED_RESPONSE: Final = "confirmed response"
USUAL: Final = tuple(item.flat for item in MINOR_AND_PARTIAL)
_NOT_RESPONSES: Final = frozenset(column.name for column in REPLICATES)


def response_endpoints(responses: Sequence[ResponseCategory]) -> tuple[Endpoint, ...]:
    """The endpoints of some categories of response, the best first, and of any of them that counts."""
    least = next((number for number, item in enumerate(responses, 1) if item.counts), len(responses) + 1)
    any_response = Endpoint(
        ANY_RESPONSE, family=RESPONSE, direction="higher", measure=Response(RESPONDED, "response_seen_days"),
        statistics=(_statistic(ANY_RESPONSE, Population.RESPONDERS.column),),
        outcome=DesignOutcome(interim.RESPONSE, least),
    )  # fmt: skip
    confirmed = Endpoint(
        CONFIRMED_RESPONSE, family=RESPONSE, direction="higher", measure=ConfirmedResponse("response_confirmed_days")
    )
    best_first = tuple(reversed(tuple(enumerate(responses, 1))))
    of_category = [item for number, _ in best_first for item in _of_category(number, responses, number == least)]
    or_better = [(number, category) for number, category in best_first if number != least]
    return (
        *of_category,
        any_response,
        *(
            Endpoint(
                f"confirmed {category.name}", family=RESPONSE, direction="higher",
                measure=ConfirmedResponse(confirmed_column(category)),
            )
            for _, category in or_better
        ),
        confirmed,
        *(
            Endpoint(
                f"duration of {category.name}", family=SURVIVAL, direction="higher",
                measure=TimeToEvent(PROGRESSED_OR_DIED, seen_column(category)),
            )
            for _, category in or_better
        ),
    )  # fmt: skip


def _of_category(number: int, responses: Sequence[ResponseCategory], is_least: bool) -> Iterator[Endpoint]:
    """That a category is the best one seen, and that it or a better one was."""
    category = responses[number - 1]
    day = "response_seen_days" if is_least else seen_column(category)
    statistics = (_statistic(category.name, count_column(category)),)
    best = f"best_response == {number}"
    outcome = DesignOutcome(interim.RESPONSE, number)
    if number == len(responses):
        measure = Response(best, day)
        yield Endpoint(category.name, "", RESPONSE, "higher", measure, statistics=statistics, outcome=outcome)
        return
    yield Endpoint(category.name, "", RESPONSE, "higher", Mean(best, day=day), statistics=statistics)
    if not is_least:
        at_least = Response(f"best_response >= {number}", day)
        yield Endpoint(f"{category.name} or better", "", RESPONSE, "higher", at_least, outcome=outcome)


def response_statistics(columns: Iterable[str]) -> Iterator[TrialStatistic]:
    """The statistics of responses that a table of replicates with these columns supports, the best first."""
    of_responses = [item for item in columns if item not in _NOT_RESPONSES and item.startswith("n_")]
    found = [item.removeprefix("n_") for item in of_responses if not item.startswith(TOXICITY_PREFIX)]
    for column in found:
        yield _statistic(_name_of_count(column), f"n_{column}")
    if found:
        yield _statistic(ANY_RESPONSE, Population.RESPONDERS.column)


def response_named_by(statistic: str) -> str:
    """The endpoint that a statistic of responses is of."""
    written = statistic.removeprefix(STATISTIC_PREFIX)
    return ANY_RESPONSE if statistic == ANY_STATISTIC else _name_of_count(written.replace(" ", "_"))


def response_label(statistic: str) -> str:
    """A statistic of responses in words."""
    return f"{response_named_by(statistic)} (evaluable)"


def _statistic(name: str, column: str) -> TrialStatistic:
    statistic = ANY_STATISTIC if name == ANY_RESPONSE else ResponseCategory(name, "").statistic
    return TrialStatistic(statistic, f"{name} (evaluable)", column, Population.EVALUABLE)


def _name_of_count(column: str) -> str:
    """The name of a category by the column that counts it, without the `n_`."""
    usual = {category.count_column.removeprefix("n_"): category.name for category in USUAL}
    return usual.get(column, column.replace("_", " "))
