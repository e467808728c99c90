"""What `up` is told wrongly: a message that names the remedy, an exit code of its own, and nothing made."""
import datetime
import signal
import time

import pytest
import yaml
from project import difference, listing

NOT_FOUND, QUOTA, PERMISSION, INPUT, UNREACHABLE, INTERRUPTED = 4, 6, 7, 8, 9, 130


@pytest.fixture
def nothing_made(tenant):
    """Compares what the project lists before and after the test."""
    before = listing(tenant.cloud)
    yield
    assert difference(before, listing(tenant.cloud)) == []


def refused(done, code, *says):
    """The exit code is right, and every phrase is in the message, which never is a bare stack of causes."""
    assert done.returncode == code, done.stderr
    for phrase in (*says, "hint"):
        assert phrase in done.stderr, f"{phrase!r} is not in: {done.stderr}"


@pytest.mark.parametrize(("argv", "code", "says"), [
    (["--image", "capstan-node-v1.36.4"], NOT_FOUND, "capstan-node-v1.36.3"),
    (["--flavor", "m1.mediun"], NOT_FOUND, "m1.medium"),
    (["--external-network", "publik"], NOT_FOUND, "public"),
    (["--cloud", "mime"], NOT_FOUND, "mine"),
    (["--name", "A_b"], INPUT, "A_b"),
    (["--name", "a" * 64], INPUT, "a" * 64),
    (["--network-cidr", "10.96.0.0/16"], INPUT, "10.96.0.0"),
])
def test_wrong_words(tenant, bed, nothing_made, argv, code, says):
    refused(tenant.capstan("up", "--yes", "--api-cidr", bed.caller, *argv, check=False), code, says)


def with_clouds(tenant, change):
    """Rewrites the tenant's clouds.yaml by `change`, which gets the one cloud's settings."""
    config = yaml.safe_load(tenant.clouds.read_text())
    change(config["clouds"]["mine"])
    tenant.clouds.write_text(yaml.safe_dump(config))


def test_nobody_answers(tenant, up, nothing_made):
    def elsewhere(cloud):
        cloud["auth"]["auth_url"] = cloud["auth"]["auth_url"].replace(":5000", ":9")
    with_clouds(tenant, elsewhere)
    refused(tenant.capstan(*up, check=False), UNREACHABLE, ":9")


def test_a_certificate_nobody_trusts(tenant, up, clouds, nothing_made):
    bad = yaml.safe_load(clouds.read_text())["clouds"]["demo-badtls"]

    def broken(cloud):
        cloud["auth"]["auth_url"] = bad["auth"]["auth_url"]
        cloud["cacert"] = bad.get("cacert")
    with_clouds(tenant, broken)
    refused(tenant.capstan(*up, check=False), UNREACHABLE, "certificate")


def test_a_wrong_password(tenant, up, nothing_made):
    with_clouds(tenant, lambda cloud: cloud["auth"].update(password="wrong"))
    refused(tenant.capstan(*up, check=False), PERMISSION)


@pytest.fixture
def credential(tenant):
    """Makes an application credential of the tenant's and puts it into its clouds.yaml."""
    made = []

    def make(**more):
        one = tenant.cloud.identity.create_application_credential(tenant.user.id, name="mine", **more)
        made.append(one)

        def by_credential(cloud):
            auth = {"auth_url": cloud["auth"]["auth_url"], "application_credential_id": one.id,
                    "application_credential_secret": one.secret}
            cloud.update(auth=auth, auth_type="v3applicationcredential")
        with_clouds(tenant, by_credential)
        return one
    yield make
    for one in made:
        tenant.cloud.identity.delete_application_credential(tenant.user.id, one)


def test_a_restricted_credential(tenant, up, credential):
    """It cannot make the server's own credential, which is said before anything is made."""
    credential()
    before = listing(tenant.cloud)
    refused(tenant.capstan(*up, check=False), PERMISSION, "unrestricted")
    assert difference(before, listing(tenant.cloud)) == []


def test_an_expired_credential(tenant, up, credential):
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    credential(unrestricted=True, expires_at=ends.strftime("%Y-%m-%dT%H:%M:%S.%f"))
    before = listing(tenant.cloud)
    while datetime.datetime.now(datetime.timezone.utc) <= ends:
        time.sleep(0.1)
    refused(tenant.capstan(*up, check=False), PERMISSION, "expiry date")
    assert difference(before, listing(tenant.cloud)) == []


def test_too_little_quota(tenant, admin, up, nothing_made):
    """All that lacks is told at once, before anything is made."""
    admin.compute.update_quota_set(tenant.project.id, cores=1)
    admin.network.update_quota(tenant.project.id, floatingip=0, routers=0)
    refused(tenant.capstan(*up, check=False), QUOTA, "cores", "floating IP", "router")


def test_an_image_without_kubernetes_of_that_version(tenant, bed, nothing_made):
    """The image carries another version than the one that was asked for."""
    done = tenant.capstan("up", "--yes", "--api-cidr", bed.caller, "--image", "capstan-node-v1.36.3",
                          "--kubernetes-version", "v1.35.0", check=False)
    refused(done, INPUT, "v1.36.3")


def test_ctrl_c_leaves_what_the_same_command_takes_up(tenant, up):
    """Interrupted when the first resource stands: an exit code of its own and a word on how to go on; `down` removes all."""
    before = listing(tenant.cloud)
    running = tenant.start(*up)
    for line in running.stderr:
        if " created " in line:
            running.send_signal(signal.SIGINT)
            break
    _, said = running.communicate(timeout=120)
    assert running.returncode == INTERRUPTED, said
    assert "the same command goes on" in said and "capstan down" in said, said
    tenant.capstan("down", "--yes")
    assert difference(before, listing(tenant.cloud)) == []
