"""Links and gateways between clusters."""

from collections.abc import Iterator

from meshwright_policy.linkerd.fragments import chart, obj
from meshwright_policy.linkerd.objects import HELM, LINK, SERVICE, chart_of, name_of
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
from meshwright_policy.values import UNKNOWN, at, elements

_MULTICLUSTER = "https://linkerd.io/2/tasks/installing-multicluster/"
_EVERYWHERE = ("0.0.0.0/0", "::/0")


def _gateway(subject: Subject, _: Config) -> Iterator[Answer]:
    if subject.type in SERVICE:
        if name_of(subject) != "linkerd-gateway":
            raise NotApplicableError("it is not Linkerd's gateway")
        kind, ranges = (at(subject.properties, "spec", key) for key in ("type", "loadBalancerSourceRanges"))
    else:
        found = chart_of(subject)
        if found.name != "linkerd-multicluster" or found.value("gateway", "enabled") is False:
            raise NotApplicableError("it installs no gateway between clusters")
        kind = found.value("gateway", "serviceType") or "LoadBalancer"
        ranges = found.value("gateway", "loadBalancerSourceRanges")
    given = elements(ranges)
    if kind == "LoadBalancer" and (not given or any(cidr in _EVERYWHERE for cidr in given)):
        yield Violation("the gateway between clusters is open to every address")
    elif UNKNOWN in (kind, *given):
        yield Undecided("who can reach the gateway is known only at the update")
    elif kind != "LoadBalancer":
        raise NotApplicableError("it is no load balancer")


def _identified(subject: Subject, _: Config) -> Iterator[Answer]:
    address, identity = (at(subject.properties, "spec", key) for key in ("gatewayAddress", "gatewayIdentity"))
    if not address:
        raise NotApplicableError("it goes through no gateway")
    if not identity:
        yield Violation(
            f"the Link {name_of(subject)} names no identity of its gateway: traffic goes there in plaintext"
        )
    elif identity is UNKNOWN:
        yield Undecided("its gateway's identity is known only at the update")


def _link(identity: str) -> str:
    more = f", gatewayIdentity: {identity}" if identity else ""
    return obj("multicluster.linkerd.io/v1alpha3:Link", "west", f"{{gatewayAddress: 10.0.0.1{more}}}")


GATEWAY = Rule(
    id="MW-LNK-028",
    slug="gateway-is-locked",
    title="The gateway between clusters is open to named addresses alone",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=(*HELM, *SERVICE),
    why="The chart makes a load balancer that takes connections from anywhere, on 4143 and on the probe port 4191.",
    remedy="set `gateway.loadBalancerSourceRanges` to the other clusters' egress addresses",
    bad=Example(chart("linkerd-multicluster"), "the gateway between clusters is open to every address"),
    good=Example(chart("linkerd-multicluster", "gateway: {loadBalancerSourceRanges: [203.0.113.7/32]}")),
    references=(_MULTICLUSTER,),
    check=_gateway,
)
IDENTIFIED = Rule(
    id="MW-LNK-029",
    slug="link-names-its-gateway",
    title="A Link names the identity of its gateway",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=LINK,
    why="Without it the mirrored endpoints have no identity: proxies send to the other cluster in plaintext.",
    remedy=(
        "set `gatewayIdentity`, such as "
        "linkerd-gateway.linkerd-multicluster.serviceaccount.identity.linkerd.cluster.local"
    ),
    bad=Example(_link(""), "the Link west names no identity of its gateway: traffic goes there in plaintext"),
    good=Example(_link("linkerd-gateway.linkerd-multicluster.serviceaccount.identity.linkerd.cluster.local")),
    references=(_MULTICLUSTER,),
    check=_identified,
)

RULES = (GATEWAY, IDENTIFIED)
