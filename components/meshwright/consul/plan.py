"""What an installation of Consul consists of, checked before anything is registered."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshwright.catalog import Release, load_catalog
from meshwright.consul import defaults
from meshwright.consul.chart_checks import chart_problems
from meshwright.consul.checks import argument_problems
from meshwright.consul.labels import FULL_NAME, NAMESPACE, RELEASE
from meshwright.consul.names import Names
from meshwright.errors import Code, ConfigError, Problem
from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.charts import PlannedRelease, chart
from meshwright.kubernetes.errors import ComponentError, refuse
from meshwright.versions import version_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshwright.consul.consul import ConsulArgs, ExternalServersArgs
    from meshwright.consul.vault.backend import SecretKey

TIMEOUT_S = 900
"""Servers pull, elect a leader and get their certificates before consul-server-acl-init ends; a hook waits for that.
The provider's 300 s are over first, on a slow registry, and what is left then fails to be deleted, too."""
_OLDEST = "2.0"
"""The first minor whose chart takes these values. 1.9 and 1.8 install other CRDs of the Gateway API, and know no
`crds`."""


@dataclass(frozen=True, slots=True)
class ConsulPlan:
    """An installation that can work."""

    version: str
    """The chart's version, such as ``2.0.3``."""
    release: PlannedRelease
    """Ready to be registered."""


def plan_consul(args: "ConsulArgs", label: str) -> ConsulPlan:
    """The installation that the arguments ask for.

    Raises:
        ComponentError: One problem for everything that cannot work, each placed at ``label``.
    """
    consul = release_of(args.get("version"), label)
    if problems := list(argument_problems(args, consul, label)):
        raise ComponentError(problems)
    given = args.get("values") or {}
    from_where = chart(
        "consul",
        consul.charts["consul"],
        args.get("charts") or {"source": "repository"},
        oci=consul.oci_repository or "",
        repository=consul.helm_repository or "",
        label=label,
    )
    values = merge(_images(args, consul), defaults.values(_settings(args)))
    planned = PlannedRelease(
        RELEASE,
        from_where,
        args.get("namespace", NAMESPACE),
        merge(values, given),
        timeout_s=args.get("timeout_s", TIMEOUT_S),
    )
    problems = [*planned.problems(label), *chart_problems(planned.values, given, label)]
    if problems:
        raise ComponentError(problems)
    return ConsulPlan(consul.version, planned)


def release_of(version: str | None, label: str) -> Release:
    """The release of a minor (``2.0``) or a version (``2.0.3``); the catalog's newest for None.

    Raises:
        ComponentError: MW-E233 for a minor that isn't deployed, and the catalog's codes.
    """
    catalog = load_catalog()
    try:
        consul = catalog.release("consul", version) if version else catalog.newest("consul")
    except ConfigError as error:
        placed = (Problem(each.code, each.message, each.remedy, label) for each in error.problems)
        raise ComponentError(placed) from None
    if version_key(consul.minor) < version_key(_OLDEST):
        message = f"Consul {consul.version} is checked, and not deployed: its chart takes other values"
        raise refuse(Code.CONSUL_RELEASE, label, message, f"use {_OLDEST} or newer")
    return consul


def names_of(args: "ConsulArgs") -> Names:
    """The names that the chart makes."""
    return Names(
        FULL_NAME, args.get("namespace", NAMESPACE), args.get("datacenter", "dc1"), args.get("domain", "consul")
    )


def _images(args: "ConsulArgs", consul: Release) -> dict[str, Any]:
    """The images from a registry of the user's, by the tags of the chart's release."""
    if not (hub := args.get("hub")):
        return {}
    tag = consul.version
    return {
        "global": {
            "image": f"{hub}/consul:{tag}",
            "imageK8S": f"{hub}/consul-k8s-control-plane:{tag}",
            "imageConsulDataplane": f"{hub}/consul-dataplane:{tag}",
        }
    }


def _settings(args: "ConsulArgs") -> defaults.Settings:
    size, storage = args.get("server_size") or {}, args.get("storage") or {}
    return defaults.Settings(
        names=names_of(args),
        platform=args["platform"],
        servers=args.get("servers", 3),
        injectors=args.get("injectors", defaults.INJECTORS),
        storage=storage.get("size", "10Gi"),
        storage_class=storage.get("storage_class", ""),
        retain_volumes=storage.get("retain", True),
        server_cpu=size.get("cpu", "500m"),
        server_memory=size.get("memory", "1Gi"),
        spread_zones=args.get("spread_zones", True),
        transparent_proxy=args.get("transparent_proxy", True),
        cni=args.get("cni", False),
        metrics=args.get("metrics", True),
        prometheus_url=args.get("prometheus_url", ""),
        ui=args.get("ui", True),
        peering=args.get("peering", False),
        request_limits=args.get("request_limits", "permissive"),
        pull_secrets=args.get("pull_secrets") or (),
        recursors=args.get("recursors") or (),
        server_config=args.get("server_config") or {},
        external=_external(args["external_servers"]) if "external_servers" in args else None,
        vault=args.get("vault"),
        mesh_gateway=args.get("mesh_gateway"),
        api_gateway=args.get("api_gateway") or {},
        terminating_gateways=args.get("terminating_gateways") or (),
    )


_EXTERNAL = {
    "hosts": "hosts",
    "https_port": "httpsPort",
    "grpc_port": "grpcPort",
    "tls_server_name": "tlsServerName",
    "use_system_roots": "useSystemRoots",
    "kubernetes_host": "k8sAuthMethodHost",
    "skip_server_watch": "skipServerWatch",
}


def _external(servers: "ExternalServersArgs") -> dict[str, Any]:
    """Values for servers elsewhere: where they are, who signed their certificate, and the token to set ACLs up with."""
    given: Mapping[str, Any] = servers
    where = {chart_key: given[key] for key, chart_key in _EXTERNAL.items() if key in given}
    secrets: dict[str, Any] = {"acls": {"bootstrapToken": _secret(servers["bootstrap_token"])}}
    if "ca" in servers:
        secrets["tls"] = {"caCert": _secret(servers["ca"])}
    return {"externalServers": {"enabled": True, **where}, "global": secrets}


def _secret(secret: "SecretKey") -> dict[str, str]:
    return {"secretName": secret["secret_name"], "secretKey": secret["secret_key"]}
