"""External authorizers, as istiod's mesh config names them."""

from typing import Any, NotRequired, TypedDict


class AuthorizerArgs(TypedDict):
    """A service that a policy of ``custom`` asks."""

    name: str
    """The name that policies call it by."""
    service: str
    """Its host: ``opa.policy.svc.cluster.local``, or the host of a ServiceEntry."""
    port: int
    """Its port."""
    protocol: NotRequired[str]
    """``grpc`` (Envoy's ``ext_authz``) or ``http``. Default: ``grpc``."""
    timeout: NotRequired[str]
    """How long it may take. Default: ``2s``; Istio's is 600 s, for which one that hangs holds every request."""
    headers: NotRequired[list[str]]
    """With http: headers of the request that it is sent. Default: Istio's own few."""


def extension_provider(args: AuthorizerArgs) -> dict[str, Any]:
    """An entry of ``meshConfig.extensionProviders``. Where it can't be asked, Istio denies (``failOpen`` is false)."""
    is_http = args.get("protocol", "grpc") == "http"
    how: dict[str, Any] = {
        "service": args["service"],
        "port": int(args["port"]),
        "timeout": args.get("timeout", "2s"),
    }
    if is_http and (headers := args.get("headers")):
        how["includeRequestHeadersInCheck"] = list(headers)
    return {"name": args["name"], "envoyExtAuthzHttp" if is_http else "envoyExtAuthzGrpc": how}
