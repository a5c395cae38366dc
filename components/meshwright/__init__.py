"""meshwright provisions service meshes with Pulumi and keeps their adoption honest.

Components are imported by name (``from meshwright import IstioAmbient``). Each is loaded on first use: the command line
needs no Pulumi for most of what it does, and a program pays for the components that it uses.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshwright.consul.api_gateway.api_gateway import ConsulApiGateway
    from meshwright.consul.ca.connect_certificate_authority import ConnectCertificateAuthority
    from meshwright.consul.consul import Consul
    from meshwright.consul.hybrid.dns import ConsulDnsForwarding
    from meshwright.consul.hybrid.ecs.task import ConsulEcsCluster, ConsulEcsTask
    from meshwright.consul.hybrid.exports import ConsulExports, ConsulSamenessGroup
    from meshwright.consul.hybrid.external import ConsulExternalService
    from meshwright.consul.hybrid.function import ConsulFunction
    from meshwright.consul.hybrid.gateway import ConsulTerminatingGateway
    from meshwright.consul.hybrid.login import ConsulLogin
    from meshwright.consul.hybrid.machine.machine import ConsulVirtualMachine
    from meshwright.consul.hybrid.peering import ConsulPeeringAcceptor, ConsulPeeringDialer
    from meshwright.consul.intentions.intentions import ConsulIntentions
    from meshwright.consul.mesh_defaults import ConsulMeshDefaults
    from meshwright.consul.namespace import ConsulNamespace
    from meshwright.consul.observability.monitoring import ConsulMonitoring
    from meshwright.consul.snapshots import ConsulSnapshots
    from meshwright.consul.system_namespace import ConsulSystemNamespace
    from meshwright.consul.traffic.traffic import ConsulServiceTraffic
    from meshwright.consul.vault.authority import VaultCertificateAuthority
    from meshwright.istio.ambient import IstioAmbient
    from meshwright.istio.certificates.istio_csr import IstioCsr
    from meshwright.istio.certificates.plugged_in import PluggedInCa
    from meshwright.istio.mtls import MeshWideMtls, WorkloadMtls
    from meshwright.istio.multicluster.east_west import EastWestGateway
    from meshwright.istio.multicluster.global_services import GlobalServices
    from meshwright.istio.multicluster.remote import RemoteReader, RemoteSecret
    from meshwright.istio.namespace import AmbientNamespace
    from meshwright.istio.network_policy import AmbientNetworkPolicy
    from meshwright.istio.observability.kiali import Kiali
    from meshwright.istio.observability.monitoring import MeshMonitoring
    from meshwright.istio.observability.telemetry import MeshTelemetry
    from meshwright.istio.platforms.cilium import CiliumProbePolicy
    from meshwright.istio.platforms.eks import EksMeshFirewall
    from meshwright.istio.platforms.gke import GkeMeshFirewall
    from meshwright.istio.security.access_policy import AccessPolicy
    from meshwright.istio.security.jwt import JwtAuthentication
    from meshwright.istio.security.namespace_access import NamespaceAccess
    from meshwright.istio.security.require_waypoint import RequireWaypoint
    from meshwright.istio.tag import RevisionTag
    from meshwright.istio.traffic.egress import Egress
    from meshwright.istio.traffic.policy import TrafficPolicy
    from meshwright.istio.use_waypoint import UseWaypoint
    from meshwright.istio.waypoint import Waypoint
    from meshwright.kubernetes.cert_manager import CertManager
    from meshwright.kubernetes.gateway_api import GatewayApiCrds
    from meshwright.linkerd.access.access import LinkerdAccess
    from meshwright.linkerd.certificates.identity_issuer import IdentityIssuer
    from meshwright.linkerd.certificates.trust_anchor import TrustAnchor
    from meshwright.linkerd.cni import LinkerdCni
    from meshwright.linkerd.linkerd import Linkerd
    from meshwright.linkerd.multicluster.exports import LinkerdExports
    from meshwright.linkerd.multicluster.extension import LinkerdMulticluster
    from meshwright.linkerd.multicluster.link import LinkerdLink, LinkerdReader
    from meshwright.linkerd.namespace import LinkerdNamespace
    from meshwright.linkerd.observability.monitoring import LinkerdMonitoring
    from meshwright.linkerd.system_namespace import LinkerdSystemNamespace
    from meshwright.linkerd.traffic.egress import LinkerdEgress
    from meshwright.linkerd.traffic.rate_limit import LinkerdRateLimit
    from meshwright.linkerd.traffic.traffic import LinkerdTraffic
    from meshwright.linkerd.viz import LinkerdViz
    from meshwright.linkerd.webhooks import LinkerdWebhookCertificates

__version__ = "0.1.0"

__all__ = [
    "AccessPolicy",
    "AmbientNamespace",
    "AmbientNetworkPolicy",
    "CertManager",
    "CiliumProbePolicy",
    "ConnectCertificateAuthority",
    "Consul",
    "ConsulApiGateway",
    "ConsulDnsForwarding",
    "ConsulEcsCluster",
    "ConsulEcsTask",
    "ConsulExports",
    "ConsulExternalService",
    "ConsulFunction",
    "ConsulIntentions",
    "ConsulLogin",
    "ConsulMeshDefaults",
    "ConsulMonitoring",
    "ConsulNamespace",
    "ConsulPeeringAcceptor",
    "ConsulPeeringDialer",
    "ConsulSamenessGroup",
    "ConsulServiceTraffic",
    "ConsulSnapshots",
    "ConsulSystemNamespace",
    "ConsulTerminatingGateway",
    "ConsulVirtualMachine",
    "EastWestGateway",
    "Egress",
    "EksMeshFirewall",
    "GatewayApiCrds",
    "GkeMeshFirewall",
    "GlobalServices",
    "IdentityIssuer",
    "IstioAmbient",
    "IstioCsr",
    "JwtAuthentication",
    "Kiali",
    "Linkerd",
    "LinkerdAccess",
    "LinkerdCni",
    "LinkerdEgress",
    "LinkerdExports",
    "LinkerdLink",
    "LinkerdMonitoring",
    "LinkerdMulticluster",
    "LinkerdNamespace",
    "LinkerdRateLimit",
    "LinkerdReader",
    "LinkerdSystemNamespace",
    "LinkerdTraffic",
    "LinkerdViz",
    "LinkerdWebhookCertificates",
    "MeshMonitoring",
    "MeshTelemetry",
    "MeshWideMtls",
    "NamespaceAccess",
    "PluggedInCa",
    "RemoteReader",
    "RemoteSecret",
    "RequireWaypoint",
    "RevisionTag",
    "TrafficPolicy",
    "TrustAnchor",
    "UseWaypoint",
    "VaultCertificateAuthority",
    "Waypoint",
    "WorkloadMtls",
    "__version__",
]

_HOME = {
    "IdentityIssuer": "meshwright.linkerd.certificates.identity_issuer",
    "TrustAnchor": "meshwright.linkerd.certificates.trust_anchor",
    "AccessPolicy": "meshwright.istio.security.access_policy",
    "AmbientNamespace": "meshwright.istio.namespace",
    "CertManager": "meshwright.kubernetes.cert_manager",
    "AmbientNetworkPolicy": "meshwright.istio.network_policy",
    "CiliumProbePolicy": "meshwright.istio.platforms.cilium",
    "ConnectCertificateAuthority": "meshwright.consul.ca.connect_certificate_authority",
    "Consul": "meshwright.consul.consul",
    "ConsulApiGateway": "meshwright.consul.api_gateway.api_gateway",
    "ConsulDnsForwarding": "meshwright.consul.hybrid.dns",
    "ConsulEcsCluster": "meshwright.consul.hybrid.ecs.task",
    "ConsulEcsTask": "meshwright.consul.hybrid.ecs.task",
    "ConsulExports": "meshwright.consul.hybrid.exports",
    "ConsulExternalService": "meshwright.consul.hybrid.external",
    "ConsulFunction": "meshwright.consul.hybrid.function",
    "ConsulLogin": "meshwright.consul.hybrid.login",
    "ConsulPeeringAcceptor": "meshwright.consul.hybrid.peering",
    "ConsulPeeringDialer": "meshwright.consul.hybrid.peering",
    "ConsulSamenessGroup": "meshwright.consul.hybrid.exports",
    "ConsulTerminatingGateway": "meshwright.consul.hybrid.gateway",
    "ConsulVirtualMachine": "meshwright.consul.hybrid.machine.machine",
    "ConsulIntentions": "meshwright.consul.intentions.intentions",
    "ConsulMeshDefaults": "meshwright.consul.mesh_defaults",
    "ConsulMonitoring": "meshwright.consul.observability.monitoring",
    "ConsulNamespace": "meshwright.consul.namespace",
    "ConsulServiceTraffic": "meshwright.consul.traffic.traffic",
    "ConsulSnapshots": "meshwright.consul.snapshots",
    "ConsulSystemNamespace": "meshwright.consul.system_namespace",
    "EastWestGateway": "meshwright.istio.multicluster.east_west",
    "Egress": "meshwright.istio.traffic.egress",
    "EksMeshFirewall": "meshwright.istio.platforms.eks",
    "GatewayApiCrds": "meshwright.kubernetes.gateway_api",
    "GkeMeshFirewall": "meshwright.istio.platforms.gke",
    "GlobalServices": "meshwright.istio.multicluster.global_services",
    "IstioAmbient": "meshwright.istio.ambient",
    "IstioCsr": "meshwright.istio.certificates.istio_csr",
    "JwtAuthentication": "meshwright.istio.security.jwt",
    "Kiali": "meshwright.istio.observability.kiali",
    "LinkerdEgress": "meshwright.linkerd.traffic.egress",
    "LinkerdRateLimit": "meshwright.linkerd.traffic.rate_limit",
    "LinkerdTraffic": "meshwright.linkerd.traffic.traffic",
    "Linkerd": "meshwright.linkerd.linkerd",
    "LinkerdCni": "meshwright.linkerd.cni",
    "LinkerdSystemNamespace": "meshwright.linkerd.system_namespace",
    "LinkerdViz": "meshwright.linkerd.viz",
    "LinkerdWebhookCertificates": "meshwright.linkerd.webhooks",
    "LinkerdAccess": "meshwright.linkerd.access.access",
    "LinkerdNamespace": "meshwright.linkerd.namespace",
    "LinkerdExports": "meshwright.linkerd.multicluster.exports",
    "LinkerdLink": "meshwright.linkerd.multicluster.link",
    "LinkerdReader": "meshwright.linkerd.multicluster.link",
    "LinkerdMulticluster": "meshwright.linkerd.multicluster.extension",
    "LinkerdMonitoring": "meshwright.linkerd.observability.monitoring",
    "MeshMonitoring": "meshwright.istio.observability.monitoring",
    "MeshTelemetry": "meshwright.istio.observability.telemetry",
    "MeshWideMtls": "meshwright.istio.mtls",
    "NamespaceAccess": "meshwright.istio.security.namespace_access",
    "PluggedInCa": "meshwright.istio.certificates.plugged_in",
    "RemoteReader": "meshwright.istio.multicluster.remote",
    "RemoteSecret": "meshwright.istio.multicluster.remote",
    "RequireWaypoint": "meshwright.istio.security.require_waypoint",
    "RevisionTag": "meshwright.istio.tag",
    "TrafficPolicy": "meshwright.istio.traffic.policy",
    "UseWaypoint": "meshwright.istio.use_waypoint",
    "VaultCertificateAuthority": "meshwright.consul.vault.authority",
    "Waypoint": "meshwright.istio.waypoint",
    "WorkloadMtls": "meshwright.istio.mtls",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'meshwright' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
