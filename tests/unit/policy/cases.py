"""What each rule says about what: one table, read by the tests of verdicts and by the tests of the rules themselves.

A resource is written as in Pulumi YAML; the word ``<unknown>`` stands for a value that is unknown at preview.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml

from meshwright_policy.record import Subject
from meshwright_policy.values import UNKNOWN
from meshwright_policy.waivers import Use, Waiver

POLICY = "kubernetes:security.istio.io/v1:AuthorizationPolicy"
PEER = "kubernetes:security.istio.io/v1:PeerAuthentication"
NAMESPACE = "kubernetes:core/v1:Namespace"
GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
OURS = "meshwright:index:"


@dataclass(frozen=True)
class Case:
    rule: str
    verdict: str
    resources: tuple[Subject, ...]
    says: str = ""
    """The violations, one a line; the open question; or why it isn't applicable."""
    config: dict[str, Any] = field(default_factory=dict)
    waivers: tuple[Use, ...] = ()
    """What became of the stack's waivers, for the rules about them."""

    def __str__(self) -> str:
        return f"{self.rule} {self.verdict} {self.says[:60]}"


def _unknowns(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unknowns(element) for key, element in value.items()}
    if isinstance(value, list):
        return [_unknowns(element) for element in value]
    return UNKNOWN if value == "<unknown>" else value


def subject(kind: str, text: str, name: str = "it", parents: str = "") -> Subject:
    urn = f"urn:pulumi:dev::shop::{parents}{kind}::{name}"
    return Subject(kind, name, urn, _unknowns(yaml.safe_load(text)))


def namespace(text: str, name: str = "it") -> Subject:
    return subject(f"{OURS}AmbientNamespace", text, name)


def _strict(rest: str) -> tuple[Subject, ...]:
    return (namespace(f"{{namespace: shop, phase: strict, {rest}}}"),)


def policy(spec: str, metadata: str = "{namespace: shop}", kind: str = POLICY) -> tuple[Subject, ...]:
    """A policy, after the ambient namespace that it stands in."""
    return (_labelled("shop", "istio.io/dataplane-mode: ambient"), alone(spec, metadata, kind))


def alone(spec: str, metadata: str = "{namespace: shop}", kind: str = POLICY) -> Subject:
    return subject(kind, f"{{metadata: {metadata}, spec: {spec}}}")


def _labelled(name: str, labels: str) -> Subject:
    return subject(NAMESPACE, f"{{metadata: {{name: {name}, labels: {{{labels}}}}}}}", name)


def _mesh_wide(text: str) -> tuple[Subject, ...]:
    return (subject(f"{OURS}MeshWideMtls", text),)


def _helm(text: str, kind: str = "kubernetes:helm.sh/v3:Release") -> tuple[Subject, ...]:
    return (subject(kind, text),)


def _of_istio(chart: str, version: str = "") -> tuple[Subject, ...]:
    asked = f", version: {version}" if version else ""
    return _helm(f"{{chart: {chart}{asked}, repositoryOpts: {{repo: 'https://istio.example/istio'}}}}")


def _waypoint(text: str) -> tuple[Subject, ...]:
    return (subject(f"{OURS}Waypoint", text),)


_STRANGER = (subject("kubernetes:core/v1:ConfigMap", "{data: {a: b}}"),)
_ROOT_STRICT = subject(PEER, "{metadata: {namespace: istio-system}, spec: {mtls: {mode: STRICT}}}", "by-hand")
_MESHED = subject(NAMESPACE, "{metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}", "shop")
_UNMESHED = subject(NAMESPACE, "{metadata: {name: old}}", "old")
_CUT = "callers that speak plaintext would be cut off"

PERMISSIVE_FIRST = [
    Case("MW-ADO-001", "passed", _strict("previous: {phase: permissive}")),
    Case("MW-ADO-001", "passed", (namespace("{phase: <unknown>, previous: {phase: permissive}}"),)),
    Case(
        "MW-ADO-001",
        "violated",
        _strict("since: 2026"),
        "the namespace is strict, but no permissive phase before it is on record",
    ),
    Case(
        "MW-ADO-001",
        "violated",
        _strict("previous: {phase: unmeshed}"),
        "the namespace is strict, but was unmeshed before",
    ),
    Case(
        "MW-ADO-001",
        "violated",
        _strict("previous: {phase: hunter2}"),
        "the namespace is strict, but was in a phase of no known name before",
    ),
    Case(
        "MW-ADO-001",
        "undecided",
        _strict("previous: <unknown>"),
        "its phase, or the one before it, is known only at the update",
    ),
    Case(
        "MW-ADO-001",
        "undecided",
        (namespace("{phase: <unknown>, previous: {phase: unmeshed}}"),),
        "its phase, or the one before it, is known only at the update",
    ),
    Case("MW-ADO-001", "not_applicable", (namespace("{phase: permissive}"),), "the namespace is not strict"),
    Case("MW-ADO-001", "not_applicable", _STRANGER, "MW-ADO-001 does not look at kubernetes:core/v1:ConfigMap"),
]

SOAK = [
    Case("MW-ADO-002", "passed", _strict('since: "2026-11-10", previous: {phase: permissive, since: "2026-11-03"}')),
    Case("MW-ADO-002", "passed", _strict('previous: {phase: permissive, since: "2026-11-16T00:00:00Z"}')),
    Case(
        "MW-ADO-002",
        "passed",
        _strict('since: "2026-11-04", previous: {phase: permissive, since: "2026-11-03"}'),
        config={"soak_days": 1.0},
    ),
    Case(
        "MW-ADO-002",
        "violated",
        _strict('since: "2026-11-09", previous: {phase: permissive, since: "2026-11-03"}'),
        "the namespace is strict after 6 of 7 days in permissive; strict is possible from 2026-11-10",
    ),
    Case(
        "MW-ADO-002",
        "violated",
        _strict('since: "2027-11-09", previous: {phase: permissive, since: "2026-11-20"}'),
        "the namespace is strict after 3 of 7 days in permissive; strict is possible from 2026-11-27",
    ),
    Case(
        "MW-ADO-002",
        "violated",
        _strict('since: <unknown>, previous: {phase: permissive, since: "2026-11-24"}'),
        "the namespace is strict after 0 of 7 days in permissive; strict is possible from 2026-12-01",
    ),
    Case(
        "MW-ADO-002",
        "violated",
        _strict("previous: {phase: permissive}"),
        "the namespace is strict, but since when it was permissive is not on record as YYYY-MM-DD",
    ),
    Case(
        "MW-ADO-002",
        "violated",
        _strict('previous: {phase: permissive, since: "2026-02-30"}'),
        "the namespace is strict, but since when it was permissive is not on record as YYYY-MM-DD",
    ),
    Case(
        "MW-ADO-002",
        "undecided",
        _strict('since: <unknown>, previous: {phase: permissive, since: "2026-11-03"}'),
        "the day on which the namespace turned strict is known only at the update",
    ),
    Case(
        "MW-ADO-002",
        "undecided",
        _strict("previous: {phase: permissive, since: <unknown>}"),
        "how long the namespace was permissive is known only at the update",
    ),
    Case(
        "MW-ADO-002",
        "undecided",
        (namespace('{namespace: shop, phase: <unknown>, previous: {phase: permissive, since: "2026-11-22"}}'),),
        "how long the namespace was permissive is known only at the update",
    ),
    Case(
        "MW-ADO-002",
        "not_applicable",
        (namespace("{namespace: shop, phase: unmeshed}"),),
        "the namespace is not strict",
    ),
    Case(
        "MW-ADO-002",
        "not_applicable",
        _strict("previous: {phase: unmeshed}"),
        "the namespace was not permissive before; MW-ADO-001 speaks about that",
    ),
]

MESH_WIDE_LAST = [
    Case("MW-ADO-003", "passed", _mesh_wide("{mode: STRICT, phases: {a: strict, b: strict}}")),
    Case("MW-ADO-003", "passed", _mesh_wide("{mode: PERMISSIVE, phases: {a: unmeshed}}")),
    Case("MW-ADO-003", "passed", _mesh_wide("{mode: <unknown>, phases: {a: strict}}")),
    Case(
        "MW-ADO-003",
        "violated",
        _mesh_wide("{mode: STRICT, phases: {a: strict, b: permissive, c: unmeshed, d: <unknown>}}"),
        f"mesh-wide mTLS is STRICT, but b is permissive and c is unmeshed: {_CUT}",
    ),
    Case(
        "MW-ADO-003",
        "undecided",
        _mesh_wide("{mode: STRICT, phases: {a: strict, b: <unknown>}}"),
        "the mesh-wide mode, or the phase of a namespace, is known only at the update",
    ),
    Case(
        "MW-ADO-003",
        "undecided",
        _mesh_wide("{mode: <unknown>, phases: {a: unmeshed}}"),
        "the mesh-wide mode, or the phase of a namespace, is known only at the update",
    ),
    Case(
        "MW-ADO-003",
        "undecided",
        _mesh_wide("{mode: STRICT, phases: <unknown>}"),
        "the mesh-wide mode, or the phase of a namespace, is known only at the update",
    ),
    *(
        Case(
            "MW-ADO-003",
            "violated",
            _mesh_wide(f"{{mode: STRICT{phases}}}"),
            "mesh-wide mTLS is STRICT, but no namespace is listed with its phase: nobody knows who would be cut off",
        )
        for phases in ("", ", phases: {}", ", phases: []", ", phases: null")
    ),
    Case(
        "MW-ADO-003",
        "violated",
        _mesh_wide("{mode: STRICT, phases: {a: null}}"),
        f"mesh-wide mTLS is STRICT, but a is in a phase of no known name: {_CUT}",
    ),
    Case(
        "MW-ADO-003",
        "undecided",
        _mesh_wide("{mode: <unknown>, phases: {}}"),
        "the mesh-wide mode, or the phase of a namespace, is known only at the update",
    ),
    Case("MW-ADO-003", "not_applicable", _STRANGER, "MW-ADO-003 does not look at kubernetes:core/v1:ConfigMap"),
]

_NO_MATCH = "`phases` doesn't match the stack"


def _beside(phases: str, *others: Subject, mode: str = "STRICT") -> tuple[Subject, ...]:
    return (*_mesh_wide(f"{{mode: {mode}, phases: {phases}}}"), *others)


_SLOW = namespace("{namespace: slow, phase: permissive}")
_FAST = namespace("{namespace: fast, phase: strict}")

PHASES_OF_THE_STACK = [
    Case(
        "MW-ADO-004",
        "passed",
        _beside("{fast: strict}", _FAST, subject(PEER, "{metadata: {namespace: fast}, spec: {mtls: {mode: STRICT}}}")),
    ),
    Case("MW-ADO-004", "passed", _beside("{fast: strict, shop: strict, elsewhere: strict}", _FAST, _MESHED, _UNMESHED)),
    # What `phases` itself says is for MW-ADO-003.
    Case("MW-ADO-004", "passed", _beside("{slow: permissive, shop: <unknown>}", _SLOW, _MESHED)),
    Case("MW-ADO-004", "passed", _beside("{}", _labelled("side", "istio-injection: enabled"))),
    Case(
        "MW-ADO-004",
        "violated",
        _beside("{slow: strict, old: strict}", _SLOW, _UNMESHED),
        f"mesh-wide mTLS is STRICT, but old is unmeshed and slow is permissive: {_NO_MATCH}",
    ),
    Case(
        "MW-ADO-004",
        "violated",
        _beside("{}", _SLOW, _FAST, _MESHED, namespace("{namespace: vague, phase: <unknown>}")),
        "mesh-wide mTLS is STRICT, but fast is not listed, shop is not listed, slow is permissive and vague is not "
        f"listed: {_NO_MATCH}",
    ),
    *(
        Case("MW-ADO-004", "undecided", resources, "whether `phases` is what the stack is, is known only at the update")
        for resources in (
            _beside("<unknown>", _SLOW),
            _beside("{slow: strict}", _SLOW, mode="<unknown>"),
            _beside("{shop: strict}", subject(NAMESPACE, "{metadata: {name: shop, labels: <unknown>}}")),
        )
    ),
    Case(
        "MW-ADO-004",
        "not_applicable",
        _beside("{slow: strict}", _SLOW, mode="PERMISSIVE"),
        "nothing is STRICT for the whole mesh",
    ),
]

LEFT_BEHIND = [
    *(
        Case(
            "MW-ADO-004",
            "violated",
            (
                subject(
                    kind, f"{{metadata: {{namespace: istio-system}}, spec: {{{selector} mtls: {{mode: STRICT}}}}}}", "x"
                ),
                _UNMESHED,
            ),
            f"mTLS is STRICT for the whole mesh, but old is unmeshed: {_CUT}",
        )
        for kind, selector in (
            (PEER, "selector: {},"),
            (PEER, "selector: {matchLabels: {}},"),
            (f"{PEER}Patch", ""),
        )
    ),
    Case(
        "MW-ADO-004",
        "undecided",
        (
            subject(
                PEER,
                "{metadata: {namespace: istio-system}, spec: {selector: {matchLabels: <unknown>}, mtls: {mode: STRICT}}}",
            ),
            _UNMESHED,
        ),
        "it, or the labels of a namespace, are known only at the update",
    ),
    Case("MW-ADO-004", "passed", (_ROOT_STRICT, _MESHED)),
    Case(
        "MW-ADO-004",
        "passed",
        (
            _ROOT_STRICT,
            namespace("{namespace: shop, phase: strict}"),
            subject(NAMESPACE, "{metadata: {name: kube-system}}"),
            subject(NAMESPACE, "{metadata: {name: istio-system}}"),
            subject(NAMESPACE, "{metadata: {name: side, labels: {istio-injection: enabled}}}"),
            subject(NAMESPACE, "{metadata: {name: rev, labels: {istio.io/rev: stable}}}"),
        ),
    ),
    Case(
        "MW-ADO-004",
        "passed",
        (
            _ROOT_STRICT,
            subject(f"{NAMESPACE}Patch", "{metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}"),
            subject(NAMESPACE, "{metadata: {name: shop}}"),
        ),
    ),
    Case(
        "MW-ADO-004",
        "violated",
        (_ROOT_STRICT, _MESHED, _UNMESHED, namespace("{namespace: slow, phase: permissive}")),
        f"mTLS is STRICT for the whole mesh, but old is unmeshed and slow is permissive: {_CUT}",
    ),
    Case(
        "MW-ADO-004",
        "violated",
        (
            subject(f"{OURS}IstioAmbient", "{namespace: mesh}"),
            subject(PEER, "{metadata: {namespace: mesh}, spec: {mtls: {mode: STRICT}}}", "by-hand"),
            _UNMESHED,
        ),
        f"mTLS is STRICT for the whole mesh, but old is unmeshed: {_CUT}",
    ),
    Case(
        "MW-ADO-004",
        "violated",
        (subject(PEER, "{metadata: {namespace: root}, spec: {mtls: {mode: STRICT}}}", "by-hand"), _UNMESHED),
        f"mTLS is STRICT for the whole mesh, but old is unmeshed: {_CUT}",
        {"root_namespace": "root"},
    ),
    Case("MW-ADO-004", "undecided", (_ROOT_STRICT,), "the stack holds no namespace by which to judge it"),
    Case(
        "MW-ADO-004",
        "undecided",
        (_ROOT_STRICT, subject(NAMESPACE, "{metadata: {name: shop, labels: <unknown>}}")),
        "it, or the labels of a namespace, are known only at the update",
    ),
    Case(
        "MW-ADO-004",
        "undecided",
        (_ROOT_STRICT, subject(NAMESPACE, "{metadata: {name: shop, labels: {istio.io/rev: <unknown>}}}")),
        "it, or the labels of a namespace, are known only at the update",
    ),
    Case(
        "MW-ADO-004",
        "undecided",
        (_ROOT_STRICT, namespace("{namespace: shop, phase: <unknown>}")),
        "it, or the labels of a namespace, are known only at the update",
    ),
    Case(
        "MW-ADO-004",
        "undecided",
        (subject(PEER, "{metadata: {namespace: istio-system}, spec: {mtls: {mode: <unknown>}}}", "by-hand"), _UNMESHED),
        "it, or the labels of a namespace, are known only at the update",
    ),
    *(
        Case(
            "MW-ADO-004",
            "not_applicable",
            (resource, _UNMESHED),
            "nothing is STRICT for the whole mesh",
        )
        for resource in (
            subject(PEER, "{metadata: {namespace: shop}, spec: {mtls: {mode: STRICT}}}"),
            subject(PEER, "{metadata: {namespace: istio-system}, spec: {mtls: {mode: PERMISSIVE}}}"),
            subject(
                PEER,
                "{metadata: {namespace: istio-system}, spec: {selector: {matchLabels: {a: b}}, mtls: {mode: STRICT}}}",
            ),
            subject(
                PEER,
                "{metadata: {namespace: istio-system}, spec: {mtls: {mode: STRICT}}}",
                parents=f"{OURS}MeshWideMtls$",
            ),
        )
    ),
    Case("MW-ADO-004", "not_applicable", _STRANGER, "MW-ADO-004 finds nothing that it looks at"),
]


def _changing(since: str, before: str = "", phase: str = "permissive", name: str = "shop") -> Subject:
    previous = f", previous: {{phase: {before}}}" if before else ""
    return namespace(f'{{namespace: {name}, phase: {phase}, since: "{since}"{previous}}}', name)


ONE_AT_A_TIME = [
    Case("MW-ADO-007", "passed", (_changing("2026-11-20"), _changing("2026-11-21", name="cart"))),
    Case("MW-ADO-007", "passed", (_changing("2026-11-01"), _changing("2026-11-01", name="cart"))),
    Case(
        "MW-ADO-007",
        "passed",
        (_changing("2026-11-20", "permissive"), _changing("2026-11-20", phase="unmeshed", name="cart")),
    ),
    Case("MW-ADO-007", "passed", (_changing("<unknown>"),)),
    Case(
        "MW-ADO-007",
        "violated",
        (
            _changing("2026-11-20", "permissive", "strict"),
            _changing("2026-11-20", name="b"),
            _changing("2026-11-20", name="a"),
        ),
        "the namespace changes its phase on 2026-11-20, the same day as a\n"
        "the namespace changes its phase on 2026-11-20, the same day as b",
    ),
    Case(
        "MW-ADO-007",
        "violated",
        (namespace("{namespace: shop, phase: permissive}"), _changing("soon", "permissive", "strict", "cart")),
        "the namespace changes its phase on 2026-11-23, the same day as cart",
    ),
    Case(
        "MW-ADO-007",
        "violated",
        (namespace("{namespace: shop, phase: permissive}"), _changing("2026-11-23", name="cart")),
        "the namespace changes its phase on 2026-11-23, the same day as cart",
    ),
    Case(
        "MW-ADO-007",
        "passed",
        (namespace("{namespace: shop, phase: unmeshed}"), namespace("{namespace: cart, phase: permissive}")),
    ),
    Case(
        "MW-ADO-007", "passed", (namespace("{namespace: shop, phase: permissive}"), _changing("2026-11-22", name="b"))
    ),
    Case(
        "MW-ADO-007",
        "violated",
        (_changing("2026-11-01"), _changing("2026-11-01", name="cart")),
        "the namespace changes its phase on 2026-11-01, the same day as cart",
        {"watch_days": 30},
    ),
    Case(
        "MW-ADO-007",
        "undecided",
        (_changing("2026-11-20"), _changing("<unknown>", name="cart")),
        "when cart changed phase is known only at the update",
    ),
    Case("MW-ADO-007", "not_applicable", _STRANGER, "MW-ADO-007 finds nothing that it looks at"),
]

WAYPOINT = [
    *(
        Case("MW-IST-001", "passed", _waypoint(f'{{reason: "{reason}"}}'))
        for reason in ("Header routing for the beta cohort", "retries and timeouts", "HTTP authorization", "A/B test")
    ),
    Case("MW-IST-001", "violated", _waypoint("{}"), "the waypoint gives no reason"),
    Case("MW-IST-001", "violated", _waypoint('{reason: " "}'), "the waypoint gives no reason"),
    *(
        Case(
            "MW-IST-001",
            "violated",
            _waypoint(f"{{reason: {reason}}}"),
            "its reason names no L7 need",
        )
        for reason in ("needed", "the team wants one", "best practice", "defaults")
    ),
    Case("MW-IST-001", "undecided", _waypoint("{reason: <unknown>}"), "its reason is known only at the update"),
    Case("MW-IST-001", "not_applicable", _STRANGER, "MW-IST-001 does not look at kubernetes:core/v1:ConfigMap"),
]


def _deny(rules: str) -> tuple[Subject, ...]:
    return policy(f"{{action: DENY, rules: {rules}}}")


def _never(field: str, place: str = "its rule") -> str:
    return f"{place} never fires at ztunnel, which knows no {field}: what it should deny is allowed"


_L7_MATCHES = [
    *((f"to: [{{operation: {{{name}: [x]}}}}]", name) for name in ("hosts", "notHosts", "methods", "notMethods")),
    *((f"to: [{{operation: {{{name}: [x]}}}}]", name) for name in ("paths", "notPaths")),
    *((f"from: [{{source: {{{name}: [x]}}}}]", name) for name in ("remoteIpBlocks", "notRemoteIpBlocks")),
    *((f"from: [{{source: {{{name}: [x]}}}}]", name) for name in ("requestPrincipals", "notRequestPrincipals")),
    *(
        (f"when: [{{key: '{key}', values: [x]}}]", "when")
        for key in (
            "request.headers[x]",
            "request.auth.claims[group]",
            "connection.sni",
            "remote.ip",
            "source.serviceAccount",
        )
    ),
]
_L4_MATCHES = [
    *(f"to: [{{operation: {{{name}: ['80']}}}}]" for name in ("ports", "notPorts")),
    *(f"from: [{{source: {{{name}: [x]}}}}]" for name in ("ipBlocks", "notIpBlocks", "namespaces", "notNamespaces")),
    *(f"from: [{{source: {{{name}: [x]}}}}]" for name in ("principals", "notPrincipals")),
    *(f"from: [{{source: {{{name}: [x]}}}}]" for name in ("serviceAccounts", "notServiceAccounts")),
    *(
        f"when: [{{key: {key}, values: [x]}}]"
        for key in ("source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port")
    ),
]
_DELETE = "to: [{operation: {methods: [DELETE]}}]"
_WEB = "from: [{source: {principals: [web]}}]"

# istio.md 2.4: what becomes of a policy without targetRefs.
DENY = [
    *(Case("MW-IST-002", "violated", _deny(f"[{{{match}}}]"), _never(name)) for match, name in _L7_MATCHES),
    *(Case("MW-IST-002", "passed", _deny(f"[{{{match}}}]")) for match in _L4_MATCHES),
    Case("MW-IST-002", "passed", _deny("[{}]")),
    Case("MW-IST-002", "passed", policy("{action: DENY}")),
    Case("MW-IST-002", "violated", _deny(f"[{{{_DELETE}, {_WEB}}}]"), _never("methods")),
    Case(
        "MW-IST-002",
        "violated",
        _deny(f"[{{{_WEB}}}, {{{_DELETE}}}, {{to: [{{operation: {{hosts: [a], paths: [b]}}}}]}}]"),
        f"{_never('methods', 'rules[1]')}\n{_never('hosts and paths', 'rules[2]')}",
    ),
    Case(
        "MW-IST-002",
        "violated",
        _deny("[{to: [{operation: {methods: [DELETE], ports: ['80']}}]}]"),
        "its rule denies more than it says at ztunnel, which knows no methods",
    ),
    Case(
        "MW-IST-002",
        "violated",
        _deny("[{to: [{operation: {methods: [DELETE]}}, {operation: {ports: ['80']}}]}]"),
        "a part of its rule never fires at ztunnel, which knows no methods: what it should deny is allowed",
    ),
    Case(
        "MW-IST-002",
        "violated",
        policy(
            f"{{action: DENY, rules: [{{{_DELETE}}}]}}", "{namespace: shop, annotations: {istio.io/dry-run: 'false'}}"
        ),
        _never("methods"),
    ),
    Case("MW-IST-002", "violated", _deny("[{to: [{operation: {methods: [<unknown>]}}]}]"), _never("methods")),
    Case(
        "MW-IST-002",
        "violated",
        policy(f"{{action: DENY, rules: [{{{_DELETE}}}], selector: {{matchLabels: {{app: payment-gateway}}}}}}"),
        _never("methods"),
    ),
    *(
        Case("MW-IST-002", "undecided", _deny(rules), "its rules are known only at the update")
        for rules in (
            "<unknown>",
            "[<unknown>]",
            "[{to: <unknown>}]",
            "[{to: [{operation: <unknown>}]}]",
            "[{to: [{operation: {methods: <unknown>}}]}]",
            "[{when: [<unknown>]}]",
            "[{when: [{key: <unknown>}]}]",
        )
    ),
    *(
        Case(
            "MW-IST-002",
            "undecided",
            policy(f"{{action: DENY, rules: [{{{_DELETE}}}], {what}: <unknown>}}"),
            f"only the update will know its {what}",
        )
        for what in ("targetRefs", "selector")
    ),
    Case(
        "MW-IST-002",
        "undecided",
        policy(f"{{action: <unknown>, rules: [{{{_DELETE}}}], targetRefs: <unknown>}}", "{namespace: <unknown>}"),
        "only the update will know its action and targetRefs",
    ),
    Case(
        "MW-IST-002",
        "passed",
        policy(f"{{action: DENY, rules: [{{{_DELETE}}}], targetRefs: [{{kind: Service, name: cart}}]}}"),
    ),
    Case(
        "MW-IST-002",
        "passed",
        policy(f"{{action: DENY, rules: [{{{_DELETE}}}], targetRef: {{kind: Service, name: cart}}}}"),
    ),
    *(
        Case(
            "MW-IST-002",
            "not_applicable",
            policy(f"{{action: DENY, rules: [{{{_DELETE}}}], selector: {{matchLabels: {{{label}}}}}}}"),
            "it selects a gateway, whose Envoy enforces it",
        )
        for label in (
            "istio: ingressgateway",
            "istio: egressgateway",
            "istio: ingress",
            "app: istio-ingressgateway",
            "app: istio-egressgateway",
            "app: istio-ingress",
        )
    ),
    *(
        Case(
            "MW-IST-002",
            "not_applicable",
            policy(f"{{action: DENY, rules: [{{{_DELETE}}}]}}", metadata),
            "its namespace is on sidecars, which enforce it",
            {"sidecar_namespaces": ["old-*", "default"]},
        )
        for metadata in ("{namespace: old-shop}", "{}")
    ),
    Case(
        "MW-IST-002",
        "passed",
        policy(
            f"{{action: DENY, rules: [{{{_DELETE}}}]}}", "{namespace: shop, annotations: {istio.io/dry-run: 'true'}}"
        ),
    ),
    Case("MW-IST-002", "not_applicable", policy("{rules: [{}]}"), "its action is not DENY"),
    Case("MW-IST-002", "not_applicable", _STRANGER, "MW-IST-002 does not look at kubernetes:core/v1:ConfigMap"),
]

_BAD = f"{{action: DENY, rules: [{{{_DELETE}}}]}}"
_NOT_SHOWN = "nothing in the stack shows whether its namespace is ambient"
_ON_SIDECARS = "its namespace is on sidecars, which enforce it"
_OPEN_LABELS = "only the update will know its namespace, or how that is labelled"
_ISTIO = subject(f"{OURS}IstioAmbient", "{namespace: mesh}")
_WAYPOINT_GATEWAY = "{metadata: {name: wp, namespace: shop}, spec: {gatewayClassName: istio-waypoint}}"
_OTHER_AMBIENT = _labelled("other", "istio.io/dataplane-mode: ambient")

# Who enforces a policy is read from its namespace, and from whatever else shows that there is ambient at all.
WHO_ENFORCES = [
    *(
        Case("MW-IST-002", "violated", (*others, alone(_BAD)), _never("methods"))
        for others in (
            (_labelled("shop", "istio.io/dataplane-mode: ambient, istio.io/rev: stable"),),
            (_labelled("shop", "istio-injection: enabled"), namespace("{namespace: shop, phase: permissive}")),
            (
                _labelled("shop", "istio-injection: enabled"),
                subject(f"{NAMESPACE}Patch", "{metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}"),
            ),
            # Nothing is said of the namespace, but there is ambient.
            (_labelled("shop", "team: a"), _OTHER_AMBIENT),
            (_labelled("shop", "istio.io/rev: stable, istio-injection: disabled"), _OTHER_AMBIENT),
            (_OTHER_AMBIENT,),
            (_ISTIO,),
            (namespace("{namespace: shop, phase: unmeshed}"),),
            *((resource,) for resource in _waypoint("{namespace: cart}")),
            (subject(GATEWAY, _WAYPOINT_GATEWAY),),
            _helm("{chart: 'oci://ghcr.io/istio/release/charts/ztunnel:1.31.1'}"),
            _helm("{chart: ./charts/ztunnel}", "kubernetes:helm.sh/v4:Chart"),
        )
    ),
    Case("MW-IST-002", "violated", (alone(_BAD),), _never("methods"), {"ambient_namespaces": ["sh*"]}),
    Case("MW-IST-002", "violated", (_OTHER_AMBIENT, alone(_BAD, "{namespace: <unknown>}")), _never("methods")),
    # A root namespace reaches all others, whatever its own labels.
    Case(
        "MW-IST-002",
        "violated",
        (_ISTIO, _labelled("mesh", "istio-injection: enabled"), alone(_BAD, "{namespace: mesh}")),
        _never("methods"),
    ),
    *(
        Case("MW-IST-002", "not_applicable", (_OTHER_AMBIENT, *others, alone(_BAD)), _ON_SIDECARS)
        for others in (
            (_labelled("shop", "istio-injection: enabled"),),
            (_labelled("shop", "istio.io/rev: stable"),),
            (_labelled("shop", "istio.io/rev: stable, istio.io/dataplane-mode: none"),),
            (_labelled("shop", "istio-injection: enabled"), namespace("{namespace: shop, phase: unmeshed}")),
            (_labelled("shop", "istio-injection: enabled"), subject(f"{NAMESPACE}Patch", "{metadata: {name: shop}}")),
        )
    ),
    *(
        Case("MW-IST-002", "undecided", (*others, alone(_BAD)), _NOT_SHOWN)
        for others in (
            (),
            (_labelled("shop", "team: a"),),
            (_labelled("other", "istio-injection: enabled"),),
            _helm("{chart: nginx}"),
            _helm("{chart: <unknown>}"),
            (subject(GATEWAY, "{metadata: {name: public}, spec: {gatewayClassName: istio}}"),),
        )
    ),
    Case("MW-IST-002", "undecided", (alone(_BAD, "{namespace: istio-system}"),), _NOT_SHOWN),
    *(
        Case("MW-IST-002", "undecided", (_OTHER_AMBIENT, *others), _OPEN_LABELS)
        for others in (
            (_labelled("shop", "istio.io/dataplane-mode: <unknown>"), alone(_BAD)),
            (subject(NAMESPACE, "{metadata: {name: shop, labels: <unknown>}}"), alone(_BAD)),
            (namespace("{namespace: shop, phase: <unknown>}"), alone(_BAD)),
            (_labelled("old", "istio-injection: enabled"), alone(_BAD, "{namespace: <unknown>}")),
        )
    ),
    Case("MW-IST-002", "undecided", (alone(_BAD, "{namespace: <unknown>}"),), _OPEN_LABELS),
    Case(
        "MW-IST-002",
        "undecided",
        (_OTHER_AMBIENT, alone(_BAD, "{namespace: <unknown>}")),
        _OPEN_LABELS,
        {"sidecar_namespaces": ["old"]},
    ),
    Case("MW-IST-003", "undecided", (alone(f"{{rules: [{{{_DELETE}}}]}}"),), _NOT_SHOWN),
    Case("MW-IST-004", "undecided", (alone("{action: CUSTOM, rules: [{}]}"),), _NOT_SHOWN),
    Case("MW-IST-005", "undecided", (alone("{action: AUDIT, rules: [{}]}"),), _NOT_SHOWN),
    Case("MW-IST-002", "passed", (alone(f"{{action: DENY, rules: [{{{_WEB}}}]}}"),)),
    Case("MW-IST-002", "violated", policy(_BAD, kind=f"{POLICY}Patch"), _never("methods")),
    Case(
        "MW-IST-002",
        "undecided",
        policy(f"{{rules: [{{{_DELETE}}}]}}", kind=f"{POLICY}Patch"),
        "only the update will know its action",
    ),
    *(
        Case(
            "MW-IST-002",
            "passed" if dry else "violated",
            policy(_BAD, f"{{namespace: shop, annotations: {{istio.io/dry-run: '{value}'}}}}"),
            "" if dry else _never("methods"),
        )
        for value, dry in (
            ("1", True),
            ("t", True),
            ("T", True),
            ("TRUE", True),
            ("True", True),
            ("yes", False),
            ("tRUE", False),
        )
    ),
]


def _selecting(labels: str, metadata: str = "{namespace: shop}") -> Subject:
    return alone(f"{{action: DENY, rules: [{{{_DELETE}}}], selector: {{matchLabels: {labels}}}}}", metadata)


_TO_WP = "{gateway.networking.k8s.io/gateway-name: wp}"
_IS_GATEWAY = "it selects a gateway, whose Envoy enforces it"

SELECTED_GATEWAYS = [
    # What only looks like a gateway isn't one.
    *(
        Case("MW-IST-002", "violated", (_MESHED, _selecting(labels)), _never("methods"))
        for labels in ("{app: istio-dashboard}", "{istio: payment-gateway}", "{app: ingressgateway}", "{}")
    ),
    # A waypoint is reached by targetRefs alone.
    *(
        Case("MW-IST-002", "violated", (subject(GATEWAY, _WAYPOINT_GATEWAY), _selecting(labels)), _never("methods"))
        for labels in (_TO_WP, "{istio.io/gateway-name: wp}")
    ),
    Case(
        "MW-IST-002",
        "not_applicable",
        (
            subject(GATEWAY, "{metadata: {name: wp, namespace: shop}, spec: {gatewayClassName: istio}}"),
            _selecting(_TO_WP),
        ),
        _IS_GATEWAY,
    ),
    Case(
        "MW-IST-002",
        "not_applicable",
        (subject(GATEWAY, "{metadata: {name: wp}, spec: {gatewayClassName: istio}}"), _selecting(_TO_WP, "{}")),
        _IS_GATEWAY,
    ),
    *(
        Case(
            "MW-IST-002",
            "undecided",
            (_MESHED, *others, _selecting(_TO_WP, metadata)),
            "nothing in the stack shows whether the gateway wp is a waypoint",
        )
        for others, metadata in (
            ((), "{namespace: shop}"),
            ((subject(GATEWAY, _WAYPOINT_GATEWAY),), "{namespace: other}"),
            (
                (subject(GATEWAY, "{metadata: {name: wp, namespace: shop}, spec: {gatewayClassName: <unknown>}}"),),
                "{namespace: shop}",
            ),
            ((subject(GATEWAY, _WAYPOINT_GATEWAY),), "{namespace: <unknown>}"),
        )
    ),
    *(
        Case("MW-IST-002", "undecided", (_MESHED, _selecting(labels)), "only the update will know its selector")
        for labels in ("<unknown>", "{app: <unknown>}", "{istio.io/gateway-name: <unknown>}")
    ),
]

ALLOW = [
    *(
        Case(
            "MW-IST-003",
            "violated",
            policy(f"{{rules: [{{{match}}}]}}"),
            f"ztunnel knows no {name} and drops every rule: all is denied",
        )
        for match, name in _L7_MATCHES
    ),
    *(Case("MW-IST-003", "passed", policy(f"{{action: ALLOW, rules: [{{{match}}}]}}")) for match in _L4_MATCHES),
    Case("MW-IST-003", "passed", policy("{}")),
    Case(
        "MW-IST-003",
        "violated",
        policy(f"{{rules: [{{{_WEB}}}, {{{_DELETE}, {_WEB}}}]}}"),
        "ztunnel knows no methods and drops rules[1]: what it allows is denied",
    ),
    Case(
        "MW-IST-003",
        "violated",
        policy("{rules: [{to: [{operation: {methods: [GET], ports: ['80']}}]}]}"),
        "ztunnel knows no methods and drops every rule: all is denied",
    ),
    Case("MW-IST-003", "undecided", policy("{rules: <unknown>}"), "its rules are known only at the update"),
    Case(
        "MW-IST-003",
        "undecided",
        policy(f"{{action: <unknown>, rules: [{{{_DELETE}}}]}}"),
        "only the update will know its action",
    ),
    Case("MW-IST-003", "not_applicable", policy("{action: DENY}"), "its action is not ALLOW"),
]

_AT_WAYPOINT = "targetRefs: [{kind: Service, name: cart}]"

OTHER_ACTIONS = [
    Case("MW-IST-004", "passed", policy(f"{{action: CUSTOM, rules: [{{}}], {_AT_WAYPOINT}}}")),
    Case("MW-IST-004", "passed", policy(f"{{action: <unknown>, {_AT_WAYPOINT}}}")),
    Case("MW-IST-005", "passed", policy(f"{{action: AUDIT, rules: [{{}}], {_AT_WAYPOINT}}}")),
    Case(
        "MW-IST-004",
        "violated",
        policy("{action: CUSTOM, provider: {name: opa}, rules: [{}]}"),
        "the CUSTOM policy never reaches ztunnel: nobody asks its authorizer",
    ),
    Case("MW-IST-004", "undecided", policy("{action: <unknown>}"), "only the update will know its action"),
    Case("MW-IST-004", "not_applicable", policy("{action: DENY}"), "its action is not CUSTOM"),
    Case(
        "MW-IST-005",
        "violated",
        policy("{action: AUDIT, rules: [{}]}"),
        "the AUDIT policy never reaches ztunnel: nothing is audited",
    ),
    Case(
        "MW-IST-005",
        "undecided",
        policy("{action: DENY, rules: [{}]}", "{annotations: {istio.io/dry-run: 'true'}}"),
        "ztunnel gets a dry run only where istiod has AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY",
    ),
    Case("MW-IST-005", "not_applicable", policy("{action: ALLOW}"), "its action is not AUDIT"),
]

_OCI = "oci://ghcr.io/istio/release/charts"
_NEWEST = "the newest one of the day"

PINNED = [
    Case("MW-VER-001", "passed", _helm(f"{{chart: {_OCI}/istiod, version: 1.31.1}}")),
    Case("MW-VER-001", "passed", _helm(f"{{chart: '{_OCI}/istiod:1.31.1'}}")),
    Case(
        "MW-VER-001",
        "passed",
        _helm(
            "{chart: base, version: v1.31.1-rc.0, repositoryOpts: {repo: 'https://blob.istio.io/istio-release/charts'}}"
        ),
    ),
    Case("MW-VER-001", "violated", _of_istio("istiod"), f"it installs the chart istiod without a version: {_NEWEST}"),
    *(
        Case(
            "MW-VER-001",
            "violated",
            _helm(f"{{chart: {_OCI}/ztunnel, version: {version}}}", "kubernetes:helm.sh/v4:Chart"),
            f"it installs the chart ztunnel in a range of versions: {_NEWEST}",
        )
        for version in ("'1.31'", "^1.31.0", "1.31.x", "'>=1.30.0 <1.32.0'", "1.31")
    ),
    Case(
        "MW-VER-001",
        "undecided",
        _of_istio("istiod", "<unknown>"),
        "the version of the chart istiod is known only at the update",
    ),
    *(
        Case("MW-VER-001", "not_applicable", _helm(text), reason)
        for text, reason in (
            ("{chart: 'oci://example.org/nginx'}", "its chart is none of a mesh's"),
            ("{chart: base, repositoryOpts: {repo: 'https://example.org'}}", "its chart is none of a mesh's"),
            ("{chart: ./charts/istiod}", "its chart is a local one, which has no version to choose"),
            ("{chart: charts/istiod}", "its chart is a local one, which has no version to choose"),
            ("{chart: istiod}", "its chart is a local one, which has no version to choose"),
            ("{chart: istiod-1.31.1.tgz}", "its chart is a local one, which has no version to choose"),
            ("{}", "it names no chart"),
        )
    ),
]

PINNED += [
    Case("MW-VER-001", "passed", _helm(f"{{chart: '{_OCI}/istiod@sha256:0a1b'}}")),
    Case("MW-VER-001", "passed", _helm(f"{{chart: '{_OCI}/istiod:1.31@sha256:0a1b'}}")),
    Case(
        "MW-VER-001",
        "violated",
        _helm("{chart: istiod, repositoryOpts: {repo: <unknown>}}"),
        f"it installs the chart istiod without a version: {_NEWEST}",
    ),
    Case("MW-VER-001", "passed", _helm("{chart: <unknown>, version: 1.31.1}")),
    Case(
        "MW-VER-001",
        "undecided",
        _helm("{chart: <unknown>}"),
        "which chart it installs is known only at the update",
    ),
]

SUPPORTED = [
    Case(
        "MW-VER-002",
        "undecided",
        _helm("{chart: <unknown>, version: 1.31.1}"),
        "which chart it installs is known only at the update",
    ),
    Case("MW-VER-002", "passed", _helm(f"{{chart: {_OCI}/istiod, version: v1.31.1}}")),
    Case("MW-VER-002", "passed", _helm(f"{{chart: '{_OCI}/istiod:1.31.1@sha256:0a1b'}}")),
    Case(
        "MW-VER-002",
        "undecided",
        _helm(f"{{chart: '{_OCI}/istiod@sha256:0a1b'}}"),
        "the chart istiod is pinned by a digest, which doesn't say its version",
    ),
    Case(
        "MW-VER-002",
        "violated",
        _of_istio("istiod", "1.29.9"),
        "it installs istio 1.29.9, which has had no fixes since 2026-10-15",
    ),
    Case(
        "MW-VER-002",
        "violated",
        _of_istio("istiod", "1.30.5"),
        "it installs istio 1.30.5, which is open to ISTIO-SECURITY-2026-007",
    ),
    Case("MW-VER-002", "passed", _of_istio("aws-gateway-controller-chart", "v2.1.3")),
    Case(
        "MW-VER-002",
        "undecided",
        _of_istio("istiod", "9.9.9"),
        "the catalog knows nothing about istiod 9.9.9",
    ),
    Case(
        "MW-VER-002",
        "undecided",
        _of_istio("istiod", "<unknown>"),
        "the version of the chart istiod is known only at the update",
    ),
    Case(
        "MW-VER-002",
        "not_applicable",
        _of_istio("istiod", "'1.31'"),
        "its version is not pinned; MW-VER-001 speaks about that",
    ),
]


def _use(expires: date | None, *, met: bool = False, still_open: bool = False, urn: str = "") -> tuple[Use, ...]:
    return (Use(Waiver("MW-IST-001", "l7", "a pilot", "us", expires, urn=urn), met, still_open),)


_ANNOTATED = f"urn:pulumi:dev::shop::{POLICY}::l7"
_IN_FORCE, _EXPIRED = date(2026, 11, 23), date(2026, 11, 22)

WAIVERS = [
    Case("MW-WVR-001", "passed", (), waivers=_use(_IN_FORCE)),
    Case(
        "MW-WVR-001",
        "violated",
        (),
        "the waiver of MW-IST-001 for l7 by us expired on 2026-11-22",
        waivers=_use(_EXPIRED, met=True),
    ),
    Case(
        "MW-WVR-001",
        "undecided",
        (),
        "what the waiver of MW-IST-001 for l7 by us says is known only at the update",
        waivers=_use(None, urn=_ANNOTATED),
    ),
    Case("MW-WVR-001", "not_applicable", (), "the stack has no waivers"),
    Case("MW-WVR-002", "passed", (), waivers=_use(_IN_FORCE, met=True)),
    Case("MW-WVR-002", "passed", (), waivers=_use(_EXPIRED)),
    Case(
        "MW-WVR-002",
        "violated",
        (),
        "the waiver of MW-IST-001 for l7 by us waives nothing",
        waivers=_use(_IN_FORCE, urn=_ANNOTATED),
    ),
    Case(
        "MW-WVR-002",
        "undecided",
        (),
        "whether the waiver of MW-IST-001 for l7 by us is needed is known only at the update",
        waivers=_use(_IN_FORCE, still_open=True),
    ),
    Case("MW-WVR-002", "not_applicable", (), "the stack has no waivers"),
]

CASES: list[Case] = [
    *PERMISSIVE_FIRST,
    *SOAK,
    *MESH_WIDE_LAST,
    *LEFT_BEHIND,
    *PHASES_OF_THE_STACK,
    *ONE_AT_A_TIME,
    *WAYPOINT,
    *DENY,
    *WHO_ENFORCES,
    *SELECTED_GATEWAYS,
    *ALLOW,
    *OTHER_ACTIONS,
    *PINNED,
    *SUPPORTED,
    *WAIVERS,
]
