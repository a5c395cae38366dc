# finds: MW-IST-036 violated istiod-any: istiod may run as one replica, and then has no disruption budget
from pulumi_kubernetes.helm.v3 import Release

Release("istiod-any", chart="oci://ghcr.io/istio/release/charts/istiod", version="1.31.1")
