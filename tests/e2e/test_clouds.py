"""Clouds of a management server: looked at, checked, added from another project, used for validation without a cloud, and
removed without a crumb."""
import json

import pytest
import yaml
from conftest import Tenant

FILE = """\
KUBERNETES_VERSION: v1.36.3
OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: {flavor}
OPENSTACK_NODE_MACHINE_FLAVOR: {flavor}
RESTRICT_KUBEAPI: [none]
"""


@pytest.fixture
def other(admin, clouds, tmp_path):
    """Another project, whose user is nobody on the management server."""
    one = Tenant(admin, clouds, tmp_path)
    yield one
    one.remove()


def asked(served, *argv, **more):
    return json.loads(served.capstan(*argv, "-o", "json", **more).stdout)


def test_the_servers_own_cloud_is_shown_and_checked(served):
    shown = asked(served, "cloud", "show")
    inventory = shown["inventory"]
    assert "capstan-node-v1.36.3" in [image["name"] for image in inventory["images"]]
    assert [n for n in inventory["networks"] if n["router:external"]]
    assert inventory["quota"]["instances"]["limit"]
    assert shown["credential"]["unrestricted"]
    secret = served.capstan("cloud", "show", "-o", "yaml").stdout
    assert "secret" not in secret.lower().replace("secretref", "")
    checks = asked(served, "cloud", "check")["checks"]
    assert {row["verdict"] for row in checks} <= {"good", "warning"}
    assert "service load-balancer" in [row["what"] for row in checks]
    table = served.capstan("cloud", "list").stdout
    assert "default" in table and "yes" in table


def test_a_file_is_checked_against_what_is_kept(served, tmp_path):
    flavors = [f["name"] for f in asked(served, "cloud", "show")["inventory"]["flavors"] if f["vcpus"] >= 2]
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(FILE.format(flavor=flavors[0]))
    bad.write_text(FILE.format(flavor=flavors[0] + "x"))
    for mode in [], ["--offline"]:
        served.capstan("cluster", "validate", good, *mode)
        refused = served.capstan("cluster", "validate", bad, *mode, check=False)
        assert refused.returncode == 4 and f'did you mean "{flavors[0]}"' in refused.stderr
    assert "had 0 min ago" in refused.stderr
    # Where nothing answers, what is kept is taken, and said.
    config = yaml.safe_load(served.clouds.read_text())
    dead = json.loads(json.dumps(config))
    dead["clouds"]["mine"]["auth"]["auth_url"] = "http://127.0.0.1:9/v3"
    served.clouds.write_text(yaml.safe_dump(dead))
    try:
        told = served.capstan("cluster", "validate", good).stderr
    finally:
        served.clouds.write_text(yaml.safe_dump(config))
    assert "was not asked" in told and "checked against what cloud default had" in told


def test_a_cloud_is_added_used_and_removed_without_a_crumb(served, other):
    config = yaml.safe_load(served.clouds.read_text())
    config["clouds"]["other"] = yaml.safe_load(other.clouds.read_text())["clouds"]["mine"]
    served.clouds.write_text(yaml.safe_dump(config))
    password = config["clouds"]["other"]["auth"]["password"]
    checks = asked(served, "cloud", "add", "second", "--from", "other")["checks"]
    assert {row["verdict"] for row in checks} <= {"good", "warning"}, checks
    held = list(other.cloud.identity.application_credentials(user=other.user.id))
    assert [c.name.endswith("-cloud-second") and c.unrestricted for c in held] == [True]
    again = served.capstan("cloud", "add", "second", "--from", "other", check=False)
    assert again.returncode == 5
    shown = asked(served, "cloud", "show", "second")
    assert shown["project"] == other.name and password not in json.dumps(shown)
    # A restricted credential may not mint others.
    restricted = other.cloud.identity.create_application_credential(other.user.id, name="restricted")
    config["clouds"]["given"] = {**config["clouds"]["other"], "auth_type": "v3applicationcredential", "auth": {
        "auth_url": config["clouds"]["other"]["auth"]["auth_url"], "application_credential_id": restricted.id,
        "application_credential_secret": restricted.secret}}
    served.clouds.write_text(yaml.safe_dump(config))
    refused = served.capstan("cloud", "add", "third", "--from", "given", check=False)
    assert refused.returncode == 7 and "--unrestricted" in refused.stderr
    other.cloud.identity.delete_application_credential(other.user.id, restricted.id)
    # The server does not go while its credential is in another project.
    stays = served.capstan("down", "--yes", check=False)
    assert stays.returncode == 5 and "capstan cloud remove" in stays.stderr
    # The cloud of the server itself stays.
    assert served.capstan("cloud", "remove", "default", "--yes", check=False).returncode == 5
    told = served.capstan("cloud", "remove", "second", "--yes").stdout
    assert "is deleted" in told
    assert list(other.cloud.identity.application_credentials(user=other.user.id)) == []
    assert served.capstan("cloud", "show", "second", check=False).returncode == 4


def test_a_credential_taken_away_is_told_with_its_remedy(served, other):
    config = yaml.safe_load(served.clouds.read_text())
    config["clouds"]["lost"] = yaml.safe_load(other.clouds.read_text())["clouds"]["mine"]
    served.clouds.write_text(yaml.safe_dump(config))
    served.capstan("cloud", "add", "lost")
    [held] = other.cloud.identity.application_credentials(user=other.user.id)
    other.cloud.identity.delete_application_credential(other.user.id, held.id)
    checked = served.capstan("cloud", "check", "lost", check=False)
    assert checked.returncode == 7 and "authentication" in checked.stdout
    assert "no: " in served.capstan("cloud", "list").stdout
    assert "no application credential any more" in served.capstan("cloud", "remove", "lost", "--yes").stdout


def test_the_server_in_use_is_shown(served):
    [shown] = asked(served, "env", "show")
    assert shown["answers"] and shown["chosenBy"] == "the default"
    assert served.capstan("env", "show", "--name", "nobody", check=False).returncode == 4
