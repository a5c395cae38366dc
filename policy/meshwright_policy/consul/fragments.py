"""Pieces of the examples of rules about Consul, in the form of Pulumi YAML's ``resources``."""

from meshwright.consul.labels import API_VERSION
from meshwright_policy.istio.fragments import resource

VAULT = "global: {secretsBackend: {vault: {enabled: true, connectCA: {%s}}}}"


def plain(name: str, token: str, properties: str) -> str:
    """A resource of any provider; its properties are one YAML mapping."""
    return f"{name}:\n  type: {token}\n  properties: {{{properties}}}\n"


def chart(values: str = "", name: str = "consul", kind: str = "helm.sh/v3:Release", more: str = "") -> str:
    """A Helm release of Consul's chart."""
    given = (f"values: {{{values}}}",) if values else ()
    opts = "repositoryOpts: {repo: 'https://helm.releases.hashicorp.com'}"
    others = (more,) if more else ()
    return resource("consul", kind, f"chart: {name}", "version: 2.0.3", "namespace: consul", opts, *others, *given)


def entry(kind: str, name: str, spec: str, where: str = "shop", annotations: str = "") -> str:
    """A config entry as an object; two of one name have names of their own."""
    noted = f", annotations: {{{annotations}}}" if annotations else ""
    metadata = f"metadata: {{name: {name}, namespace: {where}{noted}}}"
    return resource(f"{name}-{kind.lower()}", f"{API_VERSION}:{kind}", metadata, f"spec: {{{spec}}}")


def policy(text: str, name: str = "consul-connect-ca") -> str:
    """A policy of Vault's; single quotes in the text stand for double ones."""
    hcl = text.replace('"', '\\"').replace("'", '\\"')
    return plain(name, "vault:index/policy:Policy", f'name: {name}, policy: "{hcl}"')


def path(where: str, *capabilities: str) -> str:
    """A block of a policy."""
    return f"path '{where}' {{ capabilities = [{', '.join(f'{chr(39)}{each}{chr(39)}' for each in capabilities)}] }} "


def namespace(name: str = "shop", marks: str = "connect-inject: enabled") -> str:
    """A namespace that injects, unless it has other labels."""
    return resource(name, "core/v1:Namespace", f"metadata: {{name: {name}, labels: {{{marks}}}}}")


def deployment(
    account: str = "cart", annotations: str = "", name: str = "cart", kind: str = "apps/v1:Deployment"
) -> str:
    """A workload of ``app: cart``."""
    by = f"{{serviceAccountName: {account}, containers: []}}" if account else "{containers: []}"
    pod = f"{{metadata: {{labels: {{app: cart}}, annotations: {{{annotations}}}}}, spec: {by}}}"
    metadata = f"metadata: {{name: {name}, namespace: shop}}"
    return resource(f"{name}-{kind.rpartition(':')[2].lower()}", kind, metadata, f"spec: {{template: {pod}}}")


def service(name: str = "cart", marks: str = "", spec: str = "selector: {app: cart}") -> str:
    """A Service of those pods."""
    given = f", labels: {{{marks}}}" if marks else ""
    metadata = f"metadata: {{name: {name}, namespace: shop{given}}}"
    return resource(f"{name}-service", "core/v1:Service", metadata, f"spec: {{{spec}}}")
