# finds: MW-IST-036 violated istiod-odd: istiod may run as one replica, and then has no disruption budget
# finds: MW-VER-002 undecided istiod-odd: the catalog knows nothing about istiod 9.9.9
from pulumi_kubernetes.helm.v3 import Release

Release("istiod-odd", chart="oci://ghcr.io/istio/release/charts/istiod", version="9.9.9")
