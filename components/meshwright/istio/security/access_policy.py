"""An AuthorizationPolicy at the layer that enforces it."""

from typing import NotRequired

import pulumi

from meshwright.istio.security.layer import PolicyArgs, layer_of, mistakes, spec_of
from meshwright.istio.security.objects import security_object
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider


class AccessPolicyArgs(PolicyArgs):
    """Arguments of `AccessPolicy`."""

    name: NotRequired[str]
    """Name of the AuthorizationPolicy. Default: the component's."""


class AccessPolicy(pulumi.ComponentResource):
    """A policy that is attached where it works: by targetRefs at a waypoint, or by a selector at ztunnel.

    With a waypoint in the path of the calls, the waypoint sees the caller and HTTP; without one, ztunnel sees the
    caller, addresses and ports. A policy that neither layer enforces as written is refused: Istio takes it, and it
    allows everything or nothing.

    Raises:
        ComponentError: MW-E050 for arguments that cannot be, MW-E051 without a provider, MW-E120 for HTTP fields or
            services without a waypoint, MW-E121 for actions that ztunnel lacks, MW-E122 for a policy of pods behind a
            waypoint that speaks of its callers, MW-E123 for an unsafe dry run, MW-E124 for a waypoint elsewhere,
            MW-E129 for a rule that never fires.
    """

    layer: pulumi.Output[str]
    """Where it is enforced: ``ztunnel`` or ``waypoint``."""

    def __init__(self, name: str, args: AccessPolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"AccessPolicy {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(mistakes(args), label)
        super().__init__("meshwright:index:AccessPolicy", name, {**args}, opts)
        security_object(
            f"{name}-policy",
            "AuthorizationPolicy",
            args.get("name", name),
            args["namespace"],
            spec_of(args),
            opts=below(self, opts),
            dry_run="dry_run" in args,
        )
        self.layer = pulumi.Output.from_input(layer_of(args))
        self.register_outputs({"layer": self.layer})
