"""New pods for whatever has a proxy: the control plane first, for it signs, and injects what new pods trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meshwright.breakglass.restarts import pods_of, restarted
from meshwright.health.objects import at, name_of, namespace_of
from meshwright.linkerd import labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meshwright.breakglass.plan import Step
    from meshwright.certs.observed import Proxy
    from meshwright.health.objects import Object
    from meshwright.linkerd.breakglass.looking import Look

_KINDS: Final = {"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet"}
_EXTENSIONS: Final = (labels.MULTICLUSTER_NAMESPACE, labels.VIZ_NAMESPACE)
ORDER: Final = "linkerd-identity, linkerd-destination, linkerd-proxy-injector, Linkerd's extensions, then workloads"


@dataclass(frozen=True, slots=True)
class Restarts:
    """What is restarted, and what kubectl can't restart."""

    steps: tuple[Step, ...]
    by_hand: tuple[str, ...]
    """Each as a sentence without a full stop."""


def control_plane(look: Look) -> tuple[Step, ...]:
    """New pods for the control plane, one Deployment after the other."""
    found = look.control_plane()
    return tuple(
        step for each in found for step in restarted("deployment", name_of(each), labels.NAMESPACE, pods_of(each))
    )


def workloads(look: Look, proxies: Iterable[Proxy], *, at_once: bool) -> Restarts:
    """New pods for the workloads of proxies, save the control plane's.

    Args:
        look: The cluster.
        proxies: Pods that have a proxy, or should have one.
        at_once: Whether all are restarted before the first is waited for: right where nothing works anyway.
    """
    wanted = {(each.namespace, each.workload) for each in proxies if each.namespace != labels.NAMESPACE}
    known = {
        (namespace_of(each), f"{word}/{name_of(each)}"): each
        for word, kind in _KINDS.items()
        for each in look.all(kind)
    }
    pairs, by_hand = [], []
    for namespace, workload in sorted(wanted, key=lambda each: (each[0] not in _EXTENSIONS, each)):
        found = known.get((namespace, workload))
        why = "kubectl can't restart it: make its pods anew" if found is None else next(_stubborn(found), "")
        if found is None or why:
            by_hand.append(f"{workload} in {namespace}: {why}")
        else:
            kind, _, name = workload.partition("/")
            pairs.append(restarted(kind, name, namespace, pods_of(found)))
    first, then = ([pair[index] for pair in pairs] for index in (0, 1))
    steps = [*first, *then] if at_once else [step for pair in pairs for step in pair]
    return Restarts(tuple(steps), tuple(by_hand))


def _stubborn(body: Object) -> Iterator[str]:
    if at(body, "spec", "paused"):
        yield "its rollout is paused: `kubectl rollout resume`, then restart it"
    if at(body, "spec", "updateStrategy", "type") == "OnDelete":
        yield "its updateStrategy is OnDelete: delete its pods"
