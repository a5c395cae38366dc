"""The recorded graph of RevisionTag. tests/conformance/test_revisions.py holds it against the chart's own objects."""

import pulumi
import pytest

from meshwright import RevisionTag
from meshwright.engine.graph import Graph
from meshwright.engine.record import record
from meshwright.istio.tag import RevisionTagArgs
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider


def tagged(tag: str, revision: str) -> Graph:
    args: RevisionTagArgs = {"tag": tag, "revision": revision}
    return with_provider(lambda opts: RevisionTag("tag", args, opts))


def test_an_injector_and_a_service_under_the_component() -> None:
    graph = tagged("stable", "1-31-1")
    assert shape(graph) == [
        ("meshwright:index:RevisionTag", "tag", "test-dev"),
        ("kubernetes:admissionregistration.k8s.io/v1:MutatingWebhookConfiguration", "tag-injector", "tag"),
        ("kubernetes:core/v1:Service", "tag-service", "tag"),
    ]
    assert find(graph, "tag").outputs == {"tag": "stable", "revision": "1-31-1"}


def test_istiod_finds_its_tag_by_the_labels_of_both() -> None:
    graph = tagged("stable", "1-31-1")
    for name in ("tag-injector", "tag-service"):
        labels = inputs(graph, name)["metadata"]["labels"]
        assert (labels["istio.io/tag"], labels["istio.io/rev"]) == ("stable", "1-31-1")


def test_a_move_changes_the_revision_and_keeps_every_name() -> None:
    old, new = tagged("stable", "1-30-7"), tagged("stable", "1-31-1")
    assert [each.urn for each in old] == [each.urn for each in new]
    for name in ("tag-injector", "tag-service"):
        before, after = inputs(old, name), inputs(new, name)
        assert before["metadata"]["name"] == after["metadata"]["name"]
        assert before != after
        assert str(before).replace("1-30-7", "1-31-1") == str(after)


def test_what_istiod_writes_into_the_injector_stays() -> None:
    assert find(tagged("stable", "r"), "tag-injector").options.ignore_changes == ("webhooks[*].clientConfig.caBundle",)


def test_the_default_tag_speaks_for_what_names_no_revision() -> None:
    webhooks = {
        each["name"].split(".sidecar")[0]: each for each in inputs(tagged("default", "r"), "tag-injector")["webhooks"]
    }
    assert set(webhooks) == {"rev.namespace", "rev.object", "namespace", "object"}
    assert webhooks["namespace"]["namespaceSelector"] == {
        "matchExpressions": [{"key": "istio-injection", "operator": "In", "values": ["enabled"]}]
    }


def test_children_wait_for_what_the_component_waits_for() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        first = RevisionTag("first", {"tag": "a", "revision": "r"}, opts)
        after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[first]))
        RevisionTag("second", {"tag": "b", "revision": "r"}, after)

    graph = with_provider(program)
    assert "first-service" in names(find(graph, "second-injector").dependencies)


def test_a_name_that_no_service_can_end_with_is_refused() -> None:
    with pytest.raises(
        ComponentError, match=r"^RevisionTag tag: 'Stable' is no name for a tag; use lower-.*\(MW-E050\)$"
    ):
        tagged("Stable", "1-31-1")


def test_without_a_provider_nothing_is_registered() -> None:
    with pytest.raises(ComponentError, match=r"RevisionTag tag: no Kubernetes provider was given; .* \(MW-E051\)"):
        record(lambda: RevisionTag("tag", {"tag": "stable", "revision": "r"}))
