"""What a stack's cluster runs on, as the kubeconfig tells that the stack names."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from meshwright.config.base import Mistake
from meshwright.config.shared import PlatformName
from meshwright.errors import Code
from meshwright.kubernetes.detection import Evidence, evidence
from meshwright.kubernetes.kubeconfig import find_target, read_kubeconfigs


def settle_platform(mesh: dict[str, Any], folder: Path) -> tuple[dict[str, Any], tuple[Mistake, ...]]:
    """The raw mesh with its cluster's platform where that was left out and can be told, and what contradicts it.

    Args:
        mesh: The object `meshwright:mesh`; it is not changed.
        folder: Where the path of a kubeconfig begins: the project's folder.
    """
    cluster = mesh.get("cluster")
    if not isinstance(cluster, dict):
        return mesh, ()
    signs = signs_of_platform(cluster, folder)
    if "platform" in cluster:
        return mesh, tuple(_contradicted(cluster["platform"], signs))
    return ({**mesh, "cluster": {**cluster, "platform": signs[0].platform}} if signs else mesh), ()


def signs_of_platform(cluster: Mapping[str, Any], folder: Path) -> tuple[Evidence, ...]:
    """What the kubeconfig of a raw `cluster` says of its platform, the best first; nothing where none can be read."""
    context, kubeconfig = cluster.get("context"), cluster.get("kubeconfig")
    named = [each for each in (context, kubeconfig) if each is not None]
    is_right = bool(named) and all(isinstance(each, str) and each for each in named)
    if not is_right or cluster.get("stack") is not None:
        return ()
    return evidence(find_target(read_kubeconfigs(kubeconfig, folder), context))


def _contradicted(given: object, signs: tuple[Evidence, ...]) -> Iterator[Mistake]:
    """A platform that the cluster plainly isn't. `generic` claims nothing, and a name proves nothing."""
    plain = [sign for sign in signs if sign.is_plain]
    known = given in get_args(PlatformName) and given != "generic"
    if known and plain and given not in [sign.platform for sign in plain]:
        message = f"is {given}, and {plain[0].by} is one of {plain[0].platform}"
        remedy = f"write {plain[0].platform}, or name the cluster that you mean"
        yield Mistake(Code.PLATFORM_CONTRADICTED, message, remedy, ("cluster", "platform"))
