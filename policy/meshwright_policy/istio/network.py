"""NetworkPolicies that let the mesh work: HBONE's port in and out, and the address of the kubelet's probes."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from meshwright.istio.labels import HBONE_PORT, PROBE_ADDRESSES
from meshwright_policy.istio import kinds
from meshwright_policy.istio.fragments import namespace, resource
from meshwright_policy.istio.mesh import AMBIENT_NAMESPACES, in_ambient, name_of, namespace_of
from meshwright_policy.istio.selectors import BySelector, both, either
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, elements

_PAGE = "https://istio.io/latest/docs/ambient/usage/networkpolicy/"


def _by_namespace(stack: Stack) -> Mapping[Any, BySelector[Subject]]:
    found: dict[Any, list[tuple[Any, Subject]]] = {}
    for policy in stack.of(*kinds.NETWORK_POLICY):
        found.setdefault(namespace_of(policy), []).append((_pods(policy), policy))
    return {namespace: BySelector(policies) for namespace, policies in found.items()}


def _pods(policy: Subject) -> Any:
    return at(policy.properties, "spec", "podSelector", "matchLabels")


def _judged(stack: Stack, config: Config) -> Iterator[tuple[Subject, bool, list[Subject]]]:
    """NetworkPolicies of ambient namespaces, whether that is known, and all that hold for the same pods."""
    beside = stack.derived(_by_namespace)
    for policy, is_known in in_ambient(stack, config, *kinds.NETWORK_POLICY):
        near = beside[namespace_of(policy)].around(_pods(policy))
        others = [one for one in near if _selects_all_of(one, policy)]
        yield policy, is_known, others


def _selects_all_of(other: Subject, policy: Subject) -> bool:
    """Whether one policy certainly holds for all pods of another."""
    mine, its = (at(one.properties, "spec", "podSelector") for one in (policy, other))
    if its is UNKNOWN or mine is UNKNOWN:
        return other is policy
    return not its or its == mine or (_labels(its).items() <= _labels(mine).items() and not at(its, "matchExpressions"))


def _labels(selector: Any) -> dict[str, Any]:
    labels = at(selector, "matchLabels")
    return dict(labels) if isinstance(labels, Mapping) else {}


def _isolates(policy: Subject, direction: str) -> bool | None:
    """Whether a policy isolates its pods in a direction, ``Ingress`` or ``Egress``."""
    types = at(policy.properties, "spec", "policyTypes")
    if types is UNKNOWN or UNKNOWN in elements(types):
        return None
    if types:
        return direction in elements(types)
    return direction == "Ingress" or at(policy.properties, "spec", "egress") is not None


def _rules(policy: Subject, direction: str) -> list[Any]:
    return elements(at(policy.properties, "spec", direction.lower()))


def _hbone(stack: Stack, config: Config) -> Iterator[Answer]:
    for policy, is_known, beside in _judged(stack, config):
        for direction in ("Ingress", "Egress"):
            answer = _blocks(policy, direction, beside)
            if answer and is_known:
                way = "to the pods that it selects" if direction == "Ingress" else "from the pods that it selects"
                what = f"the NetworkPolicy {name_of(policy)} blocks port {HBONE_PORT} {way}"
                yield Violation(f"{what}: nobody in the mesh gets through by it", policy)
            elif answer is not False:
                yield Undecided(f"whether it blocks port {HBONE_PORT} is known only at the update", policy)


def _blocks(policy: Subject, direction: str, beside: list[Subject]) -> bool | None:
    """Whether a policy admits peers of the mesh, and neither it nor another one admits them on HBONE's port."""
    admitting = [rule for rule in _rules(policy, direction) if _is_of_the_mesh(rule, direction)]
    if not admitting:
        return False
    opened = either(_opens(rule, direction) for one in beside for rule in _rules(one, direction))
    return both((_isolates(policy, direction), None if opened is None else not opened))


def _is_of_the_mesh(rule: Any, direction: str) -> bool:
    """Whether a rule is about pods, and not about addresses outside or about DNS alone."""
    if rule is UNKNOWN:
        return True
    peers = elements(at(rule, "from" if direction == "Ingress" else "to"))
    ports = [at(port, "port") for port in elements(at(rule, "ports"))]
    is_dns = bool(ports) and set(map(str, ports)) <= {"53", "dns", "dns-tcp"}
    is_outside = bool(peers) and all(isinstance(peer, Mapping) and peer.get("ipBlock") for peer in peers)
    # Of egress without peers it can't be told where it goes.
    return not is_dns and not is_outside and (bool(peers) or direction == "Ingress")


def _opens(rule: Any, direction: str) -> bool | None:
    ports, peers = at(rule, "ports"), elements(at(rule, "from" if direction == "Ingress" else "to"))
    if peers and not any(_may_be_pods(peer) for peer in peers):
        return False
    if rule is UNKNOWN or ports is UNKNOWN:
        return None
    return True if not ports else either(_is_hbone(port) for port in elements(ports))


def _may_be_pods(peer: Any) -> bool:
    """Whether a peer may be the mesh's pods, and not one address alone, such as that of the probes."""
    block = at(peer, "ipBlock", "cidr")
    try:
        return not isinstance(block, str) or ip_network(block, strict=False).num_addresses > 1
    except ValueError:
        return False


def _is_hbone(port: Any) -> bool | None:
    number, end, protocol = (at(port, key) for key in ("port", "endPort", "protocol"))
    if UNKNOWN in (port, number, end, protocol):
        return None
    if (protocol or "TCP") != "TCP":
        return False
    # Numbers arrive as floats over the wire.
    numbers = [int(value) for value in (number, end) if isinstance(value, int | float) and value == value // 1]
    return number is None or (bool(numbers) and numbers[0] <= HBONE_PORT <= numbers[-1])


def _probes(stack: Stack, config: Config) -> Iterator[Answer]:
    found = list(_judged(stack, config))
    isolating = [(one, known, beside) for one, known, beside in found if _isolates(one, "Ingress") is not False]
    if not isolating:
        raise NotApplicableError("no NetworkPolicy of an ambient namespace isolates pods from callers")
    for policy, is_known, beside in isolating:
        answer = either(_admits_probes(rule) for one in beside for rule in _rules(one, "Ingress"))
        if answer is False and is_known and _isolates(policy, "Ingress"):
            what = f"the NetworkPolicy {name_of(policy)} doesn't admit {PROBE_ADDRESSES[0]}/32"
            yield Violation(f"{what}, from which the kubelet's probes come to a captured pod", policy)
        elif not answer:
            yield Undecided("whether it admits the kubelet's probes is known only at the update", policy)


def _admits_probes(rule: Any) -> bool | None:
    peers = at(rule, "from")
    if rule is UNKNOWN or peers is UNKNOWN:
        return None
    return True if not peers else either(_holds_probes(peer) for peer in elements(peers))


def _holds_probes(peer: Any) -> bool | None:
    block = at(peer, "ipBlock", "cidr")
    if peer is UNKNOWN or block is UNKNOWN:
        return None
    try:
        return isinstance(block, str) and ip_address(PROBE_ADDRESSES[0]) in ip_network(block, strict=False)
    except ValueError:
        return False


def _policy(spec: str) -> str:
    head = "metadata: {name: cart, namespace: shop}"
    return resource("cart", "networking.k8s.io/v1:NetworkPolicy", head, f"spec: {{podSelector: {{}}, {spec}}}")


_FROM_TILL = "from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: till}}}]"
_PROBES = f"{{from: [{{ipBlock: {{cidr: {PROBE_ADDRESSES[0]}/32}}}}]}}"

HBONE = Rule(
    id="MW-IST-032",
    slug="network-policy-lets-hbone-pass",
    title="A NetworkPolicy of an ambient namespace lets HBONE pass",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.NETWORK_POLICY,
    why=(
        f"Between ambient pods everything travels to port {HBONE_PORT}, whatever port the caller asked for. A "
        "NetworkPolicy that admits callers on the application's port alone cuts off all that are in the mesh."
    ),
    remedy=f"admit TCP {HBONE_PORT} from, or to, the same peers, and keep to ports in an AuthorizationPolicy",
    notes=(
        "It looks at policies that admit peers of the cluster on certain ports: in ingress, and in egress to pods or "
        f"namespaces. Another policy that holds for the same pods may admit {HBONE_PORT}. One that admits nobody is "
        "meant so. Rules for addresses outside, and for DNS, are left alone."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _policy(f"ingress: [{{{_FROM_TILL}, ports: [{{port: 8080}}]}}]"),
        f"the NetworkPolicy cart blocks port {HBONE_PORT} to the pods that it selects: nobody in the mesh gets "
        "through by it",
    ),
    good=Example(
        namespace() + _policy(f"ingress: [{{{_FROM_TILL}, ports: [{{port: 8080}}, {{port: {HBONE_PORT}}}]}}]")
    ),
    references=(_PAGE,),
    check_stack=_hbone,
)
PROBES = Rule(
    id="MW-IST-033",
    slug="network-policy-lets-probes-pass",
    title="A NetworkPolicy of an ambient namespace admits the kubelet's probes",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=kinds.NETWORK_POLICY,
    why=(
        f"istio-cni gives the kubelet's probes the address {PROBE_ADDRESSES[0]}, so that ztunnel can tell them from "
        "other plaintext. A network plugin that admits the node's own address by itself, and not this one, fails the "
        "probes: pods never get ready, or are killed."
    ),
    remedy=f"admit `ipBlock: {{cidr: {PROBE_ADDRESSES[0]}/32}}` in a policy for the same pods",
    notes=(
        "Whether it is needed depends on the plugin; Cilium with a default deny and Alibaba's need it. With IPv6 the "
        f"address is {PROBE_ADDRESSES[1]}. A rule without peers admits all."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _policy(f"ingress: [{{{_FROM_TILL}}}]"),
        f"the NetworkPolicy cart doesn't admit {PROBE_ADDRESSES[0]}/32, from which the kubelet's probes come to a "
        "captured pod",
    ),
    good=Example(namespace() + _policy(f"ingress: [{{{_FROM_TILL}}}, {_PROBES}]")),
    references=(_PAGE, "https://github.com/istio/istio/issues/49277"),
    check_stack=_probes,
)

RULES = (HBONE, PROBES)
