"""The names that the chart makes."""

from meshwright.consul.names import Names


def test_the_names_of_a_release() -> None:
    names = Names("mesh", "consul-system", "eu", "corp")
    assert (names.server, names.client, names.acl_init, names.injector) == (
        "mesh-server",
        "mesh-client",
        "mesh-server-acl-init",
        "mesh-connect-injector",
    )
    accounts = (names.acl_init_cleanup, names.mesh_gateway, names.dns_proxy, names.sync_catalog, names.cni)
    assert accounts == (
        "mesh-server-acl-init-cleanup",
        "mesh-mesh-gateway",
        "mesh-dns-proxy",
        "mesh-sync-catalog",
        "mesh-cni",
    )
    assert (names.auth_method, names.partition_init) == ("mesh-auth-method", "mesh-partition-init")
    assert names.gateway("billing") == "mesh-billing"
    assert names.server_host == "mesh-server.consul-system.svc"


def test_the_names_in_certificates_are_the_charts() -> None:
    names = Names()
    assert names.server_common_name == "server.dc1.consul"
    assert names.server_alt_names == (
        "localhost",
        "consul-server",
        "*.consul-server",
        "*.consul-server.consul",
        "consul-server.consul",
        "*.consul-server.consul.svc",
        "consul-server.consul.svc",
        "*.server.dc1.consul",
    )
    assert names.server_ip_sans == ("127.0.0.1",)
    assert names.injector_common_name == "consul-connect-injector"
    assert names.injector_alt_names[2] == "consul-connect-injector.consul.svc"
