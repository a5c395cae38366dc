"""The namespaces of a Consul stack, what holds for all of its proxies, and who may call whom."""

from collections.abc import Iterable
from dataclasses import replace

import pulumi

from consul_parts import Registered
from meshwright import ConsulIntentions, ConsulMeshDefaults, ConsulNamespace
from meshwright.config.consul import ConsulMesh
from meshwright.config.consul_access_checks import defaults_args, intentions_args, namespace_args
from meshwright.consul.labels import NAMESPACE
from meshwright.consul.namespace import restart


def deploy(mesh: ConsulMesh, stands: Registered, outside: Iterable[pulumi.Resource] = ()) -> Registered:
    """Register the mesh's defaults, its namespaces, then who may call; what stands from then on.

    A service becomes permissive after the mesh allows it, and its requests are looked at after its protocol is known.
    """
    defaults = ConsulMeshDefaults("defaults", defaults_args(mesh), stands.after())
    made = {
        each.name: ConsulNamespace(each.name, namespace_args(mesh, each), stands.after([defaults]))
        for each in mesh.namespaces
    }
    if mesh.namespaces or mesh.intentions:
        # In Consul's namespace: whoever may write intentions decides who calls whom.
        ConsulIntentions(
            "intentions",
            {**intentions_args(mesh), "namespace": NAMESPACE},
            stands.after([defaults, *made.values(), *outside]),
        )
    return replace(stands, namespaces=made, defaults=defaults)


def restarts(mesh: ConsulMesh) -> dict[str, str]:
    """Namespace -> what has to be restarted since its phase changed; those with nothing are left out."""
    return {each.name: what for each in mesh.namespaces if (what := restart(namespace_args(mesh, each)))}
