"""How a component refuses what cannot work: before anything is registered, in one line, without a traceback."""

import pulumi

from meshwright.errors import Code, MeshwrightError, Problem


class ComponentError(MeshwrightError, pulumi.RunError):
    """Arguments with which a component cannot work.

    A `pulumi.RunError`, so that the Pulumi CLI prints its message alone.
    """


def refuse(code: Code, component: str, message: str, remedy: str) -> ComponentError:
    """A `ComponentError` placed at the component: ``IstioAmbient mesh``."""
    return ComponentError(Problem(code=code, message=message, remedy=remedy, place=component))
