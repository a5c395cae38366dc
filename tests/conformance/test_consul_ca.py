"""The whole life of Consul's CA on OpenBao, by its provider's calls: root, intermediate, leaf, cross-sign, rotate, prune.

The policies are those that the steps of a rotation ask for; a leaf of each step is verified by cryptography.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from meshwright.consul.ca.rotation import Root, root_stand
from meshwright.consul.vault.plan import plan_vault
from tests.conformance.consul_leaves import Leaf, load, request_of
from tests.conformance.consul_provider import DeniedError, Provider

if TYPE_CHECKING:
    from meshwright.consul.vault.arguments import ConnectArgs
    from tests.servers.openbao import OpenBao

OLD, NEW = Root(path="life1/connect_root"), Root(path="life1/connect_root_2027")


@pytest.fixture
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESHWRIGHT_AS_OF", raising=False)  # OpenBao dates by the clock


def make_root(openbao: OpenBao, root: Root) -> None:
    """As its owner does: mount it, and have its key made."""
    openbao.request("POST", f"sys/mounts/{root.path}", type="pki", config={"max_lease_ttl": "87600h"})
    made = {"common_name": f"Consul {root.path}", "key_type": root.key_type, "key_bits": root.key_bits}
    openbao.request("POST", f"{root.path}/root/generate/internal", ttl="87600h", **made)


def make_intermediate(openbao: OpenBao, datacenter: str) -> None:
    openbao.request("POST", f"sys/mounts/{datacenter}/connect_inter", type="pki", config={"max_lease_ttl": "8760h"})


def take_step(openbao: OpenBao, step: str, datacenter: str = "life1") -> None:
    """What the `up` of a step changes in Vault: the texts of the policies; one that isn't planned is deleted."""
    stand = root_stand(step, OLD, NEW)
    connect: ConnectArgs = {
        "roots": [{"path": each} for each in stand.mounts],
        "cross_signing": bool(stand.cross_signs),
    }
    plan = plan_vault({"address": openbao.url, "datacenter": datacenter, "connect": connect}, "test")
    for short in ("own-token", "connect-ca", "cross-signing"):
        name = f"consul-{datacenter}-{short}"
        if short in plan.policies:
            openbao.request("PUT", f"sys/policies/acl/{name}", policy=plan.policies[short].text)
        else:
            openbao.request("DELETE", f"sys/policies/acl/{name}")


def log_in(openbao: OpenBao, datacenter: str = "life1") -> str:
    """A token with the policies of the servers' role; which of them there are, its step decides."""
    policies = [f"consul-{datacenter}-{short}" for short in ("own-token", "connect-ca", "cross-signing")]
    made = openbao.request("POST", "auth/token/create", policies=policies, no_default_policy=True, ttl="1h")
    return str(made["auth"]["client_token"])


def leaf_of(provider: Provider, *beside: str, service: str = "web") -> Leaf:
    """A service's certificate, with the intermediates that Consul hands out with it."""
    identity = f"{provider.spiffe}/ns/default/dc/life1/svc/{service}"
    (certificate,) = load(provider.sign(request_of(identity)))
    leaf = Leaf(certificate, load(*beside, provider.get_ca(provider.intermediate)))
    assert leaf.identity == identity
    return leaf


@pytest.mark.usefixtures("_now")
def test_the_whole_life_of_the_ca(openbao: OpenBao) -> None:
    make_root(openbao, OLD)
    make_intermediate(openbao, "life1")
    take_step(openbao, "steady")
    token = log_in(openbao)

    # The first start: the root is there, an intermediate is made below it.
    before = Provider(openbao, token, OLD.path, "life1/connect_inter")
    before.configure()
    before.renew()
    old_root = load(before.generate_ca_chain())[0]
    (first,) = load(before.generate_leaf_signing_cert())
    first.verify_directly_issued_by(old_root)
    early = leaf_of(before)
    assert early.is_taken_by(old_root)

    # A renewal, at half of the intermediate's life: what was signed before goes on with what came beside it.
    (second,) = load(before.generate_leaf_signing_cert())
    assert second != first
    renewed = leaf_of(before)
    assert early.is_taken_by(old_root)
    assert renewed.is_taken_by(old_root)
    before.configure()  # a restart finds the mount in use, and tunes it

    # Outside of a rotation nobody has another root signed, nor reaches one.
    make_root(openbao, NEW)
    after = Provider(openbao, token, NEW.path, "life1/connect_inter")
    new_pem = str(openbao.request("GET", f"{NEW.path}/cert/ca")["data"]["certificate"])
    (new_root,) = load(new_pem)
    with pytest.raises(DeniedError, match="sign-self-issued"):
        before.cross_sign_ca(new_root, new_pem)
    with pytest.raises(DeniedError, match=NEW.path):
        after.generate_leaf_signing_cert()
    assert leaf_of(before).is_taken_by(old_root)

    # cross-signing: the right comes to the token that Consul has, and nothing else changes.
    take_step(openbao, "cross-signing")
    assert leaf_of(before).is_taken_by(old_root)

    # switched: as `primaryUpdateRootCA` does it.
    after.configure()
    assert load(after.generate_ca_chain())[0] == new_root
    (third,) = load(after.generate_leaf_signing_cert())
    third.verify_directly_issued_by(new_root)
    crossed = before.cross_sign_ca(new_root, new_pem)
    (bridge,) = load(crossed)
    bridge.verify_directly_issued_by(old_root)
    assert (bridge.subject, bridge.public_key()) == (new_root.subject, new_root.public_key())
    late = leaf_of(after, crossed)
    assert late.is_taken_by(old_root), "a proxy that has not heard of the new root takes its leaves"
    assert late.is_taken_by(new_root)
    assert renewed.is_taken_by(old_root)
    assert not renewed.is_taken_by(new_root)
    assert not Leaf(late.certificate, late.chain[1:]).is_taken_by(old_root), "without the bridge it would not"

    # After the leader's next election the chain is made anew, without the bridge; the proxies know the new root by now.
    after.generate_leaf_signing_cert()
    assert leaf_of(after).is_taken_by(old_root, new_root)

    # The way back is a change of the root as well: the new one signs the old one.
    old_pem = before.get_ca(OLD.path)
    back = after.cross_sign_ca(old_root, old_pem)
    before.generate_leaf_signing_cert()
    assert leaf_of(before, back).is_taken_by(new_root)
    after.generate_leaf_signing_cert()

    # old-pruned: the rights are taken back at once, from the token that Consul has.
    take_step(openbao, "old-pruned")
    with pytest.raises(DeniedError, match="sign-self-issued"):
        after.cross_sign_ca(old_root, old_pem)
    with pytest.raises(DeniedError, match="sign-self-issued"):
        before.cross_sign_ca(new_root, new_pem)
    with pytest.raises(DeniedError, match=OLD.path):
        before.generate_leaf_signing_cert()
    openbao.request("DELETE", f"sys/mounts/{OLD.path}")
    after.configure()
    after.renew()
    after.generate_leaf_signing_cert()
    last = leaf_of(after)
    assert last.is_taken_by(new_root)
    assert not last.is_taken_by(old_root)

    # Each renewal has removed the intermediate before it, with its key. What stays is a key of each refused attempt.
    refused, in_use = 2, 1
    assert len(openbao.request("LIST", "life1/connect_inter/keys")["data"]["keys"]) == refused + in_use


@pytest.mark.usefixtures("_now")
def test_a_secondary_datacenter_has_its_intermediate_signed(openbao: OpenBao) -> None:
    root = Root(path="life2/connect_root")
    make_root(openbao, root)
    for datacenter in ("life2", "life3"):
        make_intermediate(openbao, datacenter)
    for datacenter in ("life2", "life3"):
        connect: ConnectArgs = {"roots": [{"path": root.path}]}
        plan = plan_vault({"address": openbao.url, "datacenter": datacenter, "connect": connect}, "test")
        for each in plan.policies.values():
            openbao.request("PUT", f"sys/policies/acl/{each.name}", policy=each.text)
    primary = Provider(openbao, log_in(openbao, "life2"), root.path, "life2/connect_inter")
    secondary = Provider(openbao, log_in(openbao, "life3"), root.path, "life3/connect_inter")
    primary.configure()
    top = load(primary.generate_ca_chain())[0]
    primary.generate_leaf_signing_cert()
    secondary.configure()
    csr, key_id = secondary.generate_intermediate_csr()
    signed = primary.sign_intermediate(csr)
    secondary.set_intermediate(signed, key_id)
    leaf = leaf_of(secondary, service="api")
    assert leaf.is_taken_by(top)
    below = leaf.chain[0].extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (below.ca, below.path_length) == (True, 0)
    # Neither signs with what is the other's.
    stranger = Provider(openbao, secondary.token, root.path, "life2/connect_inter")
    with pytest.raises(DeniedError, match="life2/connect_inter"):
        stranger.sign(request_of(f"{stranger.spiffe}/ns/default/dc/life2/svc/web"))
