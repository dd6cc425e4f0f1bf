"""What does not go together in a study of size: keys that its design needs or does not use, values that cannot be."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

from trialsim.config.checks.plain_times import Misfit, findings_of_times
from trialsim.config.schema.designs import USED_BY
from trialsim.config.schema.size_study import CALIBRATED, MODELLED, SPENDING, SPENDING_IN_WORDS, SizeStudy

TESTS: Final = ("boschloo", "fisher", "z-pooled", "z-unpooled", "chi-square", "unpooled")  # of two proportions
TESTS_OF_TWO_KINDS: Final = ("boschloo", "fisher", "z-pooled", "z-unpooled")  # whose two sides are defined in two ways
TESTS_AT_LOOKS: Final = ("chi-square",)
WALD: Final = "wald"
RULES: Final = {  # which keys of `bayesian` a design uses
    "predictive-probability": ("prior", "futility", "efficacy", "success"),
    "bop2": ("prior", "level", "exponent"),
    "thall-simon": ("prior", "standard", "gain", "futility", "efficacy"),
}
_NEEDED: Final = {
    "null": "null: 0.15", "stages": "{first: 15, all: 25}", "half_width": "half_width: 0.1",
    "toxicity": "{endpoint: any severe toxicity, null: 0.6, …}", "reference": "reference: {median: 6 months}",
    "variants": "{control: {}, experimental: {…}}", "n": "n: 40", "bayesian": "{standard: [15, 35], …}",
    "margin": "margin: 0.10, or of hazard ratios 1.3", "until": "until: 12 months",
    "rates": "rates: {control: 0.5, experimental: 0.5}",
}  # fmt: skip
_NOT_USED: Final = {  # why a key is not used, where a reader may expect that it is
    "n": "its sizes follow from the power that is asked for, or from `stages`, so it has none for a given n",
}


def size_study_findings(study: SizeStudy) -> Iterator[Misfit]:
    """Everything that does not go together, with what would; a key at its default says nothing and harms nothing."""
    keys = study.keys
    for key, designs in USED_BY.items():
        if not keys.uses(key) and _says_something(study, key):
            because = f": {_NOT_USED[key]}" if key in _NOT_USED else ""
            allowed = f"no `{key}`, or one of the designs {', '.join(designs)}"
            yield key, f"{study.design} does not use it{because}", allowed
        elif key in keys.needs and not getattr(study, key):
            yield key, f"{study.design} needs it", _NEEDED[key]
    yield from _wrong_n(study)
    yield from _wrong_events(study)
    yield from _wrong_rule(study)
    yield from _wrong_arms(study)
    yield from _wrong_plain_numbers(study)
    yield from findings_of_times(study)
    yield from _wrong_test(study)
    yield from _wrong_two_sided(study)
    yield from _wrong_errors(study)
    yield from _wrong_margin(study)
    yield from _wrong_alternative(study)
    yield from _wrong_looks(study)
    yield from _wrong_reestimation(study)
    if study.stages is not None and not study.stages.first < study.stages.all <= study.largest_n:
        yield "stages", "the first stage is a part of all patients, and these are within the limit", (
            f"first < all <= largest_n = {study.largest_n}"
        )  # fmt: skip
    has_one_stage = keys.uses("conduct.attained") and not keys.uses("conduct.accrual")
    has_levels = study.alpha == 0.05 and not has_one_stage
    if study.conduct.attained == "green-dahlberg" and not has_levels:
        problem = "Green and Dahlberg's levels are those of two stages at alpha 0.05"
        yield "conduct.attained", problem, "koyama-chen, or a design in two stages with alpha 0.05"


def _says_something(study: SizeStudy, key: str) -> bool:
    """Whether a key has another value than it would have if it were not written."""
    section, _, last = key.rpartition(".")
    model = getattr(study, section) if section else study
    return bool(getattr(model, last) != type(model).model_fields[last].get_default(call_default_factory=True))


def _wrong_n(study: SizeStudy) -> Iterator[Misfit]:
    """A given n is within the limit, where one is written, and fills turns of the allocation."""
    n, limit, turn = study.n, study.largest_n, study.n_in_turn
    if n is None or not study.keys.uses("n"):
        return
    if n > limit and _says_something(study, "largest_n"):
        yield "n", f"{n} patients are more than `largest_n` = {limit}", f"up to {limit}, or no `largest_n`"
    ratio = [study.allocation.ratio.get(name, 1) for name in study.variants]
    may_end_within = study.design == "two-arm" and len(study.looks.at) == 1 and study.test != WALD
    if may_end_within and len(set(ratio)) > 1 and n >= turn:
        return  # as the n that a search of such a test finds
    if n % turn != 0:
        fewer, more = n - n % turn, n - n % turn + turn
        allowed = f"{more}" if fewer == 0 else f"{fewer} or {more}"
        problem = f"{n} patients cannot be allocated {' : '.join(map(str, ratio))}: each turn takes {turn}"
        yield "n", problem, allowed


def _wrong_events(study: SizeStudy) -> Iterator[Misfit]:
    """A number of events that ends the trial: its power is known from them, so n is given and not searched."""
    key, events, n = "conduct.events", study.conduct.events, study.n
    if events is None or not study.keys.uses(key):
        return
    if n is None:
        yield key, "the power follows from the number of events, so there is no n to search for", "`n` beside it"
    elif events > n:
        yield key, f"{n} patients have no {events} events", f"up to {n}, or a larger `n`"


def _wrong_rule(study: SizeStudy) -> Iterator[Misfit]:
    """Many looks are given in one way; a rule has what its design uses, and no more."""
    looks, rule = study.looks, study.bayesian
    if looks.every is not None and looks.first is None and study.keys.uses("looks.first"):
        yield "looks.every", "nothing says when the first look is", "`first` beside it"
    if looks.first is not None and len(looks.at) > 1 and study.keys.uses("looks.first"):
        yield "looks.first", "the looks are given by their shares already", "one of `first` and `at`"
    if rule is None or not study.keys.uses("bayesian"):
        return
    used = RULES[study.design]
    for key in type(rule).model_fields:
        if getattr(rule, key) is not None and key not in used:
            yield f"bayesian.{key}", f"{study.design} does not use it", f"one of {', '.join(used)}"
    if study.design == "thall-simon" and rule.standard is None:
        yield "bayesian.standard", "thall-simon compares with a standard", "[15, 35], of 15 responses in 50 patients"


def _wrong_plain_numbers(study: SizeStudy) -> Iterator[Misfit]:
    """Plain rates, medians or hazards: one for each arm, no other alternative, and a difference to be shown."""
    key, names = study.plain_key, list(study.variants)
    if key is None or not study.keys.uses(key):
        return
    if study.alternative is not None:
        yield "alternative", f"the `{key}` of the arms are the alternative", f"no `alternative`, or no `{key}`"
    if study.test == WALD:
        yield key, "`test: wald` compares what the scenario says of the arms", f"no `{key}`, or another test"
    if set(study.plain) != set(names):
        yield key, "it has other arms than `variants`", f"one of `{key}` for each of {', '.join(names)}"
        return
    if study.control is not None and study.control not in names:
        return
    first = study.control or names[0]
    yield from _wrong_values(study, [first, *(name for name in names if name != first)])


def _wrong_values(study: SizeStudy, names: Sequence[str]) -> Iterator[Misfit]:
    """Rates between 0 and 1, not all equal; a longer median in the experimental arm. The first name is the control."""
    for name, rate in study.rates.items():
        if not 0.0 < rate.value < 1.0:
            yield f"rates.{name}", "a rate of 0 or 1 leaves nothing to test", "between 0 and 1"
    if (
        study.rates
        and study.margin is None
        and len({rate.value for rate in study.rates.values()}) == 1
        and len(names) > 1
    ):
        yield "rates", "the arms have the same rate, so no trial could tell them apart", "rates that differ"
    if study.medians and len(names) == 2:
        control, experimental = (study.medians[name] for name in names)
        if study.margin is not None and not experimental.value * study.margin > control.value:
            problem = f"the hazard ratio {control.value / experimental.value:.3g} is not within the margin"
            yield f"medians.{names[1]}", problem, f"longer than {control.text} divided by {study.margin:g}"
        elif (
            study.margin is None and not experimental.value > control.value
        ):  # nor a calibrated one, which is no number
            problem = f"the median of {names[1]} is not longer than that of {names[0]}, {control.text}"
            yield f"medians.{names[1]}", problem, f"longer than {control.text}, or another `control`"


def _wrong_arms(study: SizeStudy) -> Iterator[Misfit]:
    has_arms, n_arms = study.keys.uses("variants"), study.keys.n_arms
    is_plain = study.plain_key is not None and not any(study.variants.values())
    key = str(study.plain_key) if is_plain else "variants"
    if has_arms and len(study.variants) == 1:
        yield key, f"{study.design} compares arms", f"`{key}` with two arms"
    if n_arms == 2 and len(study.variants) > 2:
        yield key, f"{study.design} compares two arms", f"two `{key}`"
    for name in study.allocation.ratio:
        if has_arms and name not in study.variants:
            yield f"allocation.ratio.{name}", "there is no variant of this name", ", ".join(study.variants)
    if n_arms is None and len({study.allocation.ratio.get(name, 1) for name in study.variants}) > 1:
        yield "allocation.ratio", f"{study.design} compares arms of equal size", "no `allocation.ratio`"
    if study.control is not None and study.variants and study.control not in study.variants:
        yield "control", f"there is no variant {study.control!r}", ", ".join(study.variants)


def _wrong_test(study: SizeStudy) -> Iterator[Misfit]:
    """The test is one of those that there are; that of Wald ends as the scenario says, so it uses no `conduct`."""
    if study.test is None or study.design != "two-arm":
        return
    known = TESTS_AT_LOOKS if len(study.looks.at) > 1 else (*TESTS, WALD)
    if study.test not in known:
        with_looks = " with interim looks" if len(study.looks.at) > 1 else ""
        yield "test", f"there is no test {study.test!r}{with_looks}", ", ".join(known)
    if study.test == WALD:
        for key in type(study.conduct).model_fields:
            if _says_something(study, f"conduct.{key}"):
                yield f"conduct.{key}", "`test: wald` does not use it", f"no `conduct.{key}`, or another test"


def _wrong_two_sided(study: SizeStudy) -> Iterator[Misfit]:
    """The definition of a two-sided test is asked for where there are two."""
    if study.two_sided is None or not study.keys.uses("two_sided"):
        return
    key, test = "two_sided", study.test or TESTS[0]
    if study.sides == 1:
        yield key, "the test is one-sided", "`sides: 2`, or no `two_sided`"
    elif len(study.looks.at) > 1:
        yield key, "looks at two proportions take the pooled z statistic", "no `two_sided`, or one look"
    elif test not in TESTS_OF_TWO_KINDS:
        allowed = f"no `two_sided`, or one of the tests {', '.join(TESTS_OF_TWO_KINDS)}"
        yield key, f"both definitions of a two-sided test are the same for {test}", allowed


def _wrong_errors(study: SizeStudy) -> Iterator[Misfit]:
    if not 0.0 < study.alpha < 1.0:
        yield "alpha", f"alpha {study.alpha:g}: no test of a finite trial has this level", "0 < alpha < 1, such as 0.05"
    if not 0.0 < study.power < 1.0:
        yield "power", f"power {study.power:g}: no finite trial has this power", "0 < power < 1, such as 0.80"


def _wrong_margin(study: SizeStudy) -> Iterator[Misfit]:
    """A margin of rates is a difference, one of times to events a hazard ratio that is too high."""
    if study.margin is None or not study.keys.uses("margin"):
        return
    if study.keys.alternative == "hazard ratio":
        if not study.margin > 1.0:
            yield "margin", "a margin of hazard ratios is one that is too high", "above 1, up to 10, such as 1.3"
    elif not study.margin < 1.0:
        yield "margin", "rates cannot differ by so much", "above 0 and below 1, such as 0.10"


def _wrong_alternative(study: SizeStudy) -> Iterator[Misfit]:
    given, key, keys = study.alternative, "alternative", study.keys
    if study.plain_key is not None and keys.uses(study.plain_key):
        return
    if given is None:
        if key in keys.needs:
            plain = "".join(
                f", or plain `{name}` of the arms" for name in ("rates", "medians", "hazards") if keys.uses(name)
            )
            yield key, "the alternative is missing", f"a number, `calibrated`, or `modelled`{plain}"
    elif given in (CALIBRATED, MODELLED):
        return
    elif isinstance(given, bool) or not isinstance(given, int | float):
        yield key, f"{given!r} is not a valid alternative", "a number, `calibrated`, or `modelled`"
    elif keys.alternative == "arms":
        problem = "one number is no alternative of several arms"
        yield key, problem, "`alternative: calibrated` or `modelled`, or plain `rates` of the arms"
    elif keys.alternative == "hazard ratio":
        limit = study.margin or 1.0
        if limit < 1.0:  # which is said of the margin
            return
        if not 0.0 < given < limit:
            wrong = "not an improvement" if study.margin is None else "not within the margin"
            yield key, f"this hazard ratio is {wrong}", f"above 0 and below {limit:g}"
    elif study.null is not None and not given > study.null.value:
        yield (
            key,
            f"the alternative {given:g} is not above the null {study.null.value:g}",
            f"above {study.null.value:g}",
        )
    elif not 0.0 < given < 1.0:
        yield key, "a rate of 0 or 1 leaves nothing to test", "between 0 and 1"


def _wrong_reestimation(study: SizeStudy) -> Iterator[Misfit]:
    """Events that a look may raise: one look, one side, and a number of events that is planned."""
    rule, key, events = study.looks.reestimate, "looks.reestimate", study.conduct.events
    if rule is None or not study.keys.uses(key):
        return
    if len(study.looks.at) != 2:
        yield key, f"the design has {len(study.looks.at)} looks", "one interim look, such as `at: [0.5, 1]`"
    if study.sides == 2:
        yield key, "the rule is that of a one-sided test", f"`sides: 1` with alpha {study.alpha / 2.0:g}"
    if events is None:
        yield key, "nothing says how many events are planned", "`conduct.events`, and `n`"
    elif study.n is not None and len(study.looks.at) == 2:
        most = math.ceil(events * (study.looks.at[0] + rule.factor * (1.0 - study.looks.at[0])))
        if most > study.n:
            yield key, f"{study.n} patients have no {most} events", "a larger `n`, or a smaller `factor`"


def _wrong_looks(study: SizeStudy) -> Iterator[Misfit]:
    looks = study.looks
    if isinstance(looks.spending, list):
        rises = all(a <= b for a, b in zip([0.0, *looks.spending], looks.spending, strict=False))
        if not rises or abs(looks.spending[-1] - study.alpha) > 1e-12:
            problem = "cumulative alphas rise to the level of the test"
            yield "looks.spending", problem, f"{len(looks.at)} rising numbers, the last alpha = {study.alpha:g}"
    if looks.boundary == "exact" and study.keys.alternative == "hazard ratio" and study.keys.uses("looks"):
        yield "looks.boundary", "the log-rank test has no exact boundary", "no `looks.boundary`, or design two-arm"
    elif looks.boundary == "exact" and len(looks.at) == 1:
        problem = "there is no interim look, and one look has exact tests"
        yield "looks.boundary", problem, "interim looks, such as `at: [0.5, 1]`, or `test: z-pooled`"
    futility = looks.futility
    if futility is None:
        return
    if len(looks.at) == 1:
        yield "looks.futility", "there is no interim look to stop at", "interim looks, such as `at: [0.5, 1]`"
    if study.sides == 2:
        problem = "futility is on one side, and the test is on two"
        yield "looks.futility", problem, f"`sides: 1` with alpha {study.alpha / 2.0:g}"
    if futility.spending is not None and not re.fullmatch(SPENDING, futility.spending):
        yield "looks.futility.spending", f"{futility.spending!r} spends no beta", SPENDING_IN_WORDS
    has_shape = isinstance(looks.spending, str) and not re.fullmatch(SPENDING, looks.spending)
    if futility.binding and has_shape:
        problem = f"the boundary {looks.spending} does not count on stopping for futility"
        yield "looks.futility.binding", problem, f"no `binding`, or `spending` by {SPENDING_IN_WORDS}"
    if futility.z is not None and len(futility.z) != len(looks.at) - 1:
        problem = f"{len(futility.z)} bounds for {len(looks.at) - 1} interim looks"
        yield "looks.futility.z", problem, "one z for each interim look"
