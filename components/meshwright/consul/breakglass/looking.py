"""What a plan for Consul has to know of the cluster, of Consul and of Vault before it is made; only read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from meshwright.breakglass.looking import ClusterLook, raise_unless_absent
from meshwright.breakglass.plan import refused
from meshwright.certs.cert_manager import duration_of
from meshwright.certs.consul_seen import address_of, observe_consul
from meshwright.config.clock import today
from meshwright.consul import labels
from meshwright.consul.ca.settings import LEAF_MOST_H, TOKENS
from meshwright.consul.health.apis import ask_vault
from meshwright.consul.health.kinds import VAULT_SEEN
from meshwright.consul.health.vault import SEALED
from meshwright.health.kinds import Kind, of_group
from meshwright.health.objects import annotation, at, condition, label, mapping, name_of
from meshwright.kubernetes.reading import ReadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshwright.certs.consul_seen import ConsulSeen
    from meshwright.health.objects import Object
    from meshwright.kubernetes.reading import ClusterReader

KINDS: Final[dict[str, Kind]] = {
    **of_group("core", "v1", Pod="pods"),
    **of_group("apps", "v1", Deployment="deployments", StatefulSet="statefulsets"),
    **of_group("batch", "v1", Job="jobs"),
}
_FILES: Final = ("additional-connect-ca-config.json", "connect-ca-config.json", "extra-from-values.json")
"""Of the servers' ConfigMaps, those that may say how Consul logs in to Vault."""
_CONFIG_MAPS: Final = (labels.SERVER_CONFIG, f"{labels.SERVER}-tmp-extra-config")


class Look(ClusterLook):
    """The cluster that a plan is for, and the APIs of Consul and Vault where their addresses are given."""

    def __init__(
        self, reader: ClusterReader, consul_address: str = "", vault_address: str = "", now: datetime | None = None
    ) -> None:
        super().__init__(reader, KINDS)
        self._consul_address = consul_address
        self._vault_address = vault_address
        self.now = now or datetime.combine(today(), datetime.now(UTC).time(), UTC)

    def servers(self) -> Object:
        """Their StatefulSet. Raises `ConfigError` (MW-E172) where there is none."""
        return self.one("StatefulSet", labels.NAMESPACE, labels.SERVER)

    def workloads(self) -> list[Object]:
        """What runs of Consul: its servers first, which all others wait for."""
        kinds = ("StatefulSet", "Deployment")
        found = [each for kind in kinds for each in self.all(kind, labels.NAMESPACE) if label(each, "app") == "consul"]
        return sorted(found, key=lambda each: name_of(each) != labels.SERVER)

    def uses_vault(self) -> bool:
        """Whether Vault keeps the servers' secrets."""
        return annotation(mapping(self.servers(), "spec", "template"), labels.VAULT_INJECT) == "true"

    def authority(self) -> ConsulSeen | None:
        """What Consul's API shows of its certificate authority; None where no address was given."""
        if not self._consul_address:
            return None
        return observe_consul(address_of(self._consul_address, ""), self._consul_address)

    def is_sealed(self) -> bool | None:
        """Whether Vault is sealed, by its API, or by the labels of its pods; None where neither tells."""
        if self._vault_address:
            shown = ask_vault(self._vault_address)
            if VAULT_SEEN in shown.gaps:
                raise refused(shown.gaps[VAULT_SEEN], "bring it back first; a Vault that is away can't be unsealed")
            (body,) = shown.objects[VAULT_SEEN]
            return body["sealed"] is not False
        told = {value for pod in self.all("Pod") for key in SEALED if (value := label(pod, key))}
        return "true" in told if told else None

    def require_open(self) -> None:
        """Raises `ConfigError` (MW-E172) where Vault is sealed, or nothing tells: a server restarted now stays away."""
        sealed = self.is_sealed()
        if sealed is None:
            raise refused("nothing here tells whether Vault is sealed", "name it by --vault-address")
        if sealed:
            raise refused("Vault is sealed, and a server that restarts waits for it", "see vault-sealed")

    def waiting(self) -> list[Object]:
        """Pods of Consul's that have to have something of Vault's, and aren't ready. One that is ready has it."""
        return [
            each
            for each in self.all("Pod", labels.NAMESPACE)
            if annotation(each, labels.VAULT_INJECT) == "true" and not _is_ready(each)
        ]

    def logs_in_by_token(self) -> bool:
        """Whether the servers' files have a static token for Vault; it is not kept, nor shown."""
        return any(_has_token(config) for config in self._ca_configs())

    def _ca_configs(self) -> list[Mapping[str, Any]]:
        found = []
        for name in _CONFIG_MAPS:
            data = self._config_map(name)
            for file in _FILES:
                try:
                    connect = json.loads(data.get(file) or "{}").get("connect", {})
                except ValueError:
                    continue
                found += [one for each in _listed(connect) for one in _listed(each.get("ca_config", {}))]
        return found

    def _config_map(self, name: str) -> Mapping[str, Any]:
        try:
            body = self._reader.get(f"/api/v1/namespaces/{labels.NAMESPACE}/configmaps/{name}")
        except ReadError as error:
            raise_unless_absent(error, f"ConfigMap {labels.NAMESPACE}/{name}")
            return {}
        return mapping(body, "data")


def leaf_lifetime(seen: ConsulSeen | None) -> timedelta:
    """How long a leaf lives: as the live configuration says, else Consul's default."""
    told = seen.config.get("LeafCertTTL") if seen else None
    return (duration_of(str(told)) if told else None) or timedelta(hours=LEAF_MOST_H)


def hours(span: timedelta) -> str:
    """``72 hours``."""
    return f"{span / timedelta(hours=1):g} hours"


def quorum(servers: Object) -> None:
    """Raises `ConfigError` (MW-E172) where so few servers are ready that Consul can write nothing."""
    wanted, ready = int(at(servers, "spec", "replicas") or 0), int(at(servers, "status", "readyReplicas") or 0)
    if ready <= wanted // 2:
        message = f"{ready} of {wanted} servers are ready: without a quorum nothing can be written"
        raise refused(message, "bring servers back first: see the events of those that aren't ready")


def to_spare(servers: Object) -> str:
    """What new pods for the servers, one after the other, do to the quorum.

    The chart's StatefulSet is parallel: a rollout takes a server that is ready although another is away.

    Raises:
        ConfigError: MW-E172: a server is away, and without one more nothing could be written.
    """
    quorum(servers)
    wanted, ready = int(at(servers, "spec", "replicas") or 0), int(at(servers, "status", "readyReplicas") or 0)
    if ready - 1 > wanted // 2:
        return (
            "each election takes seconds in which nothing is written; the quorum stays, for one server goes at a time"
        )
    if ready < wanted:
        message = f"{ready} of {wanted} servers are ready: with one more away there is no quorum"
        raise refused(message, "bring back what is away first: see its events")
    return f"downtime: of {wanted} servers none may be away; nothing is written until each new pod is ready"


def _has_token(config: Mapping[str, Any]) -> bool:
    return any(config.get(key) for key in TOKENS) and not config.get("auth_method")


def _is_ready(pod: Object) -> bool:
    return bool(at(condition(pod, "Ready"), "status") == "True") or at(pod, "status", "phase") == "Succeeded"


def _listed(value: Any) -> list[Any]:
    """HCL's JSON has a block as an object, or as a list of them."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]
