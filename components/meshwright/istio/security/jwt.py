"""Tokens of end users, checked at a waypoint."""

from typing import NotRequired, TypedDict

import pulumi

from meshwright.istio.security import tokens
from meshwright.istio.security.layer import PolicyArgs, spec_of
from meshwright.istio.security.objects import security_object
from meshwright.istio.security.tokens import IssuerArgs
from meshwright.istio.security.waypoints import FrontWaypointArgs
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider


class JwtAuthenticationArgs(TypedDict):
    """Arguments of `JwtAuthentication`."""

    namespace: str
    """Namespace of the services."""
    waypoint: FrontWaypointArgs
    """The waypoint that calls go through; ``{}`` for the namespace's own, named ``waypoint``."""
    issuers: list[IssuerArgs]
    """Whose tokens are taken."""
    services: NotRequired[list[str]]
    """Services that it is for. Default: all that use the waypoint."""
    required: NotRequired[bool]
    """A request without a valid token is denied. Default: true; Istio's own default is that it is let in."""
    open_paths: NotRequired[list[str]]
    """Paths that need no token, such as ``/healthz``. Default: none."""
    ports: NotRequired[list[int]]
    """The services' ports that speak HTTP, where some don't: no other port needs a token. Default: all, so that a TCP
    port of theirs is closed."""


class JwtAuthentication(pulumi.ComponentResource):
    """A RequestAuthentication at a waypoint, and the policy without which a request needs no token at all.

    Both have targetRefs: with a selector, ztunnel ignores them.

    Raises:
        ComponentError: MW-E050 for issuers that cannot be, MW-E051 without a provider, MW-E120 where no waypoint is in
            the path, MW-E124 for a waypoint elsewhere.
    """

    def __init__(self, name: str, args: JwtAuthenticationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"JwtAuthentication {name}"
        require_kubernetes_provider(opts, label)
        where: PolicyArgs = {"namespace": args["namespace"], "waypoint": args["waypoint"]}
        if services := args.get("services"):
            where["services"] = services
        refuse_all([*tokens.issuer_mistakes(args["issuers"]), *tokens.target_mistakes(where)], label)
        super().__init__("meshwright:index:JwtAuthentication", name, {**args}, opts)
        children = below(self, opts)
        needed = spec_of(tokens.needs_token(where, args.get("open_paths") or [], args.get("ports") or []))
        authentication = security_object(
            f"{name}-request-authentication",
            "RequestAuthentication",
            name,
            args["namespace"],
            {"targetRefs": needed["targetRefs"], "jwtRules": [tokens.as_istio(each) for each in args["issuers"]]},
            opts=children,
        )
        if args.get("required", True):
            security_object(
                f"{name}-policy",
                "AuthorizationPolicy",
                f"{name}-required",
                args["namespace"],
                needed,
                # Denied before tokens are looked at, everybody would be.
                opts=pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[authentication])),
            )
        self.register_outputs({})
