"""istio-csr: cert-manager signs for every workload of the mesh, and no key of an authority is Istio's."""

import hashlib
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

from meshwright.catalog import load_catalog
from meshwright.config.clock import today
from meshwright.errors import Code, MeshwrightError, Problem
from meshwright.istio.certificates.authority import pem, read_roots
from meshwright.istio.certificates.issuer_kinds import is_acme, issuer_mistakes
from meshwright.istio.certificates.issuers import IssuerArgs, issuer, reference
from meshwright.istio.defaults import NODE, ZONE, spread
from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.charts import ChartSourceArgs, PlannedRelease, chart, release
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import ComponentError, refuse
from meshwright.kubernetes.providers import require_kubernetes_provider

CHART = "cert-manager-istio-csr"
POD_PORT = 6443
"""Where its pods listen (the chart's ``app.server.serving.port``), behind port 443 of its Service."""
_MOUNT, _FILE = "/var/run/configmaps/istio-root", "root-cert.pem"


class IstioCsrSettings(TypedDict):
    """What istio-csr is like, wherever the mesh stands."""

    issuer: IssuerArgs
    """What signs."""
    root: pulumi.Input[str]
    """The root that the mesh trusts, PEM; both, one after the other, while one replaces the other. istio-csr would
    otherwise trust whatever the issuer answers with."""
    namespace: NotRequired[str]
    """Where cert-manager is, and istio-csr goes. Default: ``cert-manager``."""
    replicas: NotRequired[int]
    """Default: 2. The chart's default is one: while it is away, no pod gets or renews a certificate."""
    max_duration: NotRequired[str]
    """How long a workload's certificate lives at most, ``1h``. Default: the chart's, one hour (NIST SP 800-204A)."""
    charts: NotRequired[ChartSourceArgs]
    """Where the chart comes from. Default: Jetstack's OCI registry."""
    values: NotRequired[dict[str, Any]]
    """Chart values of yours, merged last."""


class IstioCsrArgs(IstioCsrSettings):
    """Arguments of `IstioCsr`."""

    root_namespace: str
    """Istio's root namespace; it must exist."""
    agents_namespace: str
    """Where ztunnel runs: its service account may ask for the certificates of its node's pods."""
    trust_domain: NotRequired[pulumi.Input[str]]
    """SPIFFE trust domain. Default: ``cluster.local``."""
    revisions: NotRequired[list[str]]
    """The control planes' revisions. Default: none but the one without."""
    cluster: NotRequired[str]
    """The cluster's name in a mesh of several. Default: Istio's, ``Kubernetes``."""


class IstioCsr(pulumi.ComponentResource):
    """istio-csr with its issuer, before istiod: it issues istiod's own certificate too.

    cert-manager has to be there. istiod is told ``ENABLE_CA_SERVER=false``, and istiod and ztunnel both get the address
    of istio-csr: `IstioAmbient` does it.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E053 and MW-E054 for the
            chart, MW-E145 to MW-E147 for the root, MW-E150 for an ACME issuer.
    """

    address: pulumi.Output[str]
    """Host and port that the proxies ask."""

    def __init__(self, name: str, args: IstioCsrArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"IstioCsr {name}"
        require_kubernetes_provider(opts, label)
        root = check_istio_csr(args, label)
        planned = _release(args, root, label)
        if problems := list(planned.problems(label)):
            raise ComponentError(problems)
        super().__init__("meshwright:index:IstioCsr", name, {**args}, opts)
        children = below(self, opts)
        signs = issuer(name, args["issuer"], args["root_namespace"], planned.namespace, children)
        trusted = ConfigMap(
            f"{name}-root",
            metadata={"name": _root_name(root), "namespace": planned.namespace},
            data={_FILE: root},
            immutable=True,
            opts=children,
        )
        after = pulumi.ResourceOptions(depends_on=[*signs, trusted])
        release(f"{name}-release", planned, pulumi.ResourceOptions.merge(children, after))
        self.address = pulumi.Output.from_input(address(args))
        self.register_outputs({"address": self.address})


def address(args: IstioCsrSettings) -> str:
    """Host and port that the proxies ask: the chart's Service is called as the chart is."""
    return f"{CHART}.{args.get('namespace', 'cert-manager')}.svc:443"


def check_istio_csr(args: IstioCsrSettings, label: str) -> pulumi.Output[str]:
    """Refuse what cannot work; the roots as they are written. Raises `ComponentError`."""
    given = args["issuer"]
    kind, name = given["type"], given.get("name", "")
    code = Code.UNFIT_AUTHORITY if is_acme(kind, name) else Code.BAD_ARGUMENT
    problems = [
        Problem(code, message, remedy, label) for message, remedy in issuer_mistakes(kind, set(given) - {"type"}, name)
    ]
    if problems:
        raise ComponentError(problems)
    # Numbers of a hosted component arrive as floats.
    if (replicas := int(args.get("replicas", 2))) < 1:
        raise refuse(Code.BAD_ARGUMENT, label, f"{replicas} replicas of istio-csr can't sign", "at least 1; 2 or more")
    root = args["root"]
    if isinstance(root, str):
        return pulumi.Output.from_input(_roots(root, label))
    checked: pulumi.Output[str] = pulumi.Output.all(root).apply(lambda each: _roots(each[0], label))
    return checked


def _roots(text: str, label: str) -> str:
    try:
        return pem(read_roots(text, f"{label}, root", today()))
    except MeshwrightError as error:
        raise ComponentError(error.problems) from None


def _root_name(root: pulumi.Output[str]) -> pulumi.Output[str]:
    """Named after its content, so that a new one is there before the old one goes."""
    return root.apply(lambda text: f"istio-root-{hashlib.sha256(text.encode()).hexdigest()[:8]}")


def _release(args: IstioCsrArgs, root: pulumi.Output[str], label: str) -> PlannedRelease:
    fact = load_catalog().newest("istio-csr")
    source: ChartSourceArgs = args.get("charts") or {"source": "oci"}
    from_where = chart(
        CHART,
        fact.charts[CHART],
        source,
        oci=fact.oci_repository or "",
        repository=fact.helm_repository or "",
        label=label,
    )
    values = merge(_values(args, root), args.get("values") or {})
    return PlannedRelease(CHART, from_where, args.get("namespace", "cert-manager"), values)


def _values(args: IstioCsrArgs, root: pulumi.Output[str]) -> dict[str, Any]:
    signs, istio, namespace = reference(args["issuer"]), args["root_namespace"], args.get("namespace", "cert-manager")
    server: dict[str, Any] = {
        # Without it ztunnel gets no certificate for any pod.
        "caTrustedNodeAccounts": f"{args['agents_namespace']}/ztunnel"
    }
    if "cluster" in args:
        server["clusterID"] = args["cluster"]
    if "max_duration" in args:
        server["maxCertificateDuration"] = args["max_duration"]
    # The certificate's common name is the default revision's, and some issuers want it among the DNS names.
    revisions = ["default", *args.get("revisions", [])]
    pods = {"app": CHART}
    return {
        "replicaCount": int(args.get("replicas", 2)),
        "podDisruptionBudget": {"enabled": True},
        "topologySpreadConstraints": [spread(ZONE, pods), spread(NODE, pods)],
        "volumes": [{"name": "root-ca", "configMap": {"name": _root_name(root)}}],
        "volumeMounts": [{"name": "root-ca", "mountPath": _MOUNT, "readOnly": True}],
        "app": {
            "certmanager": {
                "namespace": istio,
                "issuer": {"name": signs.name, "kind": signs.kind, "group": signs.group},
            },
            "tls": {
                "trustDomain": args.get("trust_domain", "cluster.local"),
                "rootCAFile": f"{_MOUNT}/{_FILE}",
                "certificateDNSNames": [f"{CHART}.{namespace}.svc"],
            },
            "server": server,
            "istio": {"revisions": revisions, "namespace": istio},
            "controller": {"leaderElectionNamespace": istio},
        },
    }
