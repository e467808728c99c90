"""What a project holds, seen with the stock client: everything it can list, before and after."""


def listing(cloud):
    """Every resource of the cloud connection's own project as {(kind, id): name}.

    A list that fails raises: "could not look" must never read as "nothing there".
    """
    network, compute, balancer = cloud.network, cloud.compute, cloud.load_balancer
    project = cloud.current_project_id
    found = {}

    def add(kind, items):
        for item in items:
            found[kind, item.id] = getattr(item, "name", None) or ""

    add("server", compute.servers())
    add("server group", compute.server_groups())
    add("keypair", compute.keypairs())
    add("volume", cloud.block_storage.volumes())
    add("snapshot", cloud.block_storage.snapshots())
    add("image", cloud.image.images(owner=project))
    add("network", network.networks(project_id=project))
    add("subnet", network.subnets(project_id=project))
    add("router", network.routers(project_id=project))
    add("port", network.ports(project_id=project))
    add("floating ip", network.ips(project_id=project))
    add("security group", network.security_groups(project_id=project))
    add("security group rule", network.security_group_rules(project_id=project))
    add("load balancer", balancer.load_balancers())
    add("listener", balancer.listeners())
    pools = list(balancer.pools())
    add("pool", pools)
    for pool in pools:
        add("member", balancer.members(pool))
    add("health monitor", balancer.health_monitors())
    user = cloud.current_user_id
    add("application credential", cloud.identity.application_credentials(user))
    return found


def difference(before, after):
    """Lines that say what came and what went, empty when nothing did."""
    return sorted([f"left behind: {kind} {after[kind, i]!r} {i}" for kind, i in after.keys() - before.keys()]
                  + [f"gone: {kind} {before[kind, i]!r} {i}" for kind, i in before.keys() - after.keys()])
