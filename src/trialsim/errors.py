"""One small tree of exceptions.

TrialsimError                 anything this package raises on purpose
├── InputError                the user's input is wrong: exit code 2, a message, no traceback
│   ├── ConfigurationError    one or more problems in a scenario, cohort, parameter or study file
│   ├── RequestError          a request that is impossible or too large
│   │   ├── OptionError       an option of a command (10^12 replicates)
│   │   └── DestinationError  a folder that cannot be written, holds something else, or cannot be resumed
│   ├── HazardError           a hazard that is infinite, NaN or negative while a trial runs
│   ├── EventLogError         a trial with more events than memory has room for
│   └── StrategyError         a titration strategy written in Python decided what cannot be done
├── DisagreementError         a simulated value is not the exact one: a defect of ours, exit code 1
└── Interrupted               the user pressed Ctrl-C: exit code 130, what was finished is kept
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


class TrialsimError(Exception):
    """Anything this package raises on purpose."""


class InputError(TrialsimError):
    """The user's input is wrong; the message says what would be right."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a file, in four parts: where, what stands there, what is wrong, what is allowed.

    Parameters
    ----------
    place
        The file and line, or empty.
    what
        The key or option, with its value.
    wrong
        What is wrong with it; empty where `what` is the whole message.
    allowed
        What would be right.
    suggestion
        What the user probably meant, or empty.
    """

    place: str
    what: str
    wrong: str
    allowed: str
    suggestion: str = ""

    def __str__(self) -> str:
        lines = [f"{self.place}  {self.what}".strip(), f"  {self.wrong}"]
        if not self.wrong:  # a message of one line
            return lines[0]
        lines.append(f"  Allowed: {self.allowed}")
        if self.suggestion:
            lines.append(f"  Did you mean {self.suggestion}?")
        return "\n".join(lines)


class ConfigurationError(InputError):
    """Every problem of a configuration at once.

    Parameters
    ----------
    problems
        The problems one by one, each with its place, what is wrong and what is allowed; kept as an attribute.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n\n".join(str(problem) for problem in problems))


class RequestError(InputError):
    """A request that is impossible or larger than the machine or the evidence allows.

    Parameters
    ----------
    what, wrong, allowed, suggestion, place
        The parts of its `problem`, which is kept as an attribute; see `Problem`.
    key
        The number that it is about, as a key of a study or as a symbol of a formula; empty for none.
    """

    def __init__(
        self, what: str, wrong: str, allowed: str, suggestion: str = "", place: str = "", key: str = ""
    ) -> None:
        self.problem = Problem(place, what, wrong, allowed, suggestion)
        self.key = key
        super().__init__(str(self.problem))

    def at(self, place: str) -> Self:
        """The same error, of a place in a file.

        Parameters
        ----------
        place
            The file and line.

        Returns
        -------
        RequestError
            A new error of the same class.
        """
        problem = self.problem
        return type(self)(problem.what, problem.wrong, problem.allowed, problem.suggestion, place, self.key)

    def __reduce__(self) -> tuple[type, tuple[str, ...]]:
        problem = self.problem
        return type(self), (problem.what, problem.wrong, problem.allowed, problem.suggestion, problem.place, self.key)


class OptionError(RequestError):
    """An option of a command that is impossible or too large."""


class DestinationError(RequestError):
    """A results folder that cannot be written, or that holds something else."""


class HazardError(InputError):
    """A hazard came out infinite, NaN or negative; nothing is censored silently."""


class EventLogError(InputError):
    """A trial has more events than its log can hold in memory."""

    @classmethod
    def of(cls, most: int) -> EventLogError:
        """The error of a log that reaches `most` rows."""
        allowed = "fewer patients, or lower rates of toxicities that resolve and recur."
        return cls(str(Problem("", "the event log of one trial", f"it has more than {most:,} rows.", allowed)))


class StrategyError(InputError):
    """A strategy that is a Python function decided what cannot be done."""

    @classmethod
    def of(cls, strategy: object, decision: object, wrong: str) -> StrategyError:
        """The error of one decision."""
        name = getattr(strategy, "__name__", str(strategy))
        allowed = "escalate(n), keep(), reduce(n), go_to(dose), hold(names, resume), stop(), or None."
        return cls(str(Problem("", f"strategy {name} decided {decision}", f"{wrong}.", allowed)))


class DisagreementError(TrialsimError):
    """A value that is known exactly came out otherwise in the simulator, beyond chance; nothing else can be trusted."""


class Interrupted(TrialsimError):  # noqa: N818  # like KeyboardInterrupt, it is no error
    """The user interrupted a long piece of work.

    Parameters
    ----------
    message
        What was interrupted, and how far it had come.
    finished
        The part that was done, or None; kept as an attribute.
    """

    def __init__(self, message: str, finished: object) -> None:
        self.finished = finished
        super().__init__(message)


class PicturesInterrupted(Interrupted):
    """The user interrupted the drawing of pictures; the results are written without them."""
