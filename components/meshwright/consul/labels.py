"""Consul's labels, annotations, kinds, object names and ports, by their names in its source.

Sources: consul-k8s ``control-plane/connect-inject/constants``, ``control-plane/api`` and the chart's templates, as of
2.0.3. What depends on the chart's ``global.name`` and on the datacenter is in `meshwright.consul.names`.
"""

from typing import Final

# Namespaces
NAMESPACE: Final = "consul"
RELEASE: Final = "consul"
"""Helm's name for the release."""
FULL_NAME: Final = "consul"
"""The chart's ``global.name``, which every object of it begins with."""
CNI_NAMESPACE: Final = "kube-system"
"""Where consul-cni runs: it writes to the host, and `NAMESPACE` then needs no privileges."""

# Labels of namespaces
MESH_NAMESPACE: Final = "connect-inject"
"""On a Namespace, ``enabled``: the injector gives its pods proxies. The chart lets every installation choose the label
(``connectInject.namespaceSelector``); this is the one that Consul's documentation has."""
ENABLED: Final = "enabled"
POD_SECURITY: Final = "pod-security.kubernetes.io/enforce"

# Annotations and labels of pods, Services and Secrets
INJECT: Final = "consul.hashicorp.com/connect-inject"
"""On a pod: ``true`` or ``false``, whatever the injector's default is."""
INJECT_STATUS: Final = "consul.hashicorp.com/connect-inject-status"
"""On an injected pod: ``injected``."""
MANAGED_BY: Final = "consul.hashicorp.com/connect-inject-managed-by"
SERVICE: Final = "consul.hashicorp.com/connect-service"
"""On a pod: its service's name in Consul. Default: its Service's. With ACLs it has to be its service account's."""
KUBERNETES_SERVICE: Final = "consul.hashicorp.com/kubernetes-service"
"""On a pod that several Services select: the one to register."""
SERVICE_PORT: Final = "consul.hashicorp.com/connect-service-port"
UPSTREAMS: Final = "consul.hashicorp.com/connect-service-upstreams"
SERVICE_TAGS: Final = "consul.hashicorp.com/service-tags"
SERVICE_META: Final = "consul.hashicorp.com/service-meta-"
SERVICE_IGNORE: Final = "consul.hashicorp.com/service-ignore"
"""Label of a Service, ``true``: it isn't registered."""
TRANSPARENT_PROXY: Final = "consul.hashicorp.com/transparent-proxy"
"""Annotation of a pod or label of a Namespace: ``true`` or ``false``."""
TRANSPARENT_PROXY_STATUS: Final = "consul.hashicorp.com/transparent-proxy-status"
EXCLUDE_INBOUND_PORTS: Final = "consul.hashicorp.com/transparent-proxy-exclude-inbound-ports"
EXCLUDE_OUTBOUND_PORTS: Final = "consul.hashicorp.com/transparent-proxy-exclude-outbound-ports"
EXCLUDE_OUTBOUND_CIDRS: Final = "consul.hashicorp.com/transparent-proxy-exclude-outbound-cidrs"
EXCLUDE_UIDS: Final = "consul.hashicorp.com/transparent-proxy-exclude-uids"
CONSUL_DNS: Final = "consul.hashicorp.com/consul-dns"
ENABLE_METRICS: Final = "consul.hashicorp.com/enable-metrics"
METRICS_MERGING: Final = "consul.hashicorp.com/enable-metrics-merging"
SCRAPE_PORT: Final = "consul.hashicorp.com/prometheus-scrape-port"
SCRAPE_PATH: Final = "consul.hashicorp.com/prometheus-scrape-path"
PROXY_CPU_REQUEST: Final = "consul.hashicorp.com/sidecar-proxy-cpu-request"
PROXY_CPU_LIMIT: Final = "consul.hashicorp.com/sidecar-proxy-cpu-limit"
PROXY_MEMORY_REQUEST: Final = "consul.hashicorp.com/sidecar-proxy-memory-request"
PROXY_MEMORY_LIMIT: Final = "consul.hashicorp.com/sidecar-proxy-memory-limit"
PROXY_LIFECYCLE: Final = "consul.hashicorp.com/enable-sidecar-proxy-lifecycle"
PEERING_TOKEN: Final = "consul.hashicorp.com/peering-token"  # noqa: S105 - a label
"""Label of a Secret with a peering's token."""
CONSUL_K8S_VERSION: Final = "consul.hashicorp.com/consul-k8s-version"
VAULT_INJECT: Final = "vault.hashicorp.com/agent-inject"
"""On pods of the chart with Vault: vault-k8s gives them an agent. ``openbao/openbao-k8s`` reads other annotations."""

# Kinds
GROUP: Final = "consul.hashicorp.com"
API_VERSION: Final = "consul.hashicorp.com/v1alpha1"
FINALIZER: Final = "finalizers.consul.hashicorp.com"
"""On every config entry: the injector deletes the entry in Consul, then takes it off. Without an injector nobody does
(``control-plane/controllers/configentries/configentry_controller.go``)."""
GATEWAY_FINALIZER: Final = "gateway-finalizer.consul.hashicorp.com"
GATEWAY_CLASS: Final = "consul"
GATEWAY_CLASS_CONFIG: Final = "consul-api-gateway"
GATEWAY_NAME: Final = "gateway.consul.hashicorp.com/name"
GATEWAY_NAMESPACE: Final = "gateway.consul.hashicorp.com/namespace"
"""Labels of the pods of an API gateway."""
GATEWAY_TLS_MIN_VERSION: Final = "api-gateway.consul.hashicorp.com/tls_min_version"
"""Option of a listener's TLS."""
GATEWAY_CONTROLLER: Final = "consul.hashicorp.com/gateway-controller"

# Objects, for `FULL_NAME`
SERVER: Final = "consul-server"
"""StatefulSet, headless Service, service account and budget of the servers."""
INJECTOR: Final = "consul-connect-injector"
"""Deployment, Service, service account, budget and MutatingWebhookConfiguration of the injector."""
UI: Final = "consul-ui"
DNS: Final = "consul-dns"
MESH_GATEWAY: Final = "consul-mesh-gateway"
TERMINATING_GATEWAY: Final = "terminating-gateway"
"""Service in Consul of the terminating gateway where there is one; its Deployment is ``consul-terminating-gateway``."""
CNI: Final = "consul-cni"
CA_SECRET: Final = "consul-ca-cert"  # noqa: S105 - a name
"""The CA of the servers' certificates, without Vault."""
GOSSIP_SECRET: Final = "consul-gossip-encryption-key"  # noqa: S105 - a name
"""The key that the chart's hook makes, without Vault."""
BOOTSTRAP_SECRET: Final = "consul-bootstrap-acl-token"  # noqa: S105 - a name
"""The token that consul-server-acl-init makes, without Vault."""
SERVER_CERTIFICATE_SECRET: Final = "consul-server-cert"  # noqa: S105 - a name
"""The servers' certificate, without Vault."""
WEBHOOK_CERTIFICATE_SECRET: Final = "consul-connect-inject-webhook-cert"  # noqa: S105 - a name
"""The injector's certificate, without Vault."""
SERVER_CONFIG: Final = "consul-server-config"
"""ConfigMap of the servers' configuration."""
SECRET_KEY: Final = "key"  # noqa: S105 - a name
TOKEN_KEY: Final = "token"  # noqa: S105 - a name
AUTH_METHOD: Final = "consul-k8s-auth-method"
"""The auth method by which pods log in."""
COMPONENT_AUTH_METHOD: Final = "consul-k8s-component-auth-method"
"""The auth method by which gateways and the injector log in."""
DATAPLANE_CONTAINER: Final = "consul-dataplane"
INIT_CONTAINER: Final = "consul-connect-inject-init"
SERVER_SELECTOR: Final = {"app": "consul", "component": "server"}
INJECTOR_SELECTOR: Final = {"app": "consul", "component": "connect-injector"}
TLS_VERSIONS: Final = {"1.2": "TLSv1_2", "1.3": "TLSv1_3"}
"""Version of TLS -> as entries have it. What older peers speak isn't on offer."""

# Ports
HTTP_PORT: Final = 8500
HTTPS_PORT: Final = 8501
GRPC_PORT: Final = 8502
DNS_PORT: Final = 8600
SERF_PORT: Final = 8301
RPC_PORT: Final = 8300
WEBHOOK_PORT: Final = 8080
"""The injector's: the API server calls it at its pods."""
INBOUND_PORT: Final = 20000
"""A proxy's public listener."""
OUTBOUND_PORT: Final = 15001
MERGED_METRICS_PORT: Final = 20100
METRICS_PORT: Final = 20200
"""A proxy's, for Prometheus."""
GATEWAY_PORT: Final = 8443
"""A mesh gateway's and a terminating gateway's container."""
