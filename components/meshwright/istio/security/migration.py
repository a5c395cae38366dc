"""Callers that may go past a waypoint, and until when."""

from collections.abc import Iterator
from datetime import date
from typing import NotRequired, TypedDict

from meshwright.errors import Code, Problem
from meshwright.kubernetes.service_accounts import is_identity


class RequireSettings(TypedDict):
    """Who may reach the pods without the waypoint."""

    direct: NotRequired[list[str]]
    """Callers in the mesh that address pods by design, such as Prometheus; as ``namespace/service-account``."""
    sidecars: NotRequired[list[str]]
    """Callers that are still sidecars, which never use waypoints; as ``namespace/service-account``."""
    until: NotRequired[str]
    """The last day on which ``sidecars`` are let in, ``YYYY-MM-DD``. Required with them."""


def mistakes(settings: RequireSettings, today: date) -> Iterator[Problem]:
    """Exceptions without an end, or after it."""
    sidecars, until = settings.get("sidecars") or [], settings.get("until")
    for key in ("direct", "sidecars"):
        for caller in settings.get(key) or ():  # type: ignore[attr-defined]
            if not is_identity(caller):
                message = f"{key} names {caller!r}, which is no identity"
                yield Problem(Code.UNKNOWN_CALLER, message, "write it as namespace/service-account")
    if sidecars and until is None:
        message = "sidecars are let past the waypoint without an end"
        yield Problem(Code.EXCEPTION_OVER, message, "add until, the last day of their migration: YYYY-MM-DD")
    if until is not None and not sidecars:
        yield Problem(Code.EXCEPTION_OVER, "until is given, and no sidecars", "remove until, or list the sidecars")
    if until is not None and sidecars and not _is_day(until):
        yield Problem(Code.EXCEPTION_OVER, f"until is {until!r}, which is no date", "write it as YYYY-MM-DD")
    elif until is not None and sidecars and date.fromisoformat(until) < today:
        yield Problem(
            Code.EXCEPTION_OVER,
            f"the last day for sidecars past the waypoint was {until}: {', '.join(sidecars)}",
            "remove those that have moved; for the others, agree on another day",
        )


def traffic_mistakes(settings: RequireSettings, waypoint_for: str) -> Iterator[Problem]:
    """Callers that would be cut off, or come through the waypoint after all, by the traffic that it is for."""
    if waypoint_for not in ("service", "all"):
        yield Problem(
            Code.WAYPOINT_IDENTITY,
            "calls to services don't go through this waypoint, and would all be denied",
            "let it be for all, or leave require out",
        )
    elif settings.get("direct") and waypoint_for != "service":
        yield Problem(
            Code.WAYPOINT_IDENTITY,
            "direct names callers in the mesh, and this waypoint takes calls to pods too: they come through it",
            "leave direct out, or let the waypoint be for service",
        )


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
