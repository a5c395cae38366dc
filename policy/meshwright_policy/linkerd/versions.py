"""Objects of API versions that go."""

from collections.abc import Iterator

from meshwright_policy.linkerd.fragments import obj
from meshwright_policy.linkerd.objects import kind_of, name_of
from meshwright_policy.record import Answer, Config, Example, Level, Rule, Severity, Subject, Undecided, Violation
from meshwright_policy.values import UNKNOWN, at

_CURRENT = ("kubernetes:policy.linkerd.io/v1beta3:Server", "kubernetes:multicluster.linkerd.io/v1alpha3:Link")
_OLD = {
    **{f"kubernetes:policy.linkerd.io/{v}:Server": "Server v1beta3" for v in ("v1alpha1", "v1beta1")},
    **{f"kubernetes:policy.linkerd.io/{v}:ServerAuthorization": "AuthorizationPolicy" for v in ("v1alpha1", "v1beta1")},
    **{
        f"kubernetes:policy.linkerd.io/{v}:HTTPRoute": "HTTPRoute of gateway.networking.k8s.io"
        for v in ("v1alpha1", "v1beta1", "v1beta2", "v1beta3")
    },
    **{f"kubernetes:multicluster.linkerd.io/{v}:Link": "Link v1alpha3" for v in ("v1alpha1", "v1alpha2")},
    **{f"kubernetes:split.smi-spec.io/{v}:TrafficSplit": "an HTTPRoute" for v in ("v1alpha1", "v1alpha2", "v1alpha4")},
}


def _old(subject: Subject, _: Config) -> Iterator[Answer]:
    if at(subject.properties, "metadata", "name") is UNKNOWN or subject.properties.get("metadata") is UNKNOWN:
        yield Undecided("which object it is, is known only at the update")
        return
    what = f"the {kind_of(subject)} {name_of(subject)} is of an API version that goes"
    if subject.type in _OLD:
        yield Violation(f"{what}; its place is taken by {_OLD[subject.type]}")


OLD = Rule(
    id="MW-LNK-030",
    slug="api-versions-that-stay",
    title="Objects of Linkerd's are of API versions that stay",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=(*_OLD, *_CURRENT),
    why=(
        "Linkerd stops serving deprecated versions in edge releases, without a major number to warn of it. SMI's "
        "TrafficSplit is obeyed by nothing since the extension is gone."
    ),
    remedy=(
        "write it anew in the version that the message names; `meshwright linkerd translate` does so for TrafficSplits"
    ),
    bad=Example(
        obj("policy.linkerd.io/v1beta1:Server", "web", "{port: 80}"),
        "the Server web is of an API version that goes; its place is taken by Server v1beta3",
    ),
    good=Example(obj("policy.linkerd.io/v1beta3:Server", "web", "{port: 80}")),
    references=("https://linkerd.io/2/reference/authorization-policy/", "https://linkerd.io/2/features/traffic-split/"),
    check=_old,
)

RULES = (OLD,)
