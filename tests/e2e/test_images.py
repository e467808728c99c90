"""Node images: registered from a URL and checked, cut off and begun anew, listed, and removed without a crumb."""
import hashlib
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from project import difference, listing

NAME = "ubuntu-2404-kube-v1.36.3"


class Source:
    """A web server with one disk image, which may stop in the middle of it."""

    def __init__(self):
        disk = bytearray(os.urandom(4 << 20))
        disk[510:512] = b"\x55\xaa"
        self.disk, self.stalls = bytes(disk), False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = outer.disk if self.path.endswith(".raw") else outer.sums.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body[:len(body) // 2])
                    while outer.stalls and self.path.endswith(".raw"):
                        time.sleep(0.05)
                    self.wfile.write(body[len(body) // 2:])
                except OSError:
                    pass  # the reader was killed

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def sums(self):
        return f"{'0' * 64}  other.raw\n{hashlib.sha256(self.disk).hexdigest()}  {NAME}.raw\n"

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}/{path}"

    def register(self, *more, sum=None):
        return ("image", "register", NAME, "--url", self.url(f"{NAME}.raw"), "--checksum", sum or self.url("SHA256SUMS"),
                *more)


@pytest.fixture
def source():
    one = Source()
    yield one
    one.stalls = False
    one.server.shutdown()


def ours(tenant):
    return [image for hidden in (False, True)
            for image in tenant.cloud.image.images(owner=tenant.project.id, is_hidden=hidden)]


def test_an_image_is_registered_once_and_removed(tenant, source):
    before = listing(tenant.cloud)
    # What failed its checksum never stays.
    wrong = tenant.capstan(*source.register(sum="0" * 64), check=False)
    assert wrong.returncode == 8 and "nothing of it was kept" in wrong.stderr
    assert ours(tenant) == []
    # Cut off in the middle of the upload.
    source.stalls = True
    process = tenant.start(*source.register())
    while not ours(tenant):
        assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate()
    source.stalls = False
    left, = ours(tenant)
    assert left.is_hidden and left.status != "active"
    told = json.loads(tenant.capstan(*source.register(), "-o", "json").stdout)
    assert told["leftovers"] == [left.id] and not told["wasThere"]
    image, = ours(tenant)
    assert (image.id, image.status, image.is_hidden, image.name) == (told["id"], "active", False, NAME)
    assert image.hash_value == hashlib.sha512(source.disk).hexdigest()
    said = image.properties | {"architecture": image.architecture, "os_distro": image.os_distro,
                               "os_version": image.os_version, "hw_rng_model": image.hw_rng_model}
    assert {key: said[key] for key in ("kube_version", "os_distro", "os_version", "replace_frequency", "hw_rng_model")} == {
        "kube_version": "v1.36.3", "os_distro": "ubuntu", "os_version": "24.04", "replace_frequency": "never",
        "hw_rng_model": "virtio"}
    # The same again.
    assert json.loads(tenant.capstan(*source.register(), "-o", "json").stdout) == {
        **told, "wasThere": True, "leftovers": []}
    # Other content of the same name comes only when it is said, and the old one keeps its id.
    source.disk = source.disk[:-1] + b"x"
    assert tenant.capstan(*source.register(), check=False).returncode == 5
    newer = json.loads(tenant.capstan(*source.register("--replace"), "-o", "json").stdout)
    [[renamed, name]] = newer["renamed"]
    assert renamed == image.id and name.startswith(f"{NAME} 20")
    listed = {row["id"]: row for row in json.loads(tenant.capstan("image", "list", "-o", "json").stdout)}
    assert listed[image.id]["hidden"] and listed[newer["id"]]["kubernetesVersion"] == "v1.36.3"
    foreign = next(row for row in listed.values() if not row["registeredByCapstan"])
    refused = tenant.capstan("image", "remove", foreign["id"], "--no-server", "--yes", check=False)
    assert refused.returncode == 5 and "not registered by Capstan" in refused.stderr
    # Without a server nobody says what is in use, unless the user does.
    assert tenant.capstan("image", "expire", "--keep", "1", "--yes", check=False).returncode == 4
    shown = tenant.capstan("image", "expire", "--keep", "1", "--no-server", "--dry-run").stdout
    assert "1 would go" in shown
    tenant.capstan("image", "expire", "--keep", "1", "--no-server", "--yes")
    assert [one.id for one in ours(tenant)] == [newer["id"]]
    tenant.capstan("image", "remove", NAME, "--no-server", "--yes")
    assert difference(before, listing(tenant.cloud)) == []
