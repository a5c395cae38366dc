"""Monitoring and tracing of Linkerd, from a stack's config."""

from typing import TYPE_CHECKING, Any, cast

from linkerd_parts import Registered
from meshwright import LinkerdMonitoring
from meshwright.config.base import seconds
from meshwright.config.istio_observability import host_and_port
from meshwright.config.linkerd import LinkerdMesh

if TYPE_CHECKING:
    from meshwright.linkerd.observability.monitoring import LinkerdMonitoringArgs

_PARTS = ("monitors", "alerts", "dashboards")


def tracing(mesh: LinkerdMesh) -> dict[str, Any]:
    """Values of the control plane's chart by which proxies send spans."""
    traces = mesh.observability and mesh.observability.traces
    if not traces:
        return {}
    host, port = host_and_port(traces.collector)
    identity = {"serviceAccountName": traces.service_account, "namespace": traces.namespace}
    return {
        "proxy": {"tracing": {"enabled": True, "collector": {"endpoint": f"{host}:{port}", "meshIdentity": identity}}}
    }


def deploy(mesh: LinkerdMesh, stands: Registered) -> None:
    """Register what the stack asks for."""
    wanted = mesh.observability
    if wanted is None:
        return
    parts = [part for part in _PARTS if getattr(wanted, part)]
    if not parts:
        return
    args: LinkerdMonitoringArgs = {
        "namespace": wanted.namespace,
        "parts": parts,
        "interval": wanted.interval,
        "renew_before_s": seconds(mesh.trust.issuer.renew_before),
        "cert_manager": wanted.cert_manager,
        "kube_state_metrics": wanted.kube_state_metrics,
        "multicluster": wanted.multicluster or bool(mesh.multicluster and mesh.multicluster.links),
    }
    given = wanted.model_dump(mode="json", exclude_unset=True)
    same = ("labels", "alert_labels", "dashboard_labels", "runbooks")
    args.update(cast("LinkerdMonitoringArgs", {key: given[key] for key in same if given.get(key)}))
    # Their namespace may be one that the stack makes.
    after = stands.after([each for name, each in stands.namespaces.items() if name == wanted.namespace])
    LinkerdMonitoring("monitoring", args, after)
