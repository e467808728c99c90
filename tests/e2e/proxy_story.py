"""A management server whose way out is a proxy with a password. On it a
cluster whose nodes have the same way out. Of nothing that changes often: part of `make test-full`."""
import ipaddress
import json
from urllib.parse import urlsplit

from forward_proxy import ForwardProxy
from kubectl import Kubectl
from project import difference, listing

INPUT, NOT_FOUND = 8, 4
PASSWORD = "s3cret%40hidden"  # as it stands in the URL
OWN = [ipaddress.ip_network(range) for range in
       ("127.0.0.0/8", "169.254.169.254/32", "10.0.0.0/24", "10.8.0.0/20", "192.168.0.0/16", "10.244.0.0/16", "10.96.0.0/12")]


def is_own(host, floating):
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith((".svc", ".cluster.local"))
    return host == floating or any(address in range for range in OWN)


def look_at_a_cluster(tenant, bed, url, proxy):
    """Nodes whose way out is the same proxy pull their images through it; the cluster is made, used and deleted."""
    tenant.quota(instances=20, cores=60)
    file, path = tenant.home / "behind.yaml", tenant.home / "behind.kubeconfig"
    file.write_text(f"""\
KUBERNETES_VERSION: v1.36.3
RESTRICT_KUBEAPI: [{bed.caller}]
controlPlane: {{replicas: 1, flavor: m1.medium}}
workers: [{{replicas: 1, flavor: m1.medium}}]
kubeadm: {{proxy: {{http: '{url}', https: '{url}'}}}}
""")
    file.chmod(0o600)
    servers = {ip for _, ip in proxy_callers(proxy)}
    tenant.capstan("cluster", "create", "behind", "--file", file, "--watch", timeout=900)
    path.write_text(tenant.capstan("cluster", "kubeconfig", "behind").stdout)
    kubectl = Kubectl(bed.kubectl, path)
    assert [len(names) for names in kubectl.nodes().values()] == [1, 1]
    nodes = {ip for agent, ip in proxy_callers(proxy) if agent == "containerd"} - servers
    assert nodes, f"no image was pulled through the proxy by a node: {proxy.callers}"
    tenant.capstan("cluster", "delete", "behind", "--yes", timeout=600)


def proxy_callers(proxy):
    """Programs that have asked it, each with the address it came from."""
    return {(agent, address) for address, agent in proxy.callers}


def test_a_server_behind_a_proxy(tenant, up, bed):
    before = listing(tenant.cloud)
    words = ["debian-12" if word.startswith("capstan-node-") else word for word in up]
    address = bed.caller.partition("/")[0]
    with ForwardProxy(address, "ops", "s3cret@hidden") as proxy:
        settings = tenant.home / "settings.yaml"
        settings.write_text(f"proxy: 'http://ops:{PASSWORD}@{address}:{proxy.server_port}'\nnoProxy: [.example.org]\n")
        settings.chmod(0o600)
        shown = tenant.capstan("up", "--dry-run", *words[2:], "--settings", settings)
        shown = shown.stdout + tenant.capstan("up", "--dry-run", *words[2:], "--settings", settings, "-o", "json").stdout
        assert f"***@{address}:{proxy.server_port}" in shown and "10.244.0.0/16" in shown and "s3cret" not in shown

        made = tenant.capstan(*words, "--settings", settings)
        assert "s3cret" not in made.stdout + made.stderr
        again = tenant.capstan(*words)
        assert "up already" in again.stdout + again.stderr, "without saying it again"
        other = tenant.capstan(*words, "--proxy", "http://other:3128", check=False)
        assert other.returncode == INPUT and "s3cret" not in other.stderr, other.stderr

        kubeconfig = next(tenant.home.glob(".local/state/capstan/**/kubeconfig"))
        kubectl = Kubectl(bed.kubectl, kubeconfig)
        pods = json.loads(kubectl("get", "pods,deployments,daemonsets", "-A", "-o", "json"))["items"]
        assert "s3cret" not in json.dumps(pods), "the password is in Secrets only"
        with_proxy = {pod["metadata"]["namespace"] for pod in pods if "HTTPS_PROXY" in json.dumps(pod)}
        assert with_proxy == {"capstan-system", "capi-system", "capi-kubeadm-bootstrap-system",
                              "capi-kubeadm-control-plane-system", "capo-system"}
        # The controller looks at the cloud before it says that the flavor does not exist.
        wish = tenant.capstan("cluster", "create", "wish", "--workers", "0", "--flavor", "m1.mediun", "--api-cidr", bed.caller,
                              "--watch", check=False)
        assert wish.returncode == NOT_FOUND, wish.stderr
        floating = urlsplit(json.loads(tenant.capstan("status", "-o", "json").stdout)["endpoint"]).hostname
        look_at_a_cluster(tenant, bed, f"http://ops:{PASSWORD}@{address}:{proxy.server_port}", proxy)
        # Still behind the proxy: the controller takes the refused wish back.
        tenant.capstan("down", "--yes", "--with-clusters")
    kinds = {}
    for command, host, path, agent in proxy.seen:
        kinds.setdefault((agent.split("/")[0], host, urlsplit(path).port), []).append(path)
    for kind, paths in sorted(kinds.items(), key=str):
        print(*kind, len(paths), paths[0])
    agents = {agent for agent, _, _ in kinds}
    assert {"curl", "containerd", "capstan"} <= agents, "downloads, images, and the controller's look at OpenStack"
    assert [path for _, host, path, _ in proxy.seen if is_own(host, floating)] == []
    assert proxy.refused == [], "everybody knew the password"
    assert difference(before, listing(tenant.cloud)) == []
