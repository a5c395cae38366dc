"""Tokens at a waypoint: what is checked before anything is made."""

from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlsplit

from meshwright.errors import Code, Problem
from meshwright.istio.security.layer import PolicyArgs, layer_of
from meshwright.istio.security.layer import mistakes as policy_mistakes


class IssuerArgs(TypedDict):
    """Who signs the tokens, and where a request carries them."""

    issuer: str
    """The claim ``iss``, exactly."""
    jwks_uri: NotRequired[str]
    """Where its public keys are, ``https://``. Default: istiod asks the issuer's OpenID configuration, which takes an
    issuer that is an ``https://`` address."""
    jwks: NotRequired[str]
    """The public keys themselves, where istiod can't reach the issuer."""
    audiences: NotRequired[list[str]]
    """Values of the claim ``aud``, of which a token has one. Default: any, so that a token for others is taken too."""
    headers: NotRequired[list[str]]
    """Headers with the bare token. Default: ``Authorization: Bearer``."""
    forward: NotRequired[bool]
    """The token goes on to the service. Default: false."""


def issuer_mistakes(issuers: list[IssuerArgs]) -> Iterator[Problem]:
    """Issuers whose tokens could not be checked, or could be forged."""
    if not issuers:
        yield Problem(Code.BAD_ARGUMENT, "no issuer is named", "add one: nothing checks a token without it")
    for index, each in enumerate(issuers):
        place, issuer, uri = f"issuers[{index}]", each["issuer"], each.get("jwks_uri")
        if not issuer:
            message = f"{place} has an empty issuer, so that any issuer's token would be taken"
            yield Problem(Code.BAD_ARGUMENT, message, "write the claim iss, exactly")
            continue
        if uri and each.get("jwks"):
            yield Problem(Code.BAD_ARGUMENT, f"{place} has jwks_uri and jwks", "keep one of the two")
        if uri and not _is_address(uri):
            message = f"{place}.jwks_uri is {uri!r}: keys that come unencrypted can be replaced on their way"
            yield Problem(Code.BAD_ARGUMENT, message, "write an https:// address, or give the keys in jwks")
        if not (uri or each.get("jwks") or _is_address(issuer)):
            message = f"{place} has no keys, and {issuer!r} is no address to ask for them"
            yield Problem(Code.BAD_ARGUMENT, message, "add jwks_uri or jwks")


def needs_token(args: PolicyArgs, open_paths: list[str], ports: list[int]) -> PolicyArgs:
    """The policy that denies requests without a valid token, but to the open paths and to other ports.

    A RequestAuthentication alone refuses wrong tokens, and takes requests without one.
    """
    rule: dict[str, Any] = {"sources": [{"not_request_principals": ["*"]}]}
    if operation := {key: value for key, value in (("ports", ports), ("not_paths", open_paths)) if value}:
        rule["operations"] = [operation]
    return {**args, "action": "deny", "rules": [rule]}  # type: ignore[list-item]


def target_mistakes(args: PolicyArgs) -> Iterator[Problem]:
    """Tokens are checked at a waypoint alone: ztunnel never sees a header."""
    if args.get("waypoint") is None:
        yield Problem(
            Code.L7_WITHOUT_WAYPOINT,
            "tokens are checked at a waypoint, and none is given: everybody would be let in",
            "give the waypoint that calls go through",
        )
    elif layer_of(args) != "waypoint":
        message = "not all of these services use the waypoint: nobody would look at their tokens"
        yield Problem(Code.L7_WITHOUT_WAYPOINT, message, "name those that use it")
    else:
        yield from policy_mistakes(needs_token(args, [], []))


def as_istio(each: IssuerArgs) -> dict[str, Any]:
    """An entry of ``jwtRules``."""
    rule: dict[str, Any] = {"issuer": each["issuer"]}
    if uri := each.get("jwks_uri"):
        rule["jwksUri"] = uri
    if keys := each.get("jwks"):
        rule["jwks"] = keys
    if audiences := each.get("audiences"):
        rule["audiences"] = list(audiences)
    if headers := each.get("headers"):
        rule["fromHeaders"] = [{"name": name} for name in headers]
    if each.get("forward"):
        rule["forwardOriginalToken"] = True
    return rule


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)
