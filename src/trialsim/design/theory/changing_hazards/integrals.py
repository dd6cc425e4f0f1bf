"""Integrals over the months of a patient whose integrand may jump at known months: Gauss-Legendre, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np

from trialsim.design.theory.changing_hazards.piecewise import PiecewiseHazard
from trialsim.typing import Floats

NODES: Final = 12  # of one panel
PANELS: Final = 8  # of each piece between two jumps


SCALES: Final = (0.2, 1.0, 3.0, 8.0, 20.0)  # cumulative hazards at which panels begin, so that any hazard is resolved
NOBODY: Final = 60.0  # the cumulative hazard by which nobody is left: 1e-26 of the patients


def months_of(hazards: Iterable[PiecewiseHazard], until: float, jumps: Iterable[float] = ()) -> Months:
    """The months from 0 to `until`, or until nobody is without event, in panels that suit the hazards of all arms."""
    of_all = tuple(hazards)
    end = min(until, max(item.month_of(NOBODY) for item in of_all))
    scales = [item.month_of(scale) for item in of_all for scale in SCALES]
    starts = [start for item in of_all for start in item.starts]
    return Months(end, (*jumps, *starts, *scales))


class Months:
    """The months from 0 to `until` as nodes of integrals; `jumps` are months at which an integrand may jump."""

    def __init__(self, until: float, jumps: Iterable[float]) -> None:
        cuts = sorted({0.0, until, *(month for month in jumps if 0.0 < month < until)})
        edges = np.concatenate([np.linspace(a, b, PANELS + 1)[:-1] for a, b in pairwise(cuts)])
        self._half = np.diff(np.concatenate([edges, [until]]))[:, None] / 2.0
        nodes, self._weights, self._partial = _rule()
        self.nodes: Floats = (edges[:, None] + self._half * (1.0 + nodes)).ravel()

    def integral(self, values: Floats) -> float:
        """The integral of a function with these values at the nodes."""
        return float((values.reshape(-1, NODES) * self._weights * self._half).sum())

    def up_to(self, values: Floats) -> Floats:
        """The integral from 0 up to each node."""
        panels = values.reshape(-1, NODES) * self._half
        before = np.concatenate([[0.0], np.cumsum((panels * self._weights).sum(axis=1))[:-1]])
        return np.asarray((before[:, None] + panels @ self._partial.T).ravel())

    def after(self, values: Floats) -> Floats:
        """The integral from each node to the end; where little is left, it has as many right digits as elsewhere."""
        panels = values.reshape(-1, NODES) * self._half
        of_panels = (panels * self._weights).sum(axis=1)
        later = np.concatenate([np.cumsum(of_panels[:0:-1])[::-1], [0.0]])
        return np.asarray((later[:, None] + panels @ (self._weights - self._partial).T).ravel())


@cache
def _rule() -> tuple[Floats, Floats, Floats]:
    """Nodes and weights of one panel from -1 to 1, and the weights of the integrals from -1 up to each node."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    powers = np.arange(NODES)
    values = np.vander(nodes, NODES, increasing=True)
    integrals = (nodes[:, None] ** (powers + 1) - (-1.0) ** (powers + 1)) / (powers + 1)
    return np.asarray(nodes), np.asarray(weights), np.asarray(integrals @ np.linalg.inv(values))
