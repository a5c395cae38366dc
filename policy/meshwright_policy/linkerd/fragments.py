"""Pieces of the examples of rules about Linkerd, in the form of Pulumi YAML's ``resources``."""

from meshwright_policy.istio.fragments import resource

EDGE = "https://helm.linkerd.io/edge"


def obj(token: str, name: str, spec: str = "", where: str = "shop", annotations: str = "") -> str:
    """An object of a namespace, with a spec and annotations where they are given."""
    noted = f", annotations: {{{annotations}}}" if annotations else ""
    metadata = f"metadata: {{name: {name}, namespace: {where}{noted}}}"
    return resource(name, token, metadata, *((f"spec: {spec}",) if spec else ()))


def namespace(name: str = "shop", annotations: str = "linkerd.io/inject: enabled", labels: str = "") -> str:
    """A namespace that injects, unless other annotations are given."""
    given = "".join(
        f", {key}: {{{value}}}" for key, value in (("annotations", annotations), ("labels", labels)) if value
    )
    return resource(name, "core/v1:Namespace", f"metadata: {{name: {name}{given}}}")


def chart(
    name: str, values: str = "", repo: str = EDGE, kind: str = "helm.sh/v3:Release", where: str = "linkerd"
) -> str:
    """A Helm release of one of Linkerd's charts."""
    given = (f"values: {{{values}}}",) if values else ()
    opts = f"repositoryOpts: {{repo: '{repo}'}}"
    return resource(name, kind, f"chart: {name}", "version: 2026.8.3", f"namespace: {where}", opts, *given)


def certificate(name: str, spec: str, where: str = "linkerd") -> str:
    """A Certificate of cert-manager's."""
    return obj("cert-manager.io/v1:Certificate", name, f"{{secretName: {name}, {spec}}}", where)


def deployment(
    pod: str = "{containers: []}", annotations: str = "", name: str = "cart", kind: str = "apps/v1:Deployment"
) -> str:
    """A workload with a template of pods."""
    return obj(kind, name, f"{{template: {{metadata: {{annotations: {{{annotations}}}}}, spec: {pod}}}}}")
