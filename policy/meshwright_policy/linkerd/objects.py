"""The objects that rules about Linkerd read: type tokens, charts, namespaces that inject, and durations."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from meshwright.linkerd import labels
from meshwright_policy.istio.charts import Chart, chart_name
from meshwright_policy.istio.kinds import CONFIG_MAP, POD, SERVICE, WORKLOAD
from meshwright_policy.istio.mesh import kind_of, name_of, namespace_of, pod_of, told
from meshwright_policy.istio.mesh_wide import KUBERNETES_NAMESPACE
from meshwright_policy.record import Subject
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at
from meshwright_policy.versions import HELM

__all__ = [
    "CONFIG_MAP",
    "HELM",
    "KUBERNETES_NAMESPACE",
    "POD",
    "SERVICE",
    "WORKLOAD",
    "annotation",
    "kind_of",
    "name_of",
    "namespace_of",
    "pod_of",
    "told",
]
LINKERD_NAMESPACE: Final = "meshwright:index:LinkerdNamespace"
CERTIFICATE: Final = ("kubernetes:cert-manager.io/v1:Certificate",)
SERVERS: Final = tuple(f"kubernetes:policy.linkerd.io/{v}:Server" for v in ("v1beta3", "v1beta2", "v1beta1"))
AUTHORIZATION: Final = ("kubernetes:policy.linkerd.io/v1alpha1:AuthorizationPolicy",)
MESH_TLS: Final = ("kubernetes:policy.linkerd.io/v1alpha1:MeshTLSAuthentication",)
NETWORK: Final = ("kubernetes:policy.linkerd.io/v1alpha1:NetworkAuthentication",)
EGRESS: Final = ("kubernetes:policy.linkerd.io/v1alpha1:EgressNetwork",)
NETWORK_POLICY: Final = ("kubernetes:networking.k8s.io/v1:NetworkPolicy",)
LINK: Final = tuple(f"kubernetes:multicluster.linkerd.io/{v}:Link" for v in ("v1alpha3", "v1alpha2", "v1alpha1"))
ROUTE: Final = (
    *(f"kubernetes:gateway.networking.k8s.io/{v}:HTTPRoute" for v in ("v1", "v1beta1")),
    "kubernetes:gateway.networking.k8s.io/v1:GRPCRoute",
    *(f"kubernetes:policy.linkerd.io/{v}:HTTPRoute" for v in ("v1beta3", "v1beta2", "v1beta1")),
)
PROFILE: Final = ("kubernetes:linkerd.io/v1alpha2:ServiceProfile",)
CONTROL_PLANE: Final = ("linkerd-control-plane", "linkerd-enterprise-control-plane")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(h|m|s)")
_HOURS: Final[Mapping[str, float]] = {"h": 1, "m": 1 / 60, "s": 1 / 3600}


def hours(duration: Any) -> float | None:
    """A duration as Go writes it, in hours; ``None`` where it is none."""
    if not isinstance(duration, str) or not re.fullmatch(f"(?:{_PART.pattern})+", duration, re.ASCII):
        return None
    return sum(float(number) * _HOURS[unit] for number, unit in _PART.findall(duration))


def annotation(subject: Subject, key: str) -> Any:
    """An annotation of the object; of a workload, of its pods."""
    source = pod_of(subject) if subject.type in WORKLOAD else subject.properties
    return at(source, "metadata", "annotations", key)


def chart_of(subject: Subject) -> Chart:
    """A Helm release as a chart; the name is empty where it is unknown."""
    name, tag = chart_name(subject)
    version, values = (at(subject.properties, key) for key in ("version", "values"))
    return Chart(subject, name, version or tag or None, values)


def installed(stack: Stack, *names: str) -> Iterator[Chart]:
    """The releases of some of Linkerd's charts."""
    return (chart for subject in stack.of(*HELM) if (chart := chart_of(subject)).name in names)


def injected(stack: Stack) -> Mapping[Any, bool | None]:
    """Namespace -> whether its pods get a proxy; ``None`` where only the update will know.

    Ask for it by ``stack.derived(injected)``.
    """
    found: dict[Any, bool | None] = {}
    for subject in stack.of(*KUBERNETES_NAMESPACE):
        given = annotation(subject, labels.INJECT)
        if given is not None:
            found[name_of(subject)] = None if given is UNKNOWN else given in ("enabled", "ingress")
    for subject in stack.of(LINKERD_NAMESPACE):
        phase = at(subject.properties, "phase")
        found[told(at(subject.properties, "namespace"), subject.name)] = (
            None if phase is UNKNOWN else phase != "unmeshed"
        )
    return found


def is_injected(stack: Stack, workload: Subject) -> bool | None:
    """Whether a workload's pods get a proxy: by their own annotation, or by the namespace's."""
    own = annotation(workload, labels.INJECT)
    if own is None:
        return stack.derived(injected).get(namespace_of(workload), False)
    return None if own is UNKNOWN else own in ("enabled", "ingress")
