"""The program behind ``pulumi up``: the stack's config in, components out."""

from pathlib import Path

import pulumi

import consul
import istio_ambient
import linkerd
from meshwright.config import ConsulMesh, IstioAmbientMesh, LinkerdMesh, Mesh, parse_config
from meshwright.errors import Code, ConfigError, Problem


def main() -> None:
    """Read the config, once, and hand it to the program of its kind."""
    config = pulumi.Config("meshwright")
    stack_file = Path(f"Pulumi.{pulumi.get_stack()}.yaml")
    try:
        mesh = parse_config(config.require_object("mesh"), config.get_object("waivers") or [], place=stack_file).mesh
        deploy(mesh, stack_file)
    except ConfigError as error:
        raise pulumi.RunError(str(error)) from None


def deploy(mesh: Mesh, stack_file: Path) -> None:
    """Register a mesh. Raises `ConfigError` for a kind without components."""
    if isinstance(mesh, IstioAmbientMesh):
        istio_ambient.deploy(mesh)
    elif isinstance(mesh, LinkerdMesh):
        linkerd.deploy(mesh, f"stacks/{stack_file}")
    elif isinstance(mesh, ConsulMesh):
        consul.deploy(mesh, f"stacks/{stack_file}")
    else:
        raise ConfigError(
            Problem(
                code=Code.KIND_NOT_PROVISIONED,
                message=f"this version checks stacks of kind {mesh.kind}, and does not deploy them",
                remedy="it deploys: istio-ambient, linkerd, consul",
                place=f"stacks/{stack_file}",
            )
        )


main()
