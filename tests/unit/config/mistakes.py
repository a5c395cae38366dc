"""Mistakes in stack files, each with the lines that are printed for it. docs/errors.md quotes them."""

from typing import NamedTuple

from meshwright.config import IstioAmbientMesh

FILE = "stacks/Pulumi.prod.yaml"
KEYS = ", ".join(sorted(IstioAmbientMesh.model_fields))


class Case(NamedTuple):
    name: str
    text: str
    lines: tuple[str, ...]


def istio(more: str = "", version: str = '"1.31"', cluster: str = "{context: prod, platform: eks}") -> str:
    """A stack file of which lines 1 to 5 are right; `more` begins on line 6."""
    return f"""config:
  meshwright:mesh:
    kind: istio-ambient
    version: {version}
    cluster: {cluster}
{more}"""


def namespaces(*items: str) -> str:
    """A stack file whose namespaces begin on line 7."""
    return istio("    namespaces:\n" + "".join(f"      - {{{item}}}\n" for item in items))


def mesh(kind: str, *lines: str) -> str:
    """A stack file of another kind; `lines` begin on line 4."""
    return f"config:\n  meshwright:mesh:\n    kind: {kind}\n" + "".join(f"    {line}\n" for line in lines)


def waivers(*items: str) -> str:
    """A stack file whose waivers begin on line 7."""
    return istio("  meshwright:waivers:\n" + "".join(f"    - {{{item}}}\n" for item in items))


CASES = (
    Case(
        "unknown key",
        istio("    mtsl: strict\n"),
        (FILE + ':6: mesh has no key "mtsl"; did you mean mtls? (MW-E010)',),
    ),
    Case(
        "unknown key far from all",
        istio("    hub: docker.io/istio\n    zzz: 1\n"),
        (FILE + f':7: mesh has no key "zzz"; its keys are: {KEYS} (MW-E010)',),
    ),
    Case(
        "unknown key in a list",
        namespaces("name: shop, phase: permissive, sinc: 2026-11-01"),
        (FILE + ':7: mesh.namespaces[0] has no key "sinc"; did you mean since? (MW-E010)',),
    ),
    Case(
        "unknown key that may hold a secret",
        istio("    gateway_api: {pasword: hunter2}\n"),
        (FILE + ':6: mesh.gateway_api has no key "pasword"; its keys are: mode, path, version (MW-E010)',),
    ),
    Case(
        "certificates from a place that there isn't",
        istio("    certificates: {source: cert-manager}\n"),
        (
            FILE + ':6: mesh.certificates.source is "cert-manager"; one of: self-signed, cacerts, istio-csr, spire '
            "(MW-E014)",
        ),
    ),
    Case(
        "missing key",
        namespaces("name: shop"),
        (FILE + ':7: mesh.namespaces[0].phase is missing; add it, for example phase: "permissive" (MW-E011)',),
    ),
    Case(
        "missing cluster and version",
        mesh("istio-ambient", "mtls: strict"),
        (
            FILE + ':2: mesh.version is missing; add it, for example version: "1.31" (MW-E011)',
            FILE
            + (
                ':2: mesh.cluster is missing; add it, for example cluster: {context: "prod-eu", platform: "eks"}'
                " (MW-E011)"
            ),
        ),
    ),
    Case(
        "missing kind",
        "config:\n  meshwright:mesh:\n    version: 1\n",
        (FILE + ":2: mesh.kind is missing; one of: istio-ambient, linkerd, consul, vpc-lattice, none (MW-E011)",),
    ),
    Case(
        "cluster not named",
        istio(cluster="{platform: eks}"),
        (FILE + ":5: mesh.cluster names no cluster; add context, kubeconfig or stack (MW-E011)",),
    ),
    Case(
        "wrong type",
        istio('    workload: {pods: "600"}\n'),
        (FILE + ':6: mesh.workload.pods is "600"; write a whole number, without quotes (MW-E012)',),
    ),
    Case(
        "wrong types",
        istio(
            "    workload: {pods: many, nodes: 1.5, async_share: some, clouds: aws}\n    compliance: [pci]\n    adopt: {system_namespace: yes}\n    values: {istiod: 3}\n"
        ),
        (
            FILE + ':6: mesh.workload.pods is "many"; write a whole number, without quotes (MW-E012)',
            FILE + ":6: mesh.workload.nodes is 1.5; write a whole number (MW-E012)",
            FILE + ':6: mesh.workload.clouds is "aws"; write a list (MW-E012)',
            FILE + ':6: mesh.workload.async_share is "some"; write a number, without quotes (MW-E012)',
            FILE + ":7: mesh.compliance is a list; write a mapping (MW-E012)",
            FILE + ':8: mesh.adopt.system_namespace is "yes"; write true or false, without quotes (MW-E012)',
            FILE + ":9: mesh.values.istiod is a number; write a mapping (MW-E012)",
        ),
    ),
    Case(
        "empty values",
        istio('    namespaces:\n    mtls:\n    hub: ""\n    workload: {pods: }\n'),
        (
            FILE + ":6: mesh.namespaces is empty; write a list (MW-E012)",
            FILE + ":7: mesh.mtls is empty; one of: permissive, strict (MW-E014)",
            FILE + ":8: mesh.hub is empty; fill it (MW-E015)",
        ),
    ),
    Case(
        "mesh is text",
        "config:\n  meshwright:mesh: istio\n",
        (FILE + ':2: mesh is "istio"; write a mapping (MW-E012)',),
    ),
    Case(
        "mesh is empty",
        "config:\n  meshwright:mesh:\n",
        (FILE + ":2: mesh is empty; write a mapping (MW-E012)",),
    ),
    Case(
        "waivers are text",
        istio("  meshwright:waivers: none\n"),
        (FILE + ':6: waivers is "none"; write a list (MW-E012)',),
    ),
    Case(
        "a list for a file",
        "- config\n",
        (FILE + ":1: the file is a list; begin it with config: (MW-E012)",),
    ),
    Case(
        "config is text",
        "config: meshwright\n",
        (FILE + ':1: config is "meshwright"; write meshwright:mesh: in it (MW-E012)',),
    ),
    Case(
        "unquoted version",
        istio(version="1.30"),
        (FILE + ':4: mesh.version is the number 1.30, which arrives as 1.3; quote it: "1.30" (MW-E013)',),
    ),
    Case(
        "unquoted version that survives",
        istio(version="1.31"),
        (FILE + ':4: mesh.version is the number 1.31; quote it: "1.31" (MW-E013)',),
    ),
    Case(
        "unquoted word",
        istio("    hub: true\n    trust_domain: 7\n"),
        (
            FILE + ':6: mesh.hub is the boolean true; quote it: "true" (MW-E013)',
            FILE + ':7: mesh.trust_domain is the number 7; quote it: "7" (MW-E013)',
        ),
    ),
    Case(
        "unknown value",
        namespaces("name: shop, phase: strickt"),
        (
            FILE
            + (
                ':7: mesh.namespaces[0].phase is "strickt"; one of: unmeshed, permissive, strict. Did you mean '
                "strict? (MW-E014)"
            ),
        ),
    ),
    Case(
        "unknown values",
        istio("    mtls: yes\n    environment: prod\n", cluster="{context: prod, platform: rke}"),
        (
            FILE
            + (
                ':5: mesh.cluster.platform is "rke"; one of: eks, gke, aks, openshift, k3s, k3d, kind, minikube,'
                " microk8s, generic. Did you mean gke? (MW-E014)"
            ),
            FILE + ':6: mesh.mtls is "yes"; one of: permissive, strict (MW-E014)',
            FILE
            + (
                ':7: mesh.environment is "prod"; one of: production, staging, test, dev. Did you mean '
                "production? (MW-E014)"
            ),
        ),
    ),
    Case(
        "unknown kind",
        mesh("istio", "version: 1"),
        (
            FILE
            + (
                ':3: mesh.kind is "istio"; one of: istio-ambient, linkerd, consul, vpc-lattice, none. Did you '
                "mean istio-ambient? (MW-E014)"
            ),
        ),
    ),
    Case(
        "sidecars",
        mesh("kuma"),
        (FILE + ':3: mesh.kind is "kuma"; one of: istio-ambient, linkerd, consul, vpc-lattice, none (MW-E014)',),
    ),
    Case(
        "a long value",
        istio("    mtls: " + "x" * 80 + "\n"),
        (FILE + ":6: mesh.mtls is text of 80 characters; one of: permissive, strict (MW-E014)",),
    ),
    Case(
        "namespace name",
        namespaces("name: Shop_1, phase: strict"),
        (
            FILE
            + (
                ':7: mesh.namespaces[0].name is "Shop_1", which is no namespace name; use lower-case letters, '
                "digits and '-', at most 63, with a letter or digit at both ends (RFC 1123) (MW-E015)"
            ),
        ),
    ),
    Case(
        "bad values",
        istio(
            '    hub: docker.io\n    revision: 1-31-\n    trust_domain: "a b"\n    workload: {pods: -1, nodes: 99999999, async_share: 1.01}\n',
            version='"v1.31"',
        ),
        (
            FILE
            + (
                ':4: mesh.version is "v1.31", which is no version; write a minor, "1.31", or a full version, '
                '"1.31.1" (MW-E015)'
            ),
            FILE + ':7: mesh.revision is "1-31-", which is no revision; write it with dashes: "1-31-1" (MW-E015)',
            FILE
            + (
                ':8: mesh.trust_domain is "a b", which is no host name; write a name as DNS has it: '
                '"shop.example.com" (MW-E015)'
            ),
            FILE + ":9: mesh.workload.pods is -1; it is at least 0 (MW-E015)",
            FILE + ":9: mesh.workload.nodes is 99999999; it is at most 10000000 (MW-E015)",
            FILE + ":9: mesh.workload.async_share is 1.01; it is at most 1.0 (MW-E015)",
        ),
    ),
    Case(
        "a number that is none",
        istio("    workload: {async_share: .nan}\n"),
        (FILE + ":6: mesh.workload.async_share is nan; write a finite number (MW-E012)",),
    ),
    Case(
        "bad kubernetes version",
        istio(cluster='{context: p, platform: eks, kubernetes_version: "v1.34"}'),
        (
            FILE
            + (
                ':5: mesh.cluster.kubernetes_version is "v1.34", which is no Kubernetes version; write it as '
                '"1.34" or "1.34.2" (MW-E015)'
            ),
        ),
    ),
    Case(
        "date in the future",
        namespaces("name: shop, phase: strict, since: 2026-11-24"),
        (
            FILE
            + (
                ":7: mesh.namespaces[0].since is 2026-11-24, which is after today (2026-11-23); write the day on"
                " which it happened (MW-E016)"
            ),
        ),
    ),
    Case(
        "no dates",
        namespaces(
            "name: shop, phase: strict, since: yesterday",
            "name: cart, phase: strict, since: 2026-02-30",
            "name: pay, phase: strict, since: 5",
        ),
        (
            FILE + ':7: mesh.namespaces[0].since is "yesterday", which is no date; write it as YYYY-MM-DD (MW-E016)',
            FILE + ':8: mesh.namespaces[1].since is "2026-02-30", which is no date; write it as YYYY-MM-DD (MW-E016)',
            FILE + ":9: mesh.namespaces[2].since is 5; write a date as YYYY-MM-DD (MW-E012)",
        ),
    ),
    Case(
        "previous phase later than the phase",
        namespaces("name: shop, phase: strict, since: 2026-11-01, previous: {phase: permissive, since: 2026-11-02}"),
        (
            FILE
            + (
                ":7: mesh.namespaces[0].previous.since is 2026-11-02, after the phase that followed it "
                "(2026-11-01); write the day on which that phase began (MW-E016)"
            ),
        ),
    ),
    Case(
        "namespace twice",
        namespaces("name: shop, phase: strict", "name: cart, phase: strict", "name: shop, phase: unmeshed"),
        (FILE + ':9: mesh.namespaces[2].name is "shop", as is namespaces[0].name; keep one of the two (MW-E017)',),
    ),
    Case(
        "services twice",
        namespaces("name: shop, phase: strict, services: [a, b, a]"),
        (FILE + ':7: mesh.namespaces[0].services[2] is "a", as is services[0]; keep one of the two (MW-E017)',),
    ),
    Case(
        "waiver twice",
        waivers(
            "rule: MW-ADO-001, resource: a, reason: r, expires: 2027-01-01",
            "rule: MW-ADO-001, resource: a, reason: s, expires: 2027-01-01",
        ),
        (FILE + ':8: waivers[1] is "MW-ADO-001 for a", as is waivers[0]; keep one of the two (MW-E017)',),
    ),
    Case(
        "waivers",
        waivers(
            "rule: ADO-1, resource: a, reason: r, expires: 2027-01-01", "rule: MW-ADO-001, reason: s", "MW-ADO-001: x"
        ),
        (
            FILE + ':7: waivers[0].rule is "ADO-1", which is no rule; write its id, as MW-ADO-007 (MW-E015)',
            FILE + ':8: waivers[1].resource is missing; add it, for example resource: "catalog" (MW-E011)',
            FILE + ':8: waivers[1].expires is missing; add it, for example expires: "2026-12-31" (MW-E011)',
            FILE + ':9: waivers[2].rule is missing; add it, for example rule: "MW-ADO-007" (MW-E011)',
            FILE + ':9: waivers[2].resource is missing; add it, for example resource: "catalog" (MW-E011)',
            FILE
            + ':9: waivers[2].reason is missing; add it, for example reason: "second team moves with us" (MW-E011)',
            FILE + ':9: waivers[2].expires is missing; add it, for example expires: "2026-12-31" (MW-E011)',
            FILE
            + (
                ':9: waivers[2] has no key "MW-ADO-001"; its keys are: expires, owner, reason, resource, rule, '
                "ticket (MW-E010)"
            ),
        ),
    ),
    Case(
        "cluster in two ways",
        istio(cluster="{kubeconfig: ./kubeconfig, stack: org/eks/prod, platform: eks}"),
        (
            FILE
            + (
                ":5: mesh.cluster.kubeconfig names a kubeconfig, and stack gives one too; keep kubeconfig or "
                "stack (MW-E018)"
            ),
        ),
    ),
    Case(
        "output without a stack",
        istio(cluster="{context: prod, output: kubeconfig, platform: eks}"),
        (
            FILE
            + (
                ":5: mesh.cluster.output is the output of a stack, and no stack is named; add stack, or remove "
                "output (MW-E018)"
            ),
        ),
    ),
    Case(
        "waypoint of an unmeshed namespace",
        namespaces("name: shop, phase: unmeshed, waypoint: {for: service}"),
        (
            FILE
            + (
                ":7: mesh.namespaces[0].waypoint is for a namespace that is unmeshed: no traffic would reach it;"
                " remove it, or set phase: permissive (MW-E018)"
            ),
        ),
    ),
    Case(
        "replicas the wrong way round",
        namespaces("name: shop, phase: strict, waypoint: {min_replicas: 6, max_replicas: 5}"),
        (
            FILE
            + (
                ":7: mesh.namespaces[0].waypoint.min_replicas is 6, more than max_replicas (5); lower it, or "
                "raise max_replicas (MW-E018)"
            ),
        ),
    ),
    Case(
        "a namespace of the system",
        namespaces("name: istio-system, phase: strict"),
        (
            FILE
            + (
                ':7: mesh.namespaces[0].name is "istio-system", where no workload of a mesh stands; leave it out; '
                "mtls sets the mode of the whole mesh (MW-E018)"
            ),
        ),
    ),
    Case(
        "an overlay that Istio does not know",
        namespaces("name: shop, phase: strict, waypoint: {overlays: {deploymnet: {}}}"),
        (
            FILE
            + (
                ':7: mesh.namespaces[0].waypoint.overlays has no key "deploymnet"; one of: deployment, service, '
                "serviceAccount, horizontalPodAutoscaler, podDisruptionBudget. Did you mean deployment? (MW-E010)"
            ),
        ),
    ),
    Case(
        "somebody else's Gateway API",
        istio("").replace("platform: eks", "platform: openshift"),
        (
            FILE
            + (
                ":2: mesh.gateway_api.mode is create, and Red Hat OpenShift owns the Gateway API CRDs; "
                "set gateway_api: {mode: skip} (MW-E018)"
            ),
        ),
    ),
    Case(
        "a bundle that Istio does not take",
        istio('    gateway_api: {version: "1.6.1"}\n', version='"1.30"'),
        (
            FILE
            + (
                ":6: mesh.gateway_api.version: Gateway API CRDs 1.6.1 do not suit all of their users: istio 1.30.7 takes "
                "1.1.0 to 1.5.1; leave the version out, and the newest that suits all is chosen (MW-E032)"
            ),
        ),
    ),
    Case(
        "charts",
        istio("    charts: {source: path}\n"),
        (FILE + ":6: mesh.charts.source is path, which needs path; add path (MW-E011)",),
    ),
    Case(
        "charts with too much",
        istio('    charts: {source: oci, url: "https://mirror", path: charts}\n'),
        (
            FILE + ":6: mesh.charts.url is not used with source: oci; remove url, or choose another source (MW-E018)",
            FILE + ":6: mesh.charts.path is not used with source: oci; remove path, or choose another source (MW-E018)",
        ),
    ),
    Case(
        "mirror",
        istio("    charts: {source: mirror, url: mirror.corp}\n"),
        (
            FILE
            + (':6: mesh.charts.url is "mirror.corp", which is no address; begin it with oci:// or https:// (MW-E015)'),
        ),
    ),
    Case(
        "no OCI registry for old charts",
        istio("    charts: {source: oci}\n", version='"1.30"'),
        (
            FILE
            + (
                ":6: mesh.charts.source is oci, where the catalog knows no charts of istio 1.30.7; one of: "
                "repository, mirror, path (MW-E018)"
            ),
        ),
    ),
    Case(
        "secret value",
        istio("    trust_domain: {secure: AAABAKhJ}\n"),
        (
            FILE
            + (
                ":6: mesh.trust_domain is encrypted; write it in plain, or move it to a config key of its own: "
                "the mesh is read without secrets (MW-E019)"
            ),
        ),
    ),
    Case(
        "secret mesh",
        "config:\n  meshwright:mesh: {secure: AAABAKhJ}\n",
        (
            FILE
            + (
                ":2: mesh is encrypted; write it in plain, or move it to a config key of its own: the mesh is "
                "read without secrets (MW-E019)"
            ),
        ),
    ),
    Case(
        "secret in a list",
        istio("    values: {istiod: {env: [{secure: AAABAKhJ}]}}\n"),
        (
            FILE
            + (
                ":6: mesh.values.istiod.env[0] is encrypted; write it in plain, or move it to a config key of "
                "its own: the mesh is read without secrets (MW-E019)"
            ),
        ),
    ),
    Case(
        "syntax",
        istio("    mtls: strict\n   hub: x\n"),
        (
            FILE
            + (
                ":7: this is not YAML: while parsing a block mapping, did not find expected key; mend the "
                "notation at this line (MW-E020)"
            ),
        ),
    ),
    Case(
        "tab",
        "config:\n\tmesh: 1\n",
        (
            FILE
            + (
                ":2: this is not YAML: while scanning for the next token, found character that cannot start any "
                "token; mend the notation at this line (MW-E020)"
            ),
        ),
    ),
    Case(
        "two documents",
        "config: {}\n---\nconfig: {}\n",
        (FILE + ":2: a second document begins here; keep one in a file (MW-E020)",),
    ),
    Case(
        "unknown alias",
        istio("    hub: *hub\n"),
        (FILE + ":6: the alias *hub stands for nothing; define it before with &hub (MW-E020)",),
    ),
    Case(
        "a mapping as key",
        "config:\n  ? {a: b}\n  : c\n",
        (FILE + ":2: a key is no plain text; use a word as the key (MW-E020)",),
    ),
    Case(
        "a control character",
        "config: \x01\n",
        (
            FILE
            + (
                ": this is not YAML: unacceptable character #x0001: control characters are not allowed; remove "
                "what can't be text (MW-E020)"
            ),
        ),
    ),
    Case(
        "merging text",
        istio("    workload: {<<: text}\n"),
        (FILE + ":6: << merges what is no mapping; merge an alias of a mapping (MW-E020)",),
    ),
    Case(
        "key twice",
        istio("    mtls: strict\n    mtls: permissive\n"),
        (FILE + ':7: the key "mtls" is there twice; keep one of it and line 6 (MW-E021)',),
    ),
    Case(
        "tag",
        istio("    hub: !!python/object/apply:os.system [id]\n"),
        (FILE + ":6: the tag !!python/object/apply:os.system is not allowed; write plain values (MW-E022)",),
    ),
    Case(
        "own tag on text",
        istio("    hub: !env HUB\n"),
        (FILE + ":6: the tag !env is not allowed; write plain values (MW-E022)",),
    ),
    Case(
        "own tag on a mapping",
        istio("    workload: !facts {pods: 1}\n"),
        (FILE + ":6: the tag !facts is not allowed; write plain values (MW-E022)",),
    ),
    Case(
        "alias bomb",
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{b}: &{b} [" + ", ".join([f"*{a}"] * 10) + "]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        (
            FILE
            + (
                ":5: the file stands for more than 50,000 values once its aliases are expanded; write fewer, or "
                "fewer aliases of aliases (MW-E023)"
            ),
        ),
    ),
    Case(
        "deep nesting",
        "a: " + "[" * 60 + "]" * 60,
        (FILE + ":1: values are nested more than 50 deep; flatten them (MW-E023)",),
    ),
    Case(
        "empty file",
        "",
        (FILE + ": the file is empty; begin with config: and meshwright:mesh: (MW-E025)",),
    ),
    Case(
        "only a comment",
        "# config\n",
        (FILE + ": the file is empty; begin with config: and meshwright:mesh: (MW-E025)",),
    ),
    Case(
        "no config",
        "conifg: {}\n",
        (FILE + ":1: the file has no config; did you mean config where it says conifg? (MW-E028)",),
    ),
    Case(
        "no config at all",
        "encryptionsalt: v1\n",
        (FILE + ":1: the file has no config; add it, with meshwright:mesh in it (MW-E028)",),
    ),
    Case(
        "no mesh",
        "config:\n  aws:region: eu-west-1\n",
        (
            FILE
            + (
                ":1: config has no meshwright:mesh; add it, with a kind: istio-ambient, linkerd, consul, "
                "vpc-lattice, none (MW-E028)"
            ),
        ),
    ),
    Case(
        "misspelt mesh",
        "config:\n  meshwright:mehs: {}\n",
        (
            FILE
            + (
                ':2: config has no key "meshwright:mehs"; one of: meshwright:mesh, meshwright:waivers. Did you '
                "mean meshwright:mesh? (MW-E010)"
            ),
        ),
    ),
    Case(
        "mesh without its namespace",
        "config:\n  mesh: {}\n",
        (
            FILE
            + (
                ':2: config has no key "mesh"; one of: meshwright:mesh, meshwright:waivers. Did you mean '
                "meshwright:mesh? (MW-E010)"
            ),
        ),
    ),
    Case(
        "misspelt namespace",
        "config:\n  meshwrigth:mesh: {}\n",
        (
            FILE
            + (
                ':2: config has no key "meshwrigth:mesh"; one of: meshwright:mesh, meshwright:waivers. Did you '
                "mean meshwright:mesh? (MW-E010)"
            ),
        ),
    ),
    Case(
        "version not in the catalog",
        istio(version='"1.31.9"'),
        (
            FILE
            + (
                ':4: mesh.version: istio "1.31.9" is not in the catalog; known: 1.31.0, 1.31.1; or add it with '
                "source and as_of in an overlay file (--catalog) (MW-E030)"
            ),
        ),
    ),
    Case(
        "minor not in the catalog",
        istio(version='"1.13"'),
        (
            FILE
            + (
                ':4: mesh.version: istio "1.13" is not in the catalog; known: 1.28, 1.29, 1.30, 1.31. Did you '
                "mean 1.31? Or add it with source and as_of in an overlay file (--catalog) (MW-E030)"
            ),
        ),
    ),
    Case(
        "no safe version",
        istio(version='"1.28"'),
        (
            FILE
            + (
                ":4: mesh.version: istio 1.28 has no version without a known advisory (ISTIO-SECURITY-2026-007, "
                "ISTIO-SECURITY-2026-006); choose a newer minor, or write 1.28.10 in full to take it "
                "nevertheless (MW-E031)"
            ),
        ),
    ),
    Case(
        "bundle not in the catalog",
        istio('    gateway_api: {version: "1.0.0"}\n'),
        (
            FILE
            + (
                ':6: mesh.gateway_api.version: gateway-api "1.0.0" is not in the catalog; known: 1.2.1, 1.4.1, '
                "1.5.0, 1.5.1, 1.6.0, 1.6.1. Did you mean 1.6.0? Or add it with source and as_of in an overlay "
                "file (--catalog) (MW-E030)"
            ),
        ),
    ),
    Case(
        "Kubernetes too old",
        istio(cluster='{context: prod, platform: eks, kubernetes_version: "1.29"}'),
        (
            FILE
            + (
                ":5: mesh.cluster.kubernetes_version: istio 1.31.1 does not run on Kubernetes 1.29; upgrade the "
                "cluster to 1.32 or newer, or choose an older version of the mesh (MW-E056)"
            ),
        ),
    ),
    Case(
        "no nodes",
        istio(cluster="{context: prod, platform: eks, compute: [nodes, fargate]}"),
        (
            FILE
            + (
                ":5: mesh.cluster.compute[1]: ambient needs an agent on every node, and AWS Fargate has no nodes"
                " to run it on; run the meshed workloads on nodes and leave it out of compute, or choose vpc-lattice or no mesh"
                " (MW-E057)"
            ),
        ),
    ),
    Case(
        "issuer renewed too early",
        mesh("linkerd", "trust: {issuer: {lifetime: 24h, renew_before: 25h}}"),
        (
            FILE
            + (
                ":4: mesh.trust.issuer.renew_before is 25h, the whole lifetime (24h) or more; make it shorter "
                "than lifetime (MW-E018)"
            ),
        ),
    ),
    Case(
        "issuer outlives anchor",
        mesh("linkerd", "trust: {anchor: {lifetime: 1d}, issuer: {lifetime: 2d, renew_before: 25h}}"),
        (
            FILE
            + (
                ":4: mesh.trust.issuer.lifetime is 2d, longer than the anchor's (1d); shorten it, or lengthen "
                "the anchor's (MW-E018)"
            ),
        ),
    ),
    Case(
        "a rotation without its anchor",
        mesh("linkerd", "trust: {rotation: {step: both-trusted, since: 2026-11-20, previous: {step: steady}}}"),
        (
            FILE
            + (
                ":4: mesh.trust.rotation: step is both-trusted, and there is no next; name the new authority in next "
                "(MW-E149)"
            ),
        ),
    ),
    Case(
        "cert-manager that is not ours",
        mesh("linkerd", "cert_manager: {adopt_namespace: true, namespace: certs}"),
        (
            FILE
            + (
                ":4: mesh.cert_manager.adopt_namespace is not used with mode: existing; remove adopt_namespace, or set "
                "mode: create (MW-E018)"
            ),
        ),
    ),
    Case(
        "linkerd stable",
        mesh("linkerd", "channel: stable", "version: stable-2.14.10"),
        (
            FILE + ':4: mesh.channel is "stable"; one of: edge, enterprise (MW-E014)',
            FILE
            + (
                ':5: mesh.version is "stable-2.14.10", which is no version; write a version, "2.20", or a '
                'release, "edge-26.8.3" (MW-E015)'
            ),
        ),
    ),
    Case(
        "a version of another channel",
        mesh("linkerd", "channel: enterprise", "version: edge-26.8.3"),
        (
            FILE
            + (
                ':5: mesh.version: linkerd-enterprise "edge-26.8.3" is not in the catalog; known: 2.20; or add '
                "it with source and as_of in an overlay file (--catalog) (MW-E030)"
            ),
        ),
    ),
    Case(
        "a version of Consul",
        mesh("consul", 'version: "3.0"', 'cluster: {context: dev, platform: kind, kubernetes_version: "1.29"}'),
        (
            FILE
            + (
                ':4: mesh.version: consul "3.0" is not in the catalog; known: 1.8, 1.9, 2.0. Did you mean 2.0? '
                "Or add it with source and as_of in an overlay file (--catalog) (MW-E030)"
            ),
        ),
    ),
    Case(
        "Kubernetes too old for Linkerd",
        mesh("linkerd", 'cluster: {context: dev, platform: eks, kubernetes_version: "1.29", compute: [fargate]}'),
        (
            FILE
            + (
                ":4: mesh.cluster.kubernetes_version: linkerd-edge edge-26.8.3 does not run on Kubernetes 1.29; "
                "upgrade the cluster to 1.31 or newer, or choose an older version of the mesh (MW-E056)"
            ),
        ),
    ),
    Case(
        "linkerd phases",
        mesh("linkerd", "namespaces: [{name: shop, phase: permissive}]"),
        (
            FILE
            + (':4: mesh.namespaces[0].phase is "permissive"; one of: unmeshed, audit, authenticated, deny (MW-E014)'),
        ),
    ),
    Case(
        "consul intentions",
        mesh("consul", "intentions: [{from: web, to: api}, {from: web, to: api, allow: [{methods: [get]}]}]"),
        (
            FILE
            + (
                ':4: mesh.intentions[1].allow[0].methods[0] is "get"; one of: GET, HEAD, POST, PUT, PATCH, '
                "DELETE, OPTIONS, CONNECT, TRACE (MW-E014)"
            ),
        ),
    ),
    Case(
        "consul externals",
        mesh(
            "consul",
            "external: [{name: a, host: a.b, port: 0}, {name: a, host: a.b, port: 1}]",
            "external: [{name: a, host: a.b, port: 1}, {name: a, host: a.b, port: 1}]",
        ),
        (
            FILE + ':5: the key "external" is there twice; keep one of it and line 4 (MW-E021)',
            FILE + ':5: mesh.external[1].name is "a", as is external[0].name; keep one of the two (MW-E017)',
        ),
    ),
    Case(
        "lattice limits",
        mesh(
            "vpc-lattice",
            "region: europe",
            "network: {name: svc-shop, vpcs: [{id: vpc-1, security_groups: [sg-1, sg-2, sg-3, sg-4, sg-5, sg-6]}]}",
        ),
        (
            FILE + ':4: mesh.region is "europe", which is no region; write its code: "eu-west-1" (MW-E015)',
            FILE
            + (
                ':5: mesh.network.name is "svc-shop", which is no name of 3 to 63 characters; use lower-case '
                "letters, digits and single '-', with a letter or digit at both ends (MW-E015)"
            ),
            FILE + ":5: mesh.network.vpcs[0].security_groups has 6 entries; it has at most 5 (MW-E015)",
        ),
    ),
    Case(
        "lattice rules",
        mesh(
            "vpc-lattice",
            "region: eu-west-1",
            "network: {name: shop, vpcs: [{id: vpc-1}, {id: vpc-1}]}",
            "services: [{name: cart, phase: strict, listeners: [{protocol: https, rules: [{path_prefix: /, path_exact: /, targets: [{pool: v1, weight: 0}]}]}]}]",
        ),
        (
            FILE + ':5: mesh.network.vpcs[1].id is "vpc-1", as is vpcs[0].id; keep one of the two (MW-E017)',
            FILE
            + (
                ":6: mesh.services[0].listeners[0].rules[0].path_exact is given beside path_prefix; keep one of "
                "the two (MW-E018)"
            ),
            FILE
            + (
                ":6: mesh.services[0].listeners[0].rules[0].targets have weights that sum to 0; give one of them"
                " a weight (MW-E018)"
            ),
        ),
    ),
    Case(
        "no reasons",
        mesh("none", "because: []"),
        (FILE + ":4: mesh.because is empty; fill it (MW-E015)",),
    ),
    Case(
        "a reason twice",
        mesh("none", "because: [few_services, few_services]"),
        (FILE + ':4: mesh.because[1] is "few_services", as is because[0]; keep one of the two (MW-E017)',),
    ),
    Case(
        "everything at once",
        istio(
            "    mtsl: strict\n    workload: {pods: x}\n    mtls: strict\n    mtls: strict\n    namespaces:\n      - {name: shop, phase: strickt}\n      - {name: shop, phase: strict, since: 2027-01-01}\n",
            version="1.30",
        ),
        (
            FILE + ':4: mesh.version is the number 1.30, which arrives as 1.3; quote it: "1.30" (MW-E013)',
            FILE + ':6: mesh has no key "mtsl"; did you mean mtls? (MW-E010)',
            FILE + ':7: mesh.workload.pods is "x"; write a whole number, without quotes (MW-E012)',
            FILE + ':9: the key "mtls" is there twice; keep one of it and line 8 (MW-E021)',
            FILE
            + (
                ':11: mesh.namespaces[0].phase is "strickt"; one of: unmeshed, permissive, strict. Did you mean '
                "strict? (MW-E014)"
            ),
            FILE
            + (
                ":12: mesh.namespaces[1].since is 2027-01-01, which is after today (2026-11-23); write the day "
                "on which it happened (MW-E016)"
            ),
            FILE + ':12: mesh.namespaces[1].name is "shop", as is namespaces[0].name; keep one of the two (MW-E017)',
        ),
    ),
)
