# finds: MW-VER-002 undecided istiod-odd: the catalog knows nothing about istiod 9.9.9
from pulumi_kubernetes.helm.v3 import Release

Release("istiod-odd", chart="oci://ghcr.io/istio/release/charts/istiod", version="9.9.9")
