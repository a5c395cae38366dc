"""What `ConsulIntentions` takes."""

from typing import NotRequired, TypedDict


class ClaimArgs(TypedDict):
    """What a token has to say."""

    path: list[str]
    """From the outermost claim inwards: ``["realm_access", "role"]``."""
    value: str
    """What it has to be, as text."""


class TokenArgs(TypedDict):
    """A token that a request has to bring."""

    provider: str
    """Who issued it, by its name in ``jwt``."""
    claims: NotRequired[list[ClaimArgs]]
    """All of them. Default: any valid token of the provider's."""


class AllowedArgs(TypedDict, total=False):
    """Requests that are let through. All that is said must fit; at most one of the three paths."""

    path_exact: str
    path_prefix: str
    """As text: ``/v1`` fits ``/v10`` too, ``/v1/`` doesn't."""
    path_regex: str
    """For the whole path, in RE2's syntax."""
    methods: list[str]
    """Default: all."""
    headers: dict[str, str]
    """Header -> its value."""
    headers_regex: dict[str, str]
    """Header -> regular expression for its whole value."""
    tokens: list[TokenArgs]
    """The request needs one of them. Default: none is asked for."""


class IntentionArgs(TypedDict):
    """A permission for one service to call another."""

    source: str
    """The calling service; ``*`` for any."""
    to: str
    """The called service; ``*`` for any."""
    peer: NotRequired[str]
    """The peer whose service calls. Default: none, it is a service of this Consul's."""
    allow: NotRequired[list[AllowedArgs]]
    """HTTP requests that are let through; the first that fits a request decides whether it needs a token. Default:
    every connection."""


class JwtProviderArgs(TypedDict):
    """An issuer of tokens. Its keys are given, or fetched."""

    issuer: str
    """The claim ``iss`` of its tokens."""
    audiences: NotRequired[list[str]]
    """A token has to be for one of them. Default: whoever it is for."""
    jwks: NotRequired[str]
    """Its public keys: a JSON Web Key Set, as JSON."""
    jwks_uri: NotRequired[str]
    """Where proxies fetch its public keys: ``https://…``. One of `jwks` and `jwks_uri`."""
    jwks_ca: NotRequired[str]
    """Certificates, as PEM, by which the server of `jwks_uri` is known. Default: those that Consul's dataplane image
    trusts. Without any, a proxy would take keys from whoever answers."""
    header: NotRequired[str]
    """A header that brings the token. Default: ``Authorization: Bearer …``."""
    header_prefix: NotRequired[str]
    """What stands before the token in `header`. Default: nothing."""
    query: NotRequired[str]
    """A query parameter that brings it. Default: ``access_token``, beside the header."""
    cookie: NotRequired[str]
    """A cookie that brings it."""
    clock_skew_seconds: NotRequired[int]
    """Default: 30."""


class ServiceFacts(TypedDict, total=False):
    """What intentions need to know of a service."""

    protocol: str
    """Default: ``default_protocol``."""


class ConsulIntentionsArgs(TypedDict):
    """Arguments of `ConsulIntentions`."""

    intentions: list[IntentionArgs]
    """All calls that are allowed. What none allows is refused."""
    services: dict[str, ServiceFacts]
    """All services that intentions may name, by their names in Consul."""
    callers: NotRequired[list[str]]
    """Others that may only call: gateways, functions, services of peers."""
    default_protocol: NotRequired[str]
    """The protocol of services that say none: the mesh's. Default: ``tcp``."""
    jwt: NotRequired[dict[str, JwtProviderArgs]]
    """Name -> an issuer of tokens."""
    namespace: NotRequired[str]
    """Where the objects stand, Consul's by right: whoever may write there decides who calls whom. Default: there is no
    Kubernetes, and they are written to Consul's API."""
