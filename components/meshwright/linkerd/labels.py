"""Linkerd's labels, annotations, object names, ports and default ports, by their names in its source.

Sources: linkerd2 ``pkg/k8s/labels.go``, ``pkg/issuercerts``, ``policy-controller``, ``multicluster`` and the charts'
``values.yaml``, as of edge-26.8.3.
"""

from typing import Final

# Namespaces
NAMESPACE: Final = "linkerd"
CNI_NAMESPACE: Final = "linkerd-cni"
VIZ_NAMESPACE: Final = "linkerd-viz"
MULTICLUSTER_NAMESPACE: Final = "linkerd-multicluster"
EGRESS_NAMESPACE: Final = "linkerd-egress"
"""An EgressNetwork here holds for every namespace."""

# Labels
IS_CONTROL_PLANE: Final = "linkerd.io/is-control-plane"
"""On the control plane's Namespace, ``true``. The chart writes it under the CLI alone."""
ADMISSION_WEBHOOKS: Final = "config.linkerd.io/admission-webhooks"
"""On a Namespace, ``disabled``: Linkerd's webhooks leave it alone."""
EXTENSION: Final = "linkerd.io/extension"
"""On the Namespace of an extension: its name, such as ``viz``."""
EXTERNAL_PROMETHEUS: Final = "viz.linkerd.io/external-prometheus"
"""Annotation of viz' Namespace: its Prometheus, where it isn't the bundled one."""
COMPONENT: Final = "linkerd.io/control-plane-component"
CONTROL_PLANE_NAMESPACE: Final = "linkerd.io/control-plane-ns"
"""On the control plane's objects and on every pod that has a proxy."""
WORKLOAD_NAMESPACE: Final = "linkerd.io/workload-ns"
PROXY_DEPLOYMENT: Final = "linkerd.io/proxy-deployment"
POD_SECURITY: Final = "pod-security.kubernetes.io/enforce"

# Annotations of namespaces and workloads
INJECT: Final = "linkerd.io/inject"
"""``enabled``, ``ingress`` or ``disabled``."""
CREATED_BY: Final = "linkerd.io/created-by"
PROXY_VERSION: Final = "linkerd.io/proxy-version"
TRUST_ROOT_SHA: Final = "linkerd.io/trust-root-sha256"
"""On an injected pod: the hash of the bundle that it was given."""
INBOUND_POLICY: Final = "config.linkerd.io/default-inbound-policy"
"""Read when a proxy starts."""
SKIP_INBOUND: Final = "config.linkerd.io/skip-inbound-ports"
SKIP_OUTBOUND: Final = "config.linkerd.io/skip-outbound-ports"
SKIP_SUBNETS: Final = "config.linkerd.io/skip-subnets"
OPAQUE_PORTS: Final = "config.linkerd.io/opaque-ports"
"""On a Namespace, workload or Service. It replaces the default list, and doesn't add to it."""
NATIVE_SIDECAR: Final = "config.linkerd.io/proxy-enable-native-sidecar"
NATIVE_SIDECAR_OLD: Final = (
    "config.alpha.linkerd.io/proxy-enable-native-sidecar",
    "config.beta.linkerd.io/proxy-enable-native-sidecar",
)
REQUIRE_IDENTITY: Final = "config.linkerd.io/proxy-require-identity-inbound-ports"
ENABLE_EXTERNAL_PROFILES: Final = "config.linkerd.io/enable-external-profiles"
ENABLE_GATEWAY: Final = "config.linkerd.io/enable-gateway"
PROXY_CPU_REQUEST: Final = "config.linkerd.io/proxy-cpu-request"
PROXY_CPU_LIMIT: Final = "config.linkerd.io/proxy-cpu-limit"
PROXY_MEMORY_REQUEST: Final = "config.linkerd.io/proxy-memory-request"
PROXY_MEMORY_LIMIT: Final = "config.linkerd.io/proxy-memory-limit"
SAFE_TO_EVICT: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict"
"""The cluster autoscaler keeps a node whose pods have emptyDirs, such as the proxy's for its key, without ``true``."""

# Annotations of Services and routes
RETRY_HTTP: Final = "retry.linkerd.io/http"
RETRY_GRPC: Final = "retry.linkerd.io/grpc"
RETRY_LIMIT: Final = "retry.linkerd.io/limit"
RETRY_TIMEOUT: Final = "retry.linkerd.io/timeout"
TIMEOUT_REQUEST: Final = "timeout.linkerd.io/request"
TIMEOUT_RESPONSE: Final = "timeout.linkerd.io/response"
TIMEOUT_IDLE: Final = "timeout.linkerd.io/idle"
FAILURE_ACCRUAL: Final = "balancer.linkerd.io/failure-accrual"

# Identities
VIZ_PROMETHEUS: Final = "linkerd-viz/prometheus"
"""Namespace and service account of the Prometheus that viz brings."""

# Multi-cluster
EXPORTED: Final = "mirror.linkerd.io/exported"
"""On a Service: ``true`` through the gateway, ``remote-discovery`` with a flat network."""
FEDERATED: Final = "mirror.linkerd.io/federated"
"""On a Service, ``member``: it joins ``<service>-federated``."""
REMOTE_KUBECONFIG: Final = "mirror.linkerd.io/remote-kubeconfig"
"""Type of a Secret by which a cluster reads another."""
CREDENTIALS_PREFIX: Final = "cluster-credentials-"

# Objects
CONFIG: Final = "linkerd-config"
"""ConfigMap with the values that the control plane was installed with."""
ISSUER_SECRET: Final = "linkerd-identity-issuer"  # noqa: S105 - a name
TRUST_ROOTS: Final = "linkerd-identity-trust-roots"
"""ConfigMap with the bundle."""
TRUST_ROOTS_KEY: Final = "ca-bundle.crt"
ISSUER_SCHEME: Final = "kubernetes.io/tls"
ISSUER_SCHEME_OLD: Final = "linkerd.io/tls"
DESTINATION: Final = "linkerd-destination"
IDENTITY: Final = "linkerd-identity"
INJECTOR: Final = "linkerd-proxy-injector"
GATEWAY: Final = "linkerd-gateway"
"""Deployment, Service and service account of the gateway to other clusters."""
INJECTOR_WEBHOOK: Final = "linkerd-proxy-injector-webhook-config"
PROFILE_WEBHOOK: Final = "linkerd-sp-validator-webhook-config"
POLICY_WEBHOOK: Final = "linkerd-policy-validator-webhook-config"
WEBHOOKS: Final = ("linkerd-proxy-injector", "linkerd-sp-validator", "linkerd-policy-validator")
"""The Services behind the webhooks; each serves the certificate of the Secret ``<name>-k8s-tls``."""
TAP: Final = "tap"
TAP_INJECTOR: Final = "tap-injector"
VIZ_SERVED: Final = (TAP, TAP_INJECTOR)
"""The Services of linkerd-viz that the API server calls; each serves the certificate of ``<name>-k8s-tls``, too."""
TAP_WEBHOOK: Final = "linkerd-tap-injector-webhook-config"
TAP_API: Final = "v1alpha1.tap.linkerd.io"
"""The APIService behind which tap is."""
PROXY_CONTAINER: Final = "linkerd-proxy"
INIT_CONTAINER: Final = "linkerd-init"
TRUST_ANCHORS_ENV: Final = "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS"
"""Environment of a proxy: the bundle, as it was when the pod was injected."""

# Ports
INBOUND_PORT: Final = 4143
OUTBOUND_PORT: Final = 4140
ADMIN_PORT: Final = 4191
CONTROL_PORT: Final = 4190
WEBHOOK_PORTS: Final = (8443, 8089, 9443)
"""The proxy injector and sp-validator, tap, and the policy validator: the API server calls them at their pods."""
OPAQUE_DEFAULTS: Final = (25, 587, 3306, 4444, 5432, 6379, 9300, 11211)
"""The chart's ``proxy.opaquePorts``."""
SKIP_DEFAULTS: Final = (4567, 4568)
"""The chart's ``proxyInit.ignoreInboundPorts`` and ``ignoreOutboundPorts``: Galera."""

INBOUND_POLICIES: Final = (
    "all-unauthenticated",
    "all-authenticated",
    "cluster-unauthenticated",
    "cluster-authenticated",
    "deny",
    "audit",
)
LEAF_LIFETIME_HOURS: Final = 24
"""The chart's ``identity.issuer.issuanceLifetime``."""
