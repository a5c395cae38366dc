"""The calls that are allowed into a namespace's workloads."""

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse, refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.access.args import LinkerdAccessArgs
from meshwright.linkerd.access.checks import mistakes
from meshwright.linkerd.access.plan import ACCESS_POLICY, plan


class LinkerdAccess(pulumi.ComponentResource):
    """Lets the declared calls into a namespace's workloads, and beyond them what the phase says.

    One Server for each port holds the phase in its ``accessPolicy``, which running proxies follow: a change of phase
    needs no restart for these ports. Authorizations are made before the Servers that deny without them.

    Raises:
        ComponentError: MW-E050 for a phase that has no policy, MW-E051 without a provider, MW-E200 for calls that no
            policy can say, MW-E201 for two Servers on one port, MW-E202 for probes that would fail, MW-E203 for pods
            without a proxy.
    """

    def __init__(self, name: str, args: LinkerdAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"LinkerdAccess {name}"
        require_kubernetes_provider(opts, label)
        phases = [args["phase"], *(each["phase"] for each in args["workloads"].values() if "phase" in each)]
        for phase in phases:
            if phase not in ACCESS_POLICY:
                message = f"the phase {phase!r} has no policy"
                raise refuse(Code.BAD_ARGUMENT, label, message, f"one of: {', '.join(ACCESS_POLICY)}")
        refuse_all(mistakes(args), label)
        super().__init__("meshwright:index:LinkerdAccess", name, {**args}, opts)
        children = below(self, opts)
        planned = plan(args)
        made: list[pulumi.Resource] = []
        for each in sorted(planned, key=lambda one: one.kind == "Server"):
            # A Server denies as soon as it stands; on the way down it goes first.
            after = pulumi.ResourceOptions(depends_on=made if each.kind == "Server" else [])
            resource = CustomResource(
                f"{name}-{each.name}-{each.kind.lower()}",
                api_version=each.api_version,
                kind=each.kind,
                metadata={"name": each.name, "namespace": args["namespace"]},
                spec=each.spec,
                opts=pulumi.ResourceOptions.merge(children, after),
            )
            if each.kind != "Server":
                made.append(resource)
        self.register_outputs({})
