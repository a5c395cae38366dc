"""Entries of meshConfig.extensionProviders for external authorizers."""

from typing import Any

import pytest

from meshwright.istio.security.authorizers import AuthorizerArgs, extension_provider

OPA: AuthorizerArgs = {"name": "opa", "service": "opa.policy.svc.cluster.local", "port": 9191}


@pytest.mark.parametrize(
    ("more", "kind", "how"),
    [
        ({}, "envoyExtAuthzGrpc", {"timeout": "2s"}),
        ({"timeout": "500ms", "headers": ["x-a"]}, "envoyExtAuthzGrpc", {"timeout": "500ms"}),
        ({"protocol": "http"}, "envoyExtAuthzHttp", {"timeout": "2s"}),
        (
            {"protocol": "http", "headers": ["x-a"], "port": 80.0},
            "envoyExtAuthzHttp",
            {"timeout": "2s", "includeRequestHeadersInCheck": ["x-a"], "port": 80},
        ),
    ],
)
def test_it_denies_where_the_authorizer_is_slow_or_gone(more: Any, kind: str, how: dict[str, Any]) -> None:
    expected = {"service": "opa.policy.svc.cluster.local", "port": 9191} | how
    assert extension_provider(OPA | more) == {"name": "opa", kind: expected}
