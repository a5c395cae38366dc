"""Ways in from outside, in a Consul stack."""

from consul_parts import Registered
from meshwright import ConsulApiGateway
from meshwright.config.consul import ConsulMesh
from meshwright.config.consul_api_gateway import gateway_args


def deploy(mesh: ConsulMesh, stands: Registered) -> None:
    """Register gateways and their routes, after the services that these lead to and their protocols."""
    after = stands.after(stands.namespaces.values())
    for each in mesh.gateways.api.gateways:
        ConsulApiGateway(each.name, gateway_args(mesh, each), after)
