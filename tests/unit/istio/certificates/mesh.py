"""Authorities for a mesh, made once for all tests: a root, and below it an intermediate for each cluster."""

from functools import cache
from typing import Any

from meshwright.istio.certificates.authority import AuthorityPem
from tests.servers.pki import Signer, signer


def root(name: str = "old") -> Signer:
    return _made(name, "")


def intermediate(name: str = "old", cluster: str = "eu") -> Signer:
    return _made(name, cluster)


@cache
def _made(name: str, cluster: str) -> Signer:
    return signer(f"{name} {cluster}", root(name), path_length=0) if cluster else signer(f"{name} root")


def args(name: str = "old", **more: Any) -> dict[str, Any]:
    """The authority as a component takes it."""
    below = intermediate(name)
    return {"certificate": below.pem, "key": below.key_pem, "root": root(name).pem, **more}


def given(name: str = "old", **more: Any) -> AuthorityPem:
    return AuthorityPem(**args(name, **more))


def with_lists(name: str = "old") -> dict[str, Any]:
    return args(name, crl=intermediate(name).crl() + root(name).crl())
