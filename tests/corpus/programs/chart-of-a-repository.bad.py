# finds: MW-IST-042 violated base-any: the Release base-any comes from istio-release.storage.googleapis.com, which is being switched off
# finds: MW-VER-001 violated base-any: it installs the chart base without a version: the newest one of the day
from pulumi_kubernetes.helm.v3 import Release

Release("base-any", chart="base", repository_opts={"repo": "https://istio-release.storage.googleapis.com/charts"})
