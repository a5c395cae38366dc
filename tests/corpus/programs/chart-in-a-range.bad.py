# finds: MW-VER-001 violated ztunnel-range: it installs the chart ztunnel in a range of versions: the newest one of the day
from pulumi_kubernetes.helm.v3 import Release

Release("ztunnel-range", chart="oci://ghcr.io/istio/release/charts/ztunnel", version="1.31.x")
