"""What ztunnel and waypoints enforce, who gets past them, and who stays out of the mesh."""

from .given import AMBIENT, PODS, SHOP, USES, Case, case, chart, namespace, of, resource, service, waypoint

CART = service(spec="selector: {app: cart}")
TO_CART = "targetRefs: [{kind: Service, group: '', name: cart}]"
GET = "rules: [{to: [{operation: {methods: [GET]}}]}]"
ID = "cluster.local/ns/shop/sa/waypoint"


def _policy(spec: str, name: str = "policy", where: str = "shop", more: str = "") -> str:
    return of("security.istio.io/v1:AuthorizationPolicy", name, f"{{{spec}}}", where, more)


def _deny(source: str, more: str = "", rest: str = "") -> str:
    return _policy(f"action: DENY, {more}rules: [{{from: [{{source: {source}}}]{rest}}}]", "guard")


def _allow(source: str, more: str = "", name: str = "guard") -> str:
    return _policy(f"{more}rules: [{{from: [{{source: {source}}}]}}]", name)


L7 = _policy(f"{TO_CART}, {GET}", "read-only")
AT_WAYPOINT = _policy(
    f"targetRefs: [{{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}}], {GET}", "wide"
)
GUARD = f"{{notPrincipals: [{ID}, cluster.local/ns/old/sa/web]}}"

ELSEWHERE = f"targetRefs: [{{kind: Gateway, group: gateway.networking.k8s.io, name: edge}}], {GET}"

CLOSED = [
    case(14, "not_applicable", "no policy of the stack is enforced at a waypoint", SHOP, _policy(ELSEWHERE)),
    case(14, "not_applicable", "no policy of the stack is enforced at a waypoint", AMBIENT, CART, L7),
    case(14, "not_applicable", "no policy of the stack is enforced at a waypoint", SHOP, CART, _policy(GET)),
    case(14, "passed", "", SHOP, CART, L7, _deny(GUARD)),
    case(14, "passed", "", SHOP, AT_WAYPOINT, _deny(GUARD)),
    case(14, "passed", "", SHOP, AT_WAYPOINT, _policy("action: ALLOW", "default-deny")),
    case(14, "passed", "", SHOP, CART, L7, _allow(f"{{principals: [{ID}]}}")),
    case(
        14,
        "violated",
        "what read-only enforces at the waypoint waypoint is not enforced for callers that go past it to a pod",
        SHOP,
        CART,
        L7,
        _allow(f"{{principals: [{ID}, cluster.local/ns/till/sa/till]}}"),
    ),
    case(
        14,
        "violated",
        "what read-only enforces at the waypoint waypoint is not enforced for callers that go past it to a pod",
        SHOP,
        CART,
        L7,
        _deny(GUARD, "selector: {matchLabels: {app: till}}, "),
    ),
    case(
        14,
        "violated",
        "what read-only enforces at the waypoint waypoint is not enforced for callers that go past it to a pod",
        SHOP,
        CART,
        L7,
        _deny(GUARD, rest=", to: [{operation: {ports: ['80']}}]"),
    ),
    case(
        14,
        "violated",
        "what read-only enforces at the waypoint waypoint is not enforced for callers that go past it to"
        " a pod\n"
        "what guard enforces at the waypoint waypoint is not enforced for callers that go past it to a "
        "pod",
        SHOP,
        CART,
        L7,
        _deny(GUARD, TO_CART + ", "),
    ),
    case(
        14,
        "violated",
        "what read-only enforces at the waypoint waypoint is not enforced for callers that go past it to a pod",
        SHOP,
        CART,
        L7,
        _deny("{notPrincipals: ['*']}"),
    ),
    case(
        14,
        "violated",
        "what read-only enforces at the waypoint waypoint is not enforced for callers that go past it to a pod",
        SHOP,
        CART,
        L7,
        _policy("action: AUDIT, rules: [{}]"),
    ),
    case(
        14,
        "violated",
        "what wide enforces at the waypoint waypoint is not enforced for callers that go past it to a pod",
        SHOP,
        AT_WAYPOINT,
        _deny(GUARD, "selector: {matchLabels: {app: till}}, "),
    ),
    case(
        14,
        "undecided",
        "which waypoint enforces it is known only at the update",
        SHOP,
        _policy(f"targetRefs: <unknown>, {GET}"),
    ),
    case(14, "undecided", "which waypoint enforces it is known only at the update", CART, L7),
    case(
        14,
        "undecided",
        "whether anybody gets past what read-only enforces at the waypoint waypoint is known only at the update",
        SHOP,
        CART,
        L7,
        _deny("{notPrincipals: <unknown>}"),
    ),
    case(
        14,
        "undecided",
        "whether anybody gets past what read-only enforces at the waypoint waypoint is known only at the update",
        SHOP,
        CART,
        L7,
        _deny(GUARD, "selector: {matchLabels: <unknown>}, "),
    ),
    case(
        14,
        "undecided",
        "whether anybody gets past what read-only enforces at the waypoint waypoint is known only at the update",
        SHOP,
        CART,
        L7,
        _policy("action: DENY, rules: <unknown>", "guard"),
    ),
    case(
        14,
        "undecided",
        "whether anybody gets past what read-only enforces at the waypoint waypoint is known only at the update",
        SHOP,
        CART,
        L7,
        _policy("action: <unknown>, rules: [{}]", "guard"),
    ),
    case(
        14,
        "passed",
        "",
        namespace(labels=USES),
        waypoint().replace("namespace: shop}", "namespace: shop, annotations: {gateway.istio.io/service-account: l7}}"),
        CART,
        L7,
        _deny("{notPrincipals: [cluster.local/ns/shop/sa/l7]}"),
    ),
]

JUDGES_ITSELF = [
    case(
        15, "not_applicable", "no policy that is attached by targetRefs names a waypoint's identity", SHOP, _deny(GUARD)
    ),
    case(
        15,
        "violated",
        "the AuthorizationPolicy guard is attached by targetRefs and names a waypoint: the waypoint "
        "compares it with its callers, and denies all of them",
        SHOP,
        _allow(f"{{principals: [{ID}]}}", TO_CART + ", "),
    ),
    case(
        15,
        "violated",
        "the AuthorizationPolicy guard is attached by targetRefs and names a waypoint: the waypoint "
        "compares it with its callers, and denies all of them",
        namespace(labels=USES),
        _allow(f"{{principals: [{ID}]}}", TO_CART + ", "),
    ),
    case(15, "passed", "", SHOP, _policy(f"{TO_CART}, rules: [{{from: [{{source: {{principals: [{ID}]}}}}]}}, {{}}]")),
    case(
        15,
        "undecided",
        "what else it names, and where it is attached, is known only at the update",
        SHOP,
        _allow(f"{{principals: [{ID}, <unknown>]}}", TO_CART + ", "),
    ),
    case(
        15,
        "undecided",
        "what else it names, and where it is attached, is known only at the update",
        SHOP,
        _allow(f"{{principals: [{ID}]}}", "targetRefs: <unknown>, "),
    ),
    case(
        15,
        "undecided",
        "what else it names, and where it is attached, is known only at the update",
        SHOP,
        _allow(f"{{principals: [{ID}]}}", f"action: <unknown>, {TO_CART}, "),
    ),
]

TILL = "{principals: [cluster.local/ns/till/sa/till]}"
ON_CART = "selector: {matchLabels: {app: cart}}, "
LET_THROUGH = [
    case(
        16,
        "not_applicable",
        "no policy at ztunnel asks who calls a workload that has a waypoint",
        AMBIENT,
        _allow(TILL),
    ),
    case(
        16,
        "not_applicable",
        "no policy at ztunnel asks who calls a workload that has a waypoint",
        SHOP,
        _policy("rules: [{to: [{operation: {ports: ['80']}}]}]"),
    ),
    case(
        16,
        "not_applicable",
        "no policy at ztunnel asks who calls a workload that has a waypoint",
        SHOP,
        _policy("{}".strip("{}"), "nothing"),
    ),
    case(
        16,
        "not_applicable",
        "no policy at ztunnel asks who calls a workload that has a waypoint",
        SHOP,
        service(labels="istio.io/use-waypoint: none", spec="selector: {app: cart}"),
        _allow(TILL, ON_CART),
    ),
    case(
        16,
        "not_applicable",
        "no policy at ztunnel asks who calls a workload that has a waypoint",
        namespace(labels=USES),
        waypoint(labels="istio.io/waypoint-for: workload"),
        _allow(TILL),
    ),
    case(16, "passed", "", SHOP, _allow(TILL), _allow(f"{{principals: [{ID}]}}", name="also")),
    case(16, "passed", "", SHOP, _allow(TILL), _allow(f"{{principals: [{ID}]}}", ON_CART, name="also")),
    case(16, "passed", "", SHOP, _allow("{principals: ['*']}")),
    case(16, "passed", "", SHOP, _allow("{principals: ['*/sa/waypoint']}")),
    case(16, "passed", "", SHOP, _allow("{principals: [till, cluster.local/ns/shop/*]}")),
    case(
        16,
        "passed",
        "",
        SHOP,
        _policy(f"rules: [{{from: [{{source: {TILL}}}]}}, {{from: [{{source: {{namespaces: [shop]}}}}]}}]"),
    ),
    case(
        16,
        "passed",
        "",
        SHOP,
        _policy(f"rules: [{{from: [{{source: {TILL}}}]}}, {{from: [{{source: {{serviceAccounts: [waypoint]}}}}]}}]"),
    ),
    case(
        16,
        "passed",
        "",
        SHOP,
        _policy(f"rules: [{{from: [{{source: {TILL}}}]}}, {{to: [{{operation: {{ports: ['80']}}}}]}}]"),
    ),
    case(16, "passed", "", SHOP, _deny(GUARD)),
    case(16, "passed", "", SHOP, _allow(TILL), chart("istiod", "env: {PILOT_AUTO_ALLOW_WAYPOINT_POLICY: true}")),
    case(
        16,
        "passed",
        "",
        SHOP,
        _allow(TILL),
        chart("istiod", "pilot: {env: {PILOT_AUTO_ALLOW_WAYPOINT_POLICY: 'true'}}"),
    ),
    case(
        16,
        "violated",
        "the AuthorizationPolicy guard doesn't let the waypoint waypoint through, whose identity ztunnel"
        " sees in place of its callers': they are denied",
        SHOP,
        _allow(TILL),
        _allow(f"{{principals: [{ID}]}}", TO_CART + ", ", name="also"),
    ),
    case(
        16,
        "violated",
        "the AuthorizationPolicy guard doesn't let the waypoint waypoint through, whose identity ztunnel"
        " sees in place of its callers': they are denied",
        SHOP,
        _allow("{principals: [cluster.local/ns/shop/sa/waypoint], namespaces: [till]}"),
    ),
    case(
        16,
        "violated",
        "the AuthorizationPolicy guard doesn't let the waypoint waypoint through, whose identity ztunnel"
        " sees in place of its callers': they are denied",
        SHOP,
        _allow("{principals: [7]}"),
    ),
    case(
        16,
        "violated",
        "the AuthorizationPolicy guard doesn't let the waypoint waypoint through, whose identity ztunnel"
        " sees in place of its callers': they are denied",
        SHOP,
        _deny("{notPrincipals: [cluster.local/ns/till/sa/till]}"),
    ),
    case(
        16,
        "violated",
        "the AuthorizationPolicy nothing doesn't let the waypoint waypoint through, whose identity "
        "ztunnel sees in place of its callers': they are denied",
        SHOP,
        CART,
        L7,
        _policy("action: ALLOW", "nothing"),
    ),
    case(
        16,
        "violated",
        "the AuthorizationPolicy guard doesn't let the waypoint waypoint through, whose identity ztunnel"
        " sees in place of its callers': they are denied",
        namespace(),
        waypoint(),
        service(labels=USES, spec="selector: {app: cart}"),
        _allow(TILL, ON_CART),
    ),
    case(
        16,
        "undecided",
        "whether it stands behind a waypoint is known only at the update",
        namespace(labels="istio.io/use-waypoint: <unknown>"),
        _allow(TILL),
    ),
    case(16, "not_applicable", "no policy at ztunnel asks who calls a workload that has a waypoint", _allow(TILL)),
    case(
        16,
        "undecided",
        "whether it lets the waypoint waypoint through is known only at the update",
        SHOP,
        _allow("{principals: [<unknown>]}"),
    ),
    case(
        16,
        "undecided",
        "whether it lets the waypoint waypoint through is known only at the update",
        SHOP,
        _policy(f"rules: [{{from: [{{source: {TILL}}}]}}, <unknown>]"),
    ),
    case(
        16,
        "undecided",
        "whether it lets the waypoint waypoint through is known only at the update",
        SHOP,
        _policy(f"rules: [{{from: [{{source: {TILL}}}]}}, {{from: [<unknown>]}}]"),
    ),
    case(
        16,
        "undecided",
        "whether it lets the waypoint waypoint through is known only at the update",
        SHOP,
        _policy(f"rules: [{{from: [{{source: {TILL}}}]}}, {{from: [{{source: {{serviceAccounts: [<unknown>]}}}}]}}]"),
    ),
    case(
        16,
        "undecided",
        "whether it lets the waypoint waypoint through is known only at the update",
        SHOP,
        _policy(f"rules: [{{from: [{{source: {TILL}}}]}}, {{from: [{{source: {{namespaces: [<unknown>]}}}}]}}]"),
    ),
    case(
        16,
        "undecided",
        "whether it lets the waypoint waypoint through is known only at the update",
        SHOP,
        _allow(f"{{principals: [{ID}], ipBlocks: [10.0.0.0/8]}}"),
    ),
    case(16, "passed", "", SHOP, _deny("{notPrincipals: ['*/sa/waypoint']}")),
    case(16, "passed", "", SHOP, _deny(f"{{notPrincipals: ['*', {ID}]}}")),
    case(16, "passed", "", SHOP, _deny("{notPrincipals: [cluster.local/ns/shop/*]}")),
    case(
        16,
        "violated",
        "the AuthorizationPolicy guard doesn't let the waypoint waypoint through, whose identity ztunnel"
        " sees in place of its callers': they are denied",
        SHOP,
        _deny("{notPrincipals: [cluster.local/ns/till/*]}"),
    ),
    case(
        16,
        "undecided",
        "whether it lets the waypoint waypoint through is known only at the update",
        SHOP,
        _deny("{notPrincipals: [<unknown>]}"),
    ),
]


def _at(target: str, where: str = "shop") -> str:
    return _policy(f"targetRefs: [{target}], {GET}", where=where)


RELEASE = "shop:\n  type: kubernetes:helm.sh/v3:Release\n  properties: {chart: shop, namespace: shop}\n".replace(
    "shop:\n", "app:\n"
)
# What UseWaypoint makes for a single Service that somebody else owns.
PATCHED = resource(
    "cart",
    "core/v1:ServicePatch",
    f"metadata: {{name: cart, namespace: shop, labels: {{{USES}}}}}",
)
OF_A_VERSION = service("cart-v2").replace("  type:", "  parents: meshwright:index:TrafficPolicy$\n  type:")
_BY_DOMAIN = "{trustDomains: [a.example]}"
_AND_WHO = "{trustDomains: [a.example], namespaces: [till]}"
TRUST_DOMAINS = [
    case(
        3,
        "violated",
        "its rule allows more than it says at ztunnel, which knows no trustDomains",
        AMBIENT,
        _allow(_AND_WHO),
    ),
    case(
        3,
        "violated",
        "its rule or a part of it never matches at ztunnel, which knows no trustDomains: what it allows is denied",
        AMBIENT,
        _allow(_BY_DOMAIN),
    ),
    case(
        2,
        "violated",
        "its rule never fires at ztunnel, which knows no trustDomains: what it should deny is allowed",
        AMBIENT,
        _deny(_BY_DOMAIN),
    ),
    case(
        2,
        "violated",
        "its rule denies more than it says at ztunnel, which knows no trustDomains",
        AMBIENT,
        _deny(_AND_WHO),
    ),
]
TARGETS = [
    case(17, "passed", "", AMBIENT, waypoint(), PATCHED, _at("{kind: Service, name: cart}")),
    case(
        17,
        "undecided",
        "nothing in the stack shows whether the Service till has a waypoint",
        AMBIENT,
        waypoint(),
        PATCHED,
        _at("{kind: Service, name: till}"),
    ),
    case(
        17,
        "undecided",
        "nothing in the stack shows whether the Service cart has a waypoint",
        AMBIENT,
        waypoint(),
        PATCHED.replace(f"labels: {{{USES}}}", "labels: {team: cart}"),
        _at("{kind: Service, name: cart}"),
    ),
    case(
        17,
        "violated",
        "the AuthorizationPolicy policy is attached to the Service cart, which has no waypoint: nobody enforces it",
        SHOP,
        PATCHED.replace(USES, "istio.io/use-waypoint: none"),
        _at("{kind: Service, name: cart}"),
    ),
    case(7, "passed", "", AMBIENT, waypoint(), PATCHED),
    case(
        7,
        "violated",
        "the Service cart uses the waypoint waypoint, which doesn't take service traffic: its traffic goes past the "
        "waypoint, and past its policies",
        AMBIENT,
        waypoint(labels="istio.io/waypoint-for: workload"),
        PATCHED,
    ),
    case(
        6,
        "violated",
        "the Service cart uses the waypoint waypoint, which shop doesn't have: its traffic goes past the waypoint, and "
        "past its policies",
        AMBIENT,
        PATCHED,
    ),
    case(17, "not_applicable", "none of them is attached by targetRefs", SHOP, _policy(GET)),
    case(17, "passed", "", SHOP, _at("{kind: Service, name: cart}")),
    case(17, "passed", "", SHOP, _policy(f"targetRef: {{kind: Service, name: cart}}, {GET}")),
    case(17, "passed", "", SHOP, _at("{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}")),
    case(
        17,
        "passed",
        "",
        SHOP,
        _at("{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}", "istio-system"),
    ),
    case(
        17,
        "violated",
        "the AuthorizationPolicy policy is attached to the GatewayClass istio-waypoint outside of "
        "Istio's root namespace: nobody enforces it",
        SHOP,
        _at("{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}"),
    ),
    case(
        17,
        "violated",
        "the AuthorizationPolicy policy is attached to the Gateway way, which shop doesn't have: nobody enforces it",
        SHOP,
        _at("{kind: Gateway, group: gateway.networking.k8s.io, name: way}"),
    ),
    case(
        17,
        "violated",
        "the AuthorizationPolicy policy is attached to Gateway waypoint, of a kind and group that no "
        "waypoint knows: nobody enforces it",
        SHOP,
        _at("{kind: Gateway, name: waypoint}"),
    ),
    case(
        17,
        "violated",
        "the AuthorizationPolicy policy is attached to something else cart, of a kind and group that no "
        "waypoint knows: nobody enforces it",
        SHOP,
        _at("{kind: Deployment, group: apps, name: cart}"),
    ),
    case(
        17,
        "violated",
        "the AuthorizationPolicy policy is attached to Service cart in another namespace than its own: "
        "nobody enforces it",
        SHOP,
        _at("{kind: Service, name: cart, namespace: till}"),
    ),
    case(
        17,
        "violated",
        "the AuthorizationPolicy policy is attached to the Service kart, which shop doesn't have: nobody enforces it",
        SHOP,
        CART,
        PODS,
        _at("{kind: Service, name: kart}"),
    ),
    case(
        17,
        "violated",
        "the AuthorizationPolicy policy is attached to the Service cart, which has no waypoint: nobody enforces it",
        SHOP,
        service(labels="istio.io/use-waypoint: none"),
        _at("{kind: Service, name: cart}"),
    ),
    case(
        17,
        "undecided",
        "nothing in the stack shows whether the ServiceEntry api.example.com has a waypoint",
        AMBIENT,
        _at("{kind: ServiceEntry, group: networking.istio.io, name: api.example.com}"),
    ),
    case(
        17,
        "violated",
        "the AuthorizationPolicy policy is attached to the ServiceEntry api.example.com, which has no "
        "waypoint: nobody enforces it",
        AMBIENT,
        of("networking.istio.io/v1:ServiceEntry", "api.example.com", "{hosts: [api.example.com]}"),
        _at("{kind: ServiceEntry, group: networking.istio.io, name: api.example.com}"),
    ),
    case(
        17,
        "undecided",
        "nothing in the stack shows whether there is the Service kart",
        SHOP,
        CART,
        PODS,
        RELEASE,
        _at("{kind: Service, name: kart}"),
    ),
    # A platform's stack: it makes Services for single versions, and the application's is somebody else's.
    case(
        17,
        "undecided",
        "nothing in the stack shows whether there is the Service cart",
        SHOP,
        OF_A_VERSION,
        PODS,
        _at("{kind: Service, name: cart}"),
    ),
    case(
        17,
        "undecided",
        "nothing in the stack shows whether there is the Service kart",
        SHOP,
        CART,
        _at("{kind: Service, name: kart}"),
    ),
    case(
        17,
        "undecided",
        "nothing in the stack shows whether there is the Service kart",
        SHOP.replace("core/v1:Namespace", "core/v1:NamespacePatch"),
        CART,
        PODS,
        _at("{kind: Service, name: kart}"),
    ),
    case(
        17,
        "undecided",
        "nothing in the stack shows whether there is the Gateway way",
        SHOP,
        RELEASE,
        _at("{kind: Gateway, group: gateway.networking.k8s.io, name: way}"),
    ),
    case(
        17,
        "undecided",
        "what it is attached to is known only at the update",
        SHOP,
        _at("{kind: Service, name: <unknown>}"),
    ),
    case(
        17,
        "undecided",
        "nothing in the stack shows whether the Service cart has a waypoint",
        _at("{kind: Service, name: cart}"),
    ),
    case(
        17,
        "undecided",
        "nothing in the stack shows whether there is the Gateway waypoint",
        _at("{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}"),
    ),
]


def _plugin(spec: str, where: str = "shop") -> str:
    return of("extensions.istio.io/v1alpha1:WasmPlugin", "plugin", f"{{{spec}}}", where)


def _telemetry(spec: str) -> str:
    return of("telemetry.istio.io/v1:Telemetry", "telemetry", f"{{{spec}}}")


def _jwt(spec: str, where: str = "shop") -> str:
    return of("security.istio.io/v1:RequestAuthentication", "jwt", f"{{{spec}}}", where)


BY_NAME = "selector: {matchLabels: {gateway.networking.k8s.io/gateway-name: %s}}"
EXTENSIONS = [
    case(18, "not_applicable", "none of them is attached by targetRefs", SHOP, _plugin("url: x")),
    case(18, "undecided", "what it is attached to is known only at the update", SHOP, _plugin("targetRefs: <unknown>")),
    case(
        19,
        "not_applicable",
        "none of them is in a namespace that the stack shows to be ambient",
        namespace(ambient=""),
        _jwt("jwtRules: []"),
    ),
    case(
        19,
        "violated",
        "the RequestAuthentication jwt has no targetRefs: ztunnel reads no tokens, and waypoints ignore it",
        SHOP,
        _jwt(BY_NAME % "waypoint"),
    ),
    case(19, "passed", "", SHOP, _jwt(BY_NAME % "edge")),
    case(19, "passed", "", AMBIENT, _jwt("selector: {matchLabels: {istio: ingressgateway}}")),
    case(
        19,
        "undecided",
        "where it is attached, or whether that is ambient, is known only at the update",
        AMBIENT,
        _jwt("jwtRules: []", "far"),
    ),
    case(
        19,
        "undecided",
        "where it is attached, or whether that is ambient, is known only at the update",
        AMBIENT,
        _jwt("targetRefs: <unknown>"),
    ),
    case(
        20,
        "not_applicable",
        "none of them is about HTTP",
        AMBIENT,
        _telemetry("metrics: [{providers: [{name: prometheus}]}]"),
    ),
    case(20, "passed", "", SHOP, _telemetry("tracing: [{randomSamplingPercentage: 1}]")),
    case(20, "passed", "", SHOP, _plugin(BY_NAME % "edge")),
    case(20, "passed", "", AMBIENT, PODS, service(labels=USES), _telemetry("tracing: [{a: b}]")),
    case(20, "passed", "", AMBIENT, PODS, CART, waypoint(), _telemetry("tracing: [{a: b}]")),
    case(
        20,
        "undecided",
        "where it is attached, or whether that is ambient, is known only at the update",
        AMBIENT,
        _telemetry("tracing: [{a: b}]"),
    ),
    case(
        20,
        "undecided",
        "where it is attached, or whether that is ambient, is known only at the update",
        AMBIENT,
        _telemetry("tracing: [{a: b}]").replace("namespace: shop", "namespace: <unknown>"),
    ),
    case(
        20,
        "violated",
        "the Telemetry telemetry is for a namespace without a waypoint: nothing applies it",
        AMBIENT,
        CART,
        PODS,
        _telemetry("accessLogging: [{}]").replace("[{}]", "[{providers: []}]"),
    ),
    case(
        20,
        "violated",
        "the Telemetry telemetry has no targetRefs, and waypoints know no other way: nothing applies it",
        SHOP,
        _telemetry("metrics: [{overrides: [{disabled: true}]}], selector: {matchLabels: {app: a}}"),
    ),
    case(
        20,
        "undecided",
        "where it is attached, or whether that is ambient, is known only at the update",
        AMBIENT,
        _plugin("url: x", "far"),
    ),
    case(
        20,
        "undecided",
        "where it is attached, or whether that is ambient, is known only at the update",
        namespace(labels="istio.io/use-waypoint: <unknown>"),
        _telemetry("tracing: [{a: b}]"),
    ),
]


def _peer(spec: str, where: str = "shop") -> str:
    return of("security.istio.io/v1:PeerAuthentication", "peer", f"{{{spec}}}", where)


def _destination(policy: str, host: str = "cart") -> str:
    return of("networking.istio.io/v1:DestinationRule", "cart", f"{{host: {host}, {policy}}}")


OFF = "trafficPolicy: {tls: {mode: DISABLE}}"
MTLS = [
    case(
        21, "not_applicable", "nothing in the stack is ambient", namespace(ambient=""), _peer("mtls: {mode: DISABLE}")
    ),
    case(
        21,
        "violated",
        "the PeerAuthentication peer turns mTLS off for a port and its workloads: ztunnel ignores it, "
        "and ambient callers can't reach sidecars that heed it",
        namespace(ambient=""),
        _peer("mtls: {mode: DISABLE}, portLevelMtls: {http: {mode: DISABLE}}"),
        ambient_namespaces=["x"],
    ),
    case(21, "undecided", "a mode of it is known only at the update", AMBIENT, _peer("mtls: {mode: <unknown>}")),
    case(21, "undecided", "a mode of it is known only at the update", AMBIENT, _peer("portLevelMtls: <unknown>")),
    case(
        22,
        "not_applicable",
        "no DestinationRule of the stack is for a Service of an ambient namespace",
        AMBIENT,
        _destination(OFF, "api.example.com"),
    ),
    case(
        22,
        "not_applicable",
        "no DestinationRule of the stack is for a Service of an ambient namespace",
        _destination(OFF),
    ),
    case(
        22,
        "violated",
        "the DestinationRule cart turns TLS off for the Service: gateways and sidecars would speak "
        "plaintext to an ambient Service",
        AMBIENT,
        _destination(OFF, "cart.shop.svc.cluster.local"),
    ),
    case(
        22,
        "violated",
        "the DestinationRule cart turns TLS off for a port: gateways and sidecars would speak plaintext "
        "to an ambient Service",
        AMBIENT,
        _destination("trafficPolicy: {portLevelSettings: [{tls: {mode: DISABLE}}]}", "cart.shop"),
    ),
    case(
        22,
        "undecided",
        "what it is for, or its TLS mode, is known only at the update",
        AMBIENT,
        _destination(OFF, "<unknown>"),
    ),
    case(
        22,
        "undecided",
        "what it is for, or its TLS mode, is known only at the update",
        AMBIENT,
        _destination("trafficPolicy: {tls: {mode: <unknown>}}"),
    ),
    case(
        22,
        "undecided",
        "what it is for, or its TLS mode, is known only at the update",
        AMBIENT,
        _destination(OFF, "cart.far.svc"),
    ),
]


def _deployment(pod: str = "{}", metadata: str = "{}", where: str = "shop") -> str:
    return of("apps/v1:Deployment", "web", f"{{template: {{metadata: {metadata}, spec: {pod}}}}}", where)


INJECT = "sidecar.istio.io/inject"


def _filter(spec: str, where: str = "shop") -> str:
    return of("networking.istio.io/v1alpha3:EnvoyFilter", "filter", f"{{{spec}}}", where)


def _scope(where: str = "shop") -> str:
    return of("networking.istio.io/v1:Sidecar", "scope", "{egress: []}", where)


SIDECARS = [
    case(
        23,
        "not_applicable",
        "no namespace of the stack is ambient",
        namespace(labels="istio-injection: enabled", ambient=""),
    ),
    case(
        23,
        "violated",
        "the namespace shop is ambient, and istio.io/rev injects sidecars of that revision: the sidecar "
        "wins, and goes past waypoints",
        namespace(labels="istio.io/rev: stable"),
    ),
    case(23, "passed", "", namespace(labels="istio.io/rev: stable, istio-injection: disabled")),
    case(
        23,
        "violated",
        "the Deployment web asks for a sidecar in an ambient namespace: the sidecar wins, and goes past waypoints",
        AMBIENT,
        _deployment(metadata=f"{{labels: {{{INJECT}: 'true'}}}}"),
    ),
    case(
        23,
        "violated",
        "the Deployment web asks for a sidecar in an ambient namespace: the sidecar wins, and goes past waypoints",
        AMBIENT,
        _deployment(metadata=f"{{annotations: {{{INJECT}: 'true'}}}}"),
    ),
    case(
        23,
        "passed",
        "",
        AMBIENT,
        _deployment(metadata=f"{{labels: {{{INJECT}: 'false'}}, annotations: {{{INJECT}: 'true'}}}}"),
    ),
    case(
        23,
        "undecided",
        "its labels, or those of its namespace, are known only at the update",
        AMBIENT,
        _deployment(metadata=f"{{labels: {{{INJECT}: <unknown>}}}}"),
    ),
    case(
        23,
        "undecided",
        "whether shop is ambient and injects is known only at the update",
        namespace(labels="istio-injection: <unknown>"),
    ),
    case(
        23, "undecided", "whether shop injects is known only at the update", namespace(labels="istio.io/rev: <unknown>")
    ),
    case(24, "not_applicable", "nothing in the stack is ambient", _filter("configPatches: []", "istio-system")),
    case(24, "passed", "", AMBIENT, namespace("old", ambient=""), _filter("configPatches: []", "old")),
    case(24, "passed", "", SHOP, _filter("targetRefs: [{kind: Gateway, name: edge}]")),
    case(24, "passed", "", SHOP, _filter("workloadSelector: {labels: {gateway.networking.k8s.io/gateway-name: edge}}")),
    case(
        24,
        "violated",
        "the EnvoyFilter filter is attached to a waypoint, which ignores it",
        SHOP,
        _filter("targetRefs: [{kind: Gateway, name: waypoint}]"),
    ),
    case(
        24,
        "violated",
        "the EnvoyFilter filter is in an ambient namespace: ztunnel is no Envoy, and waypoints ignore it",
        SHOP,
        _filter("workloadSelector: {labels: {gateway.networking.k8s.io/gateway-name: waypoint}}"),
    ),
    case(
        24,
        "undecided",
        "what it selects, and whether that is ambient, the stack doesn't show",
        AMBIENT,
        _filter("configPatches: []", "far"),
    ),
    case(
        24,
        "undecided",
        "what it selects, and whether that is ambient, the stack doesn't show",
        AMBIENT,
        _filter("workloadSelector: {labels: <unknown>}"),
    ),
    case(24, "not_applicable", "MW-IST-024 finds nothing that it looks at", AMBIENT),
    case(25, "not_applicable", "nothing in the stack is ambient", _scope()),
    case(25, "undecided", "nothing in the stack shows whether its namespace is ambient", AMBIENT, _scope("far")),
]


def _container(security: str, kind: str = "containers") -> str:
    return f"{{{kind}: [{{name: web, securityContext: {security}}}]}}"


CAPTURE = [
    # Istio's own agents, where the stack doesn't make their namespace.
    case(
        26,
        "not_applicable",
        "none of them is in a namespace that the stack shows to be ambient",
        AMBIENT,
        _deployment("{hostNetwork: true}", where="istio-system"),
        _deployment("{hostNetwork: true}", where="kube-system").replace("web:", "agent:", 1),
    ),
    case(
        26,
        "not_applicable",
        "none of them is in a namespace that the stack shows to be ambient",
        namespace(ambient=""),
        _deployment(),
    ),
    case(
        26,
        "violated",
        "the Deployment web is in an ambient namespace but stays out by the host's network and "
        "ambient.istio.io/bypass-inbound-capture",
        AMBIENT,
        _deployment("{hostNetwork: true}", "{annotations: {ambient.istio.io/bypass-inbound-capture: 'true'}}"),
    ),
    case(
        26,
        "undecided",
        "whether the Deployment web is captured is known only at the update",
        AMBIENT,
        _deployment("{hostNetwork: <unknown>}"),
    ),
    case(
        26,
        "undecided",
        "whether the Deployment web is captured is known only at the update",
        AMBIENT,
        _deployment("{hostNetwork: true}", where="far"),
    ),
    case(
        27,
        "not_applicable",
        "none of them is in a namespace that the stack shows to be ambient",
        _deployment(_container("{privileged: true}")),
    ),
    case(
        27,
        "violated",
        "the Deployment web may undo its redirection into the mesh: it has NET_RAW and privileged containers",
        AMBIENT,
        _deployment(_container("{privileged: true, capabilities: {add: [cap_net_raw]}}", "initContainers")),
    ),
    case(
        27,
        "violated",
        "the Job job may undo its redirection into the mesh: it has ALL",
        AMBIENT,
        resource(
            "job",
            "batch/v1:Job",
            "metadata: {namespace: shop}",
            f"spec: {{template: {{spec: {_container('{capabilities: {add: [ALL]}}')}}}}}",
        ),
    ),
    case(
        27,
        "undecided",
        "whether the Deployment web may undo its redirection is known only at the update",
        AMBIENT,
        _deployment(_container("{privileged: <unknown>}")),
    ),
    case(
        27,
        "undecided",
        "whether the Deployment web may undo its redirection is known only at the update",
        AMBIENT,
        _deployment(_container("{capabilities: {add: <unknown>}}")),
    ),
    case(
        27,
        "undecided",
        "whether the Deployment web may undo its redirection is known only at the update",
        AMBIENT,
        _deployment(_container("{privileged: true}"), where="far"),
    ),
]

SOME = "selector: {matchLabels: {app: cart}}, rules: [{}]"
_TRIAL = of(
    "security.istio.io/v1:AuthorizationPolicy",
    "trial",
    "{action: DENY, rules: [{}]}",
    more=", annotations: {istio.io/dry-run: 'true'}",
)
_NOT_SEEN = "ztunnel gets a dry run only where istiod has AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY"
_FLAG = "env: {AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY: %s}"
TRIALS = [
    case(5, "passed", "", AMBIENT, chart("istiod", _FLAG % "'true'"), _TRIAL),
    case(5, "undecided", _NOT_SEEN, AMBIENT, chart("istiod", _FLAG % "<unknown>"), _TRIAL),
    case(
        5,
        "violated",
        "istiod has no AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY: ztunnel doesn't get the dry run",
        AMBIENT,
        chart("istiod"),
        _TRIAL,
    ),
]

LISTS = [
    case(
        54,
        "not_applicable",
        "no ambient namespace of the stack has an ALLOW policy at ztunnel",
        AMBIENT,
        _policy(f"action: DENY, {SOME}"),
    ),
    case(54, "passed", "", AMBIENT, _policy(SOME), _policy("action: ALLOW", "all", "istio-system")),
    case(
        54,
        "violated",
        "shop has the ALLOW policy policy for some workloads and none for all: anybody may call the others",
        AMBIENT,
        _policy(SOME),
        _policy(SOME.replace("cart", "till"), "till"),
    ),
    case(
        54,
        "undecided",
        "which workloads its namespace's policies select is known only at the update",
        AMBIENT,
        _policy("selector: {matchLabels: <unknown>}, rules: [{}]"),
    ),
    case(
        54,
        "undecided",
        "which workloads its namespace's policies select is known only at the update",
        AMBIENT,
        _policy("action: <unknown>, " + SOME),
    ),
    case(
        54,
        "undecided",
        "which workloads its namespace's policies select is known only at the update",
        AMBIENT,
        _policy(SOME, where="far"),
    ),
]

CASES: list[Case] = [
    *CLOSED,
    *JUDGES_ITSELF,
    *LET_THROUGH,
    *TRUST_DOMAINS,
    *TARGETS,
    *EXTENSIONS,
    *MTLS,
    *SIDECARS,
    *CAPTURE,
    *TRIALS,
    *LISTS,
]
