"""Waypoints: an L7 proxy is run only where something needs one."""

import re
from collections.abc import Iterator

from meshwright_policy.record import Answer, Config, Example, Level, Rule, Severity, Subject, Undecided, Violation
from meshwright_policy.values import UNKNOWN, at

# What a waypoint does and ztunnel doesn't, as people write it. Stems match their endings: "retr" is retry and retries.
L7_WORDS = (
    "http", "grpc", "websocket", "graphql", "header", "cookie", "path", "method", "host", "url", "request",
    "response", "rout", "retr", "timeout", "time-out", "fault", "mirror", "shadow", "canar", "weight", "split",
    "shift", "blue-green", "blue/green", "a/b", "cohort", "rewrite", "redirect", "cors", "jwt", "oidc", "oauth",
    "token", "claim", "ext-auth", "external auth", "rate limit", "rate-limit", "circuit", "outlier", "hedg",
    "sticky", "affinity", "consistent hash", "wasm", "lua", "egress", "l7", "layer 7", "trace", "tracing", "span",
    "access log", "serviceentry", "inference",
)  # fmt: skip
_L7 = re.compile("|".join(rf"(?<![a-z0-9]){re.escape(word)}" for word in L7_WORDS))


def _has_a_reason(subject: Subject, _: Config) -> Iterator[Answer]:
    reason = at(subject.properties, "reason")
    if reason is UNKNOWN:
        yield Undecided("its reason is known only at the update")
    elif not isinstance(reason, str) or not reason.strip():
        yield Violation("the waypoint gives no reason")
    elif not _L7.search(reason.lower()):
        yield Violation("its reason names no L7 need")


WAYPOINT_REASON = Rule(
    id="MW-IST-001",
    slug="waypoint-for-an-l7-need",
    title="A waypoint answers a named L7 need",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    applies_to=("meshwright:index:Waypoint",),
    why=(
        "ztunnel alone gives mutual TLS, identity and L4 policy. A waypoint adds a deployment, a hop and its latency, "
        "and pays only where something at L7 is wanted: routing, retries, HTTP authorization, rate limits."
    ),
    remedy="say in `reason` which L7 feature it is for, or remove the waypoint",
    notes=(
        "It looks for a word of L7 in the reason and understands nothing else: a word alone satisfies it, and a "
        "reason in other words needs one of these. Each may begin a longer word: "
        + ", ".join(f"`{word}`" for word in L7_WORDS)
        + "."
    ),
    bad=Example(
        """\
catalog:
  type: meshwright:index:Waypoint
  properties: {namespace: catalog, reason: needed}
""",
        "its reason names no L7 need",
    ),
    good=Example("""\
catalog:
  type: meshwright:index:Waypoint
  properties: {namespace: catalog, reason: header routing for the beta cohort}
"""),
    references=("https://istio.io/latest/docs/ambient/usage/waypoint/",),
    check=_has_a_reason,
)

RULES = (WAYPOINT_REASON,)
