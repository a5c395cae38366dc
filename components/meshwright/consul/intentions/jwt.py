"""Issuers of tokens, as JWTProvider entries."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from meshwright.consul.intentions.args import JwtProviderArgs
from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble

IMAGE_CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"
"""In the image of consul-dataplane, which is distroless Debian. Without it a proxy gets no keys: no token passes."""
_CARRIERS: Final = ("header", "query", "cookie")


def provider_troubles(provider: JwtProviderArgs) -> Iterator[Trouble]:
    """What Consul would refuse of it, and what would take tokens of strangers."""
    keys = [key for key in ("jwks", "jwks_uri") if provider.get(key)]
    if len(keys) != 1:
        message = "has neither jwks nor jwks_uri" if not keys else "has jwks and jwks_uri"
        yield Trouble(Code.CONSUL_JWT, message, "write one of the two")
    if not provider["issuer"]:
        message = "is empty: tokens of whoever signs with these keys would do"
        yield Trouble(Code.CONSUL_JWT, message, "write the claim iss of the tokens", ("issuer",))
    if (jwks := provider.get("jwks")) and not _is_key_set(jwks):
        message = "is no JSON Web Key Set of public keys"
        yield Trouble(Code.CONSUL_JWT, message, 'write {"keys": [...]} as the issuer publishes it', ("jwks",))
    if uri := provider.get("jwks_uri"):
        parts = urlsplit(uri)
        if parts.scheme != "https" or not parts.hostname:
            message = f"is {uri}: whoever stands between could give keys of his own"
            yield Trouble(Code.CONSUL_JWT, message, "begin it with https://", ("jwks_uri",))
    if provider.get("jwks_ca") and not provider.get("jwks_uri"):
        message = "is for jwks_uri, which is not given"
        yield Trouble(Code.CONSUL_JWT, message, "remove it", ("jwks_ca",))
    if provider.get("header_prefix") and not provider.get("header"):
        message = "is for header, which is not given"
        yield Trouble(Code.CONSUL_JWT, message, "add header, or remove it", ("header_prefix",))


def _is_key_set(text: str) -> bool:
    try:
        keys = json.loads(text)["keys"]
    except (ValueError, KeyError, TypeError):
        return False
    # `d` and `k` are a private key's and a shared secret's.
    public = isinstance(keys, list) and all(isinstance(each, dict) and not {"d", "k"} & each.keys() for each in keys)
    return public and bool(keys)


def provider_spec(provider: JwtProviderArgs) -> dict[str, Any]:
    """The ``spec`` of its JWTProvider."""
    spec: dict[str, Any] = {"issuer": provider["issuer"], "jsonWebKeySet": _keys(provider)}
    if audiences := provider.get("audiences"):
        spec["audiences"] = list(audiences)
    if skew := provider.get("clock_skew_seconds"):
        spec["clockSkewSeconds"] = int(skew)
    if locations := [_location(provider, key) for key in _CARRIERS if provider.get(key)]:
        spec["locations"] = locations
    return spec


def _keys(provider: JwtProviderArgs) -> dict[str, Any]:
    if jwks := provider.get("jwks"):
        return {"local": {"jwks": base64.b64encode(jwks.encode()).decode()}}
    trusted = {"inlineString": provider["jwks_ca"]} if provider.get("jwks_ca") else {"filename": IMAGE_CERTIFICATES}
    return {
        "remote": {
            "uri": provider["jwks_uri"],
            "requestTimeoutMs": 2000,
            "cacheDuration": "5m",
            # A new proxy takes no requests before it has the keys, rather than refuse the first tokens.
            "fetchAsynchronously": False,
            "useSNI": True,
            "jwksCluster": {
                "discoveryType": "STRICT_DNS",
                "connectTimeout": "5s",
                # Without it Envoy would verify no certificate (``agent/xds/clusters.go``).
                "tlsCertificates": {"trustedCA": trusted},
            },
        }
    }


def _location(provider: JwtProviderArgs, key: str) -> dict[str, Any]:
    if key == "query":
        return {"queryParam": {"name": provider["query"]}}
    if key == "cookie":
        return {"cookie": {"name": provider["cookie"]}}
    header = {"name": provider["header"], "forward": True}
    if prefix := provider.get("header_prefix"):
        header["valuePrefix"] = prefix
    return {"header": header}
