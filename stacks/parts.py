"""What the programs of all kinds of mesh share: paths, chart sources, the cluster."""

import os
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi.runtime.config import is_config_secret
from pulumi.runtime.proto.resource_pb2_grpc import ResourceMonitorStub
from pulumi.runtime.settings import get_monitor

from meshwright import GatewayApiCrds
from meshwright.catalog import Bundle
from meshwright.config.istio import GatewayApi
from meshwright.config.shared import ChartSource, Cluster
from meshwright.errors import Code, ConfigError, Problem
from meshwright.kubernetes.charts import ChartSourceArgs

_NOT_DECRYPTED = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What Pulumi, and the offline engine, put where a value isn't known."""


def is_offline() -> bool:
    """Whether nobody is to be asked: the engine is ours, not Pulumi's, or a test's."""
    return type(get_monitor()) is not ResourceMonitorStub  # ours is made of it


def chart_source(source: ChartSource) -> ChartSourceArgs:
    """Where charts come from, as components take it."""
    charts: ChartSourceArgs = {"source": source.source}
    if source.url:
        charts["address"] = source.url
    if source.path:
        charts["address"] = from_here(source.path)
    return charts


def from_here(path: str) -> str:
    """A path of the stack file, which is relative to the project, as the program and its providers see it."""
    return os.path.relpath(Path(pulumi.runtime.get_root_directory()) / Path(path).expanduser())


def provider_of(name: str, cluster: Cluster, **settings: bool) -> kubernetes.Provider:
    """The cluster that the stack names; never the one that a shell happens to point at."""
    kubeconfig: pulumi.Input[str] | None = from_here(cluster.kubeconfig) if cluster.kubeconfig else None
    if cluster.stack:
        kubeconfig = pulumi.StackReference(cluster.stack).require_output(cluster.output)
    return kubernetes.Provider(name, kubeconfig=kubeconfig, context=cluster.context, **settings)


def cluster_of(cluster: Cluster | None, place: str) -> Cluster:
    """The stack's cluster. Raises `ConfigError`: MW-E011 without one."""
    if cluster is None:
        message = "mesh.cluster is missing, and nothing can be deployed without one"
        raise ConfigError(Problem(Code.MISSING_KEY, message, "name the cluster by its context, or by a stack", place))
    return cluster


def gateway_api_crds(
    wanted: GatewayApi, bundle: Bundle, cluster: Cluster, provider: kubernetes.Provider
) -> GatewayApiCrds:
    """The Gateway API's CRDs, by the bundle that suits the mesh."""
    if wanted.mode == "adopt":
        # Elsewhere these settings would take over what others own; here that is what was asked for.
        provider = provider_of("gateway-api-owner", cluster, upsert_existing_objects=True, enable_patch_force=True)
    manifest = from_here(wanted.path) if wanted.path else bundle.url
    return GatewayApiCrds(
        "gateway-api",
        {"mode": wanted.mode, "version": bundle.version, "manifest": manifest},
        pulumi.ResourceOptions(providers=[provider]),
    )


def file_of(path: str, key: str) -> str:
    """What stands in a file that a stack names. Raises `ConfigError`: MW-E145."""
    try:
        return Path(from_here(path)).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise _missing(key, f"names {path}, which can't be read", "give the path of a PEM file") from None


def secret_of(place: str, key: str) -> pulumi.Input[str]:
    """A secret of the stack: an output where nobody decrypted it, so that it isn't known.

    Args:
        place: ``config:<namespace>:<key>``.
        key: Which key of the mesh has it, for messages.

    Raises:
        ConfigError: MW-E145.
    """
    full = place.removeprefix("config:")
    namespace, _, name = full.rpartition(":")
    value = pulumi.Config(namespace).get(name)
    if value is None:
        raise _missing(key, f"names the config value {full}, which isn't set", f"pulumi config set --secret {full}")
    if not is_config_secret(full):
        raise _missing(key, f"names the config value {full}, which is no secret", f"pulumi config set --secret {full}")
    if value == _NOT_DECRYPTED:
        unknown: Any = pulumi.UNKNOWN
        return pulumi.Output.secret(unknown)
    return value


def _missing(key: str, message: str, remedy: str) -> ConfigError:
    place = f"stacks/Pulumi.{pulumi.get_stack()}.yaml"
    return ConfigError(Problem(Code.CERTIFICATE_UNREADABLE, f"mesh.{key} {message}", remedy, place))
