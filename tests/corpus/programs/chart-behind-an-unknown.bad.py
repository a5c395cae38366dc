# finds: MW-VER-001 undecided some-chart: which chart it installs is known only at the update
# finds: MW-VER-002 undecided some-chart: which chart it installs is known only at the update
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.helm.v3 import Release

later = ConfigMap("which-chart", metadata={"name": "which-chart"})
Release("some-chart", chart=later.id, version="1.31")
