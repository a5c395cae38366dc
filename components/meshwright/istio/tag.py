"""A revision tag: a name that gateways and waypoints follow, and that is moved from one control plane to the next."""

from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import MutatingWebhookConfiguration
from pulumi_kubernetes.core.v1 import Service

from meshwright.errors import Code
from meshwright.istio.labels import INJECTION, REVISION, TAG
from meshwright.istio.upgrade.parts import TAG_REMEDY, UNREVISIONED, is_tag
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider

_ROOT = "istio-system"
_INJECT = "sidecar.istio.io/inject"
_PORTS = (("grpc-xds", 15010, 15010), ("https-dns", 15012, 15012), ("https-webhook", 443, 15017))
_MONITORING = ("http-monitoring", 15014, 15014)


class RevisionTagArgs(TypedDict):
    """Arguments of `RevisionTag`."""

    tag: str
    """The name that ``istio.io/rev`` labels say, such as ``stable``."""
    revision: pulumi.Input[str]
    """The control plane that it stands for: a revision, or ``default`` for the one without."""
    namespace: NotRequired[str]
    """Istio's root namespace. Default: ``istio-system``."""


class RevisionTag(pulumi.ComponentResource):
    """What ``istioctl tag set`` and the chart's ``revisionTags`` make: an injector and a Service with the tag's label.

    istiod looks for both labels to learn which tags are its own, also where nobody injects sidecars. The chart makes
    them parts of the release that the tag stands for: to move a tag is to take it out of one release and put it into
    another, and Helm refuses whichever comes first. Here a move is one update of two objects that keep their names.

    The tag ``default`` answers for objects that name no revision. The validator that belongs to it is the chart
    ``base``'s, which `IstioAmbient` tells of the tag.

    Raises:
        ComponentError: MW-E050 for a name that no tag can have, MW-E051 without a provider.
    """

    tag: pulumi.Output[str]
    """The tag: a value for ``istio.io/rev``."""
    revision: pulumi.Output[str]
    """The revision that it stands for."""

    def __init__(self, name: str, args: RevisionTagArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"RevisionTag {name}"
        require_kubernetes_provider(opts, label)
        if not is_tag(args["tag"]):
            raise refuse(Code.BAD_ARGUMENT, label, f"{args['tag']!r} is no name for a tag", TAG_REMEDY)
        super().__init__("meshwright:index:RevisionTag", name, {**args}, opts)
        children = below(self, opts)
        tag, namespace = args["tag"], args.get("namespace", _ROOT)
        revision = pulumi.Output.from_input(args["revision"])
        labels = {
            TAG: tag,
            REVISION: revision,
            "app.kubernetes.io/name": "istiod",
            "app.kubernetes.io/part-of": "istio",
        }
        service = {"name": revision.apply(_service_of), "namespace": namespace, "path": "/inject", "port": 443}
        MutatingWebhookConfiguration(
            f"{name}-injector",
            metadata={
                "name": f"istio-revision-tag-{tag}" + ("" if namespace == _ROOT else f"-{namespace}"),
                "labels": {**labels, "app": "sidecar-injector"},
            },
            webhooks=[_webhook(prefix, selectors, service) for prefix, selectors in _selectors(tag).items()],
            # istiod writes its root certificate there.
            opts=pulumi.ResourceOptions.merge(
                children, pulumi.ResourceOptions(ignore_changes=["webhooks[*].clientConfig.caBundle"])
            ),
        )
        Service(
            f"{name}-service",
            metadata={
                "name": f"istiod-revision-tag-{tag}",
                "namespace": namespace,
                "labels": {**labels, "app": "istiod", "istio": "pilot"},
            },
            spec={
                "ports": [
                    {"name": port, "port": number, "targetPort": target, "protocol": "TCP"}
                    for port, number, target in (*_PORTS, _MONITORING)
                ],
                "selector": revision.apply(_pods_of),
            },
            opts=children,
        )
        self.tag = pulumi.Output.from_input(tag)
        self.revision = revision
        self.register_outputs({"tag": self.tag, "revision": self.revision})


def _service_of(revision: str) -> str:
    return "istiod" if revision == UNREVISIONED else f"istiod-{revision}"


def _pods_of(revision: str) -> dict[str, str]:
    """As the chart selects them: the pods of a control plane without a revision are told by ``istio: pilot``."""
    return {"app": "istiod", **({"istio": "pilot"} if revision == UNREVISIONED else {REVISION: revision})}


def _webhook(prefix: str, selectors: dict[str, Any], service: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{prefix}.sidecar-injector.istio.io",
        "clientConfig": {"service": service},
        "sideEffects": "None",
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "admissionReviewVersions": ["v1"],
        **selectors,
    }


def _selectors(tag: str) -> dict[str, dict[str, Any]]:
    """Prefix of the webhook's name -> the namespaces and pods that it is for (templates/revision-tags-mwc.yaml)."""
    not_refused = _where(_INJECT, "NotIn", "false")
    webhooks = {
        "rev.namespace": ([_where(REVISION, "In", tag), _where(INJECTION, "DoesNotExist")], [not_refused]),
        "rev.object": (
            [_where(REVISION, "DoesNotExist"), _where(INJECTION, "DoesNotExist")],
            [not_refused, _where(REVISION, "In", tag)],
        ),
    }
    if tag == UNREVISIONED:
        webhooks["namespace"] = ([_where(INJECTION, "In", "enabled")], [not_refused])
        webhooks["object"] = (
            [_where(INJECTION, "DoesNotExist"), _where(REVISION, "DoesNotExist")],
            [_where(_INJECT, "In", "true"), _where(REVISION, "DoesNotExist")],
        )
    return {
        prefix: {"namespaceSelector": {"matchExpressions": spaces}, "objectSelector": {"matchExpressions": pods}}
        for prefix, (spaces, pods) in webhooks.items()
    }


def _where(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
