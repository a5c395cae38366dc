"""Istio's control plane and node agents in ambient mode."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NotRequired, TypedDict

import pulumi

from meshwright.catalog import Platform, Release, load_catalog
from meshwright.catalog.prerequisites import unmet
from meshwright.errors import Code, ConfigError
from meshwright.istio import defaults
from meshwright.kubernetes.charts import ChartSourceArgs, chart, release
from meshwright.kubernetes.errors import ComponentError, refuse
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider

# istio-cni and ztunnel work on the node itself: host paths, host network, SYS_ADMIN, NET_ADMIN
# (istio.io, additional setup of istio-cni). A cluster with a stricter default rejects them without this label.
_NEEDS_THE_NODE = {"pod-security.kubernetes.io/enforce": "privileged"}


class IstioValues(TypedDict):
    """Chart values of yours, merged last."""

    base: NotRequired[dict[str, Any]]
    """For the chart ``base``."""
    istiod: NotRequired[dict[str, Any]]
    """For the chart ``istiod``."""
    cni: NotRequired[dict[str, Any]]
    """For the chart ``cni``."""
    ztunnel: NotRequired[dict[str, Any]]
    """For the chart ``ztunnel``."""


class IstioAmbientArgs(TypedDict):
    """Arguments of `IstioAmbient`."""

    version: str
    """A minor (``1.31``: its newest safe patch in the catalog) or a full version."""
    platform: str
    """What the cluster runs on: eks, gke, aks, openshift, k3s, k3d, kind, minikube, microk8s or generic."""
    kubernetes_version: NotRequired[str]
    """The cluster's version, such as ``1.33``; where given, it is checked against what Istio supports."""
    compute: NotRequired[list[str]]
    """What pods run on, such as ``nodes`` or ``fargate``; where given, it is checked for node agents."""
    namespace: NotRequired[str]
    """Istio's root namespace. Default: ``istio-system``."""
    adopt_namespace: NotRequired[bool]
    """The root namespace exists and stays when the stack goes. Default: false."""
    adopt_releases: NotRequired[list[str]]
    """Helm releases (``istio-base``, ``istiod``, ...) that exist: they are imported. Default: none."""
    revision: NotRequired[str]
    """Control-plane revision, such as ``1-31-1``. Default: none (the ``default`` revision)."""
    hub: NotRequired[pulumi.Input[str]]
    """Image registry for all four charts. Default: ``docker.io/istio``; the charts of 1.30 name a host that is being
    switched off (1.31 upgrade notes)."""
    trust_domain: NotRequired[pulumi.Input[str]]
    """SPIFFE trust domain. Default: Istio's, ``cluster.local``."""
    istiod_replicas: NotRequired[int]
    """Least number of istiod replicas. Default: 2; the chart's default of 1 has no disruption budget either."""
    charts: NotRequired[ChartSourceArgs]
    """Where the charts come from. Default: Istio's OCI registry from 1.31 on, its HTTP repository before."""
    values: NotRequired[IstioValues]
    """Chart values of yours, merged last."""


class IstioAmbient(pulumi.ComponentResource):
    """Istio in ambient mode, in the order in which it works: base, istiod, istio-cni, ztunnel.

    The Gateway API CRDs are somebody's to own for the whole cluster: give `GatewayApiCrds` in ``depends_on``.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E053 and MW-E054 for
            charts, and the catalog's codes for versions and platforms.
    """

    namespace: pulumi.Output[str]
    """Istio's root namespace."""
    version: pulumi.Output[str]
    """The full version that is installed."""
    revision: pulumi.Output[str]
    """The control-plane revision; ``default`` where none was given."""

    def __init__(self, name: str, args: IstioAmbientArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("meshwright:index:IstioAmbient", name, {**args}, opts)
        label = f"IstioAmbient {name}"
        require_kubernetes_provider(self, label)
        istio, settings = _plan(args, label)
        waits_for = opts.depends_on if opts is not None else None
        root = namespace(
            f"{name}-namespace",
            settings.namespace,
            _NEEDS_THE_NODE,
            adopt=bool(args.get("adopt_namespace", False)),
            opts=pulumi.ResourceOptions(parent=self, depends_on=waits_for),
        )
        previous: pulumi.Resource = root
        for short, release_name, chart_name, where, values in _charts(settings):
            source: ChartSourceArgs = args.get("charts") or {"source": "oci" if istio.oci_repository else "repository"}
            previous = release(
                f"{name}-{short}",
                chart(
                    chart_name,
                    istio.charts[chart_name],
                    source,
                    oci=istio.oci_repository or "",
                    repository=istio.helm_repository or "",
                    label=label,
                ),
                release_name=release_name,
                namespace=where,
                values=values,
                overrides=args.get("values", {}).get(short),  # type: ignore[arg-type]
                label=label,
                adopt=release_name in (args.get("adopt_releases") or ()),
                opts=pulumi.ResourceOptions.merge(
                    pulumi.ResourceOptions(parent=self, depends_on=waits_for),
                    pulumi.ResourceOptions(depends_on=[previous]),
                ),
            )
        self.namespace = pulumi.Output.from_input(settings.namespace)
        self.version = pulumi.Output.from_input(istio.version)
        self.revision = pulumi.Output.from_input(settings.revision or "default")
        self.register_outputs({"namespace": self.namespace, "version": self.version, "revision": self.revision})


def _plan(args: IstioAmbientArgs, label: str) -> tuple[Release, defaults.Settings]:
    """The release and the settings that the arguments ask for, or a refusal that names everything that cannot work."""
    catalog = load_catalog()
    try:
        istio = catalog.release("istio", args["version"])
        platform = catalog.platforms[args["platform"]]
    except ConfigError as error:
        raise ComponentError(replace(problem, place=label) for problem in error.problems) from None
    except KeyError:
        known = ", ".join(sorted(catalog.platforms))
        raise refuse(
            Code.BAD_ARGUMENT, label, f"the platform {args['platform']!r} is unknown", f"one of: {known}"
        ) from None
    problems = [
        replace(problem, place=label)
        for problem in unmet(
            istio, platform, kubernetes_version=args.get("kubernetes_version"), compute=args.get("compute") or ()
        )
    ]
    if problems:
        raise ComponentError(problems)
    namespace = args.get("namespace", "istio-system")
    # Numbers of a hosted component arrive as floats.
    replicas = int(args.get("istiod_replicas", 2))
    if replicas < 1:
        raise refuse(Code.BAD_ARGUMENT, label, f"{replicas} replicas of istiod can't serve", "at least 1; 2 or more")
    return istio, defaults.Settings(
        namespace=namespace,
        agents_namespace=_agents_namespace(platform, namespace),
        hub=args.get("hub", istio.image_hub),
        platform=platform.istio_platform_value or "",
        revision=args.get("revision", ""),
        trust_domain=args.get("trust_domain"),
        istiod_replicas=replicas,
    )


def _agents_namespace(platform: Platform, namespace: str) -> str:
    """OpenShift lets privileged pods run in kube-system alone; elsewhere they stand beside istiod."""
    return platform.istio.system_namespace if platform.istio.system_namespace == "kube-system" else namespace


def _charts(settings: defaults.Settings) -> Iterator[tuple[str, str, str, str, dict[str, Any]]]:
    """Short name, Helm release, chart, namespace and our values of each chart, in the order of installation."""
    istiod = f"istiod-{settings.revision}" if settings.revision else "istiod"
    yield "base", "istio-base", "base", settings.namespace, defaults.base(settings)
    yield "istiod", istiod, "istiod", settings.namespace, defaults.istiod(settings)
    yield "cni", "istio-cni", "cni", settings.agents_namespace, defaults.cni(settings)
    yield "ztunnel", "ztunnel", "ztunnel", settings.agents_namespace, defaults.ztunnel(settings)
