"""How requests to one service are routed, and what happens to those that fail."""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Service, ServicePatch

from meshwright.errors import Code
from meshwright.istio.labels import TRAFFIC_DISTRIBUTION
from meshwright.istio.traffic.arguments import TrafficPolicyArgs, Version
from meshwright.istio.traffic.checks import claims, contradictions, needs_waypoint, not_at_a_waypoint, without_waypoint
from meshwright.istio.traffic.destination_rule import destination_rule_spec
from meshwright.istio.traffic.gateway_api import route_spec
from meshwright.istio.traffic.rules import STAGES, api_of, destinations, reasons, rules_of
from meshwright.istio.traffic.values import misspelt
from meshwright.istio.traffic.virtual_service import virtual_service_spec
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider


class TrafficPolicy(pulumi.ComponentResource):
    """The routes of one service, and the settings for connections to it and to the Services of its versions.

    One API holds all routes of a host, because what Istio makes of two is undefined: an HTTPRoute or GRPCRoute wherever
    that has what is asked for, else a VirtualService, which is alpha at waypoints; a warning says so, and why.

    Raises:
        ComponentError: MW-E130 to MW-E137 and MW-E139 for rules that can't work, MW-E050 for values that are none,
            MW-E051 without a provider. Nothing has been registered then.
    """

    api: pulumi.Output[str]
    """What holds the routes: ``HTTPRoute``, ``GRPCRoute``, ``VirtualService``, or ``none``."""
    stage: pulumi.Output[str]
    """How far Istio is with that API at waypoints: ``stable`` or ``alpha``."""

    def __init__(self, name: str, args: TrafficPolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"TrafficPolicy {name}"
        require_kubernetes_provider(opts, label)
        check(args, label)
        _take_host(args, label, opts)
        super().__init__("meshwright:index:TrafficPolicy", name, {**args}, opts)
        children = below(self, opts)
        made = [_version(name, args, each, children) for each in args.get("versions") or []]
        settings = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=made))
        before = [*made, *_destinations(name, args, settings)]
        _route(name, args, pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=before)))
        api = api_of(args)
        if api == "VirtualService":
            pulumi.log.warn(
                f"{args['service']} is routed by a VirtualService, which is alpha in Istio's ambient mode: "
                f"only that has {' and '.join(reasons(args))}. Keep HTTPRoutes away from this service",
                self,
            )
        self.api = pulumi.Output.from_input(api or "none")
        self.stage = pulumi.Output.from_input(STAGES[api] if api else "stable")
        self.register_outputs({"api": self.api, "stage": self.stage})


def check(args: TrafficPolicyArgs, label: str) -> None:
    """Refuse rules that can't work, all at once. Raises `ComponentError`."""
    refuse_all([*not_at_a_waypoint(args), *misspelt(args, ("http", "grpc"))], label)
    troubles = list(contradictions(args))
    if needs_waypoint(args) and not args.get("waypoint"):
        troubles.insert(0, without_waypoint("routing" if rules_of(args) else "limits on connections"))
    refuse_all(troubles, label)


_TAKEN: WeakKeyDictionary[pulumi.Resource, dict[tuple[object, str, str, str], str]] = WeakKeyDictionary()
"""The stack of a running program -> provider, namespace, what is claimed and of which Service -> the policy."""


def _take_host(args: TrafficPolicyArgs, label: str, opts: pulumi.ResourceOptions | None) -> None:
    stack = pulumi.runtime.settings.get_root_resource()
    if stack is None:  # under the mocks of a unit test there may be none
        return
    taken, cluster = _TAKEN.setdefault(stack, {}), _cluster(opts or pulumi.ResourceOptions())
    for what, service in claims(args):
        first = taken.setdefault((cluster, args["namespace"], what, service), label)
        if first != label:
            message = f"{service}.{args['namespace']} has its {what} from {first} already"
            raise refuse(Code.HOST_TAKEN, label, message, "write all of a service's rules in one policy")


def _cluster(opts: pulumi.ResourceOptions) -> object:
    """The provider that the policy will use, as far as its options say it."""
    given = opts.providers or []
    providers = [opts.provider, *(given.values() if isinstance(given, Mapping) else given)]
    own = next((each for each in providers if each is not None and each.package == "kubernetes"), None)
    return own or (opts.parent.get_provider("kubernetes:core/v1:Service") if opts.parent else None)


def _version(name: str, args: TrafficPolicyArgs, version: Version, opts: pulumi.ResourceOptions) -> Service:
    port, protocol = int(args["port"]), args.get("protocol", "http")
    # The version's pods belong to the application, and may come later: Pulumi would wait for them, and fail.
    annotations = {"pulumi.com/skipAwait": "true"}
    if distribution := args.get("traffic_distribution"):
        annotations[TRAFFIC_DISTRIBUTION] = distribution
    return Service(
        f"{name}-{version['service']}",
        metadata={"name": version["service"], "namespace": args["namespace"], "annotations": annotations},
        spec={
            "selector": version["selector"],
            "ports": [{"name": protocol, "port": port, "target_port": int(version.get("target_port", port))}],
        },
        opts=opts,
    )


def _destinations(name: str, args: TrafficPolicyArgs, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """What is set for each Service that requests end at."""
    made = {each["service"] for each in args.get("versions") or []}
    pool, outliers = args.get("connection_pool"), args.get("outlier_detection")
    registered: list[pulumi.Resource] = []
    for service in destinations(args):
        metadata = {"name": service, "namespace": args["namespace"]}
        if pool or outliers:
            registered.append(
                CustomResource(
                    f"{name}-{service}-connections",
                    api_version="networking.istio.io/v1",
                    kind="DestinationRule",
                    metadata=metadata,
                    spec=destination_rule_spec(service, pool, outliers),
                    opts=opts,
                )
            )
        distribution = args.get("traffic_distribution")
        if distribution and service not in made:
            annotated = {**metadata, "annotations": {TRAFFIC_DISTRIBUTION: distribution}}
            registered.append(ServicePatch(f"{name}-{service}-distribution", metadata=annotated, opts=opts))
    return registered


def _route(name: str, args: TrafficPolicyArgs, opts: pulumi.ResourceOptions) -> None:
    api = api_of(args)
    if api is None:
        return
    by_istio = api == "VirtualService"
    CustomResource(
        f"{name}-route",
        api_version="networking.istio.io/v1" if by_istio else "gateway.networking.k8s.io/v1",
        kind=api,
        metadata={"name": args["service"], "namespace": args["namespace"]},
        spec=virtual_service_spec(args) if by_istio else route_spec(args),
        opts=opts,
    )
