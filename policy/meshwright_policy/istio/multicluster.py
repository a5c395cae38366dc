"""Several clusters as one mesh: one name for each cluster and network, and a private way between them."""

from collections.abc import Iterator
from typing import Any

from meshwright.istio.labels import EAST_WEST_CLASS, NETWORK
from meshwright_policy.istio import kinds
from meshwright_policy.istio.charts import pairs
from meshwright_policy.istio.fragments import chart, in_root, resource
from meshwright_policy.istio.mesh import name_of
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at

_PAGE = "https://istio.io/latest/docs/ambient/install/multicluster/"
_NAMES = (
    ("cluster", ("global", "multiCluster", "clusterName"), (("multiCluster", "clusterName"),)),
    ("network", ("global", "network"), (("network",), ("global", "network"))),
)


def _one_name(stack: Stack, _: Config) -> Iterator[Answer]:
    for ztunnel, istiod in pairs(stack):
        for what, of_istiod, of_ztunnel in _NAMES:
            wanted = istiod.value(*of_istiod)
            told = next((given for path in of_ztunnel if (given := ztunnel.value(*path))), None)
            if UNKNOWN in (wanted, told):
                yield Undecided(f"the name of the {what} is known only at the update", ztunnel.subject)
            elif (wanted or told) and wanted != told:
                yield Violation(f"ztunnel is not told the same {what} as istiod", ztunnel.subject, (istiod.subject,))
        network, root = istiod.value("global", "network"), istiod.namespace
        labelled = _networks(stack, root)
        if isinstance(network, str) and network and labelled and network not in labelled:
            if UNKNOWN in labelled:
                yield Undecided(f"the labels of {root} are known only at the update", istiod.subject)
            else:
                what = f"the namespace {root} is not labelled with istiod's network ({NETWORK})"
                yield Violation(what, istiod.subject)


def _networks(stack: Stack, name: Any) -> list[Any]:
    """What the namespaces of this name are labelled with: one in each cluster that the stack installs into."""
    found = [each for each in stack.of(*kinds.KUBERNETES_NAMESPACE) if name is not UNKNOWN and name_of(each) == name]
    return [at(each.properties, "metadata", "labels", NETWORK) for each in found]


_INTERNAL = {
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
    "networking.gke.io/load-balancer-type": "internal",
    "cloud.google.com/load-balancer-type": "internal",
    "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type": "private",
}
_TYPE = "networking.istio.io/service-type"


def _private(stack: Stack, _: Config) -> Iterator[Answer]:
    gateways = [one for one in stack.of(*kinds.GATEWAY) if _class(one) in (EAST_WEST_CLASS, UNKNOWN)]
    if not any(_class(one) == EAST_WEST_CLASS for one in gateways):
        raise NotApplicableError("the stack has no east-west gateway")
    for gateway in gateways:
        metadata, infrastructure = (at(gateway.properties, *path) for path in _ANNOTATED)
        own, below = at(metadata, "annotations"), at(infrastructure, "annotations")
        kind = at(below, _TYPE) or at(own, _TYPE)
        said = [str(at(given, key)).lower() == value for given in (own, below) for key, value in _INTERNAL.items()]
        if any(said) or kind in ("ClusterIP", "NodePort"):
            continue
        if UNKNOWN in (own, below, kind, _class(gateway)) or at(infrastructure, "parametersRef") is not None:
            yield Undecided("whether its address is private the stack doesn't show", gateway)
        else:
            what = f"the east-west gateway {name_of(gateway)} gets a load balancer that may be public"
            yield Violation(f"{what}: the mesh is open to the internet", gateway)


_ANNOTATED = (("metadata",), ("spec", "infrastructure"))


def _class(gateway: Any) -> Any:
    return at(gateway.properties, "spec", "gatewayClassName")


def _east_west(infrastructure: str) -> str:
    return resource(
        "east-west",
        "gateway.networking.k8s.io/v1:Gateway",
        "metadata: {name: east-west, namespace: istio-system, labels: {topology.istio.io/network: north}}",
        f"spec: {{gatewayClassName: istio-east-west, {infrastructure}listeners: [{{name: mesh, port: 15008, "
        "protocol: HBONE, tls: {mode: Terminate}}]}",
    )


ONE_NAME = Rule(
    id="MW-IST-052",
    slug="ztunnel-knows-its-cluster",
    title="One name of cluster and network is told to istiod, ztunnel and the root namespace",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.HELM,
    why=(
        "istiod tells ztunnel where a workload is by cluster and network. A ztunnel that thinks it is elsewhere is "
        "refused its certificates, or sends to addresses that it can't reach. Istio's own page leaves the values out."
    ),
    remedy=f"set `multiCluster.clusterName` and `network` on ztunnel, and the label `{NETWORK}`, as istiod has them",
    bad=Example(
        chart("istiod", "global: {network: north, multiCluster: {clusterName: one}}")
        + in_root(chart("ztunnel", "multiCluster: {clusterName: one}")),
        "ztunnel is not told the same network as istiod",
    ),
    good=Example(
        chart("istiod", "global: {network: north, multiCluster: {clusterName: one}}")
        + in_root(chart("ztunnel", "network: north, multiCluster: {clusterName: one}"))
    ),
    references=(_PAGE,),
    check_stack=_one_name,
)
PRIVATE = Rule(
    id="MW-IST-053",
    slug="east-west-gateway-is-private",
    title="An east-west gateway has a private address",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=kinds.GATEWAY,
    why=(
        "Istio gives the gateway a load balancer, which most clouds make public. It asks for a certificate of the "
        "mesh, but an attacker may knock, and use up, what should be reachable from the other clusters alone."
    ),
    remedy="annotate it for an internal load balancer of your cloud, or give it the Service type ClusterIP or NodePort",
    notes=(
        f"It knows `{_TYPE}` and {', '.join(f'`{key}`' for key in _INTERNAL)}, on the Gateway or in "
        "`infrastructure.annotations`. With a `parametersRef` it is undecided."
    ),
    bad=Example(
        _east_west(""),
        "the east-west gateway east-west gets a load balancer that may be public: the mesh is open to the internet",
    ),
    good=Example(
        _east_west("infrastructure: {annotations: {service.beta.kubernetes.io/aws-load-balancer-scheme: internal}}, ")
    ),
    references=(_PAGE,),
    check_stack=_private,
)

RULES = (ONE_NAME, PRIVATE)
