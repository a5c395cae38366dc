"""How a component refuses what cannot work: before anything is registered, in one line, without a traceback."""

from collections.abc import Iterable
from dataclasses import replace

import pulumi

from meshwright.errors import Code, MeshwrightError, Problem


class ComponentError(MeshwrightError, pulumi.RunError):
    """Arguments with which a component cannot work.

    A `pulumi.RunError`, so that the Pulumi CLI prints its message alone.
    """


def refuse(code: Code, component: str, message: str, remedy: str) -> ComponentError:
    """A `ComponentError` placed at the component: ``IstioAmbient mesh``."""
    return ComponentError(Problem(code=code, message=message, remedy=remedy, place=component))


def refuse_all(problems: Iterable[Problem], label: str) -> None:
    """Raise one `ComponentError` for all problems, placed at the component; nothing if there are none."""
    if found := [replace(problem, place=label) for problem in problems]:
        raise ComponentError(found)
