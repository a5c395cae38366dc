"""What to wake somebody for in a mesh of Linkerd, each with a section in docs/linkerd/runbooks.md.

Sources of the metrics: linkerd2 ``pkg/identity/service.go``, ``controller/api/destination``,
``multicluster/service-mirror/metrics.go``; linkerd2-proxy ``linkerd/identity/src/metrics.rs``, ``linkerd/app/src`` and
``linkerd/app/core/src/metrics.rs``; cert-manager's ``pkg/metrics``; Kubernetes' API server and kube-state-metrics.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from meshwright.linkerd.labels import NAMESPACE, PROXY_CONTAINER
from meshwright.linkerd.observability.scraping import CONTROLLER, MULTICLUSTER, PROXY
from meshwright.observability.alerts import CRITICAL, WARNING, Alert

ANCHOR_EXPIRY: Final = "linkerd:trust_anchor_expiry_timestamp_seconds"
"""Our recording: linkerd-identity tells nothing of anchors (a TODO in ``pkg/identity/service.go``)."""
_COMPONENTS: Final = ("identity", "destination", "policy", "proxy-injector")
_STREAMS: Final = ("endpoint", "profile", "endpoint_profile")
"""What linkerd-destination tells proxies, each with a counter of updates that it dropped."""
_LEAF_EXPIRY: Final = "control_identity_cert_expiration_timestamp_seconds"
_DAY: Final = 86_400
_BEHIND: Final = 900
"""How long a Secret takes to reach the pods that mount it, with room: the kubelet looks once a minute."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What alerts have to know of a mesh."""

    renew_before_s: int = 25 * 3600
    """How long before its end the issuer is renewed, in seconds."""
    anchors: Mapping[str, datetime] = field(default_factory=dict)
    """Name of each trust anchor that is known -> its end."""
    namespace: str = NAMESPACE
    """Where the control plane runs."""
    cert_manager: bool = True
    """Prometheus scrapes cert-manager."""
    kube_state_metrics: bool = False
    """Prometheus scrapes kube-state-metrics, with the annotation ``linkerd.io/inject`` of namespaces and pods, and the
    kubelets' cAdvisor."""
    multicluster: bool = False
    """Other clusters are linked."""


def recordings(watched: Watched) -> list[dict[str, Any]]:
    """Rules that record when each anchor ends: those that cert-manager keeps, and those that are known."""
    kept = 'certmanager_certificate_expiration_timestamp_seconds{name=~"linkerd-trust-.+"}'
    named = f'max by (anchor) (label_replace({kept}, "anchor", "$1", "name", "linkerd-trust-(.+)"))'
    return [
        *([{"record": ANCHOR_EXPIRY, "expr": named}] if watched.cert_manager else ()),
        *(
            {"record": ANCHOR_EXPIRY, "expr": f"vector({int(end.timestamp())})", "labels": {"anchor": name}}
            for name, end in sorted(watched.anchors.items())
        ),
    ]


def alerts(watched: Watched) -> tuple[Alert, ...]:
    """All alerts that these metrics can carry."""
    return (
        *_control_plane(watched),
        *_issuer(watched),
        *(_managed() if watched.cert_manager else ()),
        *_proxies(),
        *(_by_pod(watched) if watched.kube_state_metrics else ()),
        *(_links() if watched.multicluster else ()),
    )


def _grown(counter: str, window: str) -> str:
    """Pods where a counter grew. `increase` misses the first event of a series, which is born at 1."""
    born = f"{counter} unless {counter} offset {window}"
    return f"sum by (pod) (increase({counter}[{window}])) > 0 or sum by (pod) ({born}) > 0"


def _control_plane(watched: Watched) -> Iterator[Alert]:
    up = f'up{{job="{CONTROLLER}",namespace="{watched.namespace}"'
    gone = [f'absent({up},component="{name}"}})' for name in _COMPONENTS]
    yield Alert(
        "LinkerdControlPlaneDown",
        " or ".join([f'max by (component) ({up},component=~"{"|".join(_COMPONENTS)}"}}) == 0', *gone]),
        "5m",
        CRITICAL,
        "No {{ $labels.component }} of Linkerd can be scraped",
        "Without identity no certificate is renewed, and calls fail within a day. Without destination and policy, "
        "proxies go on with what they know. Without the injector, pods start outside of the mesh or not at all.",
    )
    yield Alert(
        "LinkerdEndpointsStale",
        " or ".join(_grown(f'{name}_updates_queue_overflow{{job="{CONTROLLER}"}}', "10m") for name in _STREAMS),
        "0m",
        WARNING,
        "linkerd-destination {{ $labels.pod }} drops updates for proxies",
        "A proxy doesn't take updates as fast as they come, and its stream is closed. Until it is back, it calls "
        "endpoints that may be gone.",
    )
    failing = 'error_type="calling_webhook_error",name=~"linkerd-.+"'
    yield Alert(
        "LinkerdWebhookFails",
        f"sum by (name) (increase(apiserver_admission_webhook_rejection_count{{{failing}}}[10m])) > 0 "
        'or sum by (name) (increase(apiserver_admission_webhook_fail_open_count{name=~"linkerd-.+"}[10m])) > 0',
        "5m",
        CRITICAL,
        "The API server can't call the webhook {{ $labels.name }}",
        "Its certificate may have expired, its pods be down, or a firewall in between. With failurePolicy Fail pods "
        "don't start; with Ignore they start outside of the mesh.",
    )


def _issuer(watched: Watched) -> Iterator[Alert]:
    ttl = f'issuer_cert_ttl_seconds{{job="{CONTROLLER}"}}'
    yield Alert(
        "LinkerdIssuerNotRenewed",
        f"min by (job) ({ttl}) < {watched.renew_before_s - 3600}",
        "15m",
        WARNING,
        "Linkerd's issuer was due to be renewed: it ends in {{ $value | humanizeDuration }}",
        "Nobody has made a new one, or linkerd-identity has skipped it: look for events IssuerUpdateSkipped. It does "
        "so when the new issuer is below an anchor that it doesn't know, and signs with the old one until its end.",
    )
    yield Alert(
        "LinkerdIssuerAboutToExpire",
        f"min by (job) ({ttl}) < {watched.renew_before_s // 2}",
        "5m",
        CRITICAL,
        "Linkerd's issuer ends in {{ $value | humanizeDuration }}",
        "From then on no proxy gets a certificate: new pods take no calls, and running ones fail within a day.",
    )
    yield Alert(
        "LinkerdIdentityBehind",
        f"scalar(max({ttl})) - {ttl} > {_BEHIND}",
        "15m",
        WARNING,
        "linkerd-identity {{ $labels.pod }} signs with an older issuer than its replicas",
        "It has missed a renewal: the watcher of its Secret can end without a word (linkerd2#15109). Restart it.",
    )
    yield Alert(
        "LinkerdAnchorExpiresSoon",
        f"min by (anchor) ({ANCHOR_EXPIRY}) - time() < {90 * _DAY}",
        "1h",
        WARNING,
        "The trust anchor {{ $labels.anchor }} ends in {{ $value | humanizeDuration }}",
        "An anchor is replaced in steps, with both trusted in between and all pods restarted; that takes weeks.",
    )


def _managed() -> Iterator[Alert]:
    own = '{name=~"linkerd-.+|tap.*"}'
    for_issuer = '{name="linkerd-identity-issuer"}'
    yield Alert(
        "LinkerdSecretUnread",
        f"scalar(max(certmanager_certificate_expiration_timestamp_seconds{for_issuer})) - time() "
        f'- issuer_cert_ttl_seconds{{job="{CONTROLLER}"}} > {_BEHIND}',
        "15m",
        CRITICAL,
        "linkerd-identity {{ $labels.pod }} doesn't sign with the issuer that is in its Secret",
        "The Secret has been renewed, and the process hasn't taken it: its watcher has ended (linkerd2#15109), or it "
        "has skipped an issuer that it can't verify. Restart it once the bundle has the issuer's anchor.",
    )
    yield Alert(
        "LinkerdCertificateNotRenewed",
        f"time() - (certmanager_certificate_renewal_timestamp_seconds{own} > 0) > 3600",
        "15m",
        WARNING,
        "cert-manager hasn't renewed {{ $labels.name }}",
        "It is an hour late. Of a webhook, the API server stops calling it when the certificate ends; of the issuer, "
        "see LinkerdIssuerNotRenewed.",
    )


def _proxies() -> Iterator[Alert]:
    inbound = f'job="{PROXY}",direction="inbound"'
    workload = "namespace, deployment, statefulset, daemonset"
    named = "{{ $labels.namespace }}/{{ $labels.deployment }}{{ $labels.statefulset }}{{ $labels.daemonset }}"
    yield Alert(
        "LinkerdProxyCertificateNotRenewed",
        f'min by (namespace, pod) ({_LEAF_EXPIRY}{{job="{PROXY}"}}) - time() < 14400',
        "5m",
        CRITICAL,
        "The certificate of {{ $labels.namespace }}/{{ $labels.pod }} ends in {{ $value | humanizeDuration }}",
        "A proxy renews its certificate when 70 % of its day are over. This one fails to, and its calls are about to.",
    )
    yield Alert(
        "LinkerdSuccessRateLow",
        f'sum by ({workload}) (rate(response_total{{{inbound},classification="failure"}}[5m])) '
        f"/ sum by ({workload}) (rate(response_total{{{inbound}}}[5m])) > 0.05",
        "10m",
        WARNING,
        f"More than 5 % of the answers of {named} are failures",
        "Failures are answers of 500 and more, gRPC statuses that mean the server's fault, and streams that broke.",
    )
    yield Alert(
        "LinkerdLatencyHigh",
        f"histogram_quantile(0.99, sum by ({workload}, le) (rate(response_latency_ms_bucket{{{inbound}}}[5m]))) > 1000",
        "10m",
        WARNING,
        f"The slowest percent of the answers of {named} takes longer than 1 s",
        "From the first byte of a request at its proxy to the end of the answer.",
    )


def _by_pod(watched: Watched) -> Iterator[Alert]:
    meshed = 'kube_namespace_annotations{annotation_linkerd_io_inject="enabled"}'
    proxied = (
        f'kube_pod_container_info{{container="{PROXY_CONTAINER}"}} '
        f'or kube_pod_init_container_info{{container="{PROXY_CONTAINER}"}}'
    )
    outside = 'kube_pod_annotations{annotation_linkerd_io_inject="disabled"} or kube_pod_info{host_network="true"}'
    yield Alert(
        "LinkerdPodNotInjected",
        f'kube_pod_status_phase{{phase="Running"}} == 1 and on (namespace) {meshed} '
        f"unless on (namespace, pod) ({proxied} or {outside})",
        "5m",
        CRITICAL,
        "Pod {{ $labels.namespace }}/{{ $labels.pod }} should be meshed, and has no proxy",
        "It was there before the annotation, or the injector didn't answer when it started. Its traffic is plaintext, "
        "and no policy holds for it. Restart it.",
    )
    of_destination = f'namespace="{watched.namespace}",container="destination"'
    yield Alert(
        "LinkerdDestinationMemory",
        f"max by (pod) (container_memory_working_set_bytes{{{of_destination}}}) / on (pod) "
        f'max by (pod) (kube_pod_container_resource_limits{{{of_destination},resource="memory"}}) > 0.85',
        "15m",
        WARNING,
        "linkerd-destination {{ $labels.pod }} is close to its memory limit",
        "It keeps what it knows of every endpoint. Killed, it comes back and needs as much again: raise the limit.",
    )


def _links() -> Iterator[Alert]:
    yield Alert(
        "LinkerdGatewayDown",
        f'max by (target_cluster_name) (gateway_alive{{job="{MULTICLUSTER}"}}) == 0',
        "5m",
        CRITICAL,
        "The gateway of cluster {{ $labels.target_cluster_name }} doesn't answer",
        "Its mirrored services have no endpoints until it does. Look at the gateway there, at its source ranges, and "
        "at what is in between.",
    )
