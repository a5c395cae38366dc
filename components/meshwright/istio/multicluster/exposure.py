"""Who can reach an east-west gateway. Istio gives it a load balancer, and most clouds give that a public address.

Sources for the annotations: kubernetes-sigs/aws-load-balancer-controller (its own load balancers are internal unless
told otherwise; the class ``external`` keeps the cloud provider's older controller from making a public one),
cloud.google.com/kubernetes-engine internal load balancing, learn.microsoft.com AKS internal load balancer.
"""

from collections.abc import Collection, Iterator, Mapping
from ipaddress import ip_network
from typing import Final

INTERNAL: Final[Mapping[str, Mapping[str, str]]] = {
    "eks": {
        "service.beta.kubernetes.io/aws-load-balancer-type": "external",
        "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "ip",
        "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    },
    "gke": {
        "networking.gke.io/load-balancer-type": "Internal",
        "networking.gke.io/internal-load-balancer-allow-global-access": "true",
    },
    "aks": {"service.beta.kubernetes.io/azure-load-balancer-internal": "true"},
}
"""Platform -> annotations of a Service whose load balancer has a private address."""
_PUBLIC: Final = {
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing",
    "service.beta.kubernetes.io/aws-load-balancer-internal": "false",
    "networking.gke.io/load-balancer-type": "external",
    "cloud.google.com/load-balancer-type": "external",
    "service.beta.kubernetes.io/azure-load-balancer-internal": "false",
}
"""Annotations, and the value, in lower case, by which each asks for a public address."""
_ONLY_HERE = ("kind", "k3d", "minikube")
"""Platforms whose load balancers nobody else reaches."""


def exposure_mistakes(
    platform: str, *, own: Mapping[str, str], source_ranges: Collection[str], public: str | None
) -> Iterator[tuple[str, str]]:
    """Why an address can't be given out like this: what is wrong, and what would be right.

    Args:
        platform: What the cluster runs on.
        own: The user's annotations of the gateway's Service. Where the platform has none here, they are taken to make
            the address internal.
        source_ranges: Networks that may connect, in CIDR form.
        public: Why the address is public on purpose; None where it isn't.
    """
    for text in source_ranges:
        try:
            network = ip_network(text)
        except ValueError:
            yield f"{text!r} is no network", "write it as 10.20.0.0/16"
            continue
        if network.prefixlen == 0 and not public:
            yield f"{text} is everybody", "name the other clusters' networks, or say in public why it is open"
    if public is not None and not public.strip():
        yield "public has no reason", "say why every network may connect"
    for key, value in own.items():
        if public is None and value.lower() == _PUBLIC.get(key):
            yield (
                f"the annotation {key}: {value} gives the east-west gateway a public address",
                "leave it out, or say in public why it is open",
            )
    internal = platform in INTERNAL or platform in _ONLY_HERE or own
    if not internal and not source_ranges and public is None:
        yield (
            f"on {platform} the east-west gateway may get a public address",
            "give the annotations that make it internal, source_ranges, or in public the reason why it is open",
        )


def annotations(platform: str, own: Mapping[str, str], public: str | None) -> dict[str, str]:
    """The annotations of the gateway's Service; those of the user's win."""
    return {**({} if public is not None else INTERNAL.get(platform, {})), **own}
