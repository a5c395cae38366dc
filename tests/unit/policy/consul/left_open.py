"""What only the update will know: each rule says so, and passes nothing."""

from .given import (
    CONNECT_CA,
    KEYS,
    LOGIN,
    MOUNT,
    PKI_ROLE,
    TOKENS,
    VAULT_CA,
    case,
    chart,
    deployment,
    entry,
    live,
    namespace,
    path,
    plain,
    policy,
    service,
)

OPEN_POLICY = plain("consul-ca", "vault:index/policy:Policy", "name: consul-ca, policy: <unknown>")
CROSS = policy(path("dc1/connect_root/root/sign-self-issued", "sudo", "update"))
VALUES = "its values are known only at the update"
SETTINGS = "the authority's settings are known only at the update"
OPEN_NAMESPACE = namespace("shop", "connect-inject: <unknown>")
GATEWAY_API = plain("gateway-api", "meshwright:index:GatewayApiCrds", "version: 1.5.1")
TO_CART = "destination: {name: cart}, sources: [{name: web, permissions: [{action: allow, http: {pathExact: /}}]}]"
LOOKS = entry("ServiceIntentions", "cart", TO_CART)
ALLOWS = entry("Mesh", "mesh", "allowEnablingPermissiveMutualTLS: true", "consul")
WHO = "who it is in the mesh is known only at the update"


def mesh(spec: str) -> str:
    return entry("Mesh", "mesh", spec, "consul")


CASES = [
    *(
        case(rule, "undecided", "what the policy allows is known only at the update", OPEN_POLICY)
        for rule in (1, 2, 3, 4, 5, 7)
    ),
    case(
        4,
        "undecided",
        "whether a root is being changed is known only at the update",
        CROSS,
        plain("ca", CONNECT_CA, "rotation: {step: <unknown>}"),
    ),
    case(
        4,
        "undecided",
        "whether a root is being changed is known only at the update",
        CROSS,
        plain("vault", VAULT_CA, "connect: {roots: <unknown>}"),
    ),
    case(
        6,
        "undecided",
        "whether its key leaves Vault is known only at the update",
        plain("root", KEYS[0], "backend: dc1/connect_root, type: <unknown>"),
    ),
    case(
        8,
        "undecided",
        "whom it is for is known only at the update",
        plain("role", LOGIN[0], "backend: kubernetes, roleName: consul, boundServiceAccountNames: [<unknown>]"),
    ),
    case(
        9,
        "undecided",
        "which names it issues certificates for is known only at the update",
        plain("role", PKI_ROLE[0], "backend: dc1/server_tls, name: consul-server, allowAnyName: <unknown>"),
    ),
    case(
        10,
        "undecided",
        "which version of KV it is is known only at the update",
        plain("kv", MOUNT[0], "path: consul, type: kv, options: <unknown>"),
        chart("global: {gossipEncryption: {secretName: consul/data/secret/gossip, secretKey: key}}"),
    ),
    case(
        11,
        "undecided",
        "whether Vault holds the root is known only at the update",
        chart("global: {secretsBackend: {vault: {enabled: true, connectCA: <unknown>}}}"),
    ),
    case(11, "undecided", "which provider it has is known only at the update", live("{}", "<unknown>")),
    *(case(rule, "undecided", SETTINGS, live("<unknown>")) for rule in (12, 13, 14)),
    *(case(rule, "undecided", SETTINGS, chart("server: {extraConfig: <unknown>}")) for rule in (12, 13)),
    case(14, "undecided", SETTINGS, chart("global: {secretsBackend: {vault: {connectCA: {address: <unknown>}}}}")),
    case(
        15,
        "undecided",
        SETTINGS,
        chart("global: {secretsBackend: {vault: {connectCA: {rootPKIPath: root}}}}"),
        live("<unknown>"),
    ),
    *(
        case(rule, "undecided", VALUES, chart(text))
        for rule, text in (
            (16, "global: {acls: <unknown>}"),
            (16, "global: {acls: {manageSystemACLs: true}}, server: {extraConfig: <unknown>}"),
            (17, "server: {extraConfig: <unknown>}"),
            (17, "global: {acls: <unknown>}"),
            (18, "global: {gossipEncryption: {secretName: <unknown>, secretKey: key}}"),
            (18, "global: {gossipEncryption: <unknown>}"),
            (19, "global: {tls: <unknown>}"),
            (19, "global: {tls: {enabled: true, verify: <unknown>}}"),
            (24, "server: {extraConfig: <unknown>}"),
            (26, "client: <unknown>"),
            (27, "syncCatalog: {enabled: true, toK8S: <unknown>}"),
        )
    ),
    case(29, "undecided", VALUES, chart(more="valueYamlFiles: [<unknown>]")),
    case(29, "undecided", VALUES, chart("global: {peering: {enabled: <unknown>}, tls: {enabled: true}}")),
    case(
        20,
        "undecided",
        "its least version of TLS for incoming calls is known only at the update",
        mesh("tls: {incoming: <unknown>, outgoing: {tlsMinVersion: TLSv1_2}}"),
    ),
    case(
        21, "undecided", "whether its hooks run is known only at the update", chart(more="disableWebhooks: <unknown>")
    ),
    case(22, "undecided", VALUES, GATEWAY_API, chart("global: {installK8sNetworkingCRDs: <unknown>}")),
    case(
        23,
        "undecided",
        "its agents' annotations are known only at the update",
        chart("global: {secretsBackend: {vault: {enabled: true, agentAnnotations: <unknown>}}}"),
    ),
    case(
        23,
        "undecided",
        "which injector OpenBao has is known only at the update",
        chart("global: {secretsBackend: {vault: {enabled: true}}}"),
        plain("bao", "kubernetes:helm.sh/v3:Release", "chart: openbao, values: {injector: <unknown>}"),
    ),
    case(
        25,
        "undecided",
        "which policies it gives is known only at the update",
        plain("ci", TOKENS[0], "policies: [<unknown>]"),
    ),
    case(28, "undecided", "which images it runs is known only at the update", chart("global: {image: <unknown>}")),
    *(
        case(rule, "undecided", "its replicas are known only at the update", chart(text))
        for rule, text in (
            (30, "server: {replicas: <unknown>}"),
            (31, "connectInject: {replicas: <unknown>}"),
            (31, "connectInject: {disruptionBudget: <unknown>}"),
            (32, "connectInject: {replicas: <unknown>}"),
            (32, "connectInject: {failurePolicy: <unknown>, replicas: 3}"),
        )
    ),
    case(
        33,
        "undecided",
        "whether proxies are transparent is known only at the update",
        chart("connectInject: {transparentProxy: <unknown>}"),
    ),
    case(
        34,
        "undecided",
        "whether its namespaces admit its pods is known only at the update",
        namespace("shop", "connect-inject: enabled, pod-security.kubernetes.io/enforce: <unknown>"),
        chart(),
    ),
    case(
        35,
        "undecided",
        "what becomes of its volumes is known only at the update",
        chart("server: {persistentVolumeClaimRetentionPolicy: <unknown>}"),
    ),
    case(
        36,
        "undecided",
        "which pods may log in is known only at the update",
        chart("connectInject: {aclBindingRuleSelector: <unknown>}"),
    ),
    case(
        57,
        "undecided",
        "what saves Consul's state is known only at the update",
        chart(),
        plain("job", "kubernetes:batch/v1:CronJob", "spec: {jobTemplate: {spec: {template: <unknown>}}}"),
    ),
    *(
        case(37, "undecided", "who can reach the UI is known only at the update", chart(f"ui: {text}"))
        for text in ("<unknown>", "{service: {type: LoadBalancer, annotations: <unknown>}}")
    ),
    *(
        case(38, "undecided", "who can reach its servers is known only at the update", chart(f"server: {text}"))
        for text in ("{exposeService: <unknown>}", "{exposeService: {enabled: true, annotations: <unknown>}}")
    ),
    case(
        39,
        "undecided",
        "who can reach the mesh gateway is known only at the update",
        chart("meshGateway: {enabled: <unknown>}"),
    ),
    case(
        40,
        "undecided",
        "which gateways it installs is known only at the update",
        chart("ingressGateways: {enabled: <unknown>}"),
    ),
    case(
        40,
        "undecided",
        "which entry it is is known only at the update",
        plain("it", "consul:index/configEntry:ConfigEntry", "kind: <unknown>"),
    ),
    case(
        41,
        "undecided",
        "which services it is for is known only at the update",
        entry("TerminatingGateway", "out", "services: [<unknown>]"),
    ),
    case(
        42,
        "undecided",
        "which hosts it is for is known only at the update",
        entry("ServiceDefaults", "out", "destination: {addresses: [<unknown>]}"),
    ),
    case(
        43,
        "undecided",
        "which services it exports is known only at the update",
        entry("ExportedServices", "default", "services: <unknown>"),
    ),
    case(
        44,
        "undecided",
        "whose tokens it takes is known only at the update",
        entry("JWTProvider", "login", "issuer: <unknown>, audiences: [shop]"),
    ),
    case(
        45,
        "undecided",
        "which paths answer in plaintext is known only at the update",
        entry("ServiceDefaults", "cart", "expose: {paths: [{path: <unknown>}]}"),
    ),
    case(
        46,
        "undecided",
        "whom it lets in is known only at the update",
        entry("ServiceIntentions", "all", "destination: {name: '*'}, sources: [{name: '*', action: <unknown>}]"),
    ),
    case(
        47,
        "undecided",
        "whom it lets in is known only at the update",
        entry("ServiceIntentions", "cart", "destination: {name: cart}, sources: [{name: <unknown>, action: allow}]"),
    ),
    case(48, "undecided", "the stack doesn't show the protocol of cart", LOOKS),
    case(
        48,
        "undecided",
        "the stack doesn't show the protocol of cart",
        LOOKS,
        entry("ServiceDefaults", "cart", "protocol: <unknown>"),
    ),
    case(49, "undecided", "the stack doesn't hold the entry Mesh, which says how paths are read", LOOKS),
    case(49, "undecided", "how paths are read is known only at the update", LOOKS, mesh("http: <unknown>")),
    *(
        case(
            rule,
            "undecided",
            "whether it takes plaintext, or until when, is known only at the update",
            entry("ServiceDefaults", "cart", "mutualTLSMode: <unknown>"),
        )
        for rule in (50, 51)
    ),
    case(
        52,
        "undecided",
        "whether permissive mode is needed is known only at the update",
        ALLOWS,
        entry("ServiceDefaults", "cart", "mutualTLSMode: <unknown>"),
    ),
    case(
        52,
        "undecided",
        "whether permissive mode is needed is known only at the update",
        mesh("allowEnablingPermissiveMutualTLS: <unknown>"),
    ),
    case(53, "undecided", WHO, OPEN_NAMESPACE, deployment("")),
    case(53, "undecided", WHO, namespace(), deployment("<unknown>")),
    case(54, "undecided", WHO, namespace(), service(spec="selector: <unknown>"), deployment()),
    case(54, "undecided", WHO, namespace(), service(spec="selector: {app: <unknown>}"), deployment()),
    case(
        55,
        "undecided",
        "which Services select its pods is known only at the update",
        namespace(),
        service(),
        service("more", spec="selector: {app: cart, tier: <unknown>}"),
        deployment(),
        service("third", spec="selector: <unknown>"),
    ),
    case(
        56,
        "undecided",
        "what goes round its proxy, or why, is known only at the update",
        deployment(annotations="consul.hashicorp.com/transparent-proxy-exclude-inbound-ports: <unknown>"),
    ),
    case(
        53,
        "undecided",
        WHO,
        deployment("", "consul.hashicorp.com/connect-inject: <unknown>"),
    ),
]
