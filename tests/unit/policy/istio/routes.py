"""Routes inside the mesh, NetworkPolicies, and Cilium."""

from .given import AMBIENT, PODS, SHOP, Case, case, namespace, of, resource, service

CART = service()


def _route(parent: str = "{kind: Service, group: '', name: cart}", kind: str = "HTTPRoute", where: str = "shop") -> str:
    return of(f"gateway.networking.k8s.io/v1:{kind}", "route", f"{{parentRefs: [{parent}], rules: []}}", where)


def _virtual(spec: str = "hosts: [cart]", where: str = "shop") -> str:
    return of("networking.istio.io/v1:VirtualService", "virtual", f"{{{spec}}}", where)


def _destination(spec: str, where: str = "shop") -> str:
    return of("networking.istio.io/v1:DestinationRule", "dest", f"{{{spec}}}", where)


OUTLIER = "trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}}"

BEHIND = service(labels="istio.io/use-waypoint: waypoint")
OF_V2 = service("cart-v2")
TO_V2 = of(
    "gateway.networking.k8s.io/v1:HTTPRoute",
    "to-v2",
    "{parentRefs: [{kind: Service, group: '', name: cart}], rules: [{backendRefs: [{name: cart-v2, port: 80}]}]}",
)


def _mirroring(rule: str) -> str:
    parent = "{kind: Service, group: '', name: cart}"
    spec = f"{{parentRefs: [{parent}], rules: [{{{rule}}}]}}"
    return of("gateway.networking.k8s.io/v1:HTTPRoute", "copies", spec)


ROUTING = [
    case(
        28,
        "not_applicable",
        "the stack doesn't use both VirtualServices and the Gateway API inside the mesh",
        SHOP,
        _route(),
    ),
    case(
        28,
        "not_applicable",
        "the stack doesn't use both VirtualServices and the Gateway API inside the mesh",
        SHOP,
        _route(),
        _virtual("hosts: [cart], gateways: [edge]"),
    ),
    case(
        28,
        "violated",
        "the GRPCRoute route and VirtualService virtual both route the Service cart: which of them counts is undefined",
        SHOP,
        _route(kind="GRPCRoute"),
        _virtual("hosts: [cart.shop.svc.cluster.local], gateways: [mesh]"),
    ),
    case(
        28,
        "undecided",
        "which Services they route is known only at the update",
        SHOP,
        _route("{kind: Service, name: <unknown>}"),
        _virtual(),
    ),
    case(
        28,
        "undecided",
        "which Services they route is known only at the update",
        SHOP,
        _route(),
        _virtual("hosts: [<unknown>]"),
    ),
    case(28, "passed", "", SHOP, _route(), _virtual("hosts: [www.example.com]")),
    case(
        29,
        "not_applicable",
        "no route of the stack is for a Service of an ambient namespace",
        namespace(ambient=""),
        CART,
        _route(),
    ),
    case(29, "not_applicable", "no route of the stack is for a Service of an ambient namespace", _route()),
    case(
        29,
        "not_applicable",
        "no route of the stack is for a Service of an ambient namespace",
        AMBIENT,
        _destination("host: cart, trafficPolicy: {tls: {mode: SIMPLE}}"),
    ),
    case(
        29,
        "violated",
        "the DestinationRule dest is for the Service cart, which has no waypoint: it does nothing",
        AMBIENT,
        CART,
        _destination(f"host: cart, {OUTLIER}"),
    ),
    case(
        29,
        "violated",
        "the DestinationRule dest is for the Service cart, which has no waypoint: it does nothing",
        AMBIENT,
        service("till"),
        PODS,
        _destination("host: cart.shop, subsets: [{name: v1}]"),
    ),
    case(
        29,
        "undecided",
        "nothing in the stack shows whether its Service is ambient and has a waypoint",
        AMBIENT,
        _destination(f"host: cart, {OUTLIER}"),
    ),
    # The Service of a version: callers name cart, and its waypoint sends on.
    case(29, "passed", "", AMBIENT, BEHIND, OF_V2, TO_V2, _destination(f"host: cart-v2, {OUTLIER}")),
    case(
        29,
        "passed",
        "",
        AMBIENT,
        BEHIND,
        OF_V2,
        _virtual("hosts: [cart], http: [{route: [{destination: {host: cart-v2}}]}]"),
        _destination(f"host: cart-v2, {OUTLIER}"),
    ),
    case(
        29,
        "undecided",
        "nothing in the stack shows whether its Service is ambient and has a waypoint; "
        "nothing in the stack shows whether its Service is ambient and has a waypoint",
        AMBIENT,
        OF_V2,
        TO_V2,
        _destination(f"host: cart-v2, {OUTLIER}"),
    ),
    case(
        29,
        "undecided",
        "nothing in the stack shows whether its Service is ambient and has a waypoint",
        AMBIENT,
        BEHIND,
        OF_V2,
        TO_V2.replace("name: cart-v2", "name: <unknown>"),
        _destination(f"host: cart-v2, {OUTLIER}"),
    ),
    # The waypoint sends copies on, too.
    *(
        case(29, "passed", "", AMBIENT, BEHIND, OF_V2, copying, _destination(f"host: cart-v2, {OUTLIER}"))
        for copying in (
            _mirroring("filters: [{type: RequestMirror, requestMirror: {backendRef: {name: cart-v2, port: 80}}}]"),
            _mirroring(
                "backendRefs: [{name: cart, port: 80, filters: "
                "[{type: RequestMirror, requestMirror: {backendRef: {name: cart-v2, port: 80}}}]}]"
            ),
            _virtual("hosts: [cart], http: [{mirror: {host: cart-v2}, route: [{destination: {host: cart}}]}]"),
            _virtual("hosts: [cart], http: [{mirrors: [{destination: {host: cart-v2}}]}]"),
        )
    ),
    *(
        case(
            29,
            "undecided",
            "nothing in the stack shows whether its Service is ambient and has a waypoint",
            AMBIENT,
            BEHIND,
            OF_V2,
            copying,
            _destination(f"host: cart-v2, {OUTLIER}"),
        )
        for copying in (
            _mirroring("filters: [<unknown>]"),
            _mirroring("filters: [{type: RequestMirror, requestMirror: {backendRef: {name: <unknown>}}}]"),
            _virtual("hosts: [cart], http: [{mirror: <unknown>}]"),
        )
    ),
    case(
        29,
        "violated",
        "the DestinationRule dest is for the Service cart-v2, which has no waypoint: it does nothing",
        AMBIENT,
        BEHIND,
        OF_V2,
        _mirroring("filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [x]}}]"),
        _destination(f"host: cart-v2, {OUTLIER}"),
    ),
    case(
        29,
        "violated",
        "the DestinationRule dest is for the Service cart-v2, which has no waypoint: it does nothing",
        AMBIENT,
        BEHIND,
        OF_V2,
        _route(),
        _destination(f"host: cart-v2, {OUTLIER}"),
    ),
    case(
        29,
        "violated",
        "the VirtualService virtual is for the Service cart, which has no waypoint: it does nothing",
        SHOP,
        service(labels="istio.io/use-waypoint: none"),
        _virtual(),
    ),
    case(29, "passed", "", SHOP, namespace("old", ambient=""), _route(), _virtual("hosts: [cart.old]")),
    case(
        29,
        "undecided",
        "nothing in the stack shows whether its Service is ambient and has a waypoint",
        AMBIENT,
        _route("<unknown>"),
    ),
    case(
        29,
        "undecided",
        "nothing in the stack shows whether its Service is ambient and has a waypoint",
        namespace(labels="istio.io/use-waypoint: <unknown>"),
        _route(),
    ),
    case(
        29,
        "undecided",
        "nothing in the stack shows whether its Service is ambient and has a waypoint",
        _route(),
        ambient_namespaces=["shop"],
    ),
    case(
        30,
        "not_applicable",
        "no VirtualService or DestinationRule of the stack is for an ambient Service",
        AMBIENT,
        _virtual("hosts: [www.example.com]"),
    ),
    case(
        30,
        "violated",
        "the DestinationRule dest is in till, not in shop with its Service: the waypoint doesn't look for it there",
        SHOP,
        _destination(f"host: cart.shop.svc.cluster.local, {OUTLIER}", "till"),
    ),
    case(
        30,
        "undecided",
        "its Service, or its own namespace, is known only at the update",
        SHOP,
        _virtual("hosts: [<unknown>]"),
    ),
    case(
        30,
        "undecided",
        "its Service, or its own namespace, is known only at the update",
        SHOP,
        _virtual("hosts: [cart.shop]", "<unknown>"),
    ),
    case(
        31,
        "not_applicable",
        "no VirtualService of the stack is for the mesh's own traffic",
        SHOP,
        _virtual("hosts: [cart], gateways: [edge]"),
    ),
    case(31, "violated", "the VirtualService virtual takes every host of the mesh", SHOP, _virtual("hosts: ['*']")),
    case(
        31,
        "violated",
        "the VirtualService virtual routes an ambient Service, which is alpha, and a route of the Gateway API would do",
        SHOP,
        _virtual("hosts: [cart, till]"),
    ),
    case(31, "passed", "", SHOP, _virtual("hosts: [www.example.com]")),
    case(
        31,
        "undecided",
        "nothing in the stack shows whether it is for an ambient Service",
        SHOP,
        _virtual("hosts: [<unknown>]"),
    ),
    case(31, "undecided", "nothing in the stack shows whether it is for an ambient Service", _virtual("hosts: ['*']")),
]


def _net(spec: str, selector: str = "{}", name: str = "net", where: str = "shop") -> str:
    return of("networking.k8s.io/v1:NetworkPolicy", name, f"{{podSelector: {selector}, {spec}}}", where)


PODS = "from: [{podSelector: {}}]"
TO_PODS = "to: [{podSelector: {}}]"
APP = "{matchLabels: {app: cart}}"
NETWORK = [
    case(
        32,
        "not_applicable",
        "none of them is in a namespace that the stack shows to be ambient",
        namespace(ambient=""),
        _net(f"ingress: [{{{PODS}, ports: [{{port: 80}}]}}]"),
    ),
    *(
        case(32, "passed", "", AMBIENT, _net(spec))
        for spec in (
            "ingress: []",
            "policyTypes: [Ingress]",
            f"ingress: [{{{PODS}}}]",
            f"ingress: [{{{PODS}, ports: [{{port: 15000, endPort: 15100}}]}}]",
            f"ingress: [{{{PODS}, ports: [{{protocol: TCP}}]}}]",
            "ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80}]}]",
            f"policyTypes: [Egress], egress: [{{{TO_PODS}, ports: [{{port: 53, protocol: UDP}}]}}]",
            "policyTypes: [Egress], egress: [{ports: [{port: 443}]}]",
            f"policyTypes: [Egress], ingress: [{{{PODS}, ports: [{{port: 80}}]}}]",
        )
    ),
    case(
        32,
        "violated",
        "the NetworkPolicy net blocks port 15008 to the pods that it selects: nobody in the mesh gets through by it",
        AMBIENT,
        _net("ingress: [{ports: [{port: http}]}]"),
    ),
    case(
        32,
        "violated",
        "the NetworkPolicy net blocks port 15008 to the pods that it selects: nobody in the mesh gets through by it",
        AMBIENT,
        _net(f"ingress: [{{{PODS}, ports: [{{port: 15008, protocol: UDP}}]}}]"),
    ),
    case(
        32,
        "violated",
        "the NetworkPolicy net blocks port 15008 from the pods that it selects: nobody in the mesh gets through by it",
        AMBIENT,
        _net(f"policyTypes: [Egress], egress: [{{{TO_PODS}, ports: [{{port: 80}}]}}]"),
    ),
    case(
        32,
        "violated",
        "the NetworkPolicy net blocks port 15008 from the pods that it selects: nobody in the mesh gets through by it",
        AMBIENT,
        _net(f"egress: [{{{TO_PODS}, ports: [{{port: 80}}]}}]"),
    ),
    case(
        32,
        "passed",
        "",
        AMBIENT,
        _net(f"ingress: [{{{PODS}, ports: [{{port: 80}}]}}]", APP),
        _net("ingress: [{ports: [{port: 15008}]}]", name="all"),
    ),
    case(
        32,
        "violated",
        "the NetworkPolicy net blocks port 15008 to the pods that it selects: nobody in the mesh gets through by it",
        AMBIENT,
        _net(f"ingress: [{{{PODS}, ports: [{{port: 80}}]}}]"),
        _net("ingress: [{ports: [{port: 15008}]}]", APP, "some"),
    ),
    *(
        case(32, "undecided", "whether it blocks port 15008 is known only at the update", AMBIENT, _net(spec, selector))
        for spec, selector in (
            ("ingress: [<unknown>]", "{}"),
            (f"ingress: [{{{PODS}, ports: <unknown>}}]", "{}"),
            (f"ingress: [{{{PODS}, ports: [{{port: <unknown>}}]}}]", "<unknown>"),
            (f"policyTypes: <unknown>, ingress: [{{{PODS}, ports: [{{port: 80}}]}}]", "{}"),
        )
    ),
    case(
        32,
        "undecided",
        "whether it blocks port 15008 is known only at the update",
        AMBIENT,
        _net(f"ingress: [{{{PODS}, ports: [{{port: 80}}]}}]", where="far"),
    ),
    case(
        33,
        "not_applicable",
        "no NetworkPolicy of an ambient namespace isolates pods from callers",
        AMBIENT,
        _net("policyTypes: [Egress]"),
    ),
    case(33, "passed", "", AMBIENT, _net("ingress: [{ports: [{port: 80}]}]")),
    case(33, "passed", "", AMBIENT, _net("ingress: [{from: [{ipBlock: {cidr: 169.254.0.0/16}}]}]")),
    case(
        33,
        "violated",
        "the NetworkPolicy net doesn't admit 169.254.7.127/32, from which the kubelet's probes come to a captured pod",
        AMBIENT,
        _net("policyTypes: [Ingress]"),
    ),
    case(
        33,
        "violated",
        "the NetworkPolicy net doesn't admit 169.254.7.127/32, from which the kubelet's probes come to a captured pod",
        AMBIENT,
        _net("ingress: [{from: [{ipBlock: {cidr: everything}}, {ipBlock: {cidr: 10.0.0.0/8}}]}]"),
    ),
    *(
        case(33, "undecided", "whether it admits the kubelet's probes is known only at the update", AMBIENT, _net(spec))
        for spec in (
            "policyTypes: <unknown>",
            "ingress: [{from: <unknown>}]",
            "ingress: [{from: [{ipBlock: {cidr: <unknown>}}]}]",
        )
    ),
    case(
        33,
        "undecided",
        "whether it admits the kubelet's probes is known only at the update",
        AMBIENT,
        _net("ingress: []", where="far"),
    ),
]


def _cilium(values: str, chart: str = "cilium", more: str = "") -> str:
    return resource("cilium", "helm.sh/v3:Release", f"chart: {chart}", f"values: {values}", *([more] if more else []))


CILIUM = [
    case(34, "not_applicable", "the stack doesn't install Cilium beside ambient", _cilium("{}")),
    case(34, "not_applicable", "the stack doesn't install Cilium beside ambient", AMBIENT, _cilium("{}", "nginx")),
    case(
        34,
        "violated",
        "Cilium masquerades by BPF (bpf.masquerade): probes of captured pods fail",
        AMBIENT,
        _cilium("{cni: {exclusive: false}, bpf: {masquerade: true}}"),
    ),
    case(
        34,
        "violated",
        "Cilium owns the CNI configuration alone (cni.exclusive): it removes istio-cni, and no pod is captured",
        AMBIENT,
        _cilium("{cni: {exclusive: 'true'}}", "oci://example.com/charts/cilium:1.18.4"),
    ),
    case(
        34,
        "undecided",
        "cni.exclusive or bpf.masquerade is known only at the update",
        AMBIENT,
        _cilium("{cni: {exclusive: <unknown>}}"),
    ),
    case(
        34,
        "undecided",
        "cni.exclusive or bpf.masquerade is known only at the update",
        AMBIENT,
        _cilium("{}", more="valueYamlFiles: [values.yaml]"),
    ),
    case(35, "passed", "", AMBIENT, _cilium("{kubeProxyReplacement: false}")),
    case(
        35,
        "undecided",
        "how Cilium replaces kube-proxy is known only at the update",
        AMBIENT,
        _cilium("{kubeProxyReplacement: <unknown>}"),
    ),
    case(
        35,
        "undecided",
        "how Cilium replaces kube-proxy is known only at the update",
        AMBIENT,
        _cilium("{kubeProxyReplacement: true, socketLB: {hostNamespaceOnly: <unknown>}}"),
    ),
    case(35, "not_applicable", "MW-IST-035 finds nothing that it looks at", AMBIENT),
]

_BLOCKED = "the NetworkPolicy net blocks port 15008 to the pods that it selects: nobody in the mesh gets through by it"
_ON_80 = f"{{{PODS}, ports: [{{port: 80}}]}}"
PEERS = [
    case(
        32,
        "undecided",
        "whether it blocks port 15008 is known only at the update",
        AMBIENT,
        _net(f"ingress: [{_ON_80}]", where="<unknown>"),
    ),
    # A rule without ports opens all of them, but not for the mesh where its peer is one address.
    case(
        32,
        "violated",
        _BLOCKED,
        AMBIENT,
        _net(
            f"ingress: [{_ON_80}, {{from: [{{ipBlock: {{cidr: 169.254.7.127/32}}}}, {{ipBlock: {{cidr: nowhere}}}}]}}]"
        ),
    ),
    case(32, "passed", "", AMBIENT, _net(f"ingress: [{_ON_80}, {{from: [{{ipBlock: {{cidr: 10.0.0.0/8}}}}]}}]")),
    # Another policy opens it where it holds for all of the pods.
    case(
        32,
        "passed",
        "",
        AMBIENT,
        _net(f"ingress: [{_ON_80}]", "{matchLabels: {app: cart, tier: web}}"),
        _net("ingress: [{ports: [{port: 15008}]}]", APP, "wider"),
    ),
    case(
        32,
        "violated",
        _BLOCKED,
        AMBIENT,
        _net(f"ingress: [{_ON_80}]", APP),
        _net("ingress: [{ports: [{port: 15008}]}]", "{matchLabels: {app: cart, tier: web}}", "narrower"),
    ),
]

CASES: list[Case] = [*ROUTING, *NETWORK, *PEERS, *CILIUM]
