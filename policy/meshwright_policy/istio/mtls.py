"""mTLS that somebody turns off: at the server by PeerAuthentication, at the client by DestinationRule."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright_policy.istio import kinds
from meshwright_policy.istio.fragments import namespace, resource
from meshwright_policy.istio.hosts import service_key
from meshwright_policy.istio.mesh import AMBIENT_NAMESPACES, name_of, namespace_of, seen, shows_ambient
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
from meshwright_policy.values import UNKNOWN, at, elements, listed


def _peers(stack: Stack, config: Config) -> Iterator[Answer]:
    if not shows_ambient(stack, config):
        raise NotApplicableError("nothing in the stack is ambient")
    for subject in stack.of(*kinds.PEER_AUTHENTICATION):
        modes = dict(_modes(at(subject.properties, "spec")))
        off = sorted(place for place, mode in modes.items() if mode == "DISABLE")
        if off:
            what = f"the PeerAuthentication {name_of(subject)} turns mTLS off for {listed(off)}"
            yield Violation(
                f"{what}: ztunnel ignores it, and ambient callers can't reach sidecars that heed it", subject
            )
        elif UNKNOWN in modes.values():
            yield Undecided("a mode of it is known only at the update", subject)


def _modes(spec: Any) -> Iterator[tuple[str, Any]]:
    yield "its workloads", at(spec, "mtls", "mode")
    ports = at(spec, "portLevelMtls")
    if ports is UNKNOWN:
        yield "a port", UNKNOWN
    for port, mtls in ports.items() if isinstance(ports, Mapping) else ():
        yield f"port {port}" if str(port).isdecimal() else "a port", at(mtls, "mode")


def _clients(stack: Stack, config: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    found = []
    for rule in stack.of(*kinds.DESTINATION_RULE):
        host = at(rule.properties, "spec", "host")
        key = service_key(host, namespace_of(rule))
        is_ambient = mesh.is_ambient(key[0], config) if key else (None if host is UNKNOWN else False)
        if is_ambient is not False and (is_ambient or shows_ambient(stack, config)):
            found.append((rule, is_ambient))
    if not found:
        raise NotApplicableError("no DestinationRule of the stack is for a Service of an ambient namespace")
    for rule, is_ambient in found:
        places = dict(_settings(rule))
        off = [place for place, mode in places.items() if mode == "DISABLE"]
        if off and is_ambient:
            what = f"the DestinationRule {name_of(rule)} turns TLS off {listed(off)}"
            yield Violation(f"{what}: gateways and sidecars would speak plaintext to an ambient Service", rule)
        elif off or UNKNOWN in places.values():
            yield Undecided("what it is for, or its TLS mode, is known only at the update", rule)


def _settings(rule: Subject) -> Iterator[tuple[str, Any]]:
    """The TLS mode of a DestinationRule, of its ports and of its subsets and their ports."""
    spec = at(rule.properties, "spec")
    given = [("", at(spec, "trafficPolicy"))]
    given += [(" in a subset", at(subset, "trafficPolicy")) for subset in elements(at(spec, "subsets"))]
    for where, policy in given:
        yield f"for the Service{where}", at(policy, "tls", "mode")
        for port in elements(at(policy, "portLevelSettings")):
            yield f"for a port{where}", at(port, "tls", "mode")


def _peer(name: str, spec: str) -> str:
    head = f"metadata: {{name: {name}, namespace: shop}}"
    return resource(name, "security.istio.io/v1:PeerAuthentication", head, f"spec: {spec}")


def _destination(policy: str) -> str:
    head = "metadata: {name: cart, namespace: shop}"
    return resource("cart", "networking.istio.io/v1:DestinationRule", head, f"spec: {{host: cart, {policy}}}")


PEERS = Rule(
    id="MW-IST-021",
    slug="peer-authentication-keeps-mtls-on",
    title="No PeerAuthentication turns mTLS off beside ambient",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.PEER_AUTHENTICATION,
    why=(
        "ztunnel ignores the mode DISABLE: whoever wrote it to let plaintext in, or to keep it, is mistaken. A "
        "sidecar heeds it, and an ambient caller, which always speaks mTLS, can't reach that one any more."
    ),
    remedy="use PERMISSIVE where plaintext must still be let in, and leave pods out of the mesh by their label",
    notes=(
        "It looks at the mode of the workloads and at each of `portLevelMtls`. Kyverno's enforce-strict-mtls reads the "
        "first alone."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _peer("cart", "{selector: {matchLabels: {app: cart}}, portLevelMtls: {8080: {mode: DISABLE}}}"),
        "the PeerAuthentication cart turns mTLS off for port 8080: ztunnel ignores it, and ambient callers can't "
        "reach sidecars that heed it",
    ),
    good=Example(
        namespace() + _peer("cart", "{selector: {matchLabels: {app: cart}}, portLevelMtls: {8080: {mode: PERMISSIVE}}}")
    ),
    references=(
        "https://istio.io/latest/docs/ambient/usage/l4-policy/",
        "https://kyverno.io/policies/istio/enforce-strict-mtls/enforce-strict-mtls/",
    ),
    check_stack=_peers,
)
CLIENTS = Rule(
    id="MW-IST-022",
    slug="destination-rule-keeps-tls-on",
    title="No DestinationRule turns TLS off for an ambient Service",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=kinds.DESTINATION_RULE,
    why=(
        "A gateway or sidecar does what the DestinationRule says: with DISABLE it speaks plaintext, which a strict "
        "namespace refuses and a permissive one lets in unencrypted."
    ),
    remedy="remove `tls.mode: DISABLE`: Istio chooses mTLS by itself",
    notes=(
        "It looks at the Service's policy, at each port and at each subset. Kyverno's enforce-tls-hosts-host-subnets "
        "reads the first alone. Hosts outside of the cluster are left alone."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _destination("subsets: [{name: v1, trafficPolicy: {tls: {mode: DISABLE}}}]"),
        "the DestinationRule cart turns TLS off for the Service in a subset: gateways and sidecars would speak "
        "plaintext to an ambient Service",
    ),
    good=Example(namespace() + _destination("trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}}")),
    references=(
        "https://istio.io/latest/docs/reference/config/networking/destination-rule/#ClientTLSSettings",
        "https://kyverno.io/policies/istio/enforce-tls-hosts-host-subnets/enforce-tls-hosts-host-subnets/",
    ),
    check_stack=_clients,
)

RULES = (PEERS, CLIENTS)
