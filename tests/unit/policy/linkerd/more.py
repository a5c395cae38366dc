"""What the rules about Linkerd don't judge, and what their examples leave out."""

from .given import PLANE, case, certificate, chart, deployment, namespace, obj
from .left_open import ANCHOR, ISSUER, LINKERD, POLICY, ROUTE, SERVER

OTHER = certificate("shop-tls", "isCA: false")
NO_PLANE = "it doesn't install Linkerd's control plane"
GATE = "linkerd-gateway"
ALLOW = f"{POLICY}AuthorizationPolicy"
CHILD = "meshwright:index:LinkerdNamespace$"

NOT_JUDGED = [
    *(case(rule, "not_applicable", "it is not Linkerd's anchor", OTHER) for rule in (1,)),
    *(case(rule, "not_applicable", "it is not Linkerd's issuer", OTHER) for rule in (2, 3)),
    case(4, "not_applicable", "the stack doesn't make both an anchor and an issuer", OTHER),
    *(case(rule, "not_applicable", "it is not Linkerd's anchor or issuer", OTHER) for rule in (5, 6)),
    case(7, "not_applicable", "its chart is none of Linkerd's", chart("nginx", repo="https://example.com")),
    case(8, "not_applicable", "it doesn't install Buoyant Enterprise for Linkerd", chart(PLANE)),
    case(9, "not_applicable", "its chart is none of Linkerd's", chart("nginx")),
    *(case(rule, "not_applicable", NO_PLANE, chart("linkerd-viz")) for rule in (10, 11, 12)),
    case(13, "not_applicable", "it has no trust anchors", chart(PLANE)),
    case(13, "not_applicable", "it is not the bundle of trust anchors", obj("core/v1:ConfigMap", "settings")),
    case(14, "not_applicable", "its webhooks fail open", chart(PLANE)),
    case(15, "not_applicable", "the stack doesn't hold the control plane's namespace", chart(PLANE)),
    case(
        16,
        "not_applicable",
        "the stack doesn't make both nodes and a control plane that is spread over them",
        chart(PLANE),
    ),
    case(17, "not_applicable", "it skips no port", deployment()),
    case(18, "not_applicable", "it says nothing about opaque ports", namespace()),
    *(
        case(rule, "not_applicable", f"MW-LNK-{rule:03} finds nothing that it looks at")
        for rule in (19, 20, 22, 24, 25)
    ),
    case(21, "not_applicable", "no route of the stack is attached to a Server", obj(ROUTE, "get", "{}")),
    case(
        23,
        "not_applicable",
        "the stack declares no namespace authenticated or deny",
        LINKERD.replace("<unknown>", "audit"),
        SERVER,
    ),
    case(27, "not_applicable", "no EgressNetwork of the stack denies", obj(f"{POLICY}EgressNetwork", "world", "{}")),
    case(28, "not_applicable", "it is not Linkerd's gateway", obj("core/v1:Service", "cart", "{}")),
    case(28, "not_applicable", "it is no load balancer", obj("core/v1:Service", GATE, "{type: ClusterIP}")),
    case(
        28,
        "not_applicable",
        "it installs no gateway between clusters",
        chart("linkerd-multicluster", "gateway: {enabled: false}"),
    ),
    case(
        29,
        "not_applicable",
        "it goes through no gateway",
        obj("multicluster.linkerd.io/v1alpha3:Link", "west", "{probeSpec: {}}"),
    ),
    *(
        case(rule, "not_applicable", "none of them gets a proxy, as far as the stack shows", text)
        for rule, text in ((31, deployment(kind="batch/v1:Job")), (32, deployment()))
    ),
    case(33, "not_applicable", "no workload is in a namespace that the stack shows to inject", deployment()),
    case(34, "not_applicable", "the stack installs no cluster autoscaler", deployment()),
    case(35, "not_applicable", "it doesn't inject, or LinkerdNamespace writes it", namespace(annotations="")),
]

FOUND = [
    case(
        1,
        "violated",
        f"cert-manager replaces the anchor {ANCHOR} by one with a new key, 60 days after it is issued",
        certificate(ANCHOR, "isCA: true"),
    ),
    case(
        3,
        "violated",
        f"the issuer {ISSUER} is renewed 16h before its end, and proxies' certificates last 24h",
        certificate(ISSUER, "duration: 48h"),
    ),
    case(
        5,
        "violated",
        f"the anchor {ANCHOR} has a key that Linkerd refuses; it takes ECDSA P-256, or RSA with 2048 or 4096 bits",
        certificate(ANCHOR, "privateKey: {algorithm: ECDSA, size: 384}"),
    ),
    case(5, "passed", "", certificate(ANCHOR, "privateKey: {algorithm: RSA, size: 4096}")),
    case(
        10,
        "violated",
        "the chart makes the certificate of proxyInjector, profileValidator and policyValidator, which ends in 365 days",
        chart(PLANE),
    ),
    case(
        13,
        "violated",
        "the trust anchors can't be used: they are not certificates alone, in PEM",
        obj("core/v1:ConfigMap", "linkerd-identity-trust-roots").rstrip() + "\n    data: {ca-bundle.crt: PEM}\n",
    ),
    case(17, "not_applicable", "it skips no port", deployment(annotations="linkerd.io/inject: enabled")),
    case(17, "passed", "", deployment(annotations="config.linkerd.io/skip-inbound-ports: '4567,4568'")),
    case(
        20,
        "violated",
        "the HTTPRoute get has retries, timeouts or circuit breaking, which the Service's profile switches off",
        obj(ROUTE, "get", "{parentRefs: [{kind: Service, name: cart}]}", annotations="retry.linkerd.io/http: 5xx"),
        obj("linkerd.io/v1alpha2:ServiceProfile", "cart.shop.svc.cluster.local", "{}"),
    ),
    case(
        19,
        "violated",
        "the HTTPRoute get names a port that the Service cart hasn't: Linkerd refuses calls to it",
        obj("core/v1:Service", "cart", "{ports: [{port: 80}]}"),
        obj(ROUTE, "get", "{rules: [{backendRefs: [{name: cart, port: 81}, {kind: Other, name: cart, port: 81}]}]}"),
    ),
    case(
        22,
        "violated",
        "the policy allow asks for several identities at once: nobody has them",
        obj(f"{POLICY}MeshTLSAuthentication", "a", "{identities: [cart.shop.serviceaccount.identity.linkerd.local]}"),
        obj(
            ALLOW,
            "allow",
            "{requiredAuthenticationRefs: [{kind: MeshTLSAuthentication, name: a}, {kind: ServiceAccount, name: web}]}",
        ),
    ),
    case(
        23,
        "violated",
        "the Deployment cart lets callers in without identity, and its namespace is declared deny",
        LINKERD.replace("<unknown>", "deny"),
        deployment(annotations="config.linkerd.io/default-inbound-policy: all-unauthenticated"),
    ),
    case(
        32,
        "violated",
        "the Deployment cart is on the host's network: it gets no proxy, though its namespace or annotation asks for one",
        deployment("{hostNetwork: true}", "linkerd.io/inject: enabled"),
    ),
    case(32, "passed", "", LINKERD.replace("<unknown>", "audit"), deployment()),
    case(
        35,
        "violated",
        "the namespace shop names a default inbound policy that there isn't",
        namespace(annotations="linkerd.io/inject: enabled, config.linkerd.io/default-inbound-policy: open"),
    ),
]

FOUND += [
    case(9, "not_applicable", "its chart is none of Linkerd's", chart("<unknown>", repo="https://example.com")),
    case(
        16,
        "violated",
        "2 replicas need a node each, and the stack declares 1",
        "pool:\n  type: gcp:container/nodePool:NodePool\n  properties: {nodeCount: 1}\n",
        chart(PLANE, "enablePodAntiAffinity: true, controllerReplicas: 2"),
    ),
    case(
        19,
        "passed",
        "",
        obj("core/v1:Service", "cart", "{ports: [{port: 80}]}"),
        obj(ROUTE, "get", "{parentRefs: [{kind: Service, name: cart}, {kind: Service, name: gone, port: 80}]}"),
    ),
    case(
        22,
        "undecided",
        "which identities the policy asks for the stack doesn't show",
        obj(
            ALLOW,
            "allow",
            "{requiredAuthenticationRefs: [{kind: ServiceAccount, name: <unknown>}, {kind: ServiceAccount, name: b}]}",
        ),
    ),
    case(
        25,
        "passed",
        "",
        obj(
            ALLOW,
            "allow",
            "{targetRef: {kind: HTTPRoute, name: probes}, "
            "requiredAuthenticationRefs: [{kind: NetworkAuthentication, name: kubelet}]}",
        ),
    ),
]
SPEAKS_FOR_ITSELF = deployment(annotations="config.linkerd.io/skip-inbound-ports: '8080'")
NOT_JUDGED += [
    case(
        17,
        "not_applicable",
        "LinkerdNamespace asks for the reason itself",
        SPEAKS_FOR_ITSELF + f"  parents: {CHILD}\n",
    ),
    case(26, "not_applicable", "MW-LNK-026 does not look at kubernetes:policy.linkerd.io/v1beta3:Server", SERVER),
    case(30, "not_applicable", "MW-LNK-030 does not look at kubernetes:apps/v1:Deployment", deployment()),
]

CASES = [*NOT_JUDGED, *FOUND]
