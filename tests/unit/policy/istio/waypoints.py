"""Who uses which waypoint, and the ways past one."""

from .given import AMBIENT, SHOP, USES, Case, case, chart, namespace, of, resource, service, waypoint

OPEN_LABELS = resource("shop", "core/v1:Namespace", "metadata: {name: shop, labels: <unknown>}")
GROUP = "crds:\n  type: kubernetes:yaml/v2:ConfigGroup\n  properties: {yaml: x}\n"
POD = resource("web", "core/v1:Pod", f"metadata: {{name: web, namespace: shop, labels: {{{USES}}}}}", "spec: {}")
CRON = resource(
    "nightly",
    "batch/v1:CronJob",
    "metadata: {name: nightly, namespace: shop}",
    f"spec: {{jobTemplate: {{spec: {{template: {{metadata: {{labels: {{{USES}}}}}}}}}}}}}",
)
OURS = """\
ours:
  type: meshwright:index:AmbientNamespace
  properties: {namespace: shop, phase: permissive}
"""

EXISTS = [
    case(6, "not_applicable", "nothing in the stack asks for a waypoint", AMBIENT),
    case(
        6,
        "not_applicable",
        "nothing in the stack asks for a waypoint",
        AMBIENT,
        service(labels="istio.io/use-waypoint: none"),
    ),
    case(
        6,
        "undecided",
        "which waypoint the Service cart uses is known only at the update",
        AMBIENT,
        service(labels="istio.io/use-waypoint: <unknown>"),
    ),
    case(
        6,
        "undecided",
        "nothing in the stack shows whether infra has a waypoint waypoint",
        AMBIENT,
        service(labels=f"{USES}, istio.io/use-waypoint-namespace: infra"),
    ),
    case(
        6,
        "undecided",
        "nothing in the stack shows whether shop has a waypoint waypoint",
        namespace(labels=USES),
        waypoint().replace("waypoint:", "w:", 1).replace("name: waypoint,", "name: <unknown>,"),
    ),
    case(
        6, "undecided", "nothing in the stack shows whether shop has a waypoint waypoint", namespace(labels=USES), GROUP
    ),
    case(
        6,
        "violated",
        "the Service cart uses the waypoint waypoint, which shop doesn't have: its traffic goes past the"
        " waypoint, and past its policies",
        AMBIENT,
        service(labels=USES),
    ),
    case(
        6,
        "violated",
        "the namespace shop uses the Gateway waypoint in shop, which is no waypoint: its traffic goes "
        "past the waypoint, and past its policies",
        namespace(labels=USES),
        waypoint().replace("istio-waypoint", "istio"),
    ),
    case(
        6,
        "violated",
        "the CronJob nightly uses the waypoint waypoint, which shop doesn't have: its traffic goes past "
        "the waypoint, and past its policies\n"
        "the Pod web uses the waypoint waypoint, which shop doesn't have: its traffic goes past the "
        "waypoint, and past its policies",
        AMBIENT,
        CRON,
        POD,
    ),
    case(6, "passed", "", namespace(labels=USES), waypoints_elsewhere=["shop/way*"]),
    case(6, "passed", "", namespace(labels="istio.io/use-waypoint: waypoint"), waypoint(), POD, CRON),
]

TAKES_TRAFFIC = [
    case(
        7,
        "not_applicable",
        "the waypoints that are used are not in the stack; MW-IST-006 speaks about them",
        AMBIENT,
        service(labels=f"{USES}, istio.io/use-waypoint-namespace: infra"),
    ),
    case(
        7,
        "undecided",
        "which traffic the waypoint waypoint takes is known only at the update",
        namespace(labels=USES),
        waypoint(labels="istio.io/waypoint-for: <unknown>"),
    ),
    case(
        7,
        "undecided",
        "which traffic the waypoint waypoint takes is known only at the update",
        namespace(labels=USES),
        waypoint().replace("namespace: shop}", "namespace: shop, labels: <unknown>}"),
    ),
    case(
        7,
        "violated",
        "the Pod web uses the waypoint waypoint, which doesn't take workload traffic: its traffic goes "
        "past the waypoint, and past its policies",
        AMBIENT,
        waypoint(),
        POD,
    ),
    case(
        7,
        "violated",
        "the namespace shop uses the waypoint waypoint, which doesn't take any traffic: its traffic goes"
        " past the waypoint, and past its policies",
        namespace(labels=USES),
        waypoint(labels="istio.io/waypoint-for: none"),
    ),
    case(7, "passed", "", AMBIENT, waypoint(labels="istio.io/waypoint-for: workload"), POD),
]

ACROSS = namespace("till", f"{USES}, istio.io/use-waypoint-namespace: shop")
LETS_IN = [
    case(8, "not_applicable", "no waypoint of the stack is used from another namespace", SHOP),
    *(
        case(8, "passed", "", ACROSS, waypoint(routes=routes))
        for routes in (
            "{from: All}",
            "{from: Selector, selector: {matchLabels: {istio.io/dataplane-mode: ambient}}}",
            "{from: Selector, selector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [till]}]}}",
            "{from: Selector, selector: {matchExpressions: [{key: istio.io/rev, operator: DoesNotExist}]}}",
        )
    ),
    *(
        case(
            8,
            "violated",
            "the namespace till uses the waypoint waypoint of shop, whose allowedRoutes don't let till in: "
            "its traffic goes past the waypoint, and past its policies",
            ACROSS,
            waypoint(routes=routes),
        )
        for routes in (
            "{from: Same}",
            "{from: Selector, selector: {matchLabels: {team: shop}}}",
            "{from: Selector, selector: {matchExpressions: [{key: team, operator: Exists}]}}",
            "{from: Selector, selector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [till]}]}}",
        )
    ),
    *(
        case(
            8,
            "undecided",
            "whether the waypoint waypoint lets till in is known only at the update",
            ACROSS,
            waypoint(routes=routes),
        )
        for routes in (
            "{from: <unknown>}",
            "{from: Selector, selector: <unknown>}",
            "{from: Selector, selector: {matchExpressions: [{key: team, operator: <unknown>}]}}",
        )
    ),
    case(
        8,
        "undecided",
        "whether the waypoint waypoint lets till in is known only at the update",
        ACROSS,
        waypoint().replace("listeners: [{name: mesh, port: 15008, protocol: HBONE}]", "listeners: <unknown>"),
    ),
    case(
        8,
        "undecided",
        "whether the waypoint waypoint lets far in is known only at the update",
        waypoint(
            routes="{from: Selector, selector: {matchLabels: {team: shop}, matchExpressions: [{key: a, operator: Exists}]}}"
        ),
        service(labels=f"{USES}, istio.io/use-waypoint-namespace: shop", namespace="far"),
    ),
    case(
        8,
        "undecided",
        "the namespace of the Service cart is known only at the update",
        waypoint(),
        resource(
            "cart",
            "core/v1:Service",
            f"metadata: {{name: cart, namespace: <unknown>, labels: {{{USES}, istio.io/use-waypoint-namespace: shop}}}}",
            "spec: {}",
        ),
    ),
]

ENROLLED = [
    case(9, "not_applicable", "nothing in the stack asks for a waypoint", AMBIENT),
    case(9, "undecided", "nothing in the stack shows whether the Service cart is ambient", service(labels=USES)),
    case(
        9,
        "undecided",
        "nothing in the stack shows whether the Service cart is ambient",
        OPEN_LABELS,
        service(labels=USES),
    ),
    case(9, "passed", "", service(labels=USES), ambient_namespaces=["sh*"]),
    case(9, "passed", "", OURS, service(labels=USES)),
    case(
        9,
        "undecided",
        "nothing in the stack shows whether the Service cart is ambient",
        OURS.replace("permissive", "<unknown>"),
        service(labels=USES),
    ),
    case(
        9,
        "violated",
        "the Service cart asks for a waypoint but is not ambient",
        OURS.replace("permissive", "unmeshed"),
        service(labels=USES),
    ),
    case(9, "passed", "", namespace(ambient=""), POD.replace(USES, f"{USES}, istio.io/dataplane-mode: ambient")),
    case(
        9,
        "undecided",
        "nothing in the stack shows whether the Pod web is ambient",
        AMBIENT,
        POD.replace(USES, f"{USES}, istio.io/dataplane-mode: <unknown>"),
    ),
]

BY_CHART = [
    case(
        6,
        "undecided",
        "nothing in the stack shows whether shop has a waypoint waypoint",
        namespace(labels=USES),
        chart("app").replace("    version", "    namespace: shop\n    version"),
    ),
]

EDGE = of("gateway.networking.k8s.io/v1:Gateway", "edge", "{gatewayClassName: istio}")
_PARENT = "parentRefs: [{name: edge}]"


def _route(rules: str = "[{backendRefs: [{name: cart}]}]", parent: str = _PARENT) -> str:
    return of("gateway.networking.k8s.io/v1:HTTPRoute", "route", f"{{{parent}, rules: {rules}}}")


def _virtual(gateways: str, route: str = "[{destination: {host: cart}}]") -> str:
    spec = f"{{hosts: [example.com], gateways: {gateways}, http: [{{route: {route}}}]}}"
    return of("networking.istio.io/v1:VirtualService", "route", spec)


BY_INGRESS = [
    case(
        10,
        "not_applicable",
        "no route of the stack comes from an ingress gateway",
        SHOP,
        _route(parent="parentRefs: [{kind: Service, name: cart}]"),
    ),
    case(
        10,
        "not_applicable",
        "no route of the stack comes from an ingress gateway",
        SHOP,
        EDGE.replace("istio}", "nginx}"),
        _route(),
    ),
    case(10, "not_applicable", "no route of the stack comes from an ingress gateway", SHOP, _virtual("[mesh]")),
    case(
        10,
        "violated",
        "the VirtualService route sends to cart in shop from an ingress gateway, which skips the waypoint",
        SHOP,
        service(),
        _virtual("[istio-system/edge]"),
    ),
    case(
        10,
        "violated",
        "the HTTPRoute route sends to cart in shop from an ingress gateway, which skips the waypoint",
        AMBIENT,
        service(labels=USES),
        EDGE,
        _route(),
    ),
    case(10, "passed", "", SHOP, service(labels='istio.io/ingress-use-waypoint: "false"'), EDGE, _route()),
    case(10, "passed", "", AMBIENT, EDGE, _route()),
    case(
        10,
        "undecided",
        "nothing in the stack shows whether the gateway is Istio's, or the Services behind it use a waypoint",
        SHOP,
        EDGE,
        _route(),
    ),
    case(10, "passed", "", SHOP, EDGE, _route("[{backendRefs: [{kind: Bucket, name: cart}]}]")),
    case(
        10,
        "undecided",
        "nothing in the stack shows whether the gateway is Istio's, or the Services behind it use a waypoint",
        SHOP,
        _route(),
    ),
    case(
        10,
        "undecided",
        "nothing in the stack shows whether the gateway is Istio's, or the Services behind it use a waypoint",
        SHOP,
        _virtual("[<unknown>]"),
    ),
    case(
        10,
        "undecided",
        "nothing in the stack shows whether the gateway is Istio's, or the Services behind it use a waypoint",
        SHOP,
        EDGE,
        _route("[{backendRefs: [<unknown>]}]"),
    ),
    case(
        10,
        "undecided",
        "nothing in the stack shows whether the gateway is Istio's, or the Services behind it use a waypoint",
        SHOP,
        _virtual("[edge]", "[{destination: {host: <unknown>}}]"),
    ),
    case(
        10,
        "undecided",
        "nothing in the stack shows whether the gateway is Istio's, or the Services behind it use a waypoint",
        SHOP,
        EDGE,
        _route("[{backendRefs: [{name: cart, namespace: far}]}]"),
    ),
    case(
        10,
        "undecided",
        "nothing in the stack shows whether the gateway is Istio's, or the Services behind it use a waypoint",
        SHOP,
        service(labels="istio.io/ingress-use-waypoint: <unknown>"),
        EDGE,
        _route(),
    ),
    case(
        10,
        "undecided",
        "nothing in the stack shows whether the gateway is Istio's, or the Services behind it use a waypoint",
        SHOP,
        EDGE,
        _route(parent="parentRefs: [<unknown>]"),
    ),
]

HEADLESS = [
    case(11, "not_applicable", "no headless Service of the stack has a waypoint of the stack", SHOP, service()),
    case(
        11,
        "not_applicable",
        "no headless Service of the stack has a waypoint of the stack",
        AMBIENT,
        service(spec="clusterIP: None"),
    ),
    case(
        11,
        "undecided",
        "whether it is headless, or what its waypoint takes, is known only at the update",
        SHOP,
        service(spec="clusterIP: <unknown>"),
    ),
    case(
        11,
        "undecided",
        "whether it is headless, or what its waypoint takes, is known only at the update",
        namespace(labels=USES),
        waypoint(labels="istio.io/waypoint-for: <unknown>"),
        service(spec="clusterIP: None"),
    ),
]

CANARY = "istio.io/use-waypoint-canary: next"


def _weighted(weight: str) -> str:
    annotations = f"annotations: {{istio.io/use-waypoint-canary-weight: {weight}}}"
    return service(labels=f"{USES}, {CANARY}").replace("namespace: shop", f"namespace: shop, {annotations}")


CANARIES = [
    case(12, "not_applicable", "nothing in the stack asks for a canary of a waypoint", SHOP),
    case(
        12,
        "violated",
        "the Namespace shop has a canary but no waypoint that it could take from: it is ignored",
        namespace(labels=CANARY),
    ),
    case(
        12,
        "violated",
        "the canary of the Service cart is not in shop: it is ignored",
        SHOP,
        service(labels=f"{USES}, {CANARY}"),
    ),
    *(
        case(
            12,
            "violated",
            "the weight of the canary of the Service cart is no whole number from 0 to 100: it is ignored",
            SHOP,
            _weighted(weight),
        )
        for weight in ("'101'", "half", "'-1'", "5")
    ),
    case(12, "undecided", "the canary of the Service cart is known only at the update", SHOP, _weighted("<unknown>")),
    case(
        12,
        "undecided",
        "the canary of the Service cart is known only at the update",
        SHOP,
        service(labels=f"{USES}, istio.io/use-waypoint-canary: <unknown>"),
    ),
    case(12, "passed", "", SHOP, service(labels=f"{USES}, {CANARY}, istio.io/use-waypoint-canary-namespace: far")),
    case(
        12,
        "undecided",
        "the canary of the Service cart is known only at the update",
        SHOP,
        service(labels=f"{USES}, {CANARY}, istio.io/use-waypoint-canary-namespace: <unknown>"),
    ),
]


def _entry(hosts: str = "['*.example.com']", more: str = "") -> str:
    return of("networking.istio.io/v1:ServiceEntry", "out", f"{{hosts: {hosts}}}", more=more)


ENTRIES = [
    case(13, "not_applicable", "no ServiceEntry of the stack needs a waypoint", AMBIENT, _entry("[example.com]")),
    case(
        13,
        "not_applicable",
        "none of them is in a namespace that the stack shows to be ambient",
        namespace(ambient=""),
        _entry(),
    ),
    case(13, "not_applicable", "none of them is in a namespace that the stack shows to be ambient", _entry()),
    case(
        13,
        "violated",
        "the ServiceEntry out has a connect strategy, and no waypoint: it does nothing",
        AMBIENT,
        _entry("[example.com]", ", annotations: {istio.io/connect-strategy: RACE_FIRST_TCP_CONNECT}"),
    ),
    case(13, "undecided", "its hosts, or its waypoint, are known only at the update", AMBIENT, _entry("<unknown>")),
    case(13, "undecided", "its hosts, or its waypoint, are known only at the update", namespace("far"), _entry()),
]

CASES: list[Case] = [
    *EXISTS,
    *BY_CHART,
    *TAKES_TRAFFIC,
    *LETS_IN,
    *ENROLLED,
    *BY_INGRESS,
    *HEADLESS,
    *CANARIES,
    *ENTRIES,
]
