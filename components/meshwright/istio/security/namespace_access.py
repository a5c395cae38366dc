"""Default deny for a namespace, and the calls that are allowed."""

import pulumi

from meshwright.errors import Code
from meshwright.istio.security.calls import NamespaceAccessArgs, mistakes, plan
from meshwright.istio.security.layer import dry_run_mistakes
from meshwright.istio.security.objects import security_object
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse, refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.system import SYSTEM_NAMESPACES


class NamespaceAccess(pulumi.ComponentResource):
    """Denies every call to a namespace's workloads but the declared ones, each allowed at the layer that sees it.

    The policies that allow are made first, and the two that deny last; a ``destroy`` goes the other way round. A dry
    run has policies of its own names: made into one in place, those that allow would go before those that deny. The
    namespace and its waypoint belong in ``depends_on``.

    Raises:
        ComponentError: MW-E050 for a system namespace, MW-E051 without a provider, MW-E120 for HTTP limits on a call
            without a waypoint, MW-E122 for a call to all pods through one, MW-E123 for an unsafe dry run, MW-E126 for
            what is no identity, MW-E129 for ports that can't be.
    """

    def __init__(self, name: str, args: NamespaceAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"NamespaceAccess {name}"
        require_kubernetes_provider(opts, label)
        if args["namespace"] in SYSTEM_NAMESPACES:
            message = f"default deny in {args['namespace']} would cut off the cluster, or all of the mesh"
            raise refuse(Code.BAD_ARGUMENT, label, message, "name a namespace of workloads")
        refuse_all([*mistakes(args), *dry_run_mistakes(args)], label)
        super().__init__("meshwright:index:NamespaceAccess", name, {**args}, opts)
        children = below(self, opts)
        allowing: list[pulumi.Resource] = []
        suffix = "-dry-run" if "dry_run" in args else ""
        for policy in plan(args):
            denies = "rules" not in policy.spec
            after = pulumi.ResourceOptions(depends_on=allowing if denies else [])
            made = security_object(
                f"{name}-{policy.name}{suffix}",
                "AuthorizationPolicy",
                f"{policy.name}{suffix}",
                args["namespace"],
                policy.spec,
                opts=pulumi.ResourceOptions.merge(children, after),
                dry_run=bool(suffix),
            )
            if not denies:
                allowing.append(made)
        self.register_outputs({})
