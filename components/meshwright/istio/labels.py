"""Istio's labels, annotations, classes, ports and addresses for ambient, by their names in its API.

Sources: istio/api ``label/labels.yaml`` and ``annotation/annotations.yaml``; istio ``pkg/config/constants`` and
``cni/README.md``, as of 1.31.
"""

from typing import Final

DATAPLANE_MODE: Final = "istio.io/dataplane-mode"
"""On a Namespace or Pod: ``ambient`` or ``none``."""
USE_WAYPOINT: Final = "istio.io/use-waypoint"
"""On a Namespace, Service, ServiceEntry, WorkloadEntry or Pod: a waypoint's name, or ``none``."""
USE_WAYPOINT_NAMESPACE: Final = "istio.io/use-waypoint-namespace"
"""Beside `USE_WAYPOINT`: the waypoint's namespace."""
USE_WAYPOINT_CANARY: Final = "istio.io/use-waypoint-canary"
"""On a Namespace, Service or ServiceEntry, alpha since 1.31: a second waypoint that takes a share of the traffic."""
USE_WAYPOINT_CANARY_NAMESPACE: Final = "istio.io/use-waypoint-canary-namespace"
"""Beside `USE_WAYPOINT_CANARY`: its namespace."""
USE_WAYPOINT_CANARY_WEIGHT: Final = "istio.io/use-waypoint-canary-weight"
"""Annotation beside `USE_WAYPOINT_CANARY`: its share of new connections in percent, 0 to 100; 0 where it is missing."""
WAYPOINT_FOR: Final = "istio.io/waypoint-for"
"""On a Gateway: ``service``, ``workload``, ``all`` or ``none``."""
INGRESS_USE_WAYPOINT: Final = "istio.io/ingress-use-waypoint"
"""On a Namespace, Service or ServiceEntry: ``true`` sends ingress gateways' traffic through the waypoint."""
REVISION: Final = "istio.io/rev"
"""On a Namespace, Gateway or Pod: a control-plane revision or tag."""
TAG: Final = "istio.io/tag"
"""On what makes a revision tag: the tag's name; `REVISION` beside it is the revision that it stands for."""
INJECTION: Final = "istio-injection"
"""On a Namespace: ``enabled`` injects sidecars."""
GLOBAL: Final = "istio.io/global"
"""On a Service or waypoint: ``true`` shares it with the mesh's other clusters."""
NETWORK: Final = "topology.istio.io/network"
CLUSTER: Final = "topology.istio.io/cluster"
REMOTE_CLUSTER: Final = "istio/multiCluster"
"""On a Secret in Istio's root namespace, ``true``: it holds a kubeconfig by which istiod reads another cluster."""
REMOTE_CLUSTER_NAME: Final = "networking.istio.io/cluster"
"""Annotation beside `REMOTE_CLUSTER`: the other cluster's name."""
REDIRECTION: Final = "ambient.istio.io/redirection"
"""Annotation that istio-cni writes on a Pod: ``enabled`` means captured, ``pending`` half so."""
SIDECAR_STATUS: Final = "sidecar.istio.io/status"
"""Annotation that the injector writes on a Pod; istio-cni leaves such a pod out of ambient."""
INJECTION_TEMPLATES: Final = "inject.istio.io/templates"
"""Annotation on a Pod: ``gateway`` makes a gateway of it, not a workload with a sidecar."""
DRY_RUN: Final = "istio.io/dry-run"
"""Annotation of an AuthorizationPolicy, ``true``: it is judged and logged, and enforces nothing."""
TRAFFIC_DISTRIBUTION: Final = "networking.istio.io/traffic-distribution"
"""Annotation on a Service, ServiceEntry or Namespace: which pods are preferred."""
GATEWAY_NAME: Final = "gateway.networking.k8s.io/gateway-name"
"""On the pods of a Gateway: its name."""
GATEWAY_CLASS_NAME: Final = "gateway.networking.k8s.io/gateway-class-name"
"""On the objects that istiod makes for a Gateway: its class."""
NOT_READY_TAINT: Final = "cni.istio.io/not-ready"
"""Taint that istiod's untaint controller takes off a node where istio-cni runs."""

CLASSIC_GATEWAYS: Final = ("ingressgateway", "egressgateway", "eastwestgateway", "ingress", "egress", "eastwest")
"""What the charts for gateways write as the pods' label ``istio``, and with ``istio-`` before it as ``app``: istioctl's
names, and those of a release of the chart ``gateway`` that is called as Istio's guides call it."""

WAYPOINT_CLASS: Final = "istio-waypoint"
AGENT_WAYPOINT_CLASS: Final = "istio-agentgateway-waypoint"
WAYPOINT_CLASSES: Final = (WAYPOINT_CLASS, AGENT_WAYPOINT_CLASS)
EAST_WEST_CLASS: Final = "istio-east-west"
CONTROLLERS: Final = "istio.io/"
"""Begins the names of Istio's controllers in a GatewayClass."""
WAYPOINT_CONTROLLERS: Final = ("istio.io/mesh-controller", "istio.io/agentgateway-waypoint-controller")
"""Of a GatewayClass of one's own: they make waypoints."""

HBONE_PORT: Final = 15008
"""Where ztunnel and waypoints take mutual TLS, TCP."""
PROBE_ADDRESSES: Final = ("169.254.7.127", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff")
"""The addresses from which a captured pod sees the kubelet's probes."""
ISTIOD_PORT: Final = 15012
"""Where istiod gives configuration and certificates, TCP."""
WAYPOINT_METRICS_PORT: Final = 15020
"""Where a waypoint gives its metrics and its agent's, TCP."""

RETIRED_HOSTS: Final = ("gcr.io/istio-release", "registry.istio.io", "istio-release.storage.googleapis.com")
"""Hosts of Istio's images and charts that are being switched off (upgrade notes of 1.31)."""
