"""How many patients the next trial needs: designs, how they are conducted, and the search for n.

The plain functions that need no scenario are found here by name, each imported when it is first used:

    trialsim.design.simon(p0=0.1, p1=0.3, alpha=0.05, power=0.8)
"""

from importlib import import_module
from typing import Any, Final

_HOME: Final = "trialsim.workflows.designs"  # above this room, for the object that they give draws and writes too


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module 'trialsim.design' has no attribute {name!r}")
    functions = import_module(_HOME).FUNCTIONS
    if name not in functions:
        raise AttributeError(f"there is no design {name!r}; there are {', '.join(functions)}")
    return functions[name]


def __dir__() -> list[str]:
    return sorted([*import_module(_HOME).FUNCTIONS, *globals()])
