"""What only the update will know: each rule says so, and passes nothing."""

from .given import PLANE, case, certificate, chart, deployment, namespace, obj

ANCHOR, ISSUER = "linkerd-trust-anchor", "linkerd-identity-issuer"
POLICY = "policy.linkerd.io/v1alpha1:"
SERVER = obj("policy.linkerd.io/v1beta3:Server", "web", "{port: 80}")
ROUTE = "gateway.networking.k8s.io/v1:HTTPRoute"
CART = obj("core/v1:Service", "cart", "{ports: [{port: <unknown>}]}")
TO_CART = obj(ROUTE, "cart-route", "{parentRefs: [{kind: Service, name: cart, port: 80}]}")
OWN = "externalSecret: <unknown>"
BY_KUBELET = "requiredAuthenticationRefs: [{kind: NetworkAuthentication, name: kubelet}]"
LINKERD = "shop:\n  type: meshwright:index:LinkerdNamespace\n  properties: {namespace: shop, phase: <unknown>}\n"
AUTOSCALER = chart("cluster-autoscaler")
POOL = "pool:\n  type: gcp:container/nodePool:NodePool\n  properties: {nodeCount: <unknown>}\n"
ASKS_TWO = "[{kind: MeshTLSAuthentication, name: a}, {kind: ServiceAccount, name: b}]"

CASES = [
    case(
        1,
        "undecided",
        "its rotationPolicy is known only at the update",
        certificate(ANCHOR, "privateKey: {rotationPolicy: <unknown>}"),
    ),
    case(
        2,
        "undecided",
        "its rotationPolicy is known only at the update",
        certificate(ISSUER, "privateKey: {rotationPolicy: <unknown>}"),
    ),
    case(
        3,
        "undecided",
        "its duration or renewBefore is known only at the update",
        certificate(ISSUER, "duration: <unknown>"),
    ),
    case(
        4,
        "undecided",
        "how long anchor or issuer lasts is known only at the update",
        certificate(ANCHOR, "duration: <unknown>"),
        certificate(ISSUER, "duration: 48h"),
    ),
    case(
        5,
        "undecided",
        "its key's algorithm is known only at the update",
        certificate(ISSUER, "privateKey: {algorithm: <unknown>}"),
    ),
    case(6, "undecided", "whether it may sign is known only at the update", certificate(ISSUER, "isCA: <unknown>")),
    case(7, "undecided", "where its chart comes from is known only at the update", chart(PLANE, repo="<unknown>")),
    case(
        8,
        "undecided",
        "whether it has a licence is known only at the update",
        chart("linkerd-enterprise-control-plane", "license: <unknown>"),
    ),
    case(9, "undecided", "which chart it installs is known only at the update", chart("<unknown>")),
    case(
        10,
        "undecided",
        "where its webhooks have their certificates from is known only at the update",
        chart(PLANE, f"proxyInjector: {{{OWN}}}, profileValidator: {{{OWN}}}, policyValidator: {{{OWN}}}"),
    ),
    case(
        11,
        "undecided",
        "when its heartbeat runs is known only at the update",
        chart(PLANE, "heartbeatSchedule: <unknown>"),
    ),
    case(
        12,
        "undecided",
        "whether the issuer's key is among its values is known only at the update",
        chart(PLANE, "identity: <unknown>"),
    ),
    case(
        13,
        "undecided",
        "the trust anchors are known only at the update",
        chart(PLANE, "identityTrustAnchorsPEM: <unknown>"),
    ),
    case(
        14,
        "undecided",
        "its failure policy or replicas are known only at the update",
        chart(PLANE, "webhookFailurePolicy: <unknown>"),
    ),
    case(
        15,
        "undecided",
        "the namespace's labels are known only at the update",
        namespace(
            "linkerd", "", "linkerd.io/is-control-plane: 'true', config.linkerd.io/admission-webhooks: <unknown>"
        ),
        chart(PLANE),
    ),
    case(
        16,
        "undecided",
        "how many nodes or replicas there are is known only at the update",
        POOL,
        chart(PLANE, "enablePodAntiAffinity: true, controllerReplicas: 3"),
    ),
    case(
        17,
        "undecided",
        "which ports it skips, or why, is known only at the update",
        deployment(annotations="config.linkerd.io/skip-outbound-ports: <unknown>"),
    ),
    case(
        18,
        "undecided",
        "its opaque ports are known only at the update",
        namespace(annotations="config.linkerd.io/opaque-ports: <unknown>"),
    ),
    case(19, "undecided", "a port of the route or of its Service is known only at the update", CART, TO_CART),
    case(
        20,
        "undecided",
        "which Service the profile is for is known only at the update",
        obj("linkerd.io/v1alpha2:ServiceProfile", "<unknown>", "{}"),
    ),
    case(
        21,
        "undecided",
        "what the route or a policy is attached to is known only at the update",
        SERVER,
        obj(ROUTE, "get", "{parentRefs: [{kind: Server, name: <unknown>}]}"),
    ),
    case(
        22,
        "undecided",
        "which identities the policy asks for the stack doesn't show",
        obj(f"{POLICY}AuthorizationPolicy", "allow", f"{{requiredAuthenticationRefs: {ASKS_TWO}}}"),
    ),
    case(
        23,
        "undecided",
        "its policy, or the namespace's phase, is known only at the update",
        LINKERD,
        obj("policy.linkerd.io/v1beta3:Server", "web", "{accessPolicy: all-unauthenticated}"),
    ),
    case(
        24,
        "undecided",
        "what the policy refers to is not in the stack",
        obj(f"{POLICY}AuthorizationPolicy", "allow", "{targetRef: {kind: Server, name: web}}"),
    ),
    case(
        24,
        "undecided",
        "what the policy refers to is known only at the update",
        obj(f"{POLICY}AuthorizationPolicy", "allow", "{targetRef: {kind: Server, name: <unknown>}}"),
    ),
    case(
        25,
        "undecided",
        "which addresses the policy lets in the stack doesn't show",
        obj(f"{POLICY}AuthorizationPolicy", "allow", f"{{targetRef: {{kind: Server, name: web}}, {BY_KUBELET}}}"),
    ),
    case(
        26,
        "undecided",
        "which identities it takes is known only at the update",
        obj(f"{POLICY}MeshTLSAuthentication", "cart", "{identities: [<unknown>]}"),
    ),
    case(
        27,
        "undecided",
        "whether it denies is known only at the update",
        obj(f"{POLICY}EgressNetwork", "world", "{trafficPolicy: <unknown>}"),
    ),
    case(
        28,
        "undecided",
        "who can reach the gateway is known only at the update",
        chart("linkerd-multicluster", "gateway: {loadBalancerSourceRanges: <unknown>}"),
    ),
    case(
        29,
        "undecided",
        "its gateway's identity is known only at the update",
        obj("multicluster.linkerd.io/v1alpha3:Link", "west", "{gatewayAddress: 10.0.0.1, gatewayIdentity: <unknown>}"),
    ),
    case(
        30,
        "undecided",
        "which object it is, is known only at the update",
        obj("policy.linkerd.io/v1beta1:Server", "<unknown>", "{port: 80}"),
    ),
    case(
        31,
        "undecided",
        "whether its proxy is a native sidecar is known only at the update",
        namespace(),
        deployment(annotations="config.linkerd.io/proxy-enable-native-sidecar: <unknown>", kind="batch/v1:Job"),
    ),
    case(
        32,
        "undecided",
        "whether it is on the host's network and gets a proxy is known only at the update",
        namespace(),
        deployment("{hostNetwork: <unknown>}"),
    ),
    case(
        33,
        "undecided",
        "whether it stays out of the mesh is known only at the update",
        namespace(),
        deployment(annotations="linkerd.io/inject: <unknown>"),
    ),
    case(
        34,
        "undecided",
        "whether its pods may be moved is known only at the update",
        AUTOSCALER,
        namespace(),
        deployment(annotations="cluster-autoscaler.kubernetes.io/safe-to-evict: <unknown>"),
    ),
    case(
        35,
        "undecided",
        "its annotations are known only at the update",
        namespace(annotations="linkerd.io/inject: <unknown>"),
    ),
]
