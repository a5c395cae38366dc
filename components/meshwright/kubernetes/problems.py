"""Troubles of traffic rules as the one error of a component."""

from collections.abc import Iterable

from meshwright.errors import Problem
from meshwright.kubernetes.errors import ComponentError
from meshwright.kubernetes.troubles import Path, Trouble


def refuse_all(troubles: Iterable[Trouble], label: str) -> None:
    """Raise what there is, all of it, placed at the component: ``TrafficPolicy reviews: routes[0].timeout is ...``.

    Raises:
        ComponentError: Where there is any.
    """
    problems = [
        Problem(each.code, f"{_spelt(each.at)} {each.message}".strip(), each.remedy, label) for each in troubles
    ]
    if problems:
        raise ComponentError(problems)


def _spelt(path: Path) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")
