"""What rules about Consul read: type tokens, the chart with its values, and config entries however they are written."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from meshwright.consul import labels
from meshwright_policy.istio.charts import Chart, chart_name
from meshwright_policy.istio.kinds import SERVICE, WORKLOAD
from meshwright_policy.istio.mesh import kind_of, name_of, namespace_of, pod_of, told
from meshwright_policy.istio.mesh_wide import KUBERNETES_NAMESPACE
from meshwright_policy.record import NotApplicableError, Requirement, Subject
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at
from meshwright_policy.versions import HELM

__all__ = [
    "HELM",
    "KUBERNETES_NAMESPACE",
    "SERVICE",
    "WORKLOAD",
    "Chart",
    "kind_of",
    "name_of",
    "namespace_of",
    "pod_of",
    "told",
]
CONSUL_NAMESPACE: Final = "meshwright:index:ConsulNamespace"
CONNECT_CA: Final = "meshwright:index:ConnectCertificateAuthority"
VAULT_CA: Final = "meshwright:index:VaultCertificateAuthority"
LIVE_CA: Final = "consul:index/certificateAuthority:CertificateAuthority"
CONFIG_ENTRY: Final = "consul:index/configEntry:ConfigEntry"
_CHART: Final = re.compile(r"consul(?:-\d[0-9A-Za-z.+-]*\.tgz)?")
_KINDS: Final = {
    "service-intentions": "ServiceIntentions",
    "service-defaults": "ServiceDefaults",
    "proxy-defaults": "ProxyDefaults",
    "mesh": "Mesh",
    "exported-services": "ExportedServices",
    "jwt-provider": "JWTProvider",
    "terminating-gateway": "TerminatingGateway",
    "ingress-gateway": "IngressGateway",
}
"""Kind in Consul's API -> in Kubernetes."""


def _tokens(kind: str, *typed: str, patch: bool = False) -> tuple[str, ...]:
    patches = (f"kubernetes:{labels.API_VERSION}:{kind}Patch",) if patch else ()
    return (f"kubernetes:{labels.API_VERSION}:{kind}", *patches, *typed, CONFIG_ENTRY)


INTENTIONS: Final = _tokens(
    "ServiceIntentions", "consul:index/configEntryServiceIntentions:ConfigEntryServiceIntentions"
)
DEFAULTS: Final = _tokens(
    "ServiceDefaults", "consul:index/configEntryServiceDefaults:ConfigEntryServiceDefaults", patch=True
)
PROXY_DEFAULTS: Final = _tokens("ProxyDefaults")
MESH: Final = _tokens("Mesh")
MESH_OR_PATCH: Final = _tokens("Mesh", patch=True)
EXPORTED: Final = _tokens(
    "ExportedServices", "consul:index/configEntryV2ExportedServices:ConfigEntryV2ExportedServices"
)
JWT_PROVIDER: Final = _tokens("JWTProvider")
TERMINATING: Final = _tokens("TerminatingGateway")
INGRESS: Final = _tokens("IngressGateway")


@dataclass(frozen=True, slots=True)
class Entry:
    """A config entry, with the keys of its CRD."""

    subject: Subject
    name: str
    """Of the service that it is for."""
    spec: Any

    def get(self, *path: str) -> Any:
        """What stands at a path; it may be unknown."""
        return at(self.spec, *path)


def entry_of(subject: Subject, kind: str) -> Entry:
    """A resource as an entry of a kind. Raises `NotApplicableError` for another one."""
    given = subject.properties
    if subject.type.startswith("kubernetes:"):
        spec = at(given, "spec")
        name = at(spec, "destination", "name") if kind == "ServiceIntentions" else None
        return Entry(subject, _service(name, name_of(subject)), spec)
    name = _service(at(given, "name"), subject.name)
    if subject.type != CONFIG_ENTRY:
        return Entry(subject, name, _typed(given))
    told_kind = at(given, "kind")
    if not isinstance(told_kind, str) or _KINDS.get(told_kind) != kind:
        raise NotApplicableError(f"it is no {kind}")
    return Entry(subject, name, _renamed(read(at(given, "configJson"))))


def entries(stack: Stack, kind: str, *tokens: str) -> Iterator[Entry]:
    """The entries of a kind in the stack."""
    for subject in stack.of(*tokens):
        try:
            yield entry_of(subject, kind)
        except NotApplicableError:
            continue


def _service(name: Any, otherwise: str) -> str:
    return "*" if name == "*" else told(name, otherwise)


def _typed(given: Mapping[str, Any]) -> Any:
    """The inputs of a typed resource of pulumi_consul, of which a single object is often a list of one."""
    spec = dict(given)
    if "mutualTlsMode" in spec:
        spec["mutualTLSMode"] = spec["mutualTlsMode"]
    if "destinations" in spec:
        spec["destination"] = first(spec["destinations"])
    if isinstance(sources := spec.get("sources"), list):
        spec["sources"] = [_source(each) for each in sources]
    if isinstance(names := spec.get("services"), list):
        spec["services"] = [{"name": each} for each in names]
    return spec


def _source(source: Any) -> Any:
    if not isinstance(source, Mapping) or not isinstance(permissions := source.get("permissions"), list):
        return source
    return {
        **source,
        "permissions": [
            {**each, "http": first(each.get("https"))} if isinstance(each, Mapping) else each for each in permissions
        ],
    }


def _renamed(value: Any) -> Any:
    """The API's keys as the CRDs write them: ``JSONWebKeySet`` is ``jsonWebKeySet``."""
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {_lowered(str(key)): _renamed(each) for key, each in value.items()}


def _lowered(key: str) -> str:
    return re.sub(r"^[A-Z]+(?=[A-Z][a-z]|$)|^[A-Z]", lambda found: found[0].lower(), key)


def first(value: Any) -> Any:
    """What a list of one holds; anything else as it is."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def read(text: Any) -> Any:
    """An object, given as such or as JSON; ``None`` for any other text."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return None


def whole(value: Any) -> Any:
    """A value with whole numbers as such: the engine sends every number as a float."""
    if isinstance(value, Mapping):
        return {key: whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_chart(subject: Subject) -> bool:
    """Whether a Helm release installs Consul."""
    return _CHART.fullmatch(chart_name(subject)[0]) is not None


def chart_of(subject: Subject) -> Chart:
    """A Helm release as Consul's chart. Raises `NotApplicableError` for another one."""
    if not is_chart(subject):
        raise NotApplicableError("it doesn't install Consul")
    name, tag = chart_name(subject)
    version, values = (at(subject.properties, key) for key in ("version", "values"))
    return Chart(subject, name, version or tag or None, values)


def installed(stack: Stack) -> Iterator[Chart]:
    """The releases of Consul's chart."""
    return (chart_of(subject) for subject in stack.of(*HELM) if is_chart(subject))


def setting(chart: Chart, path: str, default: Any = None) -> Any:
    """A value of the chart, by dotted path; the chart's own where it isn't given."""
    found = chart.value(*path.split("."))
    return default if found is None else found


def has_servers(chart: Chart) -> Any:
    """Whether it runs servers, rather than using those of elsewhere; it may be unknown."""
    own, external = setting(chart, "server.enabled", "-"), setting(chart, "externalServers.enabled", False)
    if own == "-":
        own = setting(chart, "global.enabled", True)
    if own is False or external is True:
        return False
    return UNKNOWN if UNKNOWN in (own, external) else True


def servers_of(subject: Subject) -> Chart:
    """The chart of a release that runs servers, or may. Raises `NotApplicableError` for any other one."""
    chart = chart_of(subject)
    if has_servers(chart) is False:
        raise NotApplicableError("its servers are elsewhere")
    return chart


def extra(chart: Chart, *path: str) -> Any:
    """What ``server.extraConfig`` says at a path of keys; blocks may be lists of one."""
    value = read(setting(chart, "server.extraConfig"))
    for key in path:
        value = at(first(value), key)
    return value


def ca_config(chart: Chart) -> Any:
    """What the servers' files say of the mesh's authority, beside the chart's own: keys in snake case."""
    more = read(setting(chart, "global.secretsBackend.vault.connectCA.additionalConfig"))
    found = [first(at(first(at(first(part), "connect")), "ca_config")) for part in (more, extra(chart))]
    if any(part is UNKNOWN for part in (more, *found)):
        return UNKNOWN
    return {key: value for part in found if isinstance(part, Mapping) for key, value in part.items()}


def is_injected(stack: Stack, workload: Subject) -> bool | None:
    """Whether a workload's pods get a proxy: by their own annotation, or by the namespace's label."""
    own = at(pod_of(workload), "metadata", "annotations", labels.INJECT)
    if own is not None:
        return None if own is UNKNOWN else str(own).lower() == "true"
    return stack.derived(injected).get(namespace_of(workload), False)


def injected(stack: Stack) -> Mapping[Any, bool | None]:
    """Namespace -> whether its pods get a proxy. Ask for it by ``stack.derived(injected)``."""
    found: dict[Any, bool | None] = {}
    for subject in stack.of(*KUBERNETES_NAMESPACE):
        given = at(subject.properties, "metadata", "labels", labels.MESH_NAMESPACE)
        if given is not None:
            found[name_of(subject)] = None if given is UNKNOWN else given == labels.ENABLED
    for subject in stack.of(CONSUL_NAMESPACE):
        phase = at(subject.properties, "phase")
        where = told(at(subject.properties, "namespace"), subject.name)
        found[where] = None if phase is UNKNOWN else phase in ("permissive", "strict")
    return found


def _pci(number: str, why: str) -> tuple[Requirement, ...]:
    source = "https://www.pcisecuritystandards.org/document_library/"
    return (Requirement("PCI DSS", "4.0.1", number, why, source),)


LEAST_PRIVILEGE: Final = _pci(
    "7.2.5", "system accounts have the least privileges that they need; for Consul's accounts in Vault and its tokens"
)
DENY_BY_DEFAULT: Final = _pci("7.3.3", "access control denies all by default; for calls between services of the mesh")
ENCRYPTED_ACCESS: Final = _pci("2.2.7", "administrative access is encrypted; for Consul's API and UI")
NO_HARD_CODED: Final = _pci("8.6.2", "no password of a system account is in a configuration; for Consul's tokens")
