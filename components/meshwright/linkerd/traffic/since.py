"""Which release of Linkerd first has what a service asks for.

Source: linkerd2 commit bd2a1cdb1 (#15374), first in edge-26.6.2, on the way to 2.20. Older controllers ignore it.
"""

from collections.abc import Iterator

from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble
from meshwright.linkerd.traffic.arguments import LinkerdTrafficArgs
from meshwright.versions import version_key

_EDGE, _VERSION = (26, 6, 2), (2, 20)


def not_yet(args: LinkerdTrafficArgs, version: str) -> Iterator[Trouble]:
    """What a release doesn't have yet.

    Args:
        args: What is asked for.
        version: The release, ``edge-26.8.3``, ``enterprise-2.20.2`` or ``2.20``.
    """
    key = version_key(version)
    # Edges are named by their year, versions begin with 2.
    if key >= (_EDGE if key[:1] >= (20,) else _VERSION):
        return
    message = f"takes Linkerd 2.20 (edge-26.6.2), and {version} runs, which ignores it"
    breaker = args.get("circuit_breaker")
    if breaker and breaker["mode"] == "unified":
        remedy = "set mode: consecutive, or upgrade Linkerd first"
        yield Trouble(Code.CIRCUIT_BREAKER, f"is unified, which {message}", remedy, ("circuit_breaker", "mode"))
    if "load_bias" in args:
        yield Trouble(Code.CIRCUIT_BREAKER, message, "remove it, or upgrade Linkerd first", ("load_bias",))
