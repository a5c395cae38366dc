"""What survives the loss of a node, and what lets one be drained: servers, injectors, volumes and redirection."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.consul import labels
from meshwright_policy.consul.fragments import chart, namespace, plain
from meshwright_policy.consul.objects import (
    HELM,
    KUBERNETES_NAMESPACE,
    chart_of,
    has_servers,
    injected,
    installed,
    name_of,
    pod_of,
    servers_of,
    setting,
    whole,
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
from meshwright_policy.values import UNKNOWN, at

_OPEN = Undecided("its replicas are known only at the update")
CRON_JOB = ("kubernetes:batch/v1:CronJob",)
SNAPSHOTS = "meshwright:index:ConsulSnapshots"
_HELM = "https://developer.hashicorp.com/consul/docs/reference/k8s/helm"
_BUDGET = "https://github.com/hashicorp/consul-k8s/blob/main/charts/consul/templates/_helpers.tpl"
_CNI = "https://developer.hashicorp.com/consul/docs/connect/k8s/cni"
_RESTRICTED = ("restricted", "baseline")


def _whole(value: Any) -> int | None:
    """A number of pods, where it is one."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and abs(value) < 1e6 else None


def _quorum(subject: Subject, _: Config) -> Iterator[Answer]:
    given = setting(servers_of(subject), "server.replicas", 1)
    number = _whole(given)
    if given is UNKNOWN:
        yield _OPEN
    elif number is None:
        raise NotApplicableError("its number of servers is none")
    elif number < 3:
        servers = f"{number} server{'s' * (number != 1)}"
        yield Violation(f"with {servers} nothing can be registered or changed while one is away")
    elif number % 2 == 0:
        yield Violation(f"{number} servers survive no more losses than {number - 1}, and need one more to agree")


def _drains(subject: Subject, _: Config) -> Iterator[Answer]:
    from meshwright.consul.budgets import blocked_drain

    found = chart_of(subject)
    replicas, budget = setting(found, "connectInject.replicas", 1), setting(found, "connectInject.disruptionBudget")
    limits = [at(budget, key) for key in ("enabled", "minAvailable", "maxUnavailable")]
    number = _whole(replicas)
    if budget is UNKNOWN or UNKNOWN in (replicas, *limits):
        yield _OPEN
    elif number is None:
        raise NotApplicableError("its number of injectors is none")
    else:
        message = blocked_drain(number, whole(budget) if isinstance(budget, Mapping) else {})
        if message:
            yield Violation(message)


def _lone_injector(subject: Subject, _: Config) -> Iterator[Answer]:
    found = chart_of(subject)
    policy = setting(found, "connectInject.failurePolicy", "Fail")
    replicas = setting(found, "connectInject.replicas", 1)
    if policy == "Ignore":
        raise NotApplicableError("its webhook fails open")
    if replicas is UNKNOWN or policy is UNKNOWN:
        yield _OPEN
    elif (number := _whole(replicas)) is not None and number < 2:
        yield Violation("its webhook fails closed with one injector: while it restarts, no pod starts")


def _transparent(subject: Subject, _: Config) -> Iterator[Answer]:
    enabled = setting(chart_of(subject), "connectInject.transparentProxy.defaultEnabled", True)
    if enabled is False:
        yield Violation("pods call past their proxies wherever they don't name an upstream")
    elif enabled is UNKNOWN:
        yield Undecided("whether proxies are transparent is known only at the update")


def _cni(stack: Stack, _: Config) -> Iterator[Answer]:
    meshed = stack.derived(injected)
    spaces = {
        name_of(one): at(one.properties, "metadata", "labels", labels.POD_SECURITY)
        for one in stack.of(*KUBERNETES_NAMESPACE)
        if meshed.get(name_of(one)) is not False and name_of(one) in meshed
    }
    strict = sorted(name for name, level in spaces.items() if level in _RESTRICTED)
    releases = list(installed(stack))
    if not releases or not (strict or UNKNOWN in spaces.values()):
        raise NotApplicableError("the stack has no Consul beside a restricted namespace of its mesh")
    for one in releases:
        cni = setting(one, "connectInject.cni.enabled", False)
        redirects = setting(one, "connectInject.transparentProxy.defaultEnabled", True)
        if cni is True or redirects is False:
            continue
        if UNKNOWN in (cni, redirects) or not strict:
            yield Undecided("whether its namespaces admit its pods is known only at the update", one.subject)
        else:
            what = f"its pods ask for NET_ADMIN, and the namespace {strict[0]} refuses them"
            yield Violation(what, one.subject)


def _volumes(subject: Subject, _: Config) -> Iterator[Answer]:
    found = servers_of(subject)
    given = {
        key: setting(found, f"server.persistentVolumeClaimRetentionPolicy.{key}")
        for key in ("whenDeleted", "whenScaled")
    }
    for key, word in (("whenDeleted", "the release goes"), ("whenScaled", "there are fewer of them")):
        if given[key] == "Delete":
            yield Violation(f"the servers' volumes are deleted when {word}: tokens and the authority with them")
    if "Delete" not in given.values() and UNKNOWN in given.values():
        yield Undecided("what becomes of its volumes is known only at the update")


def _binding(subject: Subject, _: Config) -> Iterator[Answer]:
    selector = setting(chart_of(subject), "connectInject.aclBindingRuleSelector", "serviceaccount.name!=default")
    if selector is UNKNOWN:
        yield Undecided("which pods may log in is known only at the update")
    elif not isinstance(selector, str) or not selector.strip():
        yield Violation("pods of every service account may log in, default among them")


def _saved(stack: Stack, _: Config) -> Iterator[Answer]:
    releases = [one for one in installed(stack) if has_servers(one) is not False]
    if not releases:
        raise NotApplicableError("the stack runs no servers of Consul's")
    pods = [str(pod_of(job)) for job in stack.of(*CRON_JOB)]
    saves = stack.holds(SNAPSHOTS) or any("snapshot" in pod and "save" in pod for pod in pods)
    for one in releases:
        agent = setting(one, "server.snapshotAgent.enabled", False)
        if agent is True or saves:
            continue
        if agent is UNKNOWN or any(str(UNKNOWN) in pod for pod in pods):
            yield Undecided("what saves Consul's state is known only at the update", one.subject)
        else:
            yield Violation("nothing in the stack saves Consul's state", one.subject)


def _injectors(number: int, more: str = "") -> str:
    return chart(f"connectInject: {{replicas: {number}{more}}}")


_STRICT = namespace("shop", "connect-inject: enabled, pod-security.kubernetes.io/enforce: restricted")

QUORUM = Rule(
    id="MW-CON-030",
    slug="odd-number-of-servers",
    title="There are three or five servers of Consul's",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=HELM,
    why=(
        "The chart's default is one, and so is the `secure` preset of its CLI. While no majority is there, nothing can "
        "be registered, signed or changed. An even number needs a greater majority for the same."
    ),
    remedy="set `server.replicas` to 3 or 5",
    bad=Example(chart(), "with 1 server nothing can be registered or changed while one is away"),
    good=Example(chart("server: {replicas: 3}")),
    references=("https://developer.hashicorp.com/consul/docs/concept/consensus", _HELM),
    check=_quorum,
)
DRAINS = Rule(
    id="MW-CON-031",
    slug="injector-budget-lets-nodes-drain",
    title="The injector's budget lets a node be drained",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=HELM,
    why=(
        "The chart computes `replicas / 2 - 1` pods that may be away, but for three: of one or two that is none. A "
        "node with an injector is then never drained, and an upgrade of the cluster hangs."
    ),
    remedy="use 3 injectors, or set `connectInject.disruptionBudget.maxUnavailable: 1` with two",
    bad=Example(_injectors(2), "the budget of 2 injectors lets no node be drained"),
    good=Example(_injectors(3)),
    references=(_BUDGET,),
    check=_drains,
)
LONE_INJECTOR = Rule(
    id="MW-CON-032",
    slug="no-lone-injector-that-fails-closed",
    title="A webhook that fails closed has two injectors or more",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="With `failurePolicy: Fail`, the chart's default, no pod that the webhook selects starts while it is away.",
    remedy="set `connectInject.replicas: 3`",
    bad=Example(chart(), "its webhook fails closed with one injector: while it restarts, no pod starts"),
    good=Example(_injectors(3)),
    references=(_HELM,),
    check=_lone_injector,
)
TRANSPARENT = Rule(
    id="MW-CON-033",
    slug="transparent-proxy-by-default",
    title="Proxies are transparent, unless a workload says otherwise",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=HELM,
    why="Without redirection a call by a Service's name goes past the proxy: no mTLS, no intention, and nothing tells.",
    remedy="leave `connectInject.transparentProxy.defaultEnabled` true, and annotate the exceptions",
    bad=Example(
        chart("connectInject: {transparentProxy: {defaultEnabled: false}}"),
        "pods call past their proxies wherever they don't name an upstream",
    ),
    good=Example(chart()),
    references=("https://developer.hashicorp.com/consul/docs/connect/proxy/transparent-proxy",),
    check=_transparent,
)
CNI = Rule(
    id="MW-CON-034",
    slug="cni-for-restricted-namespaces",
    title="Where a namespace is restricted, consul-cni redirects its traffic",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HELM,
    context=KUBERNETES_NAMESPACE,
    why=(
        "Without consul-cni each pod has an init container with NET_ADMIN. The levels baseline and restricted of Pod "
        "Security refuse it: no pod of the namespace starts."
    ),
    remedy="set `connectInject.cni.enabled: true`",
    bad=Example(_STRICT + chart(), "its pods ask for NET_ADMIN, and the namespace shop refuses them"),
    good=Example(_STRICT + chart("connectInject: {cni: {enabled: true}}")),
    references=(_CNI, "https://kubernetes.io/docs/concepts/security/pod-security-standards/"),
    check_stack=_cni,
)
VOLUMES = Rule(
    id="MW-CON-035",
    slug="volumes-are-retained",
    title="The servers' volumes outlive the release",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=HELM,
    why=(
        "On them are the ACLs, the intentions, and with Consul's own authority the root's key. A release that is "
        "replaced, rather than upgraded, takes them along."
    ),
    remedy="set `server.persistentVolumeClaimRetentionPolicy` to Retain for both, and take snapshots",
    bad=Example(
        chart("server: {persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}}"),
        "the servers' volumes are deleted when the release goes: tokens and the authority with them",
    ),
    good=Example(chart()),
    references=(_HELM,),
    check=_volumes,
)
BINDING = Rule(
    id="MW-CON-036",
    slug="default-account-does-not-log-in",
    title="Pods of the service account default don't log in to Consul",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=HELM,
    why="A pod that names no service account has `default`, and would share its identity with all others that do.",
    remedy="leave `connectInject.aclBindingRuleSelector` at serviceaccount.name!=default, or name your own",
    bad=Example(
        chart("connectInject: {aclBindingRuleSelector: ''}"),
        "pods of every service account may log in, default among them",
    ),
    good=Example(chart()),
    references=(_HELM,),
    check=_binding,
)
SAVED = Rule(
    id="MW-CON-057",
    slug="state-is-saved",
    title="Snapshots of Consul's state are taken",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=HELM,
    context=(*CRON_JOB, SNAPSHOTS),
    why=(
        "ACLs, config entries and, with Consul's own authority, the root are in Raft. Servers that are lost together "
        "take them along."
    ),
    remedy="add ConsulSnapshots, a CronJob with `consul snapshot save`, or the chart's snapshotAgent of Enterprise",
    bad=Example(chart(), "nothing in the stack saves Consul's state"),
    good=Example(chart() + plain("snapshots", SNAPSHOTS, "schedule: '0 */6 * * *'")),
    references=("https://developer.hashicorp.com/consul/docs/manage/disaster-recovery/backup-restore",),
    check_stack=_saved,
)

RULES = (QUORUM, DRAINS, LONE_INJECTOR, TRANSPARENT, CNI, VOLUMES, BINDING, SAVED)
