import configparser
from pathlib import Path

import pytest

from capstan_sandbox import entry_points, openstack_install
from capstan_sandbox.openstack_config import SERVICES, Site, fill, render
from capstan_sandbox.paths import SOURCE

SITE = Site(Path("/root-of-it"), Path("/venv"), "198.18.7.2")


def parsed(name):
    config = configparser.RawConfigParser(strict=False)
    config.read_string(render(SITE)[f"{name}/{name}.conf"])
    return config


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_names_its_type_for_access_rules(service):
    assert parsed(service)["keystone_authtoken"]["service_type"] == SERVICES[service]


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_takes_the_way_through_the_proxy(service):
    """Injected faults are meant for callers, never for Nova's calls to Neutron."""
    text = render(SITE)[f"{service}/{service}.conf"]
    lines = [line for line in text.splitlines() if SITE.api in line]
    assert all(line.startswith("www_authenticate_uri") for line in lines), lines
    assert "publicURL" not in text and "interface = public" not in text


def test_databases_lie_in_the_sandbox():
    assert parsed("nova")["api_database"]["connection"] == (
        "mysql+pymysql://root@localhost/nova_api?unix_socket=/root-of-it/run/mysql.sock&charset=utf8mb4")
    assert "/glance?" in parsed("glance")["database"]["connection"]


def test_unknown_name_in_a_template_is_an_error():
    with pytest.raises(KeyError, match="@venom@"):
        fill("x = @venom@", "nova", SITE)


def test_entry_points_are_what_pyproject_says():
    directory, contents = entry_points.render((SOURCE / "pyproject.toml").read_text())
    assert directory == "capstan_sandbox-0.1.0.dist-info"
    points = configparser.ConfigParser()
    points.read_string(contents["entry_points.txt"])
    assert points["neutron.ml2.mechanism_drivers"]["capstan"].endswith("neutron:MechanismDriver")
    assert points["octavia.api.drivers"]["amphora"].endswith("octavia:ProviderDriver")


def test_displacing_an_entry_point_takes_that_line_alone():
    text = "[octavia.api.drivers]\namphora = a:B\namphorav2 = a:B\n[other]\nx = y:Z\n"
    assert openstack_install.displace(text, "amphora = ") == (
        "[octavia.api.drivers]\namphorav2 = a:B\n[other]\nx = y:Z\n")


def test_environment_key_follows_content_and_python(tmp_path):
    for name in ("requirements.txt", "constraints.txt"):
        (tmp_path / name).write_text(name)
    first = openstack_install.key(tmp_path, "3.11")
    assert first == openstack_install.key(tmp_path, "3.11") != openstack_install.key(tmp_path, "3.12")
    (tmp_path / "constraints.txt").write_text("other")
    assert openstack_install.key(tmp_path, "3.11") != first
