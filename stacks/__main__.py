"""The program behind ``pulumi up``: the stack's config in, components out."""

from pathlib import Path

import pulumi

import istio_ambient
from meshwright.config import parse_config
from meshwright.errors import Code, ConfigError, Problem

_PROGRAMS = {"istio-ambient": istio_ambient.deploy}


def main() -> None:
    """Read the config, once, and hand it to the program of its kind."""
    config = pulumi.Config("meshwright")
    stack_file = Path(f"Pulumi.{pulumi.get_stack()}.yaml")
    try:
        stack = parse_config(config.require_object("mesh"), config.get_object("waivers") or [], place=stack_file)
        if stack.mesh.kind not in _PROGRAMS:
            raise ConfigError(
                Problem(
                    code=Code.KIND_NOT_PROVISIONED,
                    message=f"this version checks stacks of kind {stack.mesh.kind}, and does not deploy them",
                    remedy=f"it deploys: {', '.join(_PROGRAMS)}",
                    place=f"stacks/{stack_file}",
                )
            )
    except ConfigError as error:
        raise pulumi.RunError(str(error)) from None
    _PROGRAMS[stack.mesh.kind](stack.mesh)


main()
