"""The kinds that are not translated: mTLS modes, gateways, egress, what tells sidecars how to be, virtual machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.istio.migration.objects import mapped
from meshwright.istio.migration.report import GUIDE, L4, L7, Difference, Topic, Verdict
from meshwright.istio.migration.setup import selector_of

if TYPE_CHECKING:
    from meshwright.istio.migration.authorization import Context
    from meshwright.istio.migration.objects import Manifest

_EGRESS: Final = "https://istio.io/latest/docs/ambient/usage/egress-gateway/"
_REASONS: Final = {
    "EnvoyFilter": (
        Verdict.UNSUPPORTED,
        "waypoints ignore it in silence, and ztunnel is no Envoy: say it by a Telemetry, a WasmPlugin or a policy",
        GUIDE,
    ),
    "Sidecar": (
        Verdict.DECISION,
        "ambient has no sidecars to scope; where it kept traffic in, an AuthorizationPolicy of the callee does",
        GUIDE,
    ),
    "ServiceEntry": (
        Verdict.DECISION,
        "ztunnel knows the host, and HTTP rules for it need an egress waypoint: choose one, or none",
        _EGRESS,
    ),
    "Gateway": (
        Verdict.DECISION,
        "the gateway stays as it is; moving it to the Gateway API is a step of its own, before or after this one",
        "https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/",
    ),
    "WorkloadEntry": (Verdict.UNSUPPORTED, "a virtual machine has no ztunnel: it keeps its sidecar", GUIDE),
    "WorkloadGroup": (Verdict.UNSUPPORTED, "a virtual machine has no ztunnel: it keeps its sidecar", GUIDE),
    "ProxyConfig": (Verdict.DECISION, "it configures sidecars, and none is left; a waypoint has its Deployment", L7),
}


def judge(context: Context) -> None:
    """Say what becomes of each object of these kinds."""
    for each in context.setup.objects:
        if each.kind == "PeerAuthentication":
            _peer_authentication(each, context)
        elif each.identity.group.endswith("istio.io") and each.kind in _REASONS:
            context.findings.say(each.identity, *_REASONS[each.kind])


def _peer_authentication(each: Manifest, context: Context) -> None:
    modes = [mapped(each.spec.get("mtls")).get("mode")]
    modes += [mapped(one).get("mode") for one in mapped(each.spec.get("portLevelMtls")).values()]
    say = context.findings.say
    if "DISABLE" in modes:
        text = f"{each.name}: ambient reads DISABLE as PERMISSIVE, and takes mutual TLS where it is offered"
        say(each.identity, Verdict.DECISION, text, L4)
        for effect in ("allowed", "denied"):  # denied: ambient callers, while its pods have sidecars
            for name in _selected(each, context):
                context.findings.differs(each.identity, Difference(Topic.MTLS, each.namespace, name, effect, text))
    else:
        say(each.identity, Verdict.MOVES, "ztunnel enforces it", L4)


def _selected(each: Manifest, context: Context) -> list[str]:
    """The workloads that it selects; the empty name stands for all."""
    if not selector_of(each):
        return [""]
    return [workload.name for workload in context.setup.selected(each, context.setup.sidecars)]


def blocked(context: Context, namespace: str) -> list[str]:
    """What has to be decided before a namespace moves, as short texts."""
    return [
        f"{each.identity.kind} {each.identity.name}: {each.reason}"
        for each in context.findings.all()
        if each.identity.namespace == namespace and each.verdict in (Verdict.DECISION, Verdict.UNSUPPORTED)
    ]
