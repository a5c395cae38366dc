"""Certificates: one root for all clusters, one issuer for istiod and ztunnel, and trust where it is needed."""

from collections.abc import Iterator
from typing import Any

from meshwright.istio.labels import EAST_WEST_CLASS
from meshwright_policy.istio import kinds
from meshwright_policy.istio.charts import Chart, chart_name, installed, istiod_env, pairs
from meshwright_policy.istio.fragments import chart, in_root, namespace, resource
from meshwright_policy.istio.mesh import name_of, namespace_of, seen
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, shown

_PAGE = "https://istio.io/latest/docs/ambient/install/multicluster/"
_CSR = "https://cert-manager.io/docs/usage/istio-csr/"
_BY_OTHERS = (
    ("kubernetes:cert-manager.io/v1:Certificate", ("spec", "secretName")),
    ("kubernetes:external-secrets.io/v1:ExternalSecret", ("spec", "target", "name")),
    ("kubernetes:external-secrets.io/v1beta1:ExternalSecret", ("spec", "target", "name")),
)


def _one_root(stack: Stack, _: Config) -> Iterator[Answer]:
    planes = installed(stack, "istiod")
    joined = _is_joined(stack)
    if not planes or joined is False:
        raise NotApplicableError("the stack doesn't install istiod for a mesh of several clusters")
    mesh = stack.derived(seen)
    for istiod in planes:
        root = istiod.namespace
        space = mesh.spaces.get(root) if root is not UNKNOWN else None
        answer = _has_root(istiod, root, stack)
        if answer is False and joined and space is not None and space.is_made_here:
            what = f"istiod signs by a root of its own: {root} has no Secret cacerts"
            yield Violation(f"{what}, and the other clusters don't trust it", istiod.subject)
        elif answer is not True:
            yield Undecided("nothing in the stack shows which root istiod signs by", istiod.subject)


def _is_joined(stack: Stack) -> bool | None:
    """Whether the mesh spans several clusters."""
    flag = istiod_env(stack, "AMBIENT_ENABLE_MULTI_NETWORK")
    remote = (at(secret.properties, "metadata", "labels", "istio/multiCluster") for secret in stack.of(*kinds.SECRET))
    classes = (at(gateway.properties, "spec", "gatewayClassName") for gateway in stack.of(*kinds.GATEWAY))
    if flag == "true" or any(label == "true" for label in remote) or EAST_WEST_CLASS in classes:
        return True
    return None if flag is UNKNOWN else False


def _has_root(istiod: Chart, root: Any, stack: Stack) -> bool | None:
    """Whether istiod signs by a root that somebody gives it, or doesn't sign at all."""
    server, address = istiod.setting("env", "ENABLE_CA_SERVER"), istiod.value("global", "caAddress")
    if str(server).lower() == "false" or (isinstance(address, str) and address):
        return True
    given = [(namespace_of(one), name_of(one)) for one in stack.of(*kinds.SECRET)]
    given += [(namespace_of(one), at(one.properties, *path)) for token, path in _BY_OTHERS for one in stack.of(token)]
    if (root, "cacerts") in given:
        return True
    return None if UNKNOWN in (server, address, root) or any(UNKNOWN in one for one in given) else False


def _trusted(stack: Stack, _: Config) -> Iterator[Answer]:
    issuers = [one for one in stack.of(*kinds.HELM) if chart_name(one)[0] == "cert-manager-istio-csr"]
    agents = installed(stack, "ztunnel")
    if not issuers or not agents:
        raise NotApplicableError("the stack doesn't install istio-csr together with ztunnel")
    for issuer in issuers:
        given = at(issuer.properties, "values", "app", "server", "caTrustedNodeAccounts")
        accounts = [one.strip() for one in given.split(",")] if isinstance(given, str) else []
        for ztunnel in agents:
            where, name = ztunnel.namespace, ztunnel.value("resourceName") or "ztunnel"
            if UNKNOWN in (given, where, name) or (given is None and at(issuer.properties, "valueYamlFiles")):
                yield Undecided("whom istio-csr trusts is known only at the update", issuer)
            elif f"{where}/{name}" not in accounts:
                account = f"{shown(where, 'its namespace')}/{shown(name, 'its account')}"
                what = f"istio-csr doesn't trust {account} (caTrustedNodeAccounts)"
                yield Violation(f"{what}: ztunnel gets no certificate for any pod", issuer, (ztunnel.subject,))


def _one_issuer(stack: Stack, _: Config) -> Iterator[Answer]:
    for ztunnel, istiod in pairs(stack):
        told, wanted = ztunnel.value("caAddress"), istiod.value("global", "caAddress")
        if UNKNOWN in (told, wanted):
            yield Undecided("the CA's address is known only at the update", ztunnel.subject)
        elif (told or "") != (wanted or ""):
            told_one = "istiod's chart" if wanted else "ztunnel's chart"
            what = f"only {told_one} is told" if not told or not wanted else "istiod's and ztunnel's charts disagree on"
            yield Violation(f"{what} the CA's address (caAddress): pods get certificates of two roots", ztunnel.subject)


_ROOT = namespace("istio-system", ambient="topology.istio.io/network: north")
_JOINED = in_root(chart("istiod", "profile: ambient, env: {AMBIENT_ENABLE_MULTI_NETWORK: 'true'}"))
_CACERTS = resource(
    "cacerts",
    "core/v1:Secret",
    "metadata: {name: cacerts, namespace: istio-system}",
    "data: {root-cert.pem: UEVN}",
)


def _csr(accounts: str) -> str:
    return resource(
        "istio-csr",
        "helm.sh/v3:Release",
        "chart: cert-manager-istio-csr",
        "repositoryOpts: {repo: 'https://charts.jetstack.io'}",
        "version: v0.17.0",
        f"values: {{app: {{server: {{caTrustedNodeAccounts: {accounts}}}}}}}",
    )


ONE_ROOT = Rule(
    id="MW-IST-049",
    slug="clusters-share-a-root",
    title="The clusters of a mesh share a root that somebody gave them",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=kinds.HELM,
    why=(
        "Without `cacerts` each istiod makes a root of its own. Clusters then don't trust each other's workloads, and "
        "no call between them succeeds."
    ),
    remedy="give istiod a Secret `cacerts` that is signed by one root, or take certificates from istio-csr",
    notes=(
        "A mesh of several clusters shows by `AMBIENT_ENABLE_MULTI_NETWORK`, a remote secret or an east-west gateway. "
        "The Secret may come from a Certificate or ExternalSecret. In a root namespace that the stack doesn't make the "
        "Secret may be there already: then the rule is undecided."
    ),
    bad=Example(
        _ROOT + _JOINED,
        "istiod signs by a root of its own: istio-system has no Secret cacerts, and the other clusters don't trust it",
    ),
    good=Example(_ROOT + _CACERTS + _JOINED),
    references=(_PAGE, "https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/"),
    check_stack=_one_root,
)
TRUSTED = Rule(
    id="MW-IST-050",
    slug="istio-csr-trusts-ztunnel",
    title="The issuer istio-csr trusts ztunnel",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=kinds.HELM,
    why=(
        "ztunnel asks for certificates in the name of the pods on its node. istio-csr gives them to the accounts in "
        "`caTrustedNodeAccounts` alone; without it no pod gets a certificate, and traffic stops."
    ),
    remedy="set `app.server.caTrustedNodeAccounts` to `<namespace of ztunnel>/ztunnel`",
    bad=Example(
        _csr("kube-system/ztunnel") + in_root(chart("ztunnel")),
        "istio-csr doesn't trust istio-system/ztunnel (caTrustedNodeAccounts): ztunnel gets no certificate for any pod",
    ),
    good=Example(_csr("istio-system/ztunnel") + in_root(chart("ztunnel"))),
    references=(_CSR,),
    check_stack=_trusted,
)
ONE_ISSUER = Rule(
    id="MW-IST-051",
    slug="one-certificate-authority",
    title="One certificate authority is told to istiod and ztunnel",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=kinds.HELM,
    why=(
        "The CA's address is a value of both charts. Told to one alone, gateways and waypoints get certificates of one "
        "root and ambient pods of another, and they refuse each other."
    ),
    remedy="set `global.caAddress` on istiod and `caAddress` on ztunnel to the same address",
    bad=Example(
        chart("istiod", "global: {caAddress: 'istio-csr.cert-manager.svc:443'}") + in_root(chart("ztunnel")),
        "only istiod's chart is told the CA's address (caAddress): pods get certificates of two roots",
    ),
    good=Example(
        chart("istiod", "global: {caAddress: 'istio-csr.cert-manager.svc:443'}")
        + in_root(chart("ztunnel", "caAddress: 'istio-csr.cert-manager.svc:443'"))
    ),
    references=(_CSR,),
    check_stack=_one_issuer,
)
RULES = (ONE_ROOT, TRUSTED, ONE_ISSUER)
