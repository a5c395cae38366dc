"""Whether requests may fit two conditions at once: then it counts which of them a mesh tries first."""

from meshwright.gateway_api.rules import Condition


def overlap(one: Condition, two: Condition) -> bool:
    """Whether one request may fit both. Where that takes regular expressions, it is assumed."""
    return (
        _paths_overlap(one, two)
        and not _differ(one.method, two.method)
        and not _differ(one.grpc_service, two.grpc_service)
        and not _differ(one.grpc_method, two.grpc_method)
        and not _values_differ(one.headers, two.headers)
        and not _values_differ(one.query, two.query)
    )


def _paths_overlap(one: Condition, two: Condition) -> bool:
    if "regex" in (one.kind, two.kind) or not one.kind or not two.kind:
        return True
    if one.kind == two.kind == "exact":
        return one.path == two.path
    if one.kind == two.kind:
        return _is_below(one.path, two.path) or _is_below(two.path, one.path)
    exact, prefix = (one, two) if one.kind == "exact" else (two, one)
    return _is_below(exact.path, prefix.path)


def _is_below(path: str, prefix: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(f"{prefix}/")


def _differ(one: str, two: str) -> bool:
    return bool(one and two) and one != two


def _values_differ(one: tuple[tuple[str, bool, str], ...], two: tuple[tuple[str, bool, str], ...]) -> bool:
    exact = {name: value for name, is_regex, value in one if not is_regex}
    return any(exact.get(name, value) != value for name, is_regex, value in two if not is_regex)
