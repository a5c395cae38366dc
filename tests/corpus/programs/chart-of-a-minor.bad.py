# finds: MW-VER-001 violated cni-minor: it installs the chart cni in a range of versions: the newest one of the day
from pulumi_kubernetes.helm.v3 import Release

Release("cni-minor", chart="oci://ghcr.io/istio/release/charts/cni", version="1.31")
