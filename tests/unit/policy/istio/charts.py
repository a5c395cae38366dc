"""What Istio's charts are told, and what they are installed beside."""

from .given import AMBIENT, SHOP, Case, case, chart, namespace, of, resource, waypoint

FILES = "valueYamlFiles: [values.yaml]"


def _with_files(name: str, values: str = "") -> str:
    return chart(name, values) + f"    {FILES}\n"


def _budget(name: str = "waypoint") -> str:
    spec = f"{{selector: {{matchLabels: {{gateway.networking.k8s.io/gateway-name: {name}}}}}}}"
    return of("policy/v1:PodDisruptionBudget", "budget", spec)


SCALER = of("autoscaling/v2:HorizontalPodAutoscaler", "scaler", "{minReplicas: 2, scaleTargetRef: {name: waypoint}}")
BY_MAP = waypoint(infrastructure="{parametersRef: {kind: ConfigMap, name: params}}")


def _map(data: str, labels: str = "", name: str = "params") -> str:
    return resource(name, "core/v1:ConfigMap", f"metadata: {{name: {name}, namespace: shop{labels}}}", f"data: {data}")


FOR_CLASS = ", labels: {gateway.istio.io/defaults-for-class: istio-waypoint}"
SCALED = "horizontalPodAutoscaler: '{spec: {minReplicas: 2}}'"
BOTH = f"{{{SCALED}, podDisruptionBudget: '{{spec: {{maxUnavailable: 1}}}}'}}"

AVAILABILITY = [
    case(36, "not_applicable", "the stack doesn't install istiod", chart("ztunnel")),
    case(36, "passed", "", chart("istiod", "pilot: {autoscaleMin: 3}")),
    case(36, "passed", "", chart("istiod", "autoscaleEnabled: false, replicaCount: 2")),
    case(
        36,
        "violated",
        "istiod may run as one replica, and then has no disruption budget",
        chart("istiod", "autoscaleEnabled: false, autoscaleMin: 3"),
    ),
    case(
        36,
        "violated",
        "istiod may run as one replica, and then has no disruption budget",
        chart("istiod", "autoscaleMin: many"),
    ),
    case(
        36,
        "undecided",
        "the least number of replicas of istiod is known only at the update",
        chart("istiod", "autoscaleMin: <unknown>"),
    ),
    case(36, "undecided", "the least number of replicas of istiod is known only at the update", _with_files("istiod")),
    case(
        36,
        "undecided",
        "the least number of replicas of istiod is known only at the update",
        chart("istiod", "autoscaleEnabled: <unknown>"),
    ),
    case(
        37,
        "not_applicable",
        "the stack has no waypoint",
        AMBIENT,
        of("gateway.networking.k8s.io/v1:Gateway", "edge", "{gatewayClassName: istio}"),
    ),
    case(37, "not_applicable", "MW-IST-037 finds nothing that it looks at", AMBIENT),
    case(37, "passed", "", SHOP, SCALER, _budget()),
    case(37, "passed", "", SHOP, _map(BOTH, FOR_CLASS)),
    case(
        37,
        "passed",
        "",
        SHOP,
        chart(
            "istiod",
            "gatewayClasses: {istio-waypoint: {deployment: {spec: {replicas: 2}}, podDisruptionBudget: {spec: {}}}}",
        ),
    ),
    case(37, "violated", "the waypoint waypoint has no disruption budget", SHOP, SCALER),
    case(
        37,
        "violated",
        "the waypoint waypoint has no second replica",
        AMBIENT,
        BY_MAP,
        _map("{horizontalPodAutoscaler: '{not yaml', podDisruptionBudget: '{}'}"),
    ),
    case(
        37,
        "violated",
        "the waypoint waypoint has no second replica",
        AMBIENT,
        BY_MAP,
        _map("{horizontalPodAutoscaler: '{spec: {minReplicas: 1}}', podDisruptionBudget: '{}'}"),
    ),
    case(37, "undecided", "the parameters of the waypoint waypoint are not in the stack", AMBIENT, BY_MAP),
    case(
        37,
        "undecided",
        "the parameters of the waypoint waypoint are not in the stack",
        AMBIENT,
        BY_MAP,
        _map("<unknown>"),
    ),
    case(
        37,
        "undecided",
        "the parameters of the waypoint waypoint are not in the stack",
        AMBIENT,
        BY_MAP,
        _map("{deployment: <unknown>}"),
    ),
    case(
        37,
        "undecided",
        "the parameters of the waypoint waypoint are not in the stack",
        AMBIENT,
        waypoint(infrastructure="{parametersRef: {name: <unknown>}}"),
    ),
    case(38, "not_applicable", "no waypoint of the stack has a parametersRef", SHOP),
    case(38, "not_applicable", "MW-IST-038 finds nothing that it looks at", AMBIENT),
    case(
        38,
        "violated",
        "the waypoint waypoint has its parameters in a ConfigMap params, which the stack doesn't have: "
        "Istio makes no proxy for it",
        AMBIENT,
        BY_MAP,
    ),
    case(38, "undecided", "nothing in the stack shows the parameters of the waypoint waypoint", BY_MAP),
    case(
        38,
        "undecided",
        "nothing in the stack shows the parameters of the waypoint waypoint",
        AMBIENT,
        BY_MAP,
        _map("<unknown>"),
    ),
    case(
        38,
        "undecided",
        "nothing in the stack shows the parameters of the waypoint waypoint",
        AMBIENT,
        waypoint(infrastructure="{parametersRef: {name: <unknown>}}"),
    ),
]

ISTIOD, CNI = chart("istiod", "profile: ambient"), chart("cni", "profile: ambient")
ZTUNNEL = chart("ztunnel")
INSTALL = [
    case(39, "not_applicable", "the stack doesn't install ztunnel together with istiod or istio-cni", ISTIOD, CNI),
    case(39, "not_applicable", "the stack doesn't install ztunnel together with istiod or istio-cni", ZTUNNEL),
    case(
        39,
        "passed",
        "",
        ZTUNNEL,
        chart("istiod", "env: {PILOT_ENABLE_AMBIENT: 'true'}"),
        chart("cni", "ambient: {enabled: true}"),
    ),
    case(
        39,
        "violated",
        "the chart istiod is not given the profile ambient: it serves no ztunnel",
        ZTUNNEL,
        chart("istiod", "profile: demo"),
    ),
    case(
        39,
        "undecided",
        "the profile of the chart istiod is known only at the update",
        ZTUNNEL,
        chart("istiod", "profile: <unknown>"),
    ),
    case(39, "undecided", "the profile of the chart cni is known only at the update", ZTUNNEL, _with_files("cni")),
    case(40, "not_applicable", "no chart of Istio's in the stack is told a platform", ISTIOD, CNI),
    case(40, "passed", "", chart("cni", "global: {platform: k3s}"), ISTIOD, ZTUNNEL),
    case(
        40,
        "violated",
        "the chart ztunnel is not told the platform gke",
        chart("cni", "global: {platform: gke}"),
        ISTIOD,
        ZTUNNEL,
    ),
    case(
        40,
        "violated",
        "the chart cni is not told the platform minikube",
        chart("istiod", "global: {platform: minikube}"),
        CNI,
    ),
    case(
        40,
        "undecided",
        "the platform of the chart istiod is known only at the update",
        chart("istiod", "global: {platform: <unknown>}"),
    ),
    case(41, "not_applicable", "the stack doesn't install istio-cni for ambient", chart("cni")),
    case(41, "not_applicable", "the stack doesn't install istio-cni for ambient", ISTIOD),
    case(
        41, "passed", "", chart("cni", "profile: ambient, chained: false, ambient: {enableAmbientDetectionRetry: true}")
    ),
    case(
        41,
        "passed",
        "",
        chart("cni", "profile: ambient, global: {platform: openshift}, ambient: {enableAmbientDetectionRetry: true}"),
    ),
    case(
        41,
        "violated",
        "istio-cni may miss pods without istioOwnedCNIConfig",
        chart("cni", "ambient: {enabled: true, enableAmbientDetectionRetry: true}"),
    ),
    case(
        41, "undecided", "how istio-cni captures pods is known only at the update", chart("cni", "profile: <unknown>")
    ),
    case(
        41,
        "undecided",
        "how istio-cni captures pods is known only at the update",
        chart("cni", "profile: ambient, istioOwnedCNIConfig: <unknown>, ambient: {enableAmbientDetectionRetry: true}"),
    ),
    case(
        42,
        "not_applicable",
        "nothing in the stack comes from an address of Istio's",
        resource("web", "apps/v1:Deployment", "spec: {template: {spec: {containers: [{image: nginx}]}}}"),
    ),
    case(
        42,
        "violated",
        "the Release istiod comes from registry.istio.io, which is being switched off",
        chart("istiod", version="1.30.7"),
    ),
    case(
        42, "passed", "", chart("base", version="1.30.7") + chart("istiod", "global: {hub: docker.io/istio}", "1.30.7")
    ),
    case(
        42,
        "violated",
        "the Release istiod comes from gcr.io/istio-release, which is being switched off",
        chart("istiod", "global: {hub: gcr.io/istio-release}"),
    ),
    case(
        42,
        "violated",
        "the DaemonSet ztunnel comes from registry.istio.io, which is being switched off",
        resource(
            "ztunnel",
            "apps/v1:DaemonSet",
            "metadata: {name: ztunnel}",
            "spec: {template: {spec: {containers: [{image: 'registry.istio.io/release/ztunnel:1.30.7'}]}}}",
        ),
    ),
    case(
        42,
        "undecided",
        "where the Release istiod comes from is known only at the update",
        chart("istiod", "hub: <unknown>"),
    ),
]


def _crds(version: str) -> str:
    return f"crds:\n  type: meshwright:index:GatewayApiCrds\n  properties: {{mode: create, version: {version}}}\n"


def _crd(version: str, group: str = "gateway.networking.k8s.io") -> str:
    annotations = f"annotations: {{gateway.networking.k8s.io/bundle-version: {version}}}"
    return resource(
        "crd",
        "apiextensions.k8s.io/v1:CustomResourceDefinition",
        f"metadata: {{name: crd, {annotations}}}",
        f"spec: {{group: {group}}}",
    )


TRIAL = of(
    "security.istio.io/v1:AuthorizationPolicy",
    "trial",
    "{rules: [{}]}",
    more=", annotations: {istio.io/dry-run: 'true'}",
)
FLAG = "env: {AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY: 'true'}"
VERSIONS = [
    case(43, "not_applicable", "the stack doesn't install istiod together with istio-cni or ztunnel", ISTIOD),
    case(43, "passed", "", ISTIOD, chart("cni"), ZTUNNEL),
    case(
        43,
        "passed",
        "",
        ISTIOD,
        chart("istiod", version="1.30.7").replace("istiod:", "old:", 1),
        chart("ztunnel", version="v1.29.9"),
    ),
    case(
        43,
        "passed",
        "",
        chart("istiod").replace('istiod"', 'istiod:1.31.1"').replace("    version: 1.31.1\n", ""),
        ZTUNNEL,
    ),
    case(
        43,
        "violated",
        "the chart cni is 1.29, and istiod 1.31: it may be as new as istiod, or one minor older",
        ISTIOD,
        chart("cni", version="1.29.9"),
    ),
    case(
        43,
        "undecided",
        "the version of istiod or of the chart cni is not known",
        ISTIOD,
        chart("cni", version="<unknown>"),
    ),
    case(
        43,
        "undecided",
        "the version of istiod or of the chart ztunnel is not known",
        chart("istiod", version="'*'"),
        ZTUNNEL,
    ),
    case(44, "not_applicable", "the stack doesn't bring the Gateway API's CRDs together with istiod", _crds("1.6.1")),
    case(
        44,
        "not_applicable",
        "the stack doesn't bring the Gateway API's CRDs together with istiod",
        ISTIOD,
        _crd("v1.0.0", "example.com"),
    ),
    case(44, "passed", "", ISTIOD, _crds("1.5.1")),
    case(44, "violated", "the Gateway API's CRDs are 1.0.0, and istiod needs 1.1.0", ISTIOD, _crds("1.0.0")),
    case(44, "violated", "the Gateway API's CRDs are 1.0.0, and istiod needs 1.1.0", ISTIOD, _crd("v1.0.0")),
    case(44, "undecided", "the version of istiod or of the CRDs is not known", ISTIOD, _crds("<unknown>")),
    case(
        44,
        "undecided",
        "the version of istiod or of the CRDs is not known",
        chart("istiod", version="9.9.9"),
        _crds("1.6.1"),
    ),
    case(
        45,
        "not_applicable",
        "no dry run of the stack is for ztunnel",
        AMBIENT,
        of("security.istio.io/v1:AuthorizationPolicy", "p", "{rules: [{}]}"),
    ),
    case(45, "passed", "", AMBIENT, chart("istiod"), chart("ztunnel", version="1.28.10"), TRIAL),
    case(
        45,
        "undecided",
        "whether istiod has AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY, and how old ztunnel is, the "
        "stack doesn't show",
        AMBIENT,
        TRIAL,
    ),
    case(
        45,
        "undecided",
        "whether istiod has AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY, and how old ztunnel is, the "
        "stack doesn't show",
        AMBIENT,
        chart("istiod", FLAG),
        TRIAL,
    ),
    case(
        45,
        "undecided",
        "whether istiod has AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY, and how old ztunnel is, the "
        "stack doesn't show",
        AMBIENT,
        chart("istiod", FLAG),
        chart("ztunnel", version="<unknown>"),
        TRIAL,
    ),
    case(
        45,
        "undecided",
        "whether istiod has AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY, and how old ztunnel is, the "
        "stack doesn't show",
        AMBIENT,
        chart("istiod", FLAG.replace("'true'", "<unknown>")),
        TRIAL,
    ),
]


def _deployment(pod: str, metadata: str = "{}", where: str = "shop") -> str:
    return of("apps/v1:Deployment", "web", f"{{template: {{metadata: {metadata}, spec: {pod}}}}}", where)


def _fargate(selectors: str) -> str:
    return f"fargate:\n  type: aws:eks/fargateProfile:FargateProfile\n  properties: {{selectors: {selectors}}}\n"


def _gke(autopilot: str) -> str:
    return f"gke:\n  type: gcp:container/cluster:Cluster\n  properties: {{enableAutopilot: {autopilot}}}\n"


UNSUPPORTED = [
    case(46, "not_applicable", "nothing in the stack is ambient", _gke("true")),
    case(
        46,
        "violated",
        "the Deployment web is ambient, and runs where there is no node agent: nothing captures it",
        AMBIENT,
        _deployment("{nodeSelector: {type: virtual-kubelet}}"),
    ),
    case(
        46,
        "violated",
        "the Deployment web is ambient, and runs where there is no node agent: nothing captures it",
        AMBIENT,
        _deployment("{}", "{labels: {eks.amazonaws.com/fargate-profile: web}}"),
    ),
    case(
        46,
        "violated",
        "the namespace shop is ambient, and its pods may run on Fargate, without a node agent: nothing captures them",
        AMBIENT,
        _fargate("[{namespace: sh*}]"),
    ),
    case(46, "passed", "", AMBIENT, _fargate("[{namespace: jobs}]"), _gke("false")),
    case(
        46,
        "violated",
        "the cluster is GKE Autopilot, whose nodes admit neither ztunnel nor istio-cni",
        AMBIENT,
        _gke("true"),
    ),
    case(
        46, "undecided", "whether the cluster is GKE Autopilot is known only at the update", AMBIENT, _gke("<unknown>")
    ),
    case(
        46,
        "undecided",
        "which namespaces run on Fargate is known only at the update",
        AMBIENT,
        _fargate("[{namespace: <unknown>}]"),
    ),
    case(
        46,
        "undecided",
        "where its pods run, or whether they are ambient, the stack doesn't show",
        AMBIENT,
        _deployment("{nodeSelector: <unknown>}"),
    ),
    case(
        46,
        "undecided",
        "where its pods run, or whether they are ambient, the stack doesn't show",
        AMBIENT,
        _deployment("{nodeSelector: {type: virtual-kubelet}}", where="far"),
    ),
    case(47, "not_applicable", "the stack doesn't install ztunnel", ISTIOD),
    case(
        47,
        "violated",
        "ztunnel is told to take its certificates from SPIRE, which it can't",
        chart("ztunnel", "env: {SPIFFE_ENDPOINT_SOCKET: 'unix:///run/spire.sock'}"),
    ),
    case(
        47,
        "undecided",
        "a value of ztunnel's chart is known only at the update",
        chart("ztunnel", "env: {A: <unknown>}"),
    ),
    case(47, "undecided", "a value of ztunnel's chart is known only at the update", _with_files("ztunnel")),
    case(48, "not_applicable", "the stack doesn't install istiod beside ambient", ISTIOD),
    case(
        48,
        "violated",
        "istiod of another cluster serves this one (primary-remote): ambient has no such mode, and "
        "ztunnel gets nothing",
        ZTUNNEL,
        chart("istiod", "istiodRemote: {enabled: true}"),
    ),
    case(
        48,
        "violated",
        "istiod of another cluster serves this one (primary-remote): ambient has no such mode, and "
        "ztunnel gets nothing",
        ZTUNNEL,
        chart("istiod", "profile: remote"),
    ),
    case(
        48,
        "undecided",
        "whether istiod runs in this cluster is known only at the update",
        ZTUNNEL,
        chart("istiod", "profile: <unknown>"),
    ),
]


def _in_root(text: str) -> str:
    return text.replace("    version:", "    namespace: istio-system\n    version:")


ROOT = namespace("istio-system", ambient="")
JOINED = _in_root(chart("istiod", "env: {AMBIENT_ENABLE_MULTI_NETWORK: true}"))
EAST_WEST = "{gatewayClassName: istio-east-west%s}"


def _gateway(more: str = "", metadata: str = "", where: str = "istio-system") -> str:
    return of("gateway.networking.k8s.io/v1:Gateway", "east-west", EAST_WEST % more, where, metadata)


def _secret(name: str, labels: str = "") -> str:
    return resource(name, "core/v1:Secret", f"metadata: {{name: {name}, namespace: istio-system{labels}}}", "data: {}")


CERTIFICATE = of("cert-manager.io/v1:Certificate", "ca", "{secretName: cacerts}", "istio-system")


def _csr(values: str, more: str = "") -> str:
    return resource(
        "csr", "helm.sh/v3:Release", "chart: cert-manager-istio-csr", f"values: {values}", *([more] if more else [])
    )


def _trusting(accounts: str) -> str:
    return _csr(f"{{app: {{server: {{caTrustedNodeAccounts: {accounts}}}}}}}")


CLUSTERS = [
    case(49, "not_applicable", "the stack doesn't install istiod for a mesh of several clusters", ROOT, ISTIOD),
    case(49, "passed", "", ROOT, JOINED, CERTIFICATE),
    case(49, "passed", "", ROOT, _in_root(chart("istiod", "env: {ENABLE_CA_SERVER: 'false'}")), _gateway()),
    case(49, "passed", "", ROOT, _in_root(chart("istiod", "global: {caAddress: 'csr:443'}")), _gateway()),
    case(
        49,
        "violated",
        "istiod signs by a root of its own: istio-system has no Secret cacerts, and the other clusters don't trust it",
        ROOT,
        _in_root(chart("istiod")),
        _gateway(),
    ),
    case(
        49,
        "violated",
        "istiod signs by a root of its own: istio-system has no Secret cacerts, and the other clusters don't trust it",
        ROOT,
        _in_root(chart("istiod")),
        _secret("north", ", labels: {istio/multiCluster: 'true'}"),
    ),
    case(49, "undecided", "nothing in the stack shows which root istiod signs by", JOINED),
    case(
        49,
        "undecided",
        "nothing in the stack shows which root istiod signs by",
        ROOT,
        _in_root(chart("istiod", "env: {AMBIENT_ENABLE_MULTI_NETWORK: <unknown>}")),
    ),
    case(
        49,
        "undecided",
        "nothing in the stack shows which root istiod signs by",
        ROOT,
        JOINED.replace("namespace: istio-system", "namespace: <unknown>"),
    ),
    case(
        49,
        "undecided",
        "nothing in the stack shows which root istiod signs by",
        ROOT,
        JOINED,
        CERTIFICATE.replace("secretName: cacerts", "secretName: <unknown>"),
    ),
    case(50, "not_applicable", "the stack doesn't install istio-csr together with ztunnel", _trusting("x/ztunnel")),
    case(
        50,
        "violated",
        "istio-csr doesn't trust istio-system/ztunnel (caTrustedNodeAccounts): ztunnel gets no certificate for any pod",
        _csr("{}"),
        _in_root(ZTUNNEL),
    ),
    case(
        50,
        "violated",
        "istio-csr doesn't trust istio-system/ztunnel-blue (caTrustedNodeAccounts): ztunnel gets no "
        "certificate for any pod",
        _trusting("istio-system/ztunnel"),
        _in_root(chart("ztunnel", "resourceName: ztunnel-blue")),
    ),
    case(50, "passed", "", _trusting("'kube-system/ztunnel, istio-system/ztunnel'"), _in_root(ZTUNNEL)),
    case(
        50, "undecided", "whom istio-csr trusts is known only at the update", _trusting("<unknown>"), _in_root(ZTUNNEL)
    ),
    case(50, "undecided", "whom istio-csr trusts is known only at the update", _csr("{}", FILES), _in_root(ZTUNNEL)),
    case(51, "not_applicable", "the stack doesn't install istiod together with ztunnel", ISTIOD),
    case(51, "passed", "", ISTIOD, ZTUNNEL),
    case(
        51,
        "violated",
        "only ztunnel's chart is told the CA's address (caAddress): pods get certificates of two roots",
        ISTIOD,
        chart("ztunnel", "caAddress: 'csr:443'"),
    ),
    case(
        51,
        "violated",
        "istiod's and ztunnel's charts disagree on the CA's address (caAddress): pods get certificates of two roots",
        chart("istiod", "global: {caAddress: 'old:443'}"),
        chart("ztunnel", "caAddress: 'csr:443'"),
    ),
    case(
        51,
        "undecided",
        "the CA's address is known only at the update",
        ISTIOD,
        chart("ztunnel", "caAddress: <unknown>"),
    ),
    case(52, "not_applicable", "the stack doesn't install istiod together with ztunnel", ISTIOD),
    case(52, "passed", "", ISTIOD, ZTUNNEL),
    case(
        52,
        "violated",
        "ztunnel is not told the same cluster as istiod",
        chart("istiod", "global: {multiCluster: {clusterName: one}}"),
        chart("ztunnel", "multiCluster: {clusterName: two}"),
    ),
    case(
        52,
        "violated",
        "the namespace istio-system is not labelled with istiod's network (topology.istio.io/network)",
        ROOT,
        _in_root(chart("istiod", "global: {network: north}")),
        chart("ztunnel", "global: {network: north}"),
    ),
    case(
        52,
        "passed",
        "",
        namespace("istio-system", ambient="topology.istio.io/network: north"),
        _in_root(chart("istiod", "global: {network: north}")),
        chart("ztunnel", "network: north"),
    ),
    case(
        52,
        "undecided",
        "the labels of istio-system are known only at the update",
        namespace("istio-system", ambient="topology.istio.io/network: <unknown>"),
        _in_root(chart("istiod", "global: {network: north}")),
        chart("ztunnel", "network: north"),
    ),
    case(
        52,
        "undecided",
        "the name of the network is known only at the update",
        chart("istiod", "global: {network: <unknown>}"),
        ZTUNNEL,
    ),
    case(53, "not_applicable", "the stack has no east-west gateway", SHOP),
    case(53, "passed", "", _gateway(metadata=", annotations: {networking.istio.io/service-type: ClusterIP}")),
    case(
        53,
        "violated",
        "the east-west gateway east-west gets a load balancer that may be public: the mesh is open to the internet",
        _gateway(metadata=", annotations: {networking.gke.io/load-balancer-type: External}"),
    ),
    case(
        53,
        "undecided",
        "whether its address is private the stack doesn't show",
        _gateway(", infrastructure: {parametersRef: {name: params}}"),
    ),
    case(
        53,
        "undecided",
        "whether its address is private the stack doesn't show",
        _gateway(", infrastructure: {annotations: <unknown>}"),
    ),
]

CASES: list[Case] = [*AVAILABILITY, *INSTALL, *VERSIONS, *UNSUPPORTED, *CLUSTERS]
