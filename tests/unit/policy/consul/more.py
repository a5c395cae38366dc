"""What the rules about Consul don't judge, and what their examples leave out."""

from .given import (
    CONFIG_ENTRY,
    CONNECT_CA,
    CONSUL_NAMESPACE,
    JWT_LOGIN,
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
from .left_open import ALLOWS, CROSS, GATEWAY_API, LOOKS, mesh

OTHERS = plain("shop", "vault:index/policy:Policy", 'name: shop, policy: \'path "shop/*" {capabilities = ["read"]}\'')
NOT_CONSULS = "nothing says that it is Consul's"
NGINX = chart(name="nginx")
NO_CHART = "it doesn't install Consul"
ELSEWHERE = chart("externalServers: {enabled: true, hosts: [consul.example.com]}, server: {enabled: false}")
VAULT = "global: {secretsBackend: {vault: {enabled: true%s}}}"
ROOT = "address: 'https://vault:8200', rootPKIPath: root"
PORTS = "consul.hashicorp.com/transparent-proxy-exclude-inbound-ports"
UNTIL = "meshwright.dev/permissive-until"


def other(kind: str) -> str:
    """An entry of Consul's API that is of another kind than the rule is about."""
    return plain("it", CONFIG_ENTRY, f"kind: {kind}, name: it, configJson: '{{}}'")


def api(kind: str, name: str, config: str) -> str:
    return plain(name, CONFIG_ENTRY, f"kind: {kind}, name: '{name}', configJson: '{config}'")


def permissive(where: str) -> str:
    return plain("shop", CONSUL_NAMESPACE, f"namespace: shop, phase: permissive{where}")


def extra(config: str, more: str = "") -> str:
    return chart(f"{more}server: {{extraConfig: '{config}'}}")


NOT_JUDGED = [
    *(case(rule, "not_applicable", NOT_CONSULS, OTHERS) for rule in (1, 2, 3, 5, 7)),
    case(1, "not_applicable", NOT_CONSULS, plain("shop", "vault:index/policy:Policy", "name: shop, policy: <unknown>")),
    case(4, "not_applicable", "no policy of the stack is Consul's", OTHERS),
    case(6, "not_applicable", NOT_CONSULS, plain("root", KEYS[0], "backend: web, type: exported")),
    case(8, "not_applicable", NOT_CONSULS, plain("role", LOGIN[0], "backend: kubernetes, roleName: shop")),
    case(9, "not_applicable", NOT_CONSULS, plain("role", PKI_ROLE[0], "backend: web, name: web, allowAnyName: true")),
    case(
        10,
        "not_applicable",
        "the stack doesn't mount the engine of Consul's secrets",
        plain("kv", MOUNT[0], "path: shop, type: kv"),
        chart(),
    ),
    *(case(rule, "not_applicable", NO_CHART, NGINX) for rule in (11, 12, 13, 14, *range(16, 20), 21)),
    *(case(rule, "not_applicable", NO_CHART, NGINX) for rule in (24, 26, 27, 28, 29, *range(30, 34))),
    *(case(rule, "not_applicable", NO_CHART, NGINX) for rule in (35, 36, 37, 38, 39, 40)),
    *(case(rule, "not_applicable", "its servers are elsewhere", ELSEWHERE) for rule in (17, 18, 30, 35)),
    case(
        18,
        "not_applicable",
        "its servers are elsewhere",
        chart("global: {enabled: false}"),
    ),
    case(11, "not_applicable", "Vault doesn't serve it, and no framework asks for that", chart()),
    *(
        case(
            rule,
            "not_applicable",
            "ConnectCertificateAuthority checks what it says",
            live("<unknown>", parents=f"{CONNECT_CA}$"),
        )
        for rule in (12, 13, 14)
    ),
    case(14, "not_applicable", "Vault holds nothing of it", chart()),
    case(15, "not_applicable", "the authority isn't told both by the chart and live", live("{}")),
    case(
        15,
        "not_applicable",
        "its root is being changed; the chart follows when that is done",
        chart(VAULT % f", connectCA: {{{ROOT}}}"),
        live('{"RootPKIPath": "next"}'),
        plain("connect", CONNECT_CA, "rotation: {step: switched}"),
    ),
    case(20, "not_applicable", "it is no Mesh", other("proxy-defaults")),
    case(22, "not_applicable", "the stack has no other owner of the Gateway API's CRDs beside Consul", chart()),
    case(23, "not_applicable", "the stack has no Consul whose secrets are in Vault", chart()),
    case(25, "not_applicable", "MW-CON-025 does not look at vault:index/policy:Policy", OTHERS),
    case(27, "not_applicable", "it doesn't sync the catalog", chart()),
    case(29, "not_applicable", "it has no values of its own", chart()),
    case(30, "not_applicable", "its number of servers is none", chart("server: {replicas: three}")),
    case(31, "not_applicable", "its number of injectors is none", chart("connectInject: {replicas: three}")),
    case(32, "not_applicable", "its webhook fails open", chart("connectInject: {failurePolicy: Ignore}")),
    case(
        34,
        "not_applicable",
        "the stack has no Consul beside a restricted namespace of its mesh",
        namespace(),
        chart(),
    ),
    case(37, "not_applicable", "it has no UI", chart("ui: {enabled: false, service: {type: LoadBalancer}}")),
    case(39, "not_applicable", "it has no mesh gateway with a load balancer", chart()),
    case(40, "not_applicable", "it is no IngressGateway", other("mesh")),
    case(41, "not_applicable", "no entry of the stack is a TerminatingGateway", other("mesh")),
    case(42, "not_applicable", "it is no ServiceDefaults", other("mesh")),
    case(
        42,
        "not_applicable",
        "it is for no destination outside the mesh",
        entry("ServiceDefaults", "cart", "protocol: http"),
    ),
    case(43, "not_applicable", "it is no ExportedServices", other("mesh")),
    case(44, "not_applicable", "it is no JWTProvider", other("mesh")),
    case(45, "not_applicable", "it exposes no path", entry("ServiceDefaults", "cart", "protocol: http")),
    case(46, "not_applicable", "it is no ServiceIntentions", other("mesh")),
    case(47, "not_applicable", "it is no ServiceIntentions", other("mesh")),
    case(
        48,
        "not_applicable",
        "no intention of the stack looks at requests",
        entry("ServiceIntentions", "cart", "sources: [{name: web, action: allow}]"),
        other("mesh"),
    ),
    case(
        49,
        "not_applicable",
        "no intention of the stack looks at paths",
        entry("ServiceIntentions", "cart", "sources: [{name: web, permissions: [{action: allow}]}]"),
    ),
    case(50, "not_applicable", "it takes no plaintext", entry("ServiceDefaults", "cart", "mutualTLSMode: strict")),
    *(
        case(
            rule,
            "not_applicable",
            "ConsulNamespace says when it ends",
            entry("ServiceDefaults", "cart", "mutualTLSMode: permissive") + f"  parents: {CONSUL_NAMESPACE}$\n",
        )
        for rule in (50, 51)
    ),
    case(
        51,
        "not_applicable",
        "it has no day on which permissive mode ends",
        entry("ServiceDefaults", "cart", "mutualTLSMode: permissive"),
    ),
    case(52, "not_applicable", "no entry Mesh of the stack allows permissive mode", mesh("transparentProxy: {}")),
    *(
        case(rule, "not_applicable", "no workload gets a proxy, as far as the stack shows", deployment())
        for rule in (53, 54, 55)
    ),
    case(
        53,
        "not_applicable",
        "no workload gets a proxy, as far as the stack shows",
        namespace(marks="team: cart"),
        deployment(),
    ),
    case(57, "not_applicable", "the stack runs no servers of Consul's", ELSEWHERE),
    case(56, "not_applicable", "nothing goes round its proxy by annotation", deployment()),
]

IN_VAULT = [
    case(
        1,
        "violated",
        "the policy consul-connect-ca reaches engines that aren't Consul's: sys/mounts/*",
        policy(path("/sys/mounts/*", "read", "update")),
    ),
    case(
        1,
        "violated",
        "the policy consul-connect-ca reaches engines that aren't Consul's: *\n"
        "the policy consul-connect-ca reaches engines that aren't Consul's: auth/*",
        policy('path "*" { policy = "read" } ' + path("auth/*", "read")),
    ),
    # What is commented out, denied or no policy allows nothing.
    case(
        1, "passed", "", plain("consul", "vault:index/policy:Policy", 'policy: "# path \\"*\\" {policy = \\"sudo\\"}"')
    ),
    case(1, "passed", "", policy(path("*", "deny") + "path '+/x' {}")),
    case(1, "passed", "", plain("consul", "vault:index/policy:Policy", "policy: [7]")),
    case(
        2,
        "violated",
        "the policy consul has sudo at sys/consul, and Consul needs it nowhere",
        plain(
            "consul",
            "vault:index/policy:Policy",
            'name: consul, policy: \'{"path": {"sys/consul": {"capabilities": ["sudo"]}, "x": 1}}\'',
        ),
    ),
    case(2, "passed", "", plain("consul", "vault:index/policy:Policy", "policy: '{\"path\": [1]}'")),
    case(
        3,
        "violated",
        "the policy consul-connect-ca lets Consul give itself more rights: auth/dc1/kubernetes/role/consul",
        policy(path("auth/dc1/kubernetes/role/consul", "update")),
    ),
    case(
        3,
        "violated",
        "the policy consul-connect-ca lets Consul give itself more rights: sys/policies/acl/consul-*",
        policy(path("sys/policies/acl/consul-*", "create")),
    ),
    case(3, "passed", "", policy(path("sys/policies/acl/consul", "read"))),
    case(
        3,
        "violated",
        "the policy consul-connect-ca lets Consul give itself more rights: team/sys/auth/kubernetes",
        policy(path("team/sys/auth/kubernetes", "update")),
    ),
    case(4, "passed", "", CROSS, plain("vault", VAULT_CA, "connect: {roots: [{path: a}, {path: b}]}")),
    case(
        4,
        "violated",
        "the policy consul-connect-ca may have any root signed (dc1/connect_root/root/sign-self-issued), and no root "
        "is being changed",
        CROSS,
        plain("ca", CONNECT_CA, "rotation: {step: steady}"),
        plain("vault", VAULT_CA, "connect: {roots: [{path: a}, {path: b}]}"),
        OTHERS,
    ),
    case(
        6,
        "violated",
        "its private key leaves Vault, and is in Pulumi's state",
        plain("consul", KEYS[1], "type: exported"),
    ),
    case(
        7,
        "violated",
        "with the policy consul-connect-ca a key can be made that leaves Vault: dc1/pki/root/generate/exported",
        policy(path("dc1/pki/root/generate/exported", "update")),
    ),
    case(7, "passed", "", policy(path("consul/*", "update"))),
    case(
        8,
        "violated",
        "the role consul is for the service account default, which every pod has that names none",
        plain(
            "role",
            LOGIN[0],
            "roleName: consul, boundServiceAccountNames: [default], boundServiceAccountNamespaces: [consul]",
        ),
    ),
    case(
        8,
        "violated",
        "the role consul is for every service account, and the policy consul-connect-ca lets it write",
        policy(path("dc1/connect_inter/sign/leaf-cert", "update")),
        plain(
            "role",
            LOGIN[0],
            "roleName: consul, boundServiceAccountNames: ['*'], boundServiceAccountNamespaces: [consul], "
            "tokenPolicies: [consul-connect-ca]",
        ),
    ),
    *(
        case(
            8,
            "violated" if says else "passed",
            f"the role consul is for {says}" if says else "",
            plain("role", JWT_LOGIN, f"roleName: consul, tokenPolicies: [consul-ca]{bound}"),
        )
        for bound, says in (
            ("", "whoever has a token of its issuer's"),
            (", boundClaims: {sub: 'system:serviceaccount:*'}", "service accounts of every namespace"),
            (
                ", boundSubject: 'system:serviceaccount:consul:default'",
                "the service account default, which every pod has that names none",
            ),
            (", boundClaims: {sub: 'system:serviceaccount:consul:consul-server'}", ""),
            (", boundClaims: {groups: consul-servers}", ""),
        )
    ),
    case(
        8,
        "undecided",
        "whom it is for is known only at the update",
        plain("role", JWT_LOGIN, "roleName: consul, boundClaims: <unknown>"),
    ),
    case(
        10,
        "passed",
        "",
        plain("kv", MOUNT[0], "path: consul/, type: kv-v2"),
        chart("global: {acls: {bootstrapToken: {secretName: consul/data/bootstrap, secretKey: token}}}"),
    ),
]

AUTHORITY = [
    case(
        11,
        "violated",
        "the mesh's root key is in Consul's own state, and in each of its snapshots",
        chart(),
        compliance=["pci-dss"],
    ),
    case(
        11,
        "violated",
        "the mesh's root key is in Consul's own state, and in each of its snapshots",
        live("{}", "consul"),
        compliance=["pci-dss"],
    ),
    case(11, "not_applicable", "Vault doesn't serve it, and no framework asks for that", live("{}", "consul")),
    case(11, "passed", "", live("{}")),
    case(
        12,
        "violated",
        "the authority's settings hold the root's private key",
        live('{"PrivateKey": "PEM"}', "consul"),
    ),
    case(
        12,
        "violated",
        "the authority's settings hold a token of Vault's",
        chart(VAULT % ', connectCA: {additionalConfig: \'{"connect": [{"ca_config": [{"token": "s.1"}]}]}\'}'),
    ),
    case(12, "passed", "", live("no JSON")),
    case(
        13,
        "violated",
        "leaves last 100 hours, 72 at most are safe\nintermediates last 9000 hours, 8760 at most are safe",
        extra('{"connect": {"ca_config": {"leaf_cert_ttl": "100h", "intermediate_cert_ttl": "9000h"}}}'),
    ),
    case(
        13,
        "violated",
        "leaves last 100 hours, 72 at most are safe",
        live('{"LeafCertTTL": 360000000000000}'),
    ),
    case(
        13,
        "undecided",
        "how long leaves last is known only at the update",
        plain("ca", "consul:index/certificateAuthority:CertificateAuthority", "config: {LeafCertTTL: <unknown>}"),
    ),
    case(
        14,
        "violated",
        "Consul doesn't verify who answers as Vault",
        live('{"Address": "https://vault:8200", "TLSSkipVerify": true}'),
    ),
    case(
        15,
        "violated",
        "its leaf_cert_ttl is not what Consul uses: after the first start only the live setting counts",
        extra('{"connect": {"ca_config": {"leaf_cert_ttl": "24h"}}}'),
        live('{"LeafCertTTL": "72h"}'),
        plain("read", "consul:index/certificateAuthority:CertificateAuthority", "id: consul-ca"),
    ),
    case(
        15,
        "violated",
        "its setting of the authority is not what Consul uses: after the first start only the live setting counts",
        extra('{"connect": {"ca_config": {"max_retries": [3, 4], "retries": 3}}}'),
        live('{"Retries": 4}'),
    ),
    case(
        15,
        "passed",
        "",
        extra('{"connect": {"ca_config": {"leaf_cert_ttl": "72h"}}}'),
        live('{"LeafCertTTL": "4320m"}'),
    ),
]

INSTALLED = [
    case(
        16,
        "violated",
        "its ACLs allow what no policy denies (acl.default_policy)",
        extra('{"acl": {"default_policy": "allow"}}', "global: {acls: {manageSystemACLs: true}}, "),
    ),
    case(17, "violated", "calls that no intention names are allowed", chart()),
    case(17, "passed", "", extra('{"default_intention_policy": "deny"}')),
    case(
        18,
        "violated",
        "gossip between its servers is in plaintext: whoever reaches the port joins",
        chart("global: {gossipEncryption: {secretName: gossip}}"),
    ),
    case(18, "passed", "", chart("global: {gossipEncryption: {secretName: gossip, secretKey: key}}")),
    case(
        19,
        "violated",
        "its agents don't verify servers' certificates\nits servers answer HTTP beside HTTPS\n"
        "its servers speak TLS below 1.2",
        extra(
            '{"tls": {"defaults": {"tls_min_version": "TLSv1_1"}}}',
            "global: {tls: {enabled: true, verify: false, httpsOnly: false}}, ",
        ),
    ),
    case(
        20,
        "violated",
        "the mesh names no TLS for incoming calls\nthe mesh names no TLS for outgoing calls",
        mesh("transparentProxy: {}"),
    ),
    case(
        20,
        "violated",
        "the mesh takes TLS below 1.2 for incoming calls",
        api(
            "mesh",
            "mesh",
            '{"TLS": {"Incoming": {"TLSMinVersion": "TLSv1_0"}, "Outgoing": {"TLSMinVersion": "TLSv1_3"}}}',
        ),
    ),
    case(21, "violated", "its hooks are switched off (disableWebhooks)", chart(more="disableWebhooks: true")),
    case(
        22,
        "violated",
        "it installs the Gateway API's CRDs, old ones, which the stack installs as well",
        plain("crds", "kubernetes:yaml/v2:ConfigFile", "file: https://example.com/gateway-api/standard-install.yaml"),
        chart(),
    ),
    case(
        22,
        "violated",
        "it installs the Gateway API's CRDs, old ones, which the stack installs as well",
        plain(
            "crd",
            "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
            "spec: {group: gateway.networking.k8s.io}",
        ),
        chart(),
    ),
    case(22, "passed", "", GATEWAY_API, chart("connectInject: {apiGateway: {manageExternalCRDs: false}}")),
    case(
        23,
        "violated",
        "its agents' annotations are openbao.org's, and the chart's others vault.hashicorp.com's",
        chart(VAULT % ", agentAnnotations: 'openbao.org/agent-inject: \"true\"'"),
    ),
    case(
        24,
        "violated",
        "the bootstrap token is among its values: in the state, in the release's Secret and in a ConfigMap\n"
        "a token is among its values: in the state, in the release's Secret and in a ConfigMap",
        extra('{"acl": {"tokens": {"initial_management": "s", "agent": "a", "default": "d"}}}'),
    ),
    case(24, "passed", "", chart("server: {extraConfig: 'not JSON'}")),
    case(
        25,
        "violated",
        "it gives every right in Consul (global-management)",
        plain("rule", TOKENS[2], "bindType: policy, bindName: global-management"),
    ),
    case(
        25,
        "violated",
        "it gives every right in Consul (global-management)",
        plain("anonymous", TOKENS[3], "tokenId: 00000000-0000-0000-0000-000000000002, policy: global-management"),
    ),
    case(
        27,
        "violated",
        "every Service of the cluster becomes a service of Consul's, outside the mesh\n"
        "services are synced both ways: one name can come to mean two things",
        chart("syncCatalog: {enabled: true}"),
    ),
    case(
        28,
        "violated",
        "it runs whatever is newest: global.imageK8S names no version",
        chart("global: {imageK8S: 'r:5000/k'}"),
    ),
    case(28, "passed", "", chart("global: {image: 'r:5000/consul@sha256:0a1b'}")),
    case(29, "passed", "", chart("connectInject: {replicas: <unknown>}")),
]

AVAILABLE = [
    case(
        30,
        "violated",
        "4 servers survive no more losses than 3, and need one more to agree",
        chart("server: {replicas: 4}"),
    ),
    case(
        30,
        "violated",
        "with 2 servers nothing can be registered or changed while one is away",
        chart("server: {replicas: 2}"),
    ),
    case(31, "passed", "", chart("connectInject: {replicas: 2, disruptionBudget: {maxUnavailable: 1}}")),
    case(
        31,
        "violated",
        "the budget of 3 injectors wants all of them (minAvailable)",
        chart("connectInject: {replicas: 3.0, disruptionBudget: {minAvailable: 3.0, list: [1]}}"),
    ),
    case(57, "passed", "", chart("server: {snapshotAgent: {enabled: true}}")),
    case(
        57,
        "passed",
        "",
        chart(),
        plain(
            "job",
            "kubernetes:batch/v1:CronJob",
            "spec: {jobTemplate: {spec: {template: {spec: {containers: [{command: [consul, snapshot, save, /s]}]}}}}}",
        ),
    ),
    case(33, "passed", "", chart("connectInject: {transparentProxy: {defaultEnabled: true}}")),
    case(
        34,
        "passed",
        "",
        namespace("shop", "connect-inject: enabled, pod-security.kubernetes.io/enforce: baseline"),
        chart("connectInject: {transparentProxy: {defaultEnabled: false}}"),
    ),
    case(
        35,
        "violated",
        "the servers' volumes are deleted when there are fewer of them: tokens and the authority with them",
        chart("server: {persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}}"),
    ),
]

EXPOSED = [
    case(
        37,
        "violated",
        "the UI is behind an Ingress\nthe UI is on a port of every node",
        chart("ui: {ingress: {enabled: true}, service: {type: NodePort}}"),
    ),
    case(
        37,
        "violated",
        "the UI is on a public load balancer",
        chart("ui: {service: {type: LoadBalancer, additionalSpec: 'loadBalancerSourceRanges: [0.0.0.0/0]'}}"),
    ),
    case(
        37,
        "violated",
        "the UI is on a public load balancer",
        chart("ui: {service: {type: LoadBalancer, annotations: '{'}}"),
    ),
    case(37, "passed", "", chart()),
    case(
        37,
        "violated",
        "the UI is on a public load balancer",
        chart("ui: {service: {type: LoadBalancer, annotations: 'x/azure-load-balancer-internal: \"false\"'}}"),
    ),
    case(
        38,
        "violated",
        "its servers' API is open to every address",
        chart("server: {exposeService: {enabled: true, type: NodePort}}"),
    ),
    case(
        40,
        "violated",
        "the IngressGateway front is of a deprecated kind",
        entry("IngressGateway", "front", "listeners: []"),
    ),
    case(
        41,
        "violated",
        "the gateway out is a way to every service, also to those still to come",
        entry("TerminatingGateway", "out", "services: [{name: '*', caFile: /ca.pem}]"),
    ),
    case(
        41,
        "passed",
        "",
        entry("TerminatingGateway", "out", "services: [{name: resize}]"),
        entry("ServiceDefaults", "resize", "protocol: http, envoyExtensions: [{name: builtin/aws/lambda}]"),
    ),
    case(
        41,
        "passed",
        "",
        entry("TerminatingGateway", "out", "services: [{name: ldap}]"),
        entry("ServiceDefaults", "ldap", "destination: {addresses: [ldap.example.com], port: 636}"),
    ),
    case(41, "passed", "", entry("TerminatingGateway", "out", "services: [{name: rds, secretRef: {name: rds}}]")),
    case(
        42,
        "violated",
        "the destination world is for hosts that nobody named",
        plain(
            "world",
            "consul:index/configEntryServiceDefaults:ConfigEntryServiceDefaults",
            "name: world, protocol: http, destinations: [{addresses: ['*.example.com'], port: 443}]",
        ),
    ),
    case(
        43,
        "violated",
        "every service is exported, also those still to come",
        plain(
            "all",
            "consul:index/configEntryV2ExportedServices:ConfigEntryV2ExportedServices",
            "kind: ExportedServices, name: all, services: ['*']",
        ),
    ),
    case(
        44,
        "violated",
        "the JWT provider login takes tokens of any issuer\n"
        "the JWT provider login takes tokens that were made for others: it has no audiences",
        api("jwt-provider", "login", '{"JSONWebKeySet": {"Remote": {"URI": "https://id.example.com"}}}'),
    ),
    case(
        44,
        "violated",
        "the JWT provider login has its keys over http: whoever is between can sign tokens",
        api(
            "jwt-provider",
            "login",
            '{"Issuer": "a", "Audiences": ["b"], "JSONWebKeySet": {"Remote": {"URI": "HTTP://id.example.com"}}}',
        ),
    ),
    case(
        45,
        "violated",
        "the whole of global answers in plaintext, past its intentions (expose.paths)",
        api("proxy-defaults", "global", '{"Expose": {"Paths": [{"Path": "/"}]}}'),
    ),
]

TYPED = "consul:index/configEntryServiceIntentions:ConfigEntryServiceIntentions"
INTENTIONS = [
    case(
        46,
        "violated",
        "every service may call every other",
        plain("all", TYPED, "name: '*', sources: [{name: '*', action: allow, type: consul}]"),
    ),
    case(
        46,
        "violated",
        "every service may call every other",
        plain(
            "all",
            CONFIG_ENTRY,
            'kind: service-intentions, name: \'*\', configJson: \'{"Sources": [{"Name": "*", "Action": "allow"}]}\'',
        ),
    ),
    case(46, "passed", "", plain("all", TYPED, "name: '*', sources: [{name: web, action: allow}]")),
    case(
        47,
        "violated",
        "web may call every service",
        plain("all", TYPED, "name: '*', sources: [{name: web, action: allow}]"),
    ),
    case(47, "passed", "", LOOKS),
    case(
        47, "passed", "", entry("ServiceIntentions", "cart", "sources: [{name: '*', permissions: [{action: allow}]}]")
    ),
    case(
        48,
        "violated",
        "the intention for cart looks at requests, and its protocol is tcp",
        plain("cart", TYPED, "name: cart, sources: [{name: web, permissions: [{https: [{pathExact: /}]}, 7]}, 7]"),
        plain("cart-defaults", "consul:index/configEntryServiceDefaults:ConfigEntryServiceDefaults", "name: cart"),
    ),
    case(48, "passed", "", LOOKS, entry("ProxyDefaults", "global", "config: {protocol: http}", "consul")),
    case(
        49,
        "violated",
        "the intention for cart looks at paths, and //admin or %2Fadmin is not /admin to it",
        LOOKS,
        mesh(
            "http: {incoming: {requestNormalization: {insecureDisablePathNormalization: true, mergeSlashes: true, "
            "pathWithEscapedSlashesAction: REJECT_REQUEST}}}"
        ),
    ),
    case(
        50,
        "violated",
        "the namespace shop takes plaintext past its intentions, and nothing says until when",
        permissive(""),
    ),
    case(
        50,
        "violated",
        "every service takes plaintext past its intentions, and nothing says until when",
        entry("ProxyDefaults", "global", "mutualTLSMode: permissive", "consul"),
    ),
    case(
        50,
        "passed",
        "",
        plain(
            "legacy",
            "consul:index/configEntryServiceDefaults:ConfigEntryServiceDefaults",
            f"name: legacy, mutualTlsMode: permissive, meta: {{{UNTIL}: '2026-12-11'}}",
        ),
    ),
    case(
        51,
        "violated",
        "the namespace shop was to be strict after 2026-11-22, and still takes plaintext past its intentions",
        permissive(", deadline: '2026-11-22'"),
    ),
    case(51, "passed", "", permissive(", deadline: '2026-11-23'")),
    case(52, "passed", "", ALLOWS, permissive(", deadline: '2026-12-11'")),
]

WORKLOADS = [
    case(
        53,
        "violated",
        "the Deployment cart has the service account default: its pods can't log in to Consul, and don't start",
        plain("shop", CONSUL_NAMESPACE, "namespace: shop, phase: strict"),
        deployment("default"),
    ),
    case(
        53,
        "violated",
        "the Deployment cart has the service account default: its pods can't log in to Consul, and don't start",
        deployment("", "consul.hashicorp.com/connect-inject: 'true'"),
    ),
    case(
        53,
        "not_applicable",
        "no workload gets a proxy, as far as the stack shows",
        namespace(),
        deployment("", "consul.hashicorp.com/connect-inject: 'false'"),
    ),
    case(
        54,
        "violated",
        "the pods of Deployment cart are the service basket, and have the service account cart",
        namespace(),
        service(),
        deployment(annotations="consul.hashicorp.com/connect-service: basket"),
    ),
    # Several services of one pod, a Service of another's pods, and one without a selector.
    case(54, "passed", "", namespace(), deployment(annotations="consul.hashicorp.com/connect-service: 'a,b'")),
    case(
        54,
        "passed",
        "",
        namespace(),
        service("web", spec="selector: {app: web}"),
        service("db", spec="type: ExternalName"),
        plain("far", "kubernetes:core/v1:Service", "metadata: {name: far}, spec: {selector: {app: cart}}"),
        deployment(),
    ),
    case(
        55,
        "passed",
        "",
        namespace(),
        service(),
        service("more"),
        deployment(annotations="consul.hashicorp.com/kubernetes-service: cart"),
    ),
    case(
        56,
        "violated",
        "the Deployment cart switches off its transparent proxy without a reason: no mTLS, and no intention",
        deployment(annotations="consul.hashicorp.com/transparent-proxy: 'false'"),
    ),
    case(
        56,
        "undecided",
        "what goes round its proxy, or why, is known only at the update",
        deployment(annotations=f"{PORTS}: '9000', meshwright.dev/skip-ports-reason: <unknown>"),
    ),
    case(56, "passed", "", deployment(annotations="consul.hashicorp.com/transparent-proxy: 'true'")),
]

CASES = [
    *NOT_JUDGED,
    *IN_VAULT,
    *AUTHORITY,
    *INSTALLED,
    *AVAILABLE,
    *EXPOSED,
    *INTENTIONS,
    *WORKLOADS,
]
