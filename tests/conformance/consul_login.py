"""Service accounts that log in to OpenBao by its jwt auth method, as the agents in Consul's pods do."""

import base64
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.openbao_client import Client

AUDIENCE = "https://kubernetes.default.svc.cluster.local"
_KEY = rsa.generate_private_key(65537, 2048)
PUBLIC_KEY = (
    _KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
)
"""Of the cluster that `service_account_token` is of."""


def service_account_token(account: str, namespace: str = "consul") -> str:
    """A projected token of a service account, as its cluster's API server signs it."""
    now = int(time.time())
    claims = {"sub": f"system:serviceaccount:{namespace}:{account}", "aud": [AUDIENCE], "iat": now, "exp": now + 600}
    signed = ".".join(_text(json.dumps(each).encode()) for each in ({"alg": "RS256", "typ": "JWT"}, claims))
    return f"{signed}.{_text(_KEY.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def logged_in(root: Client, mount: str, role: str, account: str, namespace: str = "consul") -> Client:
    """The same server with the token that a service account gets by a role. Raises `OpenBaoError`."""
    answer = root.request("POST", f"auth/{mount}/login", role=role, jwt=service_account_token(account, namespace))
    return root.with_token(answer["auth"]["client_token"])


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
