"""What is wrong with the certificates of Consul's authority, or will be before anybody has had the time to mend it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from meshwright.certs.checks import Check, Verdict
from meshwright.certs.consul_gates import ConsulTold, signing, standing
from meshwright.certs.horizon import Shown, Trouble, days, horizon
from meshwright.certs.pem import called

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cryptography import x509

    from meshwright.certs.consul_seen import ConsulSeen

_AGENT_LEAST: Final = timedelta(days=3)
"""Of an agent's certificate: a metric does not tell its lifetime. Vault's, of 30 days, are renewed ten days before."""


def consul_shown(seen: ConsulSeen, now: datetime) -> tuple[Shown, ...]:
    """The roots that Consul publishes, the one that signs first, and what signs the leaves below it."""
    found: list[tuple[str, str, x509.Certificate, timedelta | None]] = []
    for root in sorted(seen.roots, key=lambda each: not each.is_active):
        role, place = "root", f"{root.name}, {'signs' if root.is_active else 'trusted until Consul drops it'}"
        found.append((role, place, root.certificate, None))
        if root.is_active and root.intermediates:
            found.append(("signs", "below it", root.intermediates[-1], signing(root)))
    return tuple(
        Shown(seen.name, role, place, each, each.not_valid_after_utc - now, horizon(each, renew_before))
        for role, place, each, renew_before in found
    )


def consul_troubles(seen: ConsulSeen, told: ConsulTold | None, step: str, now: datetime) -> Iterator[Trouble]:
    """What is wrong in a datacenter, and what can't be told.

    Args:
        seen: The datacenter.
        told: What its stack file says; None where no stack is named.
        step: Where the stack stands.
        now: The moment at which it was seen.
    """
    for check in standing(seen, told, step, now):
        if check.verdict is not Verdict.PASSED:
            yield Trouble(seen.name, check.verdict, _said(check), check.remedy)
    active = seen.active
    for each in consul_shown(seen, now):
        is_of_active = active is not None and each.certificate in (active.certificate, *active.intermediates[-1:])
        if is_of_active and each.left.total_seconds() > 0 and each.verdict is Verdict.FAILED:
            message = f"{called(each.certificate)} has {days(each.left)} left, and {days(each.horizon)} are needed"
            remedy = (
                "begin a rotation: meshwright certs plan"
                if each.role == "root"
                else "see why Consul does not renew it: its log, and its login to Vault"
            )
            yield Trouble(seen.name, Verdict.FAILED, message, remedy)
    yield from _by_metrics(seen)


def _by_metrics(seen: ConsulSeen) -> Iterator[Trouble]:
    left = seen.agent_seconds_left
    if left is not None and left < _AGENT_LEAST.total_seconds():
        message = f"the agent's own TLS certificate has {days(timedelta(seconds=left))} left, by its metrics"
        remedy = "see that Vault's agent in the servers' pods renews it; without Vault, a helm upgrade does"
        yield Trouble(seen.name, Verdict.FAILED, message, remedy)
    for labels in seen.renewals_failed:
        message = f"a leaf was not renewed, by the metrics: {labels}"
        yield Trouble(seen.name, Verdict.FAILED, message, "see why: Consul's log, and its login to Vault")


def _said(check: Check) -> str:
    return f"{check.title}: {'; '.join(check.reasons)}"
