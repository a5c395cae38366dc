"""What a cluster runs on, as far as its kubeconfig tells: by the API server's host, the login plugin, or a name."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.kubernetes.kubeconfig import Target

_HOSTS = (
    (re.compile(r".+\.eks\.amazonaws\.com(\.cn)?|.+\.eks-cluster\.[a-z0-9-]+\.api\.aws"), "eks"),
    (re.compile(r".+\.gke\.goog"), "gke"),
    (re.compile(r".+\.azmk8s\.io|.+\.azk8s\.cn|.+\.aks\.containerservice\.azure\.us"), "aks"),
    (re.compile(r".+\.openshiftapps\.com|.+\.aroapp\.io"), "openshift"),
)
"""Hosts of API servers that only the provider hands out; those of other clouds' regions are there, too."""
_NAMES = (
    (re.compile(r"gke_[^_]+_[^_]+_.+"), "gke"),
    (re.compile(r"arn:aws[a-z-]*:eks:.+"), "eks"),
    (re.compile(r"kind-.+"), "kind"),
    (re.compile(r"k3d-.+"), "k3d"),
    (re.compile(r"minikube"), "minikube"),
    (re.compile(r"microk8s(-cluster)?"), "microk8s"),
)
"""Names that the platforms' own tools give to contexts and clusters."""
_AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The Entra application of every AKS API server: learn.microsoft.com/azure/aks/kubelogin-authentication."""


class Evidence(NamedTuple):
    """One sign of a platform."""

    platform: str
    """As `cluster.platform` has it."""
    by: str
    """What it was told by, for messages: `the host k.eks.amazonaws.com`."""
    is_plain: bool
    """No other platform has it. A name is not plain, for everybody may change it, nor is a plugin of many uses."""


def evidence(target: Target) -> tuple[Evidence, ...]:
    """All signs of what a cluster runs on, the best first; none where the kubeconfig says nothing."""
    return (*_by_host(target.server), *_by_plugin(target.plugin), *_by_name(target))


def _by_host(server: str) -> Iterator[Evidence]:
    try:
        host = (urlsplit(server).hostname or "").rstrip(".")
    except ValueError:
        return
    for pattern, platform in _HOSTS:
        if pattern.fullmatch(host):
            yield Evidence(platform, f"the host {host}", is_plain=True)


def _by_plugin(plugin: tuple[str, ...]) -> Iterator[Evidence]:
    """By the commands that log in; a command may stand behind another (aws-vault, env)."""
    words = {PurePosixPath(word.replace("\\", "/")).name.removesuffix(".exe") for word in plugin}
    if {"aws", "eks", "get-token"} <= words:
        yield Evidence("eks", "the plugin `aws eks get-token`", is_plain=True)
    if "gke-gcloud-auth-plugin" in words:
        yield Evidence("gke", "the plugin gke-gcloud-auth-plugin", is_plain=True)
    # kubelogin is two programs: Azure's, and one for OpenID Connect anywhere.
    if "kubelogin" in words and not any(word.startswith("--oidc-") for word in plugin):
        yield Evidence("aks", "the plugin kubelogin", is_plain=_AKS_SERVER in words)
    # Clusters of one's own on EC2 log in by it, too.
    if "aws-iam-authenticator" in words:
        yield Evidence("eks", "the plugin aws-iam-authenticator", is_plain=False)


def _by_name(target: Target) -> Iterator[Evidence]:
    """By the cluster's name, which is renamed less often, and the context's."""
    for what, name in (("cluster", target.cluster), ("context", target.context)):
        for pattern, platform in _NAMES:
            if pattern.fullmatch(name):
                yield Evidence(platform, f"the {what}'s name {name}", is_plain=False)
