# finds: MW-IST-036 violated istiod-later: istiod may run as one replica, and then has no disruption budget
from pulumi_kubernetes.helm.v3 import Release

Release("istiod-later", chart="oci://ghcr.io/istio/release/charts/istiod", version="v1.31.1")
