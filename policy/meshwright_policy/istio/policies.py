"""AuthorizationPolicies by whom they let in: what ztunnel makes of an identity."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from meshwright_policy.istio.mesh import Mesh, namespace_of
from meshwright_policy.istio.selectors import both, either, selects
from meshwright_policy.record import Subject
from meshwright_policy.values import UNKNOWN, at, elements

DRY_RUN_FLAG: Final = "AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY"
"""The variable of istiod without which ztunnel gets no dry run."""
# Go's strconv.ParseBool, with which istiod reads an annotation.
_TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
_ABOUT_WHO: Final = ("principals", "namespaces", "serviceAccounts")


def targets(policy: Subject) -> list[Any]:
    """What a policy is attached to; an unknown list is one unknown target."""
    spec = at(policy.properties, "spec")
    one = at(spec, "targetRef")
    return [*elements(at(spec, "targetRefs")), *([one] if one else [])]


def is_dry_run(policy: Subject) -> bool:
    """Whether a policy is only to be tried."""
    return at(policy.properties, "metadata", "annotations", "istio.io/dry-run") in _TRUE


def action(policy: Subject) -> Any:
    """``ALLOW``, ``DENY``, ``CUSTOM`` or ``AUDIT``; it may be unknown."""
    given = at(policy.properties, "spec", "action")
    return given if given is UNKNOWN else given or "ALLOW"


def rules(policy: Subject) -> list[Any]:
    """The rules of a policy."""
    return elements(at(policy.properties, "spec", "rules"))


def sources(rule: Any) -> list[Any]:
    """The sources of a rule; none means that anybody matches."""
    return [at(entry, "source") for entry in elements(at(rule, "from"))]


def selector_of(policy: Subject) -> Any:
    """The labels that a policy selects."""
    return at(policy.properties, "spec", "selector", "matchLabels")


def covers(policy: Subject, selector: Any) -> bool | None:
    """Whether a policy's selector selects all pods that have at least these labels."""
    return selects(selector_of(policy), selector)


def behind(policy: Subject, mesh: Mesh) -> list[Any]:
    """Keys of the waypoints through which the workloads of a policy without targetRefs get traffic."""
    namespace = namespace_of(policy)
    own = [
        mesh.waypoint_of(service)
        for service in mesh.services_of(namespace, selector_of(policy))
        if covers(policy, at(service.properties, "spec", "selector") or {})
    ]
    return list(dict.fromkeys(own or [mesh.waypoint_for(namespace)]))


def lets_in(rule: Any, principal: str, namespace: Any) -> bool | None:
    """Whether a rule's sources match an identity, ``ns/<namespace>/sa/<name>``; ``None`` where that is open."""
    given = at(rule, "from")
    if given is UNKNOWN or rule is UNKNOWN:
        return None
    if not sources(rule):
        return True
    return either(_is(source, principal, namespace) for source in sources(rule))


def _is(source: Any, principal: str, namespace: Any) -> bool | None:
    if not isinstance(source, Mapping):
        return None
    of, name = principal.split("/")[1::2]
    asked = [
        either(is_principal(pattern, principal) for pattern in _patterns(source, "principals")),
        either(_like(pattern, of) for pattern in _patterns(source, "namespaces")),
        either(_is_account(pattern, of, name, namespace) for pattern in _patterns(source, "serviceAccounts")),
    ]
    given = [answer for key, answer in zip(_ABOUT_WHO, asked, strict=True) if source.get(key)]
    # Anything else, such as an address, may match or not.
    others = [None for key, value in source.items() if value and key not in _ABOUT_WHO]
    return both([*given, *others])


def _patterns(source: Mapping[str, Any], key: str) -> list[Any]:
    return elements(source.get(key))


def _like(pattern: Any, value: str) -> bool | None:
    return None if pattern is UNKNOWN else isinstance(pattern, str) and fnmatchcase(value, pattern)


def is_principal(pattern: Any, principal: str) -> bool | None:
    """Whether a principal, which may have a ``*`` at one end, matches an identity, ``ns/<namespace>/sa/<name>``."""
    if not isinstance(pattern, str):
        return None if pattern is UNKNOWN else False
    # Whatever the trust domain is.
    domain = pattern.split("/", 1)[0] if "/" in pattern and not pattern.startswith("*") else "cluster.local"
    return fnmatchcase(f"{domain}/{principal}", pattern)


def _is_account(pattern: Any, of: str, name: str, namespace: Any) -> bool | None:
    if pattern is UNKNOWN or namespace is UNKNOWN:
        return None
    return bool(pattern == f"{of}/{name}" or (pattern == name and of == namespace))


def names_identity(patterns: Any, principals: frozenset[str]) -> bool | None:
    """Whether principals name one of these identities, without a wildcard."""
    return either(
        None if pattern is UNKNOWN else isinstance(pattern, str) and pattern.partition("/")[2] in principals
        for pattern in elements(patterns)
    )


def all_about(policy: Subject, key: str) -> Iterator[Any]:
    """All values that a policy's sources give for a key, such as ``notPrincipals``."""
    for rule in rules(policy):
        for source in sources(rule):
            yield from elements(at(source, key))
