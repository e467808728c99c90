"""kill -9 of Nova at bad moments: servers live on, and nothing half made stays."""
import pytest
from server_lab import until


@pytest.fixture(scope="module")
def bystander(tenant):
    made = tenant.boot("bystander")
    tenant.await_systemd(made)
    return made


def test_in_the_middle_of_a_build(tenant, bystander):
    init = tenant.pid(bystander)
    made = tenant.create("half")
    until(lambda: tenant.paths(made).state.exists(), "its record is written")
    back = tenant.kill_nova()
    assert tenant.traces(made)
    back()
    # What Nova does with a build that was cut off, on every cloud: it gives it up.
    tenant.await_error(made)
    tenant.await_no_traces(made)
    tenant.delete(made)
    assert tenant.pid(bystander) == init
    assert tenant.get(bystander).status == "ACTIVE"


def test_in_the_middle_of_a_delete(tenant):
    made = tenant.boot("going")
    tenant.compute.delete_server(made.id)
    until(lambda: not tenant.paths(made).plug.exists(), "its removal has begun")
    back = tenant.kill_nova()
    back()
    tenant.await_gone(made)
    tenant.await_no_traces(made)


def test_what_guests_do_meanwhile_is_noticed(tenant, bystander):
    off = tenant.boot("off")
    tenant.await_systemd(off)
    before = tenant.pid(bystander)
    back = tenant.kill_nova()
    tenant.inside(off, "systemctl", "poweroff", check=False)
    tenant.inside(bystander, "systemctl", "reboot", check=False)
    until(lambda: tenant.pid(off) == 0, "it is off")
    back()
    until(lambda: tenant.pid(bystander) not in (0, before), "it has rebooted")
    tenant.await_status(off, "SHUTOFF")
    tenant.await_status(bystander, "ACTIVE")
    tenant.await_systemd(bystander)
    tenant.delete(off)


def test_reboots_are_still_noticed_after_a_restart(tenant, bystander):
    before = tenant.pid(bystander)
    tenant.inside(bystander, "systemctl", "reboot", check=False)
    until(lambda: tenant.pid(bystander) not in (0, before), "it has rebooted")
    tenant.await_systemd(bystander)
