"""How Consul's chart is installed: hooks, CRDs, injectors, agents, images, and what it does beside the mesh."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright_policy.consul.fragments import chart, plain
from meshwright_policy.consul.objects import (
    HELM,
    chart_of,
    installed,
    setting,
    whole,
)
from meshwright_policy.istio.charts import chart_name
from meshwright_policy.istio.fragments import resource
from meshwright_policy.istio.kinds import CONFIG_FILE, CONFIG_GROUP, CRD
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
from meshwright_policy.values import UNKNOWN, at, elements, listed

CRD_OWNER = "meshwright:index:GatewayApiCrds"
_VALUES = "https://developer.hashicorp.com/consul/docs/reference/k8s/helm"
_OPEN = Undecided("its values are known only at the update")


def _hooks(subject: Subject, _: Config) -> Iterator[Answer]:
    chart_of(subject)
    if subject.type.endswith("v4:Chart"):
        yield Violation("its hooks don't run: no gossip key, no certificates, and nothing cleans up at the end")
    off = at(subject.properties, "disableWebhooks")
    if off is True:
        yield Violation("its hooks are switched off (disableWebhooks)")
    elif off is UNKNOWN:
        yield Undecided("whether its hooks run is known only at the update")


def _crds(stack: Stack, _: Config) -> Iterator[Answer]:
    releases = list(installed(stack))
    owners = [*stack.of(CRD_OWNER), *filter(_brings_crds, stack.of(*CONFIG_FILE, *CONFIG_GROUP, *CRD))]
    if not releases or not owners:
        raise NotApplicableError("the stack has no other owner of the Gateway API's CRDs beside Consul")
    for one in releases:
        given = [
            setting(one, path, True)
            for path in ("global.installK8sNetworkingCRDs", "connectInject.apiGateway.manageExternalCRDs")
        ]
        more = setting(one, "connectInject.apiGateway.manageNonStandardCRDs", False)
        if given[0] is False or (given[1] is False and more is False):
            continue
        if UNKNOWN in (*given, more):
            yield Undecided(_OPEN.reason, one.subject)
        else:
            what = "it installs the Gateway API's CRDs, old ones, which the stack installs as well"
            yield Violation(what, one.subject, tuple(owners[:1]))


def _brings_crds(subject: Subject) -> bool:
    if subject.type in CRD:
        return bool(at(subject.properties, "spec", "group") == "gateway.networking.k8s.io")
    files = [at(subject.properties, "file"), *elements(at(subject.properties, "files"))]
    return any(isinstance(file, str) and "gateway-api" in file for file in files)


def _openbao(stack: Stack, _: Config) -> Iterator[Answer]:
    releases = [one for one in installed(stack) if setting(one, "global.secretsBackend.vault.enabled") is not None]
    if not releases:
        raise NotApplicableError("the stack has no Consul whose secrets are in Vault")
    for one in releases:
        notes = setting(one, "global.secretsBackend.vault.agentAnnotations")
        if notes is UNKNOWN:
            yield Undecided("its agents' annotations are known only at the update", one.subject)
        elif isinstance(notes, str | Mapping) and "openbao.org/" in str(notes):
            what = "its agents' annotations are openbao.org's, and the chart's others vault.hashicorp.com's"
            yield Violation(what, one.subject)
    for subject in stack.of(*HELM):
        if chart_name(subject)[0] != "openbao":
            continue
        image = at(subject.properties, "values", "injector", "image", "repository")
        if image is UNKNOWN:
            yield Undecided("which injector OpenBao has is known only at the update", subject)
        elif isinstance(image, str) and "openbao-k8s" in image:
            yield Violation("its injector doesn't know Consul's annotations: no server gets its secrets", subject)


def _clients(subject: Subject, _: Config) -> Iterator[Answer]:
    enabled = setting(chart_of(subject), "client.enabled", False)
    if enabled is True:
        yield Violation("it runs an agent on every node, which proxies don't need")
    elif enabled is UNKNOWN:
        yield _OPEN


def _catalog(subject: Subject, _: Config) -> Iterator[Answer]:
    found = chart_of(subject)
    enabled, chosen, to_consul, to_k8s, spaces = (
        setting(found, f"syncCatalog.{key}", default)
        for key, default in (
            ("enabled", False),
            ("default", True),
            ("toConsul", True),
            ("toK8S", True),
            ("k8sAllowNamespaces", ["*"]),
        )
    )
    if enabled is False:
        raise NotApplicableError("it doesn't sync the catalog")
    if UNKNOWN in (enabled, chosen, to_consul, to_k8s, *elements(spaces)):
        yield _OPEN
        return
    if to_consul is not False and chosen is not False and "*" in elements(spaces):
        yield Violation("every Service of the cluster becomes a service of Consul's, outside the mesh")
    if to_k8s is not False and to_consul is not False:
        yield Violation("services are synced both ways: one name can come to mean two things")


def _images(subject: Subject, _: Config) -> Iterator[Answer]:
    found = chart_of(subject)
    keys = ("image", "imageK8S", "imageConsulDataplane")
    images = {key: setting(found, f"global.{key}") for key in keys}
    loose = [key for key, image in images.items() if isinstance(image, str) and not _pinned(image)]
    if loose:
        yield Violation(f"it runs whatever is newest: {listed([f'global.{key}' for key in loose])} names no version")
    elif UNKNOWN in images.values():
        yield Undecided("which images it runs is known only at the update")


def _pinned(image: str) -> bool:
    _, _, tag = image.rpartition("/")[2].partition(":")
    return "@sha256:" in image or tag not in ("", "latest")


def _taken(subject: Subject, _: Config) -> Iterator[Answer]:
    from meshwright.consul.chart_checks import chart_problems
    from meshwright.errors import Code

    found = chart_of(subject)
    values: Any = found.values
    if values is UNKNOWN or at(subject.properties, "valueYamlFiles"):
        yield _OPEN
        return
    if not isinstance(values, Mapping):
        raise NotApplicableError("it has no values of its own")
    problems = [each.message for each in chart_problems(whole(values), {}, "") if each.code == Code.CONSUL_VALUES]
    if _holds_unknown(values):
        # What is unknown counted as set: it may be what is missing, or what is too much.
        if problems:
            yield _OPEN
        return
    for message in problems:
        yield Violation(message)


def _holds_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_unknown, value.values()))
    return any(map(_holds_unknown, value)) if isinstance(value, list) else value is UNKNOWN


_OWNER = plain("gateway-api", CRD_OWNER, "version: 1.5.1")
_SECRET_CHART = chart("global: {secretsBackend: {vault: {enabled: true}}}")


def _bao(image: str) -> str:
    values = f"values: {{injector: {{image: {{repository: {image}}}}}}}"
    return resource("openbao", "helm.sh/v3:Release", "chart: openbao", "version: 0.29.2", values)


HOOKS = Rule(
    id="MW-CON-021",
    slug="chart-with-its-hooks",
    title="Consul's chart is installed by a release, with its hooks",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=HELM,
    why=(
        "The chart makes keys and certificates before it installs, and removes tokens and gateways before it goes, by "
        "hooks. helm.v4.Chart renders the chart, and runs none of them."
    ),
    remedy="use kubernetes.helm.v3.Release",
    bad=Example(
        chart(kind="helm.sh/v4:Chart"),
        "its hooks don't run: no gossip key, no certificates, and nothing cleans up at the end",
    ),
    good=Example(chart()),
    references=("https://github.com/pulumi/pulumi-kubernetes/issues/555",),
    check=_hooks,
)
CRDS = Rule(
    id="MW-CON-022",
    slug="one-owner-of-gateway-api-crds",
    title="Consul's chart leaves the Gateway API's CRDs to their owner",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HELM,
    context=(CRD_OWNER, *CONFIG_FILE, *CONFIG_GROUP, *CRD),
    why=(
        "The chart has CRDs of its own, v0.6.2 of the experimental channel. Two owners overwrite each other, other "
        "meshes lose fields, and the injector crashes over a version that is gone (consul#23302)."
    ),
    remedy="set `global.installK8sNetworkingCRDs: false`, and `global.crds.enableTcpRoute: false` without TCPRoutes",
    bad=Example(_OWNER + chart(), "it installs the Gateway API's CRDs, old ones, which the stack installs as well"),
    good=Example(_OWNER + chart("global: {installK8sNetworkingCRDs: false}")),
    references=(
        "https://github.com/hashicorp/consul/issues/23302",
        "https://github.com/hashicorp/consul-k8s/issues/2651",
    ),
    check_stack=_crds,
)
OPENBAO = Rule(
    id="MW-CON-023",
    slug="openbao-with-vaults-injector",
    title="OpenBao's injector knows the annotations of Consul's chart",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HELM,
    why=(
        "The chart writes annotations of vault.hashicorp.com. openbao/openbao-k8s reads openbao.org's: no agent is "
        "injected, and servers start without certificates, or never."
    ),
    remedy="leave `injector.image.repository` of OpenBao's chart at hashicorp/vault-k8s",
    bad=Example(
        _SECRET_CHART + _bao("quay.io/openbao/openbao-k8s"),
        "its injector doesn't know Consul's annotations: no server gets its secrets",
    ),
    good=Example(_SECRET_CHART + _bao("hashicorp/vault-k8s")),
    references=("https://github.com/openbao/openbao-k8s",),
    check_stack=_openbao,
)
CLIENTS = Rule(
    id="MW-CON-026",
    slug="no-agents-on-nodes",
    title="No agents of Consul's run on the nodes",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    applies_to=HELM,
    why="Since 1.0 proxies speak with the servers. Agents cost memory on each node, gossip, and a port on the host.",
    remedy="leave `client.enabled` false, unless something on the nodes asks an agent",
    bad=Example(chart("client: {enabled: true}"), "it runs an agent on every node, which proxies don't need"),
    good=Example(chart()),
    references=("https://developer.hashicorp.com/consul/docs/architecture/control-plane/dataplane",),
    check=_clients,
)
CATALOG = Rule(
    id="MW-CON-027",
    slug="catalog-sync-is-chosen",
    title="The catalog is synced one way, for Services that were chosen",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=HELM,
    why=(
        "Where sync is on, its defaults take every Service of every namespace, both ways. Names of synced services "
        "can meet those of the mesh, and are reached past it."
    ),
    remedy="set `toConsul` or `toK8S` to false, and `default: false` or `k8sAllowNamespaces`",
    bad=Example(
        chart("syncCatalog: {enabled: true, toK8S: false}"),
        "every Service of the cluster becomes a service of Consul's, outside the mesh",
    ),
    good=Example(chart("syncCatalog: {enabled: true, toK8S: false, default: false}")),
    references=("https://developer.hashicorp.com/consul/docs/register/service/k8s/service-sync",),
    check=_catalog,
)
IMAGES = Rule(
    id="MW-CON-028",
    slug="images-are-pinned",
    title="Images in place of the chart's name their version",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=HELM,
    why="A server that restarts with a newer Consul than the others may not be taken back by them.",
    remedy="name the chart's own version, or leave the images to the chart; MW-VER-002 says which have fixes",
    bad=Example(
        chart("global: {image: 'hashicorp/consul:latest'}"),
        "it runs whatever is newest: global.image names no version",
    ),
    good=Example(chart("global: {image: 'hashicorp/consul:2.0.3'}")),
    references=(_VALUES,),
    check=_images,
)
TAKEN = Rule(
    id="MW-CON-029",
    slug="chart-takes-its-values",
    title="The chart takes the values that it is given",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="Helm renders the chart in the middle of an update: what its templates refuse leaves half of a stack behind.",
    remedy="set what the message names",
    notes="It knows the refusals of the chart 2.0.3 that values alone can reach. Values in files are undecided.",
    bad=Example(
        chart("global: {peering: {enabled: true}, tls: {enabled: true}}"),
        "the chart's values can't work: global.peering.enabled needs meshGateway.enabled",
    ),
    good=Example(chart("global: {tls: {enabled: true}}")),
    references=(_VALUES,),
    check=_taken,
)

RULES = (
    HOOKS,
    CRDS,
    OPENBAO,
    CLIENTS,
    CATALOG,
    IMAGES,
    TAKEN,
)
