# finds: MW-IST-036 violated istiod-any: istiod may run as one replica, and then has no disruption budget
# finds: MW-VER-001 violated istiod-any: it installs the chart istiod without a version: the newest one of the day
from pulumi_kubernetes.helm.v3 import Release

Release("istiod-any", chart="oci://ghcr.io/istio/release/charts/istiod")
