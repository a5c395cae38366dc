"""Traffic in a Consul stack: where requests to its services go."""

from typing import TYPE_CHECKING

from consul_parts import Registered
from meshwright import ConsulServiceTraffic
from meshwright.config.consul import ConsulMesh
from meshwright.config.consul_access_checks import traffic_args

if TYPE_CHECKING:
    import pulumi


def deploy(mesh: ConsulMesh, stands: Registered) -> None:
    """Register what `traffic` asks for, after the services' protocols and the subsets that it names.

    Consul refuses a chain that leads to a subset that there isn't yet. Of services that name each other's subsets, one
    has to be first: consul-k8s writes it again until Consul takes it.
    """
    wanted = {each.service: (space, each) for space in mesh.namespaces for each in space.traffic}
    made: dict[str, pulumi.Resource] = {}

    def register(service: str, asked_by: tuple[str, ...]) -> None:
        args = traffic_args(mesh, *wanted[service])
        named = [name for name in args.get("services") or {} if name in wanted]
        for name in named:
            if name not in made and name not in asked_by:
                register(name, (*asked_by, service))
        before = [*stands.namespaces.values(), *(made[name] for name in named if name in made)]
        made[service] = ConsulServiceTraffic(f"traffic-{service}", args, stands.after(before))

    for service in wanted:
        if service not in made:
            register(service, (service,))
