"""The options that a component hands to its children."""

import pulumi


def below(component: pulumi.ComponentResource, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """Options for a child: parented to the component, and waiting for what the component waits for.

    Pulumi doesn't hand ``depends_on`` down by itself, and a ``destroy`` would take things away in the wrong order.
    """
    return pulumi.ResourceOptions(parent=component, depends_on=opts.depends_on if opts is not None else None)
