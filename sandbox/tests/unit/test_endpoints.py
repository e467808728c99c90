from pathlib import Path

from capstan_sandbox.endpoints import IMAGES, SNAPSHOT, Move, statements
from capstan_sandbox.paths import Addresses


def sql(slot=5, images=None):
    return statements(Move(Path("/made/here"), Path("/now/there"), Addresses(slot), images or {}))


def test_public_endpoints_alone_move_to_the_slot():
    line = next(s for s in sql().splitlines() if "keystone.endpoint" in s)
    assert "'//198.18.0.2:', '//198.18.5.2:'" in line and "interface = 'public'" in line


def test_external_network_moves_with_its_pools():
    text = sql()
    assert "cidr = '198.18.5.0/24', gateway_ip = '198.18.5.1'" in text
    assert text.count("first_ip = '198.18.5.10', last_ip = '198.18.5.250'") == 2  # Neutron's and its IPAM's


def test_the_snapshots_own_slot_keeps_its_network():
    assert "neutron.subnets" not in sql(SNAPSHOT.slot)


def test_paths_move_as_whole_directories():
    """/made/here must not be replaced inside /made/here-too."""
    assert sql().count("'/made/here/', '/now/there/'") == 2


def test_images_without_a_root_file_system_cannot_be_used():
    text = sql(images={"debian-12": "rootfs-vanilla/abc"})
    assert "set value = 'rootfs-vanilla/abc' where name = 'capstan_rootfs'" in text
    assert "set status = 'deactivated'" in text and text.count("deactivated") == len(IMAGES) - 1
