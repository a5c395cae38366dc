"""Whether clusters can be linked: asked of all of them before any is touched.

``linkerd multicluster check`` compares ``identityTrustAnchorsPEM`` of the ConfigMap ``linkerd-config``, which is empty
where an external CA keeps the bundle (linkerd2#11668, closed as not planned), and asks for the same anchors. Proxies
ask for less, and for something else: that what signs here is trusted there, and the other way round.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import combinations, pairwise

import pulumi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pulumi_kubernetes.core.v1 import ConfigMap

from meshwright.certs.pem import called, certificates_in, is_same_authority
from meshwright.errors import Code, Problem
from meshwright.kubernetes.errors import ComponentError
from meshwright.linkerd.labels import NAMESPACE, TRUST_ROOTS, TRUST_ROOTS_KEY
from meshwright.linkerd.multicluster.modes import POD_TO_POD, mode_mistakes

_PLACE = "the linked clusters"


@dataclass(frozen=True, slots=True)
class Member:
    """What one cluster brings."""

    cluster: str
    """Its name, which no other has."""
    anchors: str | None = None
    """The bundle that its proxies trust, PEM. None where it is known in the cluster alone; `live_bundle` reads it."""
    signs: str | None = None
    """The anchor above its issuer, PEM, or several of which it is one. Default: any of the bundle."""
    trust_domain: str = "cluster.local"
    modes: tuple[str, ...] = ("hierarchical",)
    """How services are used from here and to here."""
    pod_networks: tuple[str, ...] = ()
    """Networks of its pods, in CIDR form; needed where pods call pods."""


def check_together(members: Collection[Member]) -> None:
    """Refuse clusters that can't be linked.

    Raises:
        ComponentError: MW-E216 for anchors, trust domains and names, MW-E217 for modes and pod networks.
    """
    given = list(members)
    if problems := [*_apart(given), *_same_domain(given), *_strangers(given), *_modes(given), *_networks(given)]:
        raise ComponentError(problems)


def check_bundles(bundles: dict[str, str]) -> dict[str, str]:
    """Refuse live bundles that have no anchor in common; give them in an ``apply``, cluster's name -> PEM.

    Returns:
        The bundles, so that what hangs on them waits for the check.

    Raises:
        ComponentError: MW-E216.
    """
    if problems := list(_strangers([Member(cluster, text) for cluster, text in bundles.items()])):
        raise ComponentError(problems)
    return bundles


def own_anchors(bundle: str, also_trusted: Iterable[str]) -> str:
    """The anchors of a bundle that are the cluster's own, PEM: one of them signs. Empty where none are told apart.

    Args:
        bundle: All that its proxies trust, PEM.
        also_trusted: The anchors of other clusters, PEM.
    """
    others = [each for text in also_trusted for each in certificates_in(text)]
    own = [each for each in certificates_in(bundle) if not _same([each], others)]
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in own)


def live_bundle(
    resource_name: str, opts: pulumi.ResourceOptions, namespace: pulumi.Input[str] = NAMESPACE
) -> pulumi.Output[str]:
    """The bundle that a cluster's proxies get now, whoever keeps it: ``linkerd-identity-trust-roots``.

    Args:
        resource_name: Pulumi's name for what is read.
        opts: With the provider of the cluster.
        namespace: Where Linkerd's control plane runs. An output of what makes the ConfigMap, so that an installation
            is not read before it is there.
    """
    found = ConfigMap.get(resource_name, pulumi.Output.concat(namespace, "/", TRUST_ROOTS), opts)
    bundle: pulumi.Output[str] = found.data.apply(lambda data: str(data[TRUST_ROOTS_KEY]))
    return bundle


def _apart(members: list[Member]) -> Iterator[Problem]:
    seen: set[str] = set()
    for member in members:
        if member.cluster in seen:
            message = f"two clusters have the name {member.cluster}"
            yield Problem(Code.LINKED_CLUSTERS, message, "give each a name of its own", _PLACE)
        seen.add(member.cluster)


def _same_domain(members: list[Member]) -> Iterator[Problem]:
    for one, other in pairwise(members):
        if one.trust_domain != other.trust_domain:
            message = (
                f"{one.cluster} has the trust domain {one.trust_domain}, and {other.cluster} has {other.trust_domain}"
            )
            yield Problem(Code.LINKED_CLUSTERS, message, "give all the same trust domain", _PLACE)


def _strangers(members: list[Member]) -> Iterator[Problem]:
    """Clusters whose proxies don't believe each other."""
    read: dict[str, frozenset[x509.Certificate]] = {}
    for member in members:
        if member.anchors is not None:
            try:
                read[member.cluster] = _read(member.anchors)
            except ValueError:
                message = f"the bundle of {member.cluster} has no certificate that can be read"
                yield Problem(Code.LINKED_CLUSTERS, message, "give its trust anchors as PEM", _PLACE)
    for one, other in combinations((each for each in members if each.cluster in read), 2):
        if not _same(read[one.cluster], read[other.cluster]):
            message = (
                f"{one.cluster} trusts {_list(read[one.cluster])}, and {other.cluster} "
                f"{_list(read[other.cluster])}: no anchor is in both bundles"
            )
            yield Problem(Code.LINKED_CLUSTERS, message, "put one anchor into the bundles of all clusters", _PLACE)
            continue
        for signing, trusting in ((one, other), (other, one)):
            if signing.signs and not _same(certificates_in(signing.signs), read[trusting.cluster]):
                message = f"{signing.cluster} signs below an anchor that {trusting.cluster} doesn't trust"
                remedy = "take a step of a rotation in every cluster, before any of them takes the next"
                yield Problem(Code.LINKED_CLUSTERS, message, remedy, _PLACE)


def _read(text: str) -> frozenset[x509.Certificate]:
    found = frozenset(certificates_in(text))
    if not found:
        raise ValueError
    return found


def _same(some: Iterable[x509.Certificate], others: Iterable[x509.Certificate]) -> bool:
    """Whether they have an anchor in common; signed anew with its old key it is the same one."""
    return any(is_same_authority(one, other) for one in some for other in others)


def _list(certificates: frozenset[x509.Certificate]) -> str:
    return ", ".join(sorted(map(called, certificates)))


def _modes(members: list[Member]) -> Iterator[Problem]:
    for member in members:
        for message, remedy in mode_mistakes(member.modes):
            yield Problem(Code.LINK_MODE, f"{member.cluster}: {message}", remedy, _PLACE)


def _networks(members: list[Member]) -> Iterator[Problem]:
    """Pods that call each other need addresses that mean the same everywhere."""
    direct = [member for member in members if POD_TO_POD & set(member.modes)]
    for member in direct:
        if not member.pod_networks:
            message = f"pods of {member.cluster} are called directly, and its pod networks are unknown"
            remedy = "give pod_networks, routed between the clusters, or use the mode hierarchical alone"
            yield Problem(Code.LINK_MODE, message, remedy, _PLACE)
    for one, other in combinations(direct, 2):
        for here in one.pod_networks:
            for there in other.pod_networks:
                if _overlap(here, there):
                    message = f"{here} of {one.cluster} and {there} of {other.cluster} overlap: addresses mean two pods"
                    remedy = "give the clusters pod networks apart, or use the mode hierarchical alone"
                    yield Problem(Code.LINK_MODE, message, remedy, _PLACE)


def _overlap(here: str, there: str) -> bool:
    one, other = ip_network(here), ip_network(there)
    return one.version == other.version and one.overlaps(other)
