"""Monitoring of Consul, from a stack's config."""

from typing import TYPE_CHECKING, cast

from consul_parts import Registered
from meshwright import ConsulMonitoring
from meshwright.config.consul import ConsulMesh
from meshwright.config.consul_ca import ConnectCa

if TYPE_CHECKING:
    from meshwright.config.consul_control import SecretReference
    from meshwright.consul.observability.monitoring import ConsulMonitoringArgs
    from meshwright.consul.vault.backend import SecretKey

_PARTS = ("monitors", "alerts", "dashboards")


def deploy(mesh: ConsulMesh, stands: Registered) -> None:
    """Register what the stack asks for."""
    wanted = mesh.monitoring
    if wanted is None:
        return
    lifetimes = (mesh.ca or ConnectCa()).lifetimes
    args: ConsulMonitoringArgs = {
        "namespace": wanted.namespace,
        "datacenter": mesh.datacenter,
        "parts": [part for part in _PARTS if getattr(wanted, part)],
        "interval": wanted.interval,
        "vault": mesh.vault is not None,
        "leaf_lifetime_hours": lifetimes.leaf_h,
        "intermediate_lifetime_hours": lifetimes.intermediate_h,
    }
    if wanted.token:
        args["token"] = _secret(wanted.token)
    if wanted.ca:
        args["ca"] = _secret(wanted.ca)
    given = wanted.model_dump(mode="json", exclude_unset=True)
    same = ("labels", "alert_labels", "dashboard_labels", "runbooks")
    args.update(cast("ConsulMonitoringArgs", {key: given[key] for key in same if given.get(key)}))
    # Their namespace may be one that the stack makes.
    after = stands.after([each for name, each in stands.namespaces.items() if name == wanted.namespace])
    ConsulMonitoring("monitoring", args, after)


def _secret(given: "SecretReference") -> "SecretKey":
    return {"secret_name": given.secret, "secret_key": given.key}
