"""The artifact mirror: files by nginx on port 8080, images by Debian's docker-registry on port 5001, both read-only."""
from __future__ import annotations

import shutil
from pathlib import Path

from capstan_sandbox import files
from capstan_sandbox.artifacts import clone
from capstan_sandbox.paths import Addresses
from capstan_sandbox.supervisor import Service, http

FILES_PORT, REGISTRY_PORT = 8080, 5001


def nginx_conf(tree: Path, root: Path, addresses: Addresses) -> str:
    temporary = "\n".join(f"    {kind}_temp_path {root}/run/nginx-{kind};"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""\
daemon off;
master_process off;
user root;
pid {root}/run/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    types {{ }}
    default_type application/octet-stream;
{temporary}
    server {{
        listen {addresses.api}:{FILES_PORT};
        root {tree}/files;
        location / {{ autoindex on; limit_except GET HEAD {{ deny all; }} }}
    }}
}}
"""


def registry_storage(tree: Path, root: Path) -> Path:
    """This sandbox's own copy of the mirror's images (links), so that images can be added: `artifacts push STEP <it>`."""
    storage, made_from = root / "mirror/registry", root / "mirror/from"
    if not storage.is_dir() or not made_from.is_file() or made_from.read_text() != str(tree):
        shutil.rmtree(storage, ignore_errors=True)
        storage.parent.mkdir(parents=True, exist_ok=True)
        clone.clone_registry(tree / "registry", storage)
        files.write(made_from, str(tree))
    return storage


def registry_conf(storage: Path, addresses: Addresses) -> str:
    return f"""\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {storage}}}
  maintenance: {{readonly: {{enabled: true}}}}
http:
  addr: {addresses.api}:{REGISTRY_PORT}
"""


def services(tree: Path, root: Path, addresses: Addresses) -> list[Service]:
    nginx, registry = root / "etc/mirror/nginx.conf", root / "etc/mirror/registry.yml"
    files.write(nginx, nginx_conf(tree, root, addresses))
    files.write(registry, registry_conf(registry_storage(tree, root), addresses))
    (root / "run").mkdir(parents=True, exist_ok=True)
    return [
        Service("mirror-files", ("nginx", "-c", str(nginx), "-e", "stderr"), probe=http(FILES_PORT, addresses.api)),
        Service("mirror-registry", ("docker-registry", "serve", str(registry)),
                probe=http(REGISTRY_PORT, addresses.api, "/v2/")),
    ]
