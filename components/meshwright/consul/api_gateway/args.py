"""What `ConsulApiGateway` takes."""

from typing import Any, NotRequired, TypedDict

from meshwright.gateway_api.arguments import Backend, Match


class CertificateArgs(TypedDict):
    """A Secret of the type ``kubernetes.io/tls``."""

    secret: str
    namespace: NotRequired[str]
    """Default: the Gateway's. Elsewhere a ReferenceGrant lets the Gateway read it."""


class ListenerArgs(TypedDict):
    """A port that clients reach. Consul has one listener a port."""

    name: str
    port: int
    """Of the Service. In pods, ports below 1024 are 8000 higher."""
    protocol: NotRequired[str]
    """``https`` or ``http``. Default: ``https``."""
    hostname: NotRequired[str]
    """Requests for this host alone; ``*.example.com`` for all with one label more. Default: any."""
    certificates: NotRequired[list[CertificateArgs]]
    """With ``https``: one at least; the client's SNI chooses."""
    tls_min_version: NotRequired[str]
    """``1.2`` or ``1.3``. Default: ``1.2``."""


class RuleArgs(TypedDict):
    """Requests of a kind, and where they go."""

    match: NotRequired[list[Match]]
    """Any of these. Default: every request."""
    to: list[Backend]
    """Services of the mesh, and their shares. Consul doesn't look at ``port``, which the Gateway API asks for. Default
    of ``port``: 80."""
    filters: NotRequired[list[dict[str, Any]]]
    """As an HTTPRoute has them, of the types ``RequestHeaderModifier``, ``ResponseHeaderModifier``, ``URLRewrite`` of a
    prefix, and ``ExtensionRef`` to one of Consul's. Consul drops the others without a word."""


class RouteArgs(TypedDict):
    """An HTTPRoute."""

    name: str
    """The object's is ``<gateway>-<name>``."""
    hosts: NotRequired[list[str]]
    """Without wildcards. Default: any."""
    listeners: NotRequired[list[str]]
    """Listeners that it is for. Default: all that fit its hosts."""
    rules: list[RuleArgs]


class RoutedServiceArgs(TypedDict):
    """A service of the mesh."""

    namespace: str
    protocol: NotRequired[str]
    """Default: ``default_protocol``."""


class ConsulApiGatewayArgs(TypedDict):
    """Arguments of `ConsulApiGateway`."""

    gateway: str
    """Name of the Gateway, of its Deployment, Service and service account; and of its service in Consul, by which
    intentions know it."""
    namespace: NotRequired[str]
    """Where it stands, with its pods. Default: ``consul``."""
    annotations: NotRequired[dict[str, str]]
    """Of the Gateway. Its Service gets those that `Consul`'s ``api_gateway.service_annotations`` names."""
    listeners: list[ListenerArgs]
    routes: NotRequired[list[RouteArgs]]
    services: dict[str, RoutedServiceArgs]
    """The services that routes may lead to, by their names."""
    default_protocol: NotRequired[str]
    """The mesh's. Default: ``tcp``."""
