"""How Linkerd's charts are installed: where they come from, their webhooks, their certificates and their replicas."""

from collections.abc import Iterator
from typing import Any

from meshwright.errors import MeshwrightError
from meshwright.linkerd import labels
from meshwright_policy.istio.charts import Chart
from meshwright_policy.linkerd.fragments import chart, namespace
from meshwright_policy.linkerd.objects import (
    CONFIG_MAP,
    CONTROL_PLANE,
    HELM,
    KUBERNETES_NAMESPACE,
    chart_of,
    installed,
    name_of,
)
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, listed, today

_LEGACY = ("linkerd2", "linkerd-jaeger", "linkerd-smi", "linkerd-multicluster-link")
_WEBHOOKS = ("proxyInjector", "profileValidator", "policyValidator")
_HA = "https://linkerd.io/2/features/ha/"
_RELEASES = "https://linkerd.io/releases/"


def _plane(subject: Subject) -> Chart:
    found = chart_of(subject)
    if found.name not in CONTROL_PLANE:
        raise NotApplicableError("it doesn't install Linkerd's control plane")
    return found


def _repository(subject: Subject, _: Config) -> Iterator[Answer]:
    name, repo = at(subject.properties, "chart"), at(subject.properties, "repositoryOpts", "repo")
    if "linkerd" not in f"{name} {repo}":
        raise NotApplicableError("its chart is none of Linkerd's")
    if any(isinstance(text, str) and "helm.linkerd.io/stable" in text for text in (name, repo)):
        yield Violation("it comes from helm.linkerd.io/stable, where nothing has changed since February 2024")
    elif UNKNOWN in (name, repo):
        yield Undecided("where its chart comes from is known only at the update")


def _licence(subject: Subject, _: Config) -> Iterator[Answer]:
    found = _plane(subject)
    if found.name != "linkerd-enterprise-control-plane":
        raise NotApplicableError("it doesn't install Buoyant Enterprise for Linkerd")
    given = [found.value(key) for key in ("license", "licenseSecret")]
    if UNKNOWN in given:
        yield Undecided("whether it has a licence is known only at the update")
    elif not any(given):
        yield Violation("it installs Buoyant Enterprise for Linkerd without a licence")


def _extensions(subject: Subject, _: Config) -> Iterator[Answer]:
    found = chart_of(subject)
    is_open = at(subject.properties, "chart") is UNKNOWN
    if is_open and "linkerd" in str(at(subject.properties, "repositoryOpts", "repo")):
        yield Undecided("which chart it installs is known only at the update")
    elif not found.name.startswith("linkerd"):
        raise NotApplicableError("its chart is none of Linkerd's")
    elif found.name in _LEGACY:
        yield Violation(f"the chart {found.name} is no longer made")


def _webhooks(subject: Subject, _: Config) -> Iterator[Answer]:
    found = _plane(subject)
    given = {name: found.value(name, "externalSecret") for name in _WEBHOOKS}
    if missing := [name for name, value in given.items() if value is not True and value is not UNKNOWN]:
        verb = "drifts with every preview" if subject.type.endswith(":Chart") else "ends in 365 days"
        yield Violation(f"the chart makes the certificate of {listed(missing)}, which {verb}")
    elif UNKNOWN in given.values():
        yield Undecided("where its webhooks have their certificates from is known only at the update")


def _heartbeat(subject: Subject, _: Config) -> Iterator[Answer]:
    found = _plane(subject)
    given = [found.value(key) for key in ("disableHeartBeat", "heartbeatSchedule")]
    if given[0] is not True and not given[1]:
        yield Violation("the heartbeat's schedule is the minute of the rendering, another with each")
    elif given[0] is UNKNOWN or (given[0] is not True and given[1] is UNKNOWN):
        yield Undecided("when its heartbeat runs is known only at the update")


def _issuer_key(subject: Subject, _: Config) -> Iterator[Answer]:
    key = _plane(subject).value("identity", "issuer", "tls", "keyPEM")
    if key is UNKNOWN:
        yield Undecided("whether the issuer's key is among its values is known only at the update")
    elif key:
        yield Violation(
            "the issuer's private key is among the chart's values: in the state and in the release's Secret"
        )


def _bundle(subject: Subject, _: Config) -> Iterator[Answer]:
    if subject.type in CONFIG_MAP:
        if name_of(subject) != labels.TRUST_ROOTS:
            raise NotApplicableError("it is not the bundle of trust anchors")
        text: Any = at(subject.properties, "data", labels.TRUST_ROOTS_KEY)
    else:
        text = _plane(subject).value("identityTrustAnchorsPEM")
    if text is UNKNOWN:
        yield Undecided("the trust anchors are known only at the update")
    elif not isinstance(text, str) or not text:
        raise NotApplicableError("it has no trust anchors")
    elif wrong := _wrong_in(text):
        yield Violation(f"the trust anchors can't be used: {wrong}")


def _wrong_in(text: str) -> str:
    """What is wrong with a bundle; no word of what stands in it."""
    from meshwright.linkerd.certificates.fitness import read_anchors

    try:
        read_anchors(text, "", today())
    except MeshwrightError as error:
        return _TROUBLE.get(str(error.problems[0].code), "a certificate can't be an anchor, or is out of date")
    return ""


_TROUBLE = {
    "MW-E145": "they are not certificates alone, in PEM",
    "MW-E188": "one is there twice",
}


def _spread(subject: Subject, _: Config) -> Iterator[Answer]:
    found = _plane(subject)
    policy = found.value("webhookFailurePolicy")
    if policy in (None, "Ignore"):
        raise NotApplicableError("its webhooks fail open")
    replicas = found.value("controllerReplicas")
    switches = [found.value(key) for key in ("enablePodDisruptionBudget", "enablePodAntiAffinity")]
    wanted = zip(("disruption budget", "anti-affinity"), switches, strict=True)
    lacks = ["second replica"] * (not (replicas is UNKNOWN or (isinstance(replicas, int | float) and replicas >= 2)))
    lacks += [word for word, value in wanted if value is not True and value is not UNKNOWN]
    if lacks and policy == "Fail":
        yield Violation(f"its webhooks fail closed, and it has no {' and no '.join(lacks)}: without it no pod starts")
    elif UNKNOWN in (policy, replicas, *switches):
        yield Undecided("its failure policy or replicas are known only at the update")


_WANTED = {labels.IS_CONTROL_PLANE: "true", labels.ADMISSION_WEBHOOKS: "disabled"}


def _labelled(stack: Stack, _: Config) -> Iterator[Answer]:
    homes = {at(one.subject.properties, "namespace") for one in installed(stack, *CONTROL_PLANE)}
    found = [one for one in stack.of(*KUBERNETES_NAMESPACE) if name_of(one) in homes - {None, UNKNOWN}]
    if not found:
        raise NotApplicableError("the stack doesn't hold the control plane's namespace")
    for space in found:
        given = {key: at(space.properties, "metadata", "labels", key) for key in _WANTED}
        missing = [key for key, value in given.items() if value not in (_WANTED[key], UNKNOWN)]
        if missing:
            yield Violation(f"the control plane's namespace {name_of(space)} lacks the label {listed(missing)}", space)
        elif UNKNOWN in given.values():
            yield Undecided("the namespace's labels are known only at the update", space)


_POOLS = {
    "aws:eks/nodeGroup:NodeGroup": ("scalingConfig", "minSize"),
    "gcp:container/nodePool:NodePool": ("nodeCount",),
}


def _nodes(stack: Stack, _: Config) -> Iterator[Answer]:
    spread = [one for one in installed(stack, *CONTROL_PLANE) if one.value("enablePodAntiAffinity") is True]
    pools = [at(pool.properties, *_POOLS[pool.type]) for pool in stack.of(*_POOLS)]
    if not spread or not pools:
        raise NotApplicableError("the stack doesn't make both nodes and a control plane that is spread over them")
    for one in spread:
        replicas = one.value("controllerReplicas") or 1
        numbers = [number for number in (*pools, replicas) if isinstance(number, int | float)]
        if len(numbers) <= len(pools):
            yield Undecided("how many nodes or replicas there are is known only at the update", one.subject)
        elif sum(numbers[:-1]) < replicas:
            what = f"{replicas:g} replicas need a node each, and the stack declares {sum(numbers[:-1]):g}"
            yield Violation(what, one.subject)


_OWN = ", ".join(f"{name}: {{externalSecret: true, injectCaFrom: linkerd/webhooks}}" for name in _WEBHOOKS)
_HA_VALUES = (
    "webhookFailurePolicy: Fail, controllerReplicas: 3, enablePodDisruptionBudget: true, enablePodAntiAffinity: true"
)
_LABELS = f"{labels.IS_CONTROL_PLANE}: 'true', {labels.ADMISSION_WEBHOOKS}: disabled"
_POOL = "nodes:\n  type: aws:eks/nodeGroup:NodeGroup\n  properties: {scalingConfig: {minSize: %s}}\n"
_PLANE = "linkerd-control-plane"
_ANCHOR = (
    "-----BEGIN CERTIFICATE-----\\n"
    "MIIBfjCCASOgAwIBAgIBATAKBggqhkjOPQQDAjAlMSMwIQYDVQQDDBpyb290Lmxp\\n"
    "bmtlcmQuY2x1c3Rlci5sb2NhbDAgFw0yNjAxMDEwMDAwMDBaGA8yMDU2MDEwMTAw\\n"
    "MDAwMFowJTEjMCEGA1UEAwwacm9vdC5saW5rZXJkLmNsdXN0ZXIubG9jYWwwWTAT\\n"
    "BgcqhkjOPQIBBggqhkjOPQMBBwNCAARXuPqoPZ2jhn7N/44T2FGDAjYItRjTgaAm\\n"
    "fljg4iVOhUbTPQALHTFjeueZ46vbmAQjipwcAUkwA8Z8L785zA6ho0IwQDAPBgNV\\n"
    "HRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQUAwmjgH0FtRzT\\n"
    "BN/e3Fc/boBZsZYwCgYIKoZIzj0EAwIDSQAwRgIhAOHJe8Mka0EP3j8Ixu/OILa/\\n"
    "GIWZpjghwekRrGOKHSGDAiEAqoRVNQZ02V2jxVuBYjiSQQyoWAGcjRwMN19nsbGO\\n"
    "mV0=\\n"
    "-----END CERTIFICATE-----\\n"
)

REPOSITORY = Rule(
    id="MW-LNK-007",
    slug="linkerd-comes-from-a-repository-that-lives",
    title="Linkerd's charts come from a repository that gets releases",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="The repository `stable` was frozen in February 2024. What it installs has had no security fixes since.",
    remedy="take the charts from https://helm.linkerd.io/edge, or Buoyant's from https://helm.buoyant.cloud",
    bad=Example(
        chart(_PLANE, repo="https://helm.linkerd.io/stable"),
        "it comes from helm.linkerd.io/stable, where nothing has changed since February 2024",
    ),
    good=Example(chart(_PLANE)),
    references=(_RELEASES,),
    check=_repository,
)
LICENCE = Rule(
    id="MW-LNK-008",
    slug="enterprise-has-a-licence",
    title="Buoyant Enterprise for Linkerd has its licence",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="The enterprise control plane doesn't start without a licence key.",
    remedy="set `license`, or `licenseSecret` to the name of a Secret that has it",
    bad=Example(
        chart("linkerd-enterprise-control-plane", repo="https://helm.buoyant.cloud"),
        "it installs Buoyant Enterprise for Linkerd without a licence",
    ),
    good=Example(
        chart("linkerd-enterprise-control-plane", "licenseSecret: linkerd-license", "https://helm.buoyant.cloud")
    ),
    references=("https://docs.buoyant.io/buoyant-enterprise-linkerd/latest/installation/",),
    check=_licence,
)
EXTENSIONS = Rule(
    id="MW-LNK-009",
    slug="no-chart-that-is-gone",
    title="No chart of Linkerd's is installed that is no longer made",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=HELM,
    why="Tracing is part of the control plane now, TrafficSplits are HTTPRoutes, and Links are written as objects.",
    remedy="use `proxy.tracing`, HTTPRoutes with weights, and the chart linkerd-multicluster with its `controllers`",
    notes=f"It knows {', '.join(f'`{name}`' for name in _LEGACY)}.",
    bad=Example(chart("linkerd-jaeger"), "the chart linkerd-jaeger is no longer made"),
    good=Example(chart(_PLANE)),
    references=("https://linkerd.io/2/tasks/jaeger-extension-migration/",),
    check=_extensions,
)
WEBHOOKS = Rule(
    id="MW-LNK-010",
    slug="webhook-certificates-are-managed",
    title="The webhooks' certificates are managed",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=HELM,
    why=(
        "The chart makes new certificates whenever it is rendered, for 365 days. With helm.v4.Chart each preview "
        "shows a "
        "difference and each update restarts the control plane; with a release nobody upgrades, they end."
    ),
    remedy="set `externalSecret: true` and `injectCaFrom` for the three webhooks, and let cert-manager make them",
    bad=Example(
        chart(_PLANE, kind="helm.sh/v4:Chart"),
        "the chart makes the certificate of proxyInjector, profileValidator and policyValidator, which drifts "
        "with every "
        "preview",
    ),
    good=Example(chart(_PLANE, _OWN)),
    references=("https://linkerd.io/2/tasks/automatically-rotating-webhook-tls-credentials/",),
    check=_webhooks,
)
HEARTBEAT = Rule(
    id="MW-LNK-011",
    slug="heartbeat-is-fixed",
    title="The heartbeat has a schedule that doesn't change",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    applies_to=HELM,
    why="Where no schedule is given, the chart takes the time of the rendering: every preview shows a difference.",
    remedy="set `heartbeatSchedule`, or `disableHeartBeat: true`",
    bad=Example(chart(_PLANE), "the heartbeat's schedule is the minute of the rendering, another with each"),
    good=Example(chart(_PLANE, "disableHeartBeat: true")),
    references=("https://github.com/linkerd/linkerd2/blob/main/charts/linkerd-control-plane/templates/heartbeat.yaml",),
    check=_heartbeat,
)
ISSUER_KEY = Rule(
    id="MW-LNK-012",
    slug="issuer-key-is-no-value",
    title="The issuer's private key is not a value of the chart",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=HELM,
    why=(
        "A value of a chart is in Pulumi's state and in Helm's Secret. Whoever reads it can be any workload of the "
        "mesh."
    ),
    remedy="set `identity.issuer.scheme: kubernetes.io/tls`, and let cert-manager write the Secret",
    bad=Example(
        chart(_PLANE, "identity: {issuer: {tls: {keyPEM: PEM}}}"),
        "the issuer's private key is among the chart's values: in the state and in the release's Secret",
    ),
    good=Example(chart(_PLANE, "identity: {externalCA: true, issuer: {scheme: kubernetes.io/tls}}")),
    references=("https://linkerd.io/2/tasks/automatically-rotating-control-plane-tls-credentials/",),
    check=_issuer_key,
)
BUNDLE = Rule(
    id="MW-LNK-013",
    slug="trust-anchors-can-be-used",
    title="The trust anchors are certificates that Linkerd takes, each once and in date",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=(*HELM, *CONFIG_MAP),
    why=(
        "Proxies that get an expired anchor, or one of another curve, trust nobody. A bundle with one anchor "
        "twice looks "
        "like a rotation under way, and isn't."
    ),
    remedy="give each anchor once, in PEM: P-256 or RSA with 2048 or 4096 bits, signed with SHA-256, and in date",
    bad=Example(
        chart(_PLANE, "identityTrustAnchorsPEM: PEM"),
        "the trust anchors can't be used: they are not certificates alone, in PEM",
    ),
    good=Example(chart(_PLANE, f'identityTrustAnchorsPEM: "{_ANCHOR}"')),
    references=("https://github.com/linkerd/linkerd2/blob/main/pkg/issuercerts/issuercerts.go",),
    check=_bundle,
)
SPREAD = Rule(
    id="MW-LNK-014",
    slug="closed-webhooks-are-redundant",
    title="Webhooks that fail closed have several replicas, a budget and anti-affinity",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="With `webhookFailurePolicy: Fail` no pod starts anywhere while the injector is away: one drain is an outage.",
    remedy="set `controllerReplicas: 3`, `enablePodDisruptionBudget` and `enablePodAntiAffinity`",
    bad=Example(
        chart(_PLANE, "webhookFailurePolicy: Fail"),
        "its webhooks fail closed, and it has no second replica and no disruption budget and no anti-affinity: without "
        "it no pod starts",
    ),
    good=Example(chart(_PLANE, _HA_VALUES)),
    references=(_HA,),
    check=_spread,
)
LABELLED = Rule(
    id="MW-LNK-015",
    slug="control-plane-namespace-is-labelled",
    title="The control plane's namespace has the labels that the chart leaves out",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HELM,
    context=KUBERNETES_NAMESPACE,
    why=(
        "Linkerd's CLI labels the namespace, the chart doesn't. Without them trust-manager writes no bundle there, and "
        "the injector's own pods wait for the injector."
    ),
    remedy=f"label it {labels.IS_CONTROL_PLANE}: 'true' and {labels.ADMISSION_WEBHOOKS}: disabled",
    bad=Example(
        namespace("linkerd", "") + chart(_PLANE),
        "the control plane's namespace linkerd lacks the label linkerd.io/is-control-plane and "
        "config.linkerd.io/admission-webhooks",
    ),
    good=Example(namespace("linkerd", "", _LABELS) + chart(_PLANE)),
    references=("https://github.com/linkerd/linkerd2/blob/main/charts/linkerd-control-plane/templates/namespace.yaml",),
    check_stack=_labelled,
)
NODES = Rule(
    id="MW-LNK-016",
    slug="replicas-have-nodes",
    title="There is a node for each replica of the control plane",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=HELM,
    context=tuple(_POOLS),
    why=(
        "Anti-affinity is required, not preferred: replicas without a node of their own stay pending, and upgrades "
        "hang."
    ),
    remedy="declare as many nodes as replicas, or set `enablePodAntiAffinity: false`",
    notes="It counts nodes of EKS node groups (`minSize`) and GKE node pools (`nodeCount`) that the stack makes.",
    bad=Example(_POOL % 2 + chart(_PLANE, _HA_VALUES), "3 replicas need a node each, and the stack declares 2"),
    good=Example(_POOL % 3 + chart(_PLANE, _HA_VALUES)),
    references=(_HA,),
    check_stack=_nodes,
)

RULES = (
    REPOSITORY,
    LICENCE,
    EXTENSIONS,
    WEBHOOKS,
    HEARTBEAT,
    ISSUER_KEY,
    BUNDLE,
    SPREAD,
    LABELLED,
    NODES,
)
