"""Traffic in a Consul stack: where requests to its services go."""

from consul_parts import Registered
from meshwright import ConsulServiceTraffic
from meshwright.config.consul import ConsulMesh
from meshwright.config.consul_access_checks import traffic_args


def deploy(mesh: ConsulMesh, stands: Registered) -> None:
    """Register what `traffic` asks for, after the services' protocols: Consul refuses a router without."""
    made = list(stands.namespaces.values())
    for namespace in mesh.namespaces:
        for each in namespace.traffic:
            ConsulServiceTraffic(f"traffic-{each.service}", traffic_args(mesh, namespace, each), stands.after(made))
