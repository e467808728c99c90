import pytest

from capstan_sandbox.paths import Addresses, Instance


def test_two_slots_share_nothing():
    one, two = Addresses(3), Addresses(30)
    values = [{a.network, a.gateway, a.api, a.caller, *a.pool, a.netns, a.link} for a in (one, two)]
    assert not values[0] & values[1]
    assert not two.netns.startswith(f"{one.netns}-") and two.prefix != one.prefix


def test_link_name_fits_the_kernel():
    assert len(Addresses(255).link) <= 15


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a/b", "..", "x" * 33])
def test_refuses_names_that_are_no_directory_of_ours(name):
    with pytest.raises(ValueError, match="no name for a sandbox"):
        Instance(name)
