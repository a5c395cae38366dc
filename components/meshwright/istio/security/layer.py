"""Where a policy is attached: at ztunnel by a selector, at a waypoint by targetRefs, or nowhere, with the reason.

Sources: istiod's ``pilot/pkg/serviceregistry/ambient/authorization.go`` and ``pilot/pkg/model/policyattachment.go``,
ztunnel's ``src/rbac.rs``, as of 1.31.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NotRequired, TypedDict

from meshwright.errors import Code, Problem
from meshwright.istio.security import rules
from meshwright.istio.security.identity import DEFAULT_TRUST_DOMAIN
from meshwright.istio.security.rules import RuleArgs
from meshwright.istio.security.waypoints import (
    TARGETS_AT_MOST,
    FrontWaypointArgs,
    gateway_targets,
    gateways,
    is_in_the_path,
    principals,
    service_targets,
)
from meshwright.versions import version_key

ACTIONS: Final = ("allow", "deny", "audit", "custom")
ZTUNNEL_DRY_RUN: Final = (1, 29)
"""An older ztunnel takes a dry run and enforces it (istiod's ``AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY``)."""


class DryRunArgs(TypedDict):
    """What makes it safe to try a policy without enforcing it."""

    istio_version: str
    """Istio's version, of ztunnel too; 1.29 or later."""
    enabled: bool
    """istiod runs with ``AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY=true``. Without it, ztunnel is told nothing."""


class PolicyArgs(TypedDict):
    """What a policy says, and of what; where it is attached follows from it."""

    namespace: str
    """Namespace of what it protects."""
    action: NotRequired[str]
    """``allow``, ``deny``, ``audit`` or ``custom``. Default: ``allow``."""
    rules: NotRequired[list[RuleArgs]]
    """Default: none. An ``allow`` without rules allows nothing; anything else without rules does nothing."""
    services: NotRequired[list[str]]
    """Services that it protects. Default: everything in the namespace."""
    service_entries: NotRequired[list[str]]
    """ServiceEntries that it protects; they need a waypoint."""
    workloads: NotRequired[dict[str, str]]
    """Labels of the pods that it protects; where calls go past every waypoint, they say what a service means."""
    waypoint: NotRequired[FrontWaypointArgs]
    """The waypoint that calls to them go through. Default: none."""
    provider: NotRequired[str]
    """For ``custom``: the name of an entry of ``meshConfig.extensionProviders``."""
    trust_domain: NotRequired[str]
    """The mesh's. Default: ``cluster.local``."""
    dry_run: NotRequired[DryRunArgs]
    """Judge and log, and enforce nothing. Default: enforce."""


def layer_of(args: PolicyArgs) -> str:
    """``waypoint`` or ``ztunnel``."""
    front = args.get("waypoint")
    if args.get("service_entries"):
        return "waypoint"
    if services := args.get("services"):
        return "waypoint" if all(is_in_the_path(front, each) for each in services) else "ztunnel"
    return "waypoint" if front is not None and not args.get("workloads") else "ztunnel"


def spec_of(args: PolicyArgs) -> dict[str, Any]:
    """The spec of the AuthorizationPolicy. Only for arguments without `mistakes`."""
    spec: dict[str, Any] = {"action": args.get("action", "allow").upper()}
    if layer_of(args) == "waypoint":
        spec["targetRefs"] = _targets(args)
    elif labels := args.get("workloads"):
        spec["selector"] = {"matchLabels": dict(labels)}
    if provider := args.get("provider"):
        spec["provider"] = {"name": provider}
    if wanted := args.get("rules"):
        spec["rules"] = [rules.as_istio(rule, _trust_domain(args)) for rule in wanted]
    return spec


def mistakes(args: PolicyArgs) -> Iterator[Problem]:
    """Why the policy would not do what it says, or nothing at all."""
    action = args.get("action", "allow")
    if action not in ACTIONS:
        yield Problem(Code.BAD_ARGUMENT, f"the action {action!r} is unknown", f"one of: {', '.join(ACTIONS)}")
        return
    if (action == "custom") != bool(args.get("provider")):
        message = f"the action {action} {'needs a' if action == 'custom' else 'takes no'} provider"
        yield Problem(Code.BAD_ARGUMENT, message, "name a provider with the action custom, and only there")
    if action != "allow" and not args.get("rules"):
        message = f"a policy of {action} without rules matches nothing"
        yield Problem(Code.NEVER_MATCHES, message, "add rules; the rule {} is every request")
    if wrong := list(rules.mistakes(args.get("rules") or ())):
        yield from wrong
        return
    yield from _at_a_waypoint(args) if layer_of(args) == "waypoint" else _at_ztunnel(args, action)
    yield from dry_run_mistakes(args)


def dry_run_mistakes(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Why a dry run would enforce, or judge nothing."""
    dry_run = args.get("dry_run")
    if dry_run is None:
        return
    if args.get("action") == "custom":
        yield Problem(Code.DRY_RUN_UNSAFE, "a dry run of custom asks the provider all the same", "leave dry_run out")
    if version_key(dry_run["istio_version"]) < ZTUNNEL_DRY_RUN:
        yield Problem(
            Code.DRY_RUN_UNSAFE,
            f"ztunnel {dry_run['istio_version']} would enforce a dry run",
            "upgrade to 1.29 or later first, or leave dry_run out",
        )
    elif not dry_run["enabled"]:
        yield Problem(
            Code.DRY_RUN_UNSAFE,
            "istiod keeps dry runs from ztunnel, so that nothing would be judged",
            "let istiod run with AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY=true, or leave dry_run out",
        )


def _targets(args: PolicyArgs) -> list[dict[str, str]]:
    if entries := args.get("service_entries"):
        return [{"group": "networking.istio.io", "kind": "ServiceEntry", "name": name} for name in entries]
    if services := args.get("services"):
        return service_targets(services)
    return gateway_targets(gateways(args.get("waypoint") or {}))


def _at_a_waypoint(args: PolicyArgs) -> Iterator[Problem]:
    front = args.get("waypoint")
    if front is None:
        yield Problem(
            Code.L7_WITHOUT_WAYPOINT,
            "a policy of a ServiceEntry is enforced by a waypoint, and none is given",
            "bind the ServiceEntry to an egress waypoint, and name that in waypoint",
        )
        return
    by_gateway = not (args.get("services") or args.get("service_entries"))
    if by_gateway and front.get("namespace", args["namespace"]) != args["namespace"]:
        yield Problem(
            Code.NO_SUCH_WAYPOINT,
            f"the waypoint stands in {front['namespace']}, and a policy for all of it must stand there too",
            "name the services that it protects",
        )
    elif by_gateway and front.get("services") is not None:
        yield Problem(
            Code.L7_WITHOUT_WAYPOINT,
            f"the waypoint serves {', '.join(front['services'])} alone: calls to other services would pass it by",
            "name the services that it protects",
        )
    if len(_targets(args)) > TARGETS_AT_MOST:
        message = f"a policy has {TARGETS_AT_MOST} targets at most, and this one {len(_targets(args))}"
        yield Problem(Code.BAD_ARGUMENT, message, "make one policy for some, and another for the rest")


def _at_ztunnel(args: PolicyArgs, action: str) -> Iterator[Problem]:
    front, made = args.get("waypoint"), spec_of(args)
    if args.get("services") and not args.get("workloads"):
        split = "not all of these services use the waypoint" if front else "no waypoint is in the path of the calls"
        yield Problem(
            Code.L7_WITHOUT_WAYPOINT,
            f"{split}, and ztunnel knows pods alone",
            "give workloads: the labels of the pods; or a waypoint that all of the services use",
        )
    if action in ("custom", "audit"):
        yield Problem(
            Code.NOT_AT_ZTUNNEL,
            f"ztunnel enforces allow and deny: a policy of {action} is not even sent to it",
            "give the waypoint that calls go through, and name services",
        )
    if fields := rules.needs_waypoint(made.get("rules", ())):
        effect = "allows nobody" if action == "allow" else "denies nothing, or more than it says"
        yield Problem(
            Code.L7_WITHOUT_WAYPOINT,
            f"ztunnel doesn't know {', '.join(fields)}: what is left of the policy {effect}",
            "give the waypoint that calls go through, and name services; or leave these fields out",
        )
    if front is not None and not args.get("services"):
        yield from _behind_a_waypoint(front, args, made, action)


def _behind_a_waypoint(
    front: FrontWaypointArgs, args: PolicyArgs, made: Mapping[str, Any], action: str
) -> Iterator[Problem]:
    """At ztunnel, calls through a waypoint are the waypoint's own: it is the only caller that there is."""
    known = set(principals(front, args["namespace"], _trust_domain(args)))
    sources = [each["source"] for rule in made.get("rules", ()) for each in rule.get("from", ())]
    if action == "allow":
        meant = any("from" not in rule for rule in made.get("rules", ())) or not made.get("rules")
        meant = meant or any(known <= {*source.get("principals", ())} for source in sources)
        effect = "denies every call through it"
    else:
        meant = all(known <= {*source.get("notPrincipals", ())} for source in sources)
        effect = "takes it for the caller behind it"
    if not meant:
        yield Problem(
            Code.WAYPOINT_IDENTITY,
            f"behind a waypoint ztunnel sees {', '.join(sorted(known))} as the caller: this policy {effect}",
            "name services, so that the waypoint judges the caller; or add the waypoint's service account",
        )


def _trust_domain(args: PolicyArgs) -> str:
    return args.get("trust_domain", DEFAULT_TRUST_DOMAIN)
