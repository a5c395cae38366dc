"""Whether a stack's cluster can be reached: asked of its kubeconfig and its TCP port, without kubectl."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from meshwright.kubernetes.kubeconfig import find_target, read_kubeconfigs

_WAIT_S = 1.0


def unreachable(context: str | None, kubeconfig: str | None) -> str:
    """Why a cluster can't be reached, as half a sentence; empty if something answers at its address.

    Args:
        context: Name of a context; None for the kubeconfig's current one.
        kubeconfig: Path of the kubeconfig; None for those of KUBECONFIG, or ~/.kube/config.
    """
    contents = read_kubeconfigs(kubeconfig)
    if not contents:
        return "there is no kubeconfig"
    name, _, server, _ = find_target(contents, context)
    if not server:
        return f"the kubeconfig has no context {name!r}" if name else "the kubeconfig has no current context"
    address = urlsplit(server)
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        with socket.create_connection((address.hostname or "", port), timeout=_WAIT_S):
            return ""
    except (OSError, ValueError):
        return f"nothing answers at {server}"
