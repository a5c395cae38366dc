"""The namespaces of a Linkerd stack, and who may call what in them."""

from dataclasses import replace
from typing import TYPE_CHECKING

from linkerd_parts import Registered
from meshwright import LinkerdAccess, LinkerdNamespace
from meshwright.config import linkerd as config
from meshwright.config.linkerd_access_checks import access_of, injection_of
from meshwright.linkerd.namespace import restart

if TYPE_CHECKING:
    from meshwright.linkerd.namespace import LinkerdNamespaceArgs


def deploy(mesh: config.LinkerdMesh, stands: Registered) -> Registered:
    """Register the namespaces, then what denies in them; what stands from then on."""
    made = {each.name: LinkerdNamespace(each.name, _args(mesh, each), stands.after()) for each in mesh.namespaces}
    for each in mesh.namespaces:
        if access := access_of(mesh, each):
            LinkerdAccess(f"{each.name}-access", access, stands.after(made.values()))
    return replace(stands, namespaces=made)


def restarts(mesh: config.LinkerdMesh) -> dict[str, str]:
    """Namespace -> what has to be restarted since its phase changed; those with nothing are left out."""
    return {each.name: what for each in mesh.namespaces if (what := restart(_args(mesh, each)))}


def _args(mesh: config.LinkerdMesh, namespace: config.LinkerdNamespace) -> "LinkerdNamespaceArgs":
    args: LinkerdNamespaceArgs = {"namespace": namespace.name, "phase": namespace.phase}
    if namespace.since:
        args["since"] = namespace.since.isoformat()
    if namespace.previous:
        args["previous"] = {"phase": namespace.previous.phase}
        if namespace.previous.since:
            args["previous"]["since"] = namespace.previous.since.isoformat()
    if namespace.adopt:
        args["adopt"] = True
    if injection := injection_of(mesh, namespace):
        args["injection"] = injection
    return args
