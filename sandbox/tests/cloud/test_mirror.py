"""The artifact mirror at the API address: what an air-gapped user would put up himself."""
import hashlib
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def tree(cloud):
    """The directory that is served."""
    plan = json.loads((cloud.instance.run / "plan.json").read_text())
    if not plan["mirror"]:
        pytest.skip("this sandbox came up without the artifact mirror")
    return Path(plan["mirror"])


def ask(url, method="GET", **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_files_are_served_whole_and_in_ranges(cloud, tree):
    file = max((f for f in (tree / "files").rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)
    url = f"{cloud.record['mirror']['files']}/{file.relative_to(tree / 'files')}"
    status, body = ask(url)
    assert status == 200 and hashlib.sha256(body).digest() == hashlib.sha256(file.read_bytes()).digest()
    assert ask(url, Range="bytes=10-19") == (206, body[10:20])
    assert ask(f"{url}.absent")[0] == 404


def test_every_image_of_the_registry_can_be_pulled(cloud):
    registry = cloud.record["mirror"]["registry"]
    kinds = ("application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
             "application/vnd.docker.distribution.manifest.v2+json")
    names = json.loads(ask(f"{registry}/v2/_catalog?n=1000")[1])["repositories"]
    assert {"kube-apiserver", "etcd", "pause"} <= set(names)
    for name in names:
        for tag in json.loads(ask(f"{registry}/v2/{name}/tags/list")[1])["tags"]:
            status, body = ask(f"{registry}/v2/{name}/manifests/{tag}", Accept=kinds)
            assert status == 200, (name, tag)
            for layer in json.loads(body).get("layers", []):
                assert ask(f"{registry}/v2/{name}/blobs/{layer['digest']}", "HEAD")[0] == 200


def test_nobody_can_write(cloud):
    assert ask(f"{cloud.record['mirror']['files']}/x", "PUT")[0] == 403
    assert ask(f"{cloud.record['mirror']['registry']}/v2/pause/blobs/uploads/", "POST")[0] == 405
