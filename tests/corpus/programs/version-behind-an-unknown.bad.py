# finds: MW-IST-036 violated istiod-later: istiod may run as one replica, and then has no disruption budget
# finds: MW-VER-001 undecided istiod-later: the version of the chart istiod is known only at the update
# finds: MW-VER-002 undecided istiod-later: the version of the chart istiod is known only at the update
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.helm.v3 import Release

later = ConfigMap("which-version", metadata={"name": "which-version"})
Release("istiod-later", chart="oci://ghcr.io/istio/release/charts/istiod", version=later.id)
