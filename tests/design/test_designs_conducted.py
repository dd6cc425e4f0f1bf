"""Designs in the simulator: exact values come out where they must, decisions at attained numbers keep their levels."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from math import inf

import numpy as np
import pytest
import yaml
from scipy.stats import beta, betabinom, binom, norm

from tests.trials import scenario_of
from trialsim.config import protocol_of
from trialsim.config.loading.size_studies import is_sizing, load_sizing, sizing_from_mapping
from trialsim.config.schema.size_study import SizeStudy
from trialsim.config.source.builtin import builtin_names
from trialsim.config.source.yaml import dump_yaml
from trialsim.design.base import NULL, OperatingCharacteristics, Rates, one_rate
from trialsim.design.conduct.blocks import run
from trialsim.design.conduct.setting import Setting
from trialsim.design.conduct.trial import CountTrial
from trialsim.design.counts import CountDesign
from trialsim.design.decisions import FUTILE, GO_ON, REJECT
from trialsim.design.hypotheses import with_follow_up
from trialsim.design.operating_characteristics import check_agreement, compared
from trialsim.design.outcomes import Outcomes
from trialsim.design.registry import design_of
from trialsim.design.single_arm.decisions import GREEN_DAHLBERG, KOYAMA_CHEN, OneArm, OneArmTwoStages
from trialsim.design.single_arm.two_stage import PlannedSimon
from trialsim.design.theory.proportions import reject_probability, rejection_region
from trialsim.design.theory.sequential import crossing_probabilities
from trialsim.design.theory.two_arm_sizes import split_of
from trialsim.design.theory.two_stage import TwoStage, simon_designs
from trialsim.design.two_arms.boundaries import STEPS, ExactBounds, bounds_of
from trialsim.design.two_arms.decisions import TwoArms
from trialsim.design.two_arms.enumeration import highest_level, two_arm_paths
from trialsim.design.two_arms.selection import Selection
from trialsim.design.two_arms.words import level_warning
from trialsim.errors import DisagreementError, RequestError
from trialsim.model import interim as c
from trialsim.model.protocol import ParameterPlace

BASE: dict[str, object] = {
    "study": "size",
    "title": "a study",
    "scenario": "followup",
    "endpoint": {"of": "partial response"},
}
ONE: dict[str, object] = {**BASE, "design": "simon-optimal", "null": 0.15, "alternative": 0.30}
TWO: dict[str, object] = {**BASE, "design": "two-arm", "variants": {"a": {}, "b": {}}, "alternative": "modelled"}
RESPONSE = c.Outcome(c.RESPONSE, 90.0, 2)
N = 20_000


def study(base: dict[str, object], **more: object) -> SizeStudy:
    return SizeStudy.model_validate({**base, **more})


def planned(own: SizeStudy, *rates: float, names: str = "ab", better: str = "higher", seed: int = 1) -> CountDesign:
    found = design_of(own).build(own, Rates(rates, None, tuple(names), better, seed))
    assert isinstance(found, CountDesign)
    return found


@cache
def plans() -> dict[str, CountDesign]:
    """Designs of every kind that has exact values."""
    looks = {"at": [0.4, 0.7, 1.0], "futility": {"spending": "pocock"}}
    return {
        "simon": planned(study(ONE), 0.3),
        "minimax": planned(study(ONE, design="simon-minimax"), 0.3),
        "fleming": planned(study(ONE, design="fleming", stages={"first": 20, "all": 45}, power=0.7), 0.3),
        "single": planned(study(ONE, design="single-stage"), 0.3),
        "predictive": planned(
            study(ONE, design="predictive-probability", looks={"first": 8, "every": 4}, alpha=0.1), 0.35
        ),
        "thall and simon": planned(
            study(ONE, design="thall-simon", n=30, looks={"at": [0.3, 0.6, 1.0]}, bayesian={"standard": [15, 85]}), 0.3
        ),
        "precision": planned(study({**BASE, "design": "precision"}, half_width=0.15), 0.3),
        "two arms": planned(study(TWO), 0.2, 0.45),
        "fisher, two-sided": planned(study(TWO, test="fisher", sides=2), 0.5, 0.2, better="lower"),
        "looks": planned(study(TWO, looks=looks), 0.5, 0.25, better="lower"),
        "non-inferiority": planned(study(TWO, design="non-inferiority", margin=0.25, alpha=0.1), 0.6, 0.65),
        "equivalence": planned(study(TWO, design="equivalence", margin=0.3, alpha=0.1), 0.4, 0.4, better="lower"),
        "ratio": planned(study(TWO, allocation={"ratio": {"b": 2}}), 0.2, 0.5),
        "selection": planned(
            study(TWO, design="selection", variants={"a": {}, "b": {}, "d": {}}), 0.2, 0.35, 0.2, names="abd", seed=3
        ),
    }


@pytest.mark.parametrize("name", list(plans()))
def test_instant_outcomes_at_known_rates_give_the_exact_values(name: str) -> None:
    plan = plans()[name]
    n_arms = max(plan.allocation) + 1
    trial = CountTrial(Outcomes((RESPONSE,)), n_arms, plan.decisions, c.Conduct(plan.decisions.looks))
    for truth, exact in plan.exact.items():
        rows = run(partial(trial.ideal_rows, exact.cells, plan.allocation, 11), N, 500, 2, lambda done, wanted: None)
        check_agreement(compared(truth, exact, rows, len(plan.decisions.looks)))


@pytest.mark.parametrize("looks", [[0.5, 1.0], [0.4, 0.7, 1.0]])
def test_the_highest_level_with_looks_is_that_of_a_scan_of_rates(looks: list[float]) -> None:
    own = study(TWO, looks={"at": looks}, alpha=0.1, allocation={"ratio": {"b": 2}})
    plan = planned(own, 0.1, 0.45)
    levels = [two_arm_paths(plan.decisions, (p, p), plan.allocation)[0] for p in np.linspace(0.001, 0.999, 999)]  # type: ignore[arg-type]
    assert max(levels) <= plan.numbers["highest_alpha"] + 1e-9
    assert plan.numbers["highest_alpha"] == pytest.approx(max(levels), rel=2e-3)
    assert plan.numbers["highest_alpha"] > 0.1
    assert "is up to" in level_warning(plan.numbers)


EXACT_LOOKS: list[dict[str, object]] = [
    {"looks": {"at": [0.5, 1.0], "boundary": "exact"}, "alpha": 0.1},
    {"looks": {"at": [0.5, 1.0], "boundary": "exact", "futility": {"spending": "pocock"}}, "alpha": 0.1},
    {"looks": {"at": [0.5, 1.0], "boundary": "exact", "futility": {"z": [0.5], "binding": True}}, "alpha": 0.1},
    {"looks": {"at": [0.4, 1.0], "boundary": "exact", "spending": [0.02, 0.05]}, "sides": 2},
    {"looks": {"at": [0.4, 1.0], "boundary": "exact"}, "allocation": {"ratio": {"b": 2}}},
]


def rejected_by_hand(plan: CountDesign, rates: tuple[float, float], counts_futility: bool) -> float:
    """The probability of rejecting after two looks: every outcome of both arms at both looks, one after the other."""
    d = plan.decisions
    assert isinstance(d, TwoArms)
    (a1, b1), (a, b) = (split_of(n, (plan.allocation.count(0), plan.allocation.count(1))) for n in d.looks)

    def z(n: tuple[int, int], x: tuple[int, int]) -> float:
        pooled = sum(x) / sum(n)
        variance = pooled * (1.0 - pooled) * (1.0 / n[0] + 1.0 / n[1])
        value = (x[1] / n[1] - x[0] / n[0]) / variance**0.5 if variance > 0.0 else 0.0
        return abs(value) if d.sides == 2 else value

    sizes = (a1, rates[0]), (b1, rates[1]), (a - a1, rates[0]), (b - b1, rates[1])
    mass = [binom.pmf(np.arange(n + 1), n, p) for n, p in sizes]
    final = np.array([[z((a, b), (x, y)) >= d.upper[1] for y in range(b + 1)] for x in range(a + 1)])
    total = 0.0
    for x, y in np.ndindex(a1 + 1, b1 + 1):
        first = z((a1, b1), (x, y))
        here = float(mass[0][x] * mass[1][y])
        if first >= d.upper[0]:
            total += here
        elif not (counts_futility and d.lower and first < d.lower[0]):
            total += here * float(mass[2] @ final[x : x + a - a1 + 1, y : y + b - b1 + 1] @ mass[3])
    return total


@pytest.mark.parametrize("more", EXACT_LOOKS)
def test_an_exact_boundary_keeps_the_level_at_every_rate(more: dict[str, object]) -> None:
    own = study(TWO, **more)
    plan = planned(own, 0.1, 0.6)
    binding = own.looks.futility is not None and own.looks.futility.binding
    levels = [rejected_by_hand(plan, (p, p), binding) for p in np.linspace(0.01, 0.99, 99).tolist()]
    assert max(levels) <= own.alpha + 3e-9
    assert max(levels) > 0.5 * own.alpha
    assert plan.numbers["spent_alpha"] <= own.alpha
    assert plan.numbers["power"] == pytest.approx(rejected_by_hand(plan, (0.1, 0.6), True), abs=1e-10)
    assert plan.numbers["power"] >= own.power
    assert level_warning(plan.numbers) == ""


def test_an_exact_boundary_lowers_the_alpha_that_is_spent_as_little_as_it_must() -> None:
    own, allocation = study(TWO, looks={"at": [0.5, 1.0], "boundary": "exact"}, alpha=0.1), (0, 1)
    bounds = ExactBounds(own, "higher", allocation, "chi-square")
    for looks in [(12, 24), (20, 40), (10, 20), (22, 44)]:
        part = round(bounds.spent(looks) / own.alpha * STEPS)
        levels = []
        for i in (part, part + 1):
            upper, _ = bounds_of(own.looks, own.alpha * i / STEPS, own.power, 1)
            levels.append(highest_level(TwoArms(looks, 0.1, 1, "chi-square", "higher", upper), allocation))
        assert levels[0] <= 0.1 + 3e-9
        assert part == STEPS or levels[1] > 0.1


def test_cumulative_alphas_of_two_sides_are_halved() -> None:
    looks = {"at": [0.5, 1.0], "spending": [0.02, 0.05]}
    two, _ = bounds_of(study(TWO, looks=looks).looks, 0.05, 0.8, 2)
    one, _ = bounds_of(study(TWO, looks={**looks, "spending": [0.01, 0.025]}).looks, 0.025, 0.8, 1)
    assert two == pytest.approx(one)
    assert two[0] == pytest.approx(norm.isf(0.01))


def test_a_binding_z_for_futility_meets_the_bound_at_the_end() -> None:
    looks = {"at": [0.5, 1.0], "futility": {"z": [0.5], "binding": True}}
    upper, lower = bounds_of(study(TWO, looks=looks).looks, 0.1, 0.8, 1)
    assert lower == (0.5, upper[1])
    assert upper[1] < bounds_of(study(TWO, looks={"at": [0.5, 1.0]}).looks, 0.1, 0.8, 1)[0][1]
    above, _ = crossing_probabilities([0.5, 1.0], upper, lower, 0.0)
    assert above.sum() == pytest.approx(0.1, abs=1e-6)


def test_an_exact_boundary_is_not_searched_beyond_a_limit() -> None:
    own = study(TWO, looks={"at": [0.5, 1.0], "boundary": "exact"}, largest_n=5000)
    with pytest.raises(RequestError, match="none is searched for") as refused:
        planned(own, 0.30, 0.35)
    assert "looks.boundary: normal" in str(refused.value)


def test_a_wrong_exact_value_fails_the_run() -> None:
    plan = plans()["simon"]
    trial = CountTrial(Outcomes((RESPONSE,)), 1, plan.decisions, c.Conduct(plan.decisions.looks))
    rows = trial.ideal_rows(plan.exact[NULL].cells, (0,), 1, 1, N)
    null = plan.exact[NULL]
    wrong = OperatingCharacteristics(null.rejects + 0.01, null.expected_n, null.stops_early, ())
    with pytest.raises(DisagreementError, match="defect"):
        check_agreement(compared(NULL, wrong, rows, 2))


def test_enumeration_of_two_arms_is_that_of_a_rejection_region() -> None:
    plan = plans()["two arms"]
    n = plan.n // 2
    region = rejection_region(n, n, 0.05, 1, "boschloo", "higher")
    rejects, expected, early = two_arm_paths(plan.decisions, (0.2, 0.45), plan.allocation)  # type: ignore[arg-type]
    assert rejects == pytest.approx(reject_probability(region, 0.2, 0.45), abs=1e-12)
    assert expected == pytest.approx(2 * n)
    assert early == 0.0


@pytest.mark.parametrize("attained", [KOYAMA_CHEN, GREEN_DAHLBERG])
def test_planned_numbers_are_decided_as_planned(attained: str) -> None:
    design = simon_designs(0.15, 0.30, 0.05, 0.80)[-1]
    decisions = OneArmTwoStages(design.n, design.r, 0.15, 0.30, 0.05, attained, design=design)
    x = np.arange(design.n + 1)
    counts = np.zeros((len(x), 2, 1, 2), np.int64)
    counts[:, 0, 0], counts[:, 1, 0, 0], counts[:, 1, 0, 1] = (design.n1, design.r1 + 1), design.n, x
    assert (decisions.decide(1, counts, x) == np.where(x > design.r, REJECT, FUTILE)).all()
    first = np.zeros((design.n1 + 1, 2, 1, 2), np.int64)
    first[:, 0, 0, 0], first[:, 0, 0, 1] = design.n1, np.arange(design.n1 + 1)
    signs = decisions.decide(0, first, np.arange(design.n1 + 1))
    assert (signs == np.where(np.arange(design.n1 + 1) <= design.r1, FUTILE, GO_ON)).all()


@pytest.mark.parametrize("second", [10, 20, 30, 36, 45])
def test_koyama_and_chen_keep_the_level_whatever_the_second_stage(second: int) -> None:
    """Summed over the first stage, the conditional levels come to no more than alpha."""
    design = simon_designs(0.15, 0.30, 0.05, 0.80)[-1]
    decisions = OneArmTwoStages(design.n, design.r, 0.15, 0.30, 0.05, KOYAMA_CHEN, design=design)
    total = 0.0
    for x1 in range(design.r1 + 1, design.n1 + 1):
        x2 = np.arange(second + 1)
        counts = np.zeros((len(x2), 2, 1, 2), np.int64)
        counts[:, 0, 0], counts[:, 1, 0, 0], counts[:, 1, 0, 1] = (design.n1, x1), design.n1 + second, x1 + x2
        rejects = decisions.decide(1, counts, x2) == REJECT
        total += float(binom.pmf(x1, design.n1, 0.15) * binom.pmf(x2, second, 0.15)[rejects].sum())
    assert total <= design.alpha + 1e-12
    assert total > 0.3 * design.alpha


def test_green_and_dahlberg_take_their_two_levels() -> None:
    design = TwoStage(20, 3, 45, 11, 0.15, 0.35)
    decisions = OneArmTwoStages(45, 11, 0.15, 0.35, 0.05, GREEN_DAHLBERG, design=design)
    counts = np.zeros((18, 2, 1, 2), np.int64)
    counts[:, 0, 0, 0], counts[:, 0, 0, 1] = 17, np.arange(18)
    stops = decisions.decide(0, counts, np.arange(18)) == FUTILE
    assert (stops == (binom.cdf(np.arange(18), 17, 0.35) <= 0.02)).all()
    last = np.zeros((42, 2, 1, 2), np.int64)
    last[:, 0, 0], last[:, 1, 0, 0], last[:, 1, 0, 1] = (17, 5), 41, np.arange(42)
    rejects = decisions.decide(1, last, np.arange(42)) == REJECT
    assert (rejects == (binom.sf(np.arange(42) - 1, 41, 0.15) <= 0.055)).all()


@pytest.mark.parametrize("design", ["simon-optimal", "simon-minimax", "simon-admissible"])
def test_larger_two_stage_designs_have_more_power_at_the_level(design: str) -> None:
    own = study(ONE, design=design, largest_n=90)
    first_of_all = planned(own, 0.3)
    assert isinstance(first_of_all, PlannedSimon)
    found = first_of_all.larger
    assert len(found) > 5
    assert list(found) == sorted(found)
    assert min(found) == first_of_all.n
    assert next(iter(found.values())).numbers == first_of_all.numbers
    powers = []
    for n, plan in found.items():
        at = plan.numbers
        first = np.arange(at["r1"] + 1, at["n1"] + 1)
        rejects = [
            float(binom.pmf(first, at["n1"], p) @ binom.sf(at["r"] - first, n - at["n1"], p)) for p in (0.15, 0.3)
        ]
        assert rejects[0] <= 0.05
        powers.append(rejects[1])
    assert min(powers) >= 0.80
    assert (np.diff(powers) > 0.0).all()


@pytest.mark.parametrize("test", ["chi-square", "unpooled"])
@pytest.mark.parametrize(("better", "sides"), [("higher", 1), ("lower", 1), ("higher", 2)])
def test_a_z_test_needs_no_region(test: str, better: str, sides: int) -> None:
    decisions = TwoArms((23,), 0.05, sides, test, better)
    for n in ((11, 12), (1, 9), (14, 14)):
        region = rejection_region(*n, 0.05, sides, test, better)  # type: ignore[arg-type]
        x = np.stack(np.meshgrid(*(np.arange(k + 1) for k in n), indexing="ij"), axis=-1).reshape(-1, 2)
        counts = np.stack([np.broadcast_to(n, x.shape), x], axis=-1)[:, None]
        assert np.array_equal(decisions.decide(0, counts, np.arange(len(x))) == REJECT, region.reshape(-1))


def test_ties_of_arms_are_broken_evenly() -> None:
    counts = np.full((9000, 1, 3, 2), 5, np.int64)
    counts[:, :, :, 0] = 20
    selected = Selection(3, 20, 2, 1).decide(0, counts, np.arange(1, 9001)) == REJECT
    assert abs(selected.mean() - 1 / 3) < 4 * np.sqrt(2 / 9 / 9000)


def test_every_shipped_study_of_size_is_read_and_can_be_read_back() -> None:
    names = [name for name in builtin_names("studies") if is_sizing(name)]
    assert len(names) >= 5
    for name in names:
        sizing = load_sizing(name)
        saved = yaml.safe_load(dump_yaml(sizing.to_mapping()))
        again = sizing_from_mapping(saved)
        assert again.study == sizing.study, name
        assert again.scenarios == sizing.scenarios, name
        assert again is not sizing
    designs = {load_sizing(name).study.design for name in names}
    assert {"simon-optimal", "bryant-day", "two-arm", "logrank", "precision"} <= designs


def test_assurance_is_the_beta_binomial_tail_where_everything_else_is_certain() -> None:
    """All sensitive patients respond at once: the rate is their share, drawn from a beta distribution."""
    quick = {"kind": "minor response", "rate": "10000 /month"}
    scenario = scenario_of(
        events={"minor response": quick, "partial response": {**quick, "kind": "partial response"}},
        accrual={"opens": "2000-01-01", "patients": 50, "over": "1 month"},
    )
    draws = beta.ppf((np.arange(400) + 0.5) / 400, 6, 16)
    protocol = protocol_of(scenario)
    protocol = replace(
        protocol,
        parameter_names=("sensitive",),
        parameter_places=((ParameterPlace("p_sensitive"),),),
        parameter_draws=tuple((float(value),) for value in draws),
    )
    decisions = OneArm(40, 8, 0.15, 0.30, 0.05)
    trial = CountTrial(Outcomes((RESPONSE,), harm=c.Outcome(c.TOXICITY, inf, 0, ())), 1, decisions, c.Conduct((40,)))
    rows = trial.rows(Setting("posterior", (with_follow_up(protocol, 40, 90.0),), None, "batch"), 3, 1, N)
    found = (rows["decision"] == 1).mean()
    exact = float(betabinom.sf(8, 40, 6, 16))
    of_draws = np.asarray(binom.sf(8, 40, draws))
    error = np.sqrt(of_draws.var() / N + (of_draws * (1 - of_draws)).mean() / N)
    assert abs(found - exact) < 4 * error + abs(of_draws.mean() - exact)


def test_one_rate_is_a_distribution() -> None:
    assert one_rate(0.3).tolist() == [0.7, 0.3]
