"""What guards Consul itself: ACLs, gossip, TLS, and the secrets among its chart's values."""

from collections.abc import Iterator

from meshwright_policy.consul.fragments import chart, entry, plain
from meshwright_policy.consul.objects import (
    DENY_BY_DEFAULT,
    ENCRYPTED_ACCESS,
    HELM,
    LEAST_PRIVILEGE,
    MESH,
    NO_HARD_CODED,
    chart_of,
    entry_of,
    extra,
    servers_of,
    setting,
)
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.values import UNKNOWN, at, elements

TOKENS = (
    "consul:index/aclToken:AclToken",
    "consul:index/aclRole:AclRole",
    "consul:index/aclBindingRule:AclBindingRule",
    "consul:index/aclTokenPolicyAttachment:AclTokenPolicyAttachment",
)
_MANAGEMENT = ("global-management", "00000000-0000-0000-0000-000000000001")
_ACL = "https://developer.hashicorp.com/consul/docs/secure/acl"
_TLS = "https://developer.hashicorp.com/consul/docs/secure/encryption/tls"
_VALUES = "https://developer.hashicorp.com/consul/docs/reference/k8s/helm"
_INTENTIONS = "https://developer.hashicorp.com/consul/docs/secure-mesh/intention"
_OPEN = Undecided("its values are known only at the update")


def _acls(subject: Subject, _: Config) -> Iterator[Answer]:
    found = chart_of(subject)
    managed, policy = setting(found, "global.acls.manageSystemACLs", False), extra(found, "acl", "default_policy")
    if policy == "allow":
        yield Violation("its ACLs allow what no policy denies (acl.default_policy)")
    elif managed is UNKNOWN or policy is UNKNOWN:
        yield _OPEN
    elif managed is not True:
        yield Violation("it has no ACLs: whoever reaches a server registers services and changes intentions")


def _default_deny(subject: Subject, _: Config) -> Iterator[Answer]:
    found = servers_of(subject)
    said = extra(found, "default_intention_policy")
    managed = setting(found, "global.acls.manageSystemACLs", False)
    if said is UNKNOWN or (said is None and managed is UNKNOWN):
        yield _OPEN
    elif said == "allow" or (said is None and managed is not True):
        yield Violation("calls that no intention names are allowed")


def _gossip(subject: Subject, _: Config) -> Iterator[Answer]:
    found = servers_of(subject)
    given = [
        setting(found, f"global.gossipEncryption.{key}", False) for key in ("autoGenerate", "secretName", "secretKey")
    ]
    generated, *secret = given
    if generated is not True and not all(secret) and generated is not UNKNOWN:
        yield Violation("gossip between its servers is in plaintext: whoever reaches the port joins")
    elif UNKNOWN in given and generated is not True:
        yield _OPEN


def _tls(subject: Subject, _: Config) -> Iterator[Answer]:
    found = chart_of(subject)
    enabled, verify, only = (
        setting(found, f"global.tls.{key}", default)
        for key, default in (("enabled", False), ("verify", True), ("httpsOnly", True))
    )
    lowest = [extra(found, "tls", part, "tls_min_version") for part in ("defaults", "https", "grpc", "internal_rpc")]
    lowest.append(extra(found, "tls_min_version"))
    if enabled is not True and enabled is not UNKNOWN:
        yield Violation("its servers speak plaintext: tokens can be read")
        return
    if verify is False:
        yield Violation("its agents don't verify servers' certificates")
    if only is False:
        yield Violation("its servers answer HTTP beside HTTPS")
    if any(one in _OLD_TLS for one in lowest):
        yield Violation("its servers speak TLS below 1.2")
    if UNKNOWN in (enabled, verify, only, *lowest):
        yield _OPEN


_OLD_TLS = ("tls10", "tls11", "TLSv1_0", "TLSv1_1")
_NEW_TLS = ("TLSv1_2", "TLSv1_3")


def _lowest_tls(subject: Subject, _: Config) -> Iterator[Answer]:
    mesh = entry_of(subject, "Mesh")
    for way in ("incoming", "outgoing"):
        lowest = mesh.get("tls", way, "tlsMinVersion")
        if lowest is UNKNOWN:
            yield Undecided(f"its least version of TLS for {way} calls is known only at the update")
        elif lowest not in _NEW_TLS:
            said = f"takes TLS below 1.2 for {way} calls" if lowest in _OLD_TLS else f"names no TLS for {way} calls"
            yield Violation(f"the mesh {said}")


def _secrets(subject: Subject, _: Config) -> Iterator[Answer]:
    found = chart_of(subject)
    named = (
        ("the gossip key", ("encrypt",)),
        ("the bootstrap token", ("acl", "tokens", "initial_management")),
        ("the bootstrap token", ("acl", "tokens", "master")),
        ("a token", ("acl", "tokens", "agent")),
        ("a token", ("acl", "tokens", "default")),
        ("a token", ("acl", "tokens", "replication")),
        ("a peer's token", ("peering", "token")),
    )
    values = {path: extra(found, *path) for _, path in named}
    given = [what for what, path in named if values[path] and values[path] is not UNKNOWN]
    for what in dict.fromkeys(given):
        yield Violation(f"{what} is among its values: in the state, in the release's Secret and in a ConfigMap")
    if not given and UNKNOWN in values.values():
        yield _OPEN


def _management(subject: Subject, _: Config) -> Iterator[Answer]:
    names = [
        *elements(at(subject.properties, "policies")),
        *(at(subject.properties, key) for key in ("policy", "bindName")),
    ]
    if any(name in _MANAGEMENT for name in names):
        yield Violation("it gives every right in Consul (global-management)")
    elif UNKNOWN in names:
        yield Undecided("which policies it gives is known only at the update")


def _mesh(spec: str) -> str:
    return entry("Mesh", "mesh", spec, "consul")


def _both(lowest: str) -> str:
    return _mesh(f"tls: {{incoming: {{tlsMinVersion: {lowest}}}, outgoing: {{tlsMinVersion: {lowest}}}}}")


ACLS = Rule(
    id="MW-CON-016",
    slug="acls-are-on",
    title="Consul has ACLs, and they deny what no policy allows",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="The chart's default is none. Without ACLs any pod may register as any service, and rewrite the intentions.",
    remedy="set `global.acls.manageSystemACLs: true`, and leave acl.default_policy out",
    bad=Example(
        chart("global: {tls: {enabled: true}}"),
        "it has no ACLs: whoever reaches a server registers services and changes intentions",
    ),
    good=Example(chart("global: {acls: {manageSystemACLs: true}}")),
    references=(_ACL, _VALUES),
    frameworks=DENY_BY_DEFAULT,
    check=_acls,
)
DEFAULT_DENY = Rule(
    id="MW-CON-017",
    slug="intentions-deny-by-default",
    title="Calls that no intention names are denied",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="Intentions follow the ACLs' default; where those are off or it says `allow`, every service calls every other.",
    remedy="set `default_intention_policy: deny` in server.extraConfig, beside ACLs",
    bad=Example(
        chart(
            'global: {acls: {manageSystemACLs: true}}, server: {extraConfig: \'{"default_intention_policy": "allow"}\'}'
        ),
        "calls that no intention names are allowed",
    ),
    good=Example(chart("global: {acls: {manageSystemACLs: true}}")),
    references=(_INTENTIONS,),
    frameworks=DENY_BY_DEFAULT,
    check=_default_deny,
)
GOSSIP = Rule(
    id="MW-CON-018",
    slug="gossip-is-encrypted",
    title="Gossip between Consul's servers is encrypted",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="Without a key whoever reaches the port 8301 joins the cluster, and hears of every node and service.",
    remedy="set `global.gossipEncryption.autoGenerate: true`, or secretName and secretKey",
    bad=Example(chart(), "gossip between its servers is in plaintext: whoever reaches the port joins"),
    good=Example(chart("global: {gossipEncryption: {autoGenerate: true}}")),
    references=("https://developer.hashicorp.com/consul/docs/secure/encryption/gossip/k8s",),
    check=_gossip,
)
TLS = Rule(
    id="MW-CON-019",
    slug="servers-speak-tls",
    title="Consul's servers speak TLS of 1.2 or newer alone, and are verified",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="ACL tokens and the certificates of services pass these ports. The chart's default is plaintext.",
    remedy="set `global.tls.enabled: true`, and leave verify, httpsOnly and tls_min_version at their defaults",
    bad=Example(chart(), "its servers speak plaintext: tokens can be read"),
    good=Example(chart("global: {tls: {enabled: true}}")),
    references=(_TLS, _VALUES),
    frameworks=ENCRYPTED_ACCESS,
    check=_tls,
)
LOWEST_TLS = Rule(
    id="MW-CON-020",
    slug="mesh-speaks-tls-1-2",
    title="The mesh says that its proxies speak TLS 1.2 or newer, both ways",
    severity=Severity.MEDIUM,
    level=Level.MANDATORY,
    applies_to=MESH,
    why="What is not said is Envoy's default, which has changed between versions; older ones took TLS 1.0.",
    remedy="set `tls.incoming.tlsMinVersion` and `tls.outgoing.tlsMinVersion` to TLSv1_2 or TLSv1_3",
    notes="Kyverno's enforce-min-tls-version looks at incoming calls alone, and refuses TLSv1_3.",
    bad=Example(
        _mesh("tls: {incoming: {tlsMinVersion: TLSv1_2}, outgoing: {tlsMinVersion: TLSv1_1}}"),
        "the mesh takes TLS below 1.2 for outgoing calls",
    ),
    good=Example(_both("TLSv1_3")),
    references=("https://kyverno.io/policies/consul/enforce-min-tls-version/enforce-min-tls-version/", _TLS),
    check=_lowest_tls,
)
SECRETS = Rule(
    id="MW-CON-024",
    slug="no-key-among-the-values",
    title="No key or token is among the chart's values",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="server.extraConfig becomes a ConfigMap: every reader of the namespace has the gossip key or the first token.",
    remedy="put it into a Secret or KV, and name it by gossipEncryption or acls.bootstrapToken",
    bad=Example(
        chart('server: {extraConfig: \'{"encrypt": "a2V5"}\'}'),
        "the gossip key is among its values: in the state, in the release's Secret and in a ConfigMap",
    ),
    good=Example(chart("global: {gossipEncryption: {secretName: gossip, secretKey: key}}")),
    references=(_VALUES,),
    frameworks=NO_HARD_CODED,
    check=_secrets,
)
MANAGEMENT = Rule(
    id="MW-CON-025",
    slug="no-token-with-every-right",
    title="No token, role or login of the stack has every right in Consul",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=TOKENS,
    why="A token with global-management writes intentions, ACLs and the authority.",
    remedy="write a policy with what it needs, or use service_identities, node_identities or templated_policies",
    bad=Example(
        plain("ci", TOKENS[0], "policies: [global-management]"),
        "it gives every right in Consul (global-management)",
    ),
    good=Example(plain("ci", TOKENS[0], "policies: [read-catalog]")),
    references=(_ACL,),
    frameworks=LEAST_PRIVILEGE,
    check=_management,
)

RULES = (
    ACLS,
    DEFAULT_DENY,
    GOSSIP,
    TLS,
    LOWEST_TLS,
    SECRETS,
    MANAGEMENT,
)
