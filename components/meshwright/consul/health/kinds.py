"""The kinds that the checks look at, by their names in the API."""

from __future__ import annotations

from typing import Final

from meshwright.consul.labels import GROUP
from meshwright.health.kinds import CONFIG_MAPS, CRDS, Kind, of_group

ENTRIES: Final[dict[str, Kind]] = of_group(
    GROUP,
    "v1alpha1",
    ControlPlaneRequestLimit="controlplanerequestlimits",
    ExportedServices="exportedservices",
    JWTProvider="jwtproviders",
    Mesh="meshes",
    ProxyDefaults="proxydefaults",
    Registration="registrations",
    SamenessGroup="samenessgroups",
    ServiceDefaults="servicedefaults",
    ServiceIntentions="serviceintentions",
    ServiceResolver="serviceresolvers",
    ServiceRouter="servicerouters",
    ServiceSplitter="servicesplitters",
    TerminatingGateway="terminatinggateways",
)
"""What the injector writes into Consul, and says of it whether it could."""

KINDS: Final[dict[str, Kind]] = {
    **of_group("core", "v1", Namespace="namespaces", Node="nodes", Pod="pods", Service="services"),
    **of_group("core", "v1", PersistentVolumeClaim="persistentvolumeclaims"),
    **of_group("apps", "v1", Deployment="deployments", StatefulSet="statefulsets", DaemonSet="daemonsets"),
    **of_group("batch", "v1", Job="jobs"),
    **of_group("policy", "v1", PodDisruptionBudget="poddisruptionbudgets"),
    **of_group("admissionregistration.k8s.io", "v1", MutatingWebhookConfiguration="mutatingwebhookconfigurations"),
    **of_group("gateway.networking.k8s.io", "v1", Gateway="gateways", HTTPRoute="httproutes"),
    **ENTRIES,
}
"""Kinds that are read whole, by name."""

APART: Final = {"CustomResourceDefinition": CRDS, "ConfigMap": CONFIG_MAPS}
"""Kinds of which a cluster is asked for a part alone."""
NAMESPACE_DECLARED: Final = "ConsulNamespace"
INTENTIONS_DECLARED: Final = "ConsulIntentions"
CA_DECLARED: Final = "ConnectCertificateAuthority"
DECLARED: Final = (NAMESPACE_DECLARED, INTENTIONS_DECLARED, CA_DECLARED)
"""Our components, whose arguments say what a stack declares."""
SERVERS_SEEN: Final = "ConsulServers"
AUTHORITY_SEEN: Final = "ConsulAuthority"
VAULT_SEEN: Final = "VaultHealth"
"""What the HTTP APIs of Consul and of Vault answer; absent where no address was given."""
