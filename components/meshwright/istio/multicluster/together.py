"""Whether clusters make one mesh: asked of all of them before any is touched."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from cryptography import x509

from meshwright.config.clock import today
from meshwright.errors import Code, MeshwrightError, Problem
from meshwright.istio.certificates.authority import read_roots
from meshwright.istio.multicluster.membership import MembershipArgs
from meshwright.kubernetes.errors import ComponentError

_PLACE = "the clusters of the mesh"


@dataclass(frozen=True, slots=True)
class Member:
    """What one cluster brings."""

    membership: MembershipArgs
    """Its place, as its `IstioAmbient` has it."""
    root: str
    """The roots that it trusts, PEM."""
    signs: str = ""
    """The root, or roots, above what signs for its workloads, PEM. Default: those that it trusts. The two differ while
    one root replaces the other."""
    trust_domain: str = "cluster.local"
    waypoints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Namespace with global services -> the waypoints in front of them, by name."""


def check_together(members: list[Member]) -> None:
    """Refuse clusters that would not be one mesh.

    Raises:
        ComponentError: MW-E153 for each thing that differs and must not, or is the same and must not be; MW-E145 to
            MW-E147 for roots.
    """
    try:
        problems = [*_same(members), *_apart(members), *_strangers(members), *_other_waypoints(members)]
    except MeshwrightError as error:
        raise ComponentError(error.problems) from None
    if problems:
        raise ComponentError(problems)


def _same(members: list[Member]) -> Iterator[Problem]:
    wanted: dict[str, Callable[[Member], str]] = {
        "mesh id": lambda member: member.membership["mesh"],
        "trust domain": lambda member: member.trust_domain,
    }
    for what, of in wanted.items():
        for one, other in pairwise(members):
            if of(one) != of(other):
                message = f"{_name(one)} has the {what} {of(one)}, and {_name(other)} has {of(other)}"
                yield Problem(Code.CLUSTERS_DIFFER, message, f"give all the same {what}", _PLACE)


def _apart(members: list[Member]) -> Iterator[Problem]:
    wanted: dict[str, Callable[[Member], str]] = {
        "cluster name": lambda member: member.membership["cluster"],
        "network": lambda member: member.membership["network"],
    }
    for what, of in wanted.items():
        seen: set[str] = set()
        for member in members:
            if of(member) in seen:
                message = f"two clusters have the {what} {of(member)}"
                yield Problem(Code.CLUSTERS_DIFFER, message, f"give each a {what} of its own", _PLACE)
            seen.add(of(member))


def _strangers(members: list[Member]) -> Iterator[Problem]:
    """Clusters whose workloads don't believe each other."""
    for one, other in combinations(members, 2):
        if not _roots(one, one.root) & _roots(other, other.root):
            message = f"{_name(one)} and {_name(other)} trust no common root"
            remedy = "sign the intermediates of all clusters with one root"
            yield Problem(Code.CLUSTERS_DIFFER, message, remedy, _PLACE)
            continue
        for signing, trusting in ((one, other), (other, one)):
            if not _roots(signing, signing.signs or signing.root) & _roots(trusting, trusting.root):
                message = f"{_name(signing)} signs below a root that {_name(trusting)} doesn't trust"
                remedy = "take a step of a rotation in every cluster, before any of them takes the next"
                yield Problem(Code.CLUSTERS_DIFFER, message, remedy, _PLACE)


def _roots(member: Member, text: str) -> set[x509.Certificate]:
    return set(read_roots(text, f"{_name(member)}, root", today()))


def _other_waypoints(members: list[Member]) -> Iterator[Problem]:
    for one, other in pairwise(members):
        for namespace in sorted({*one.waypoints, *other.waypoints}):
            here, there = (tuple(sorted(each.waypoints.get(namespace, ()))) for each in (one, other))
            if here != there:
                yield Problem(
                    Code.CLUSTERS_DIFFER,
                    f"the waypoints of {namespace} are {_list(here)} in {_name(one)} and {_list(there)} in "
                    f"{_name(other)}",
                    "make waypoints of the same names in every cluster: policies of one aren't enforced by another's",
                    _PLACE,
                )


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"


def _name(member: Member) -> str:
    return member.membership["cluster"]
