"""Writes container images as an OCI layout directory: one directory for many images, each blob once.

Layers are not compressed. The only way they go is over loopback, where compressing costs more than it saves.
Everything is deterministic: the same files give the same digests, whoever builds them and whenever.
Source: OCI image specification v1.1 (layout, manifest, config).
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tarfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Layer:
    """The files of one layer, by their absolute path in the image. Everything belongs to root unless told otherwise."""

    def __init__(self):
        self._entries: dict[str, tuple[tarfile.TarInfo, Path | None]] = {}

    def file(self, path: str, source: Path | str, mode: int | None = None) -> Layer:
        """A regular file; by default its mode says only whether it may be executed."""
        source = Path(source)
        size, own = source.stat().st_size, source.stat().st_mode
        entry = self._entry(path, tarfile.REGTYPE, mode or (0o755 if own & stat.S_IXUSR else 0o644), source)
        entry.size = size
        return self

    def symlink(self, path: str, target: str) -> Layer:
        """A symbolic link."""
        self._entry(path, tarfile.SYMTYPE, 0o777).linkname = target
        return self

    def directory(self, path: str, mode: int = 0o755, owner: int = 0) -> Layer:
        """An empty directory. Parents of files need not be named."""
        entry = self._entry(path, tarfile.DIRTYPE, mode)
        entry.uid = entry.gid = owner
        return self

    def _entry(self, path: str, kind: bytes, mode: int, source: Path | None = None) -> tarfile.TarInfo:
        if not path.startswith("/"):
            raise ValueError(f"not an absolute path: {path}")
        name = str(PurePosixPath(path)).lstrip("/")
        for parent in reversed(PurePosixPath(name).parents):
            if str(parent) not in (".", *self._entries):
                self._entry(f"/{parent}", tarfile.DIRTYPE, 0o755)
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = kind, mode
        self._entries[name] = (entry, source)
        return entry

    def write(self, file) -> None:
        """Writes the layer as a tar archive."""
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for _, (entry, source) in sorted(self._entries.items()):
                if source is None:
                    archive.addfile(entry)
                else:
                    with open(source, "rb") as content:
                        archive.addfile(entry, content)


@dataclass(frozen=True)
class Blob:
    """A blob in the layout."""

    digest: str
    size: int

    def descriptor(self, media_type: str, **more) -> dict[str, object]:
        """How manifests and the index point at it."""
        return {"mediaType": media_type, "digest": self.digest, "size": self.size, **more}


@dataclass
class Layout:
    """An OCI layout directory under construction. `close` makes it complete."""

    path: Path
    _images: list[dict] = field(default_factory=list)

    def __post_init__(self):
        (self.path / "blobs" / "sha256").mkdir(parents=True)

    def layer(self, layer: Layer) -> Blob:
        """Stores a layer; use the result for as many images as share it."""
        scratch = self.path / "blobs" / "layer"
        with open(scratch, "wb") as file:
            hashing = HashingWriter(file)
            layer.write(hashing)
        return self._keep(scratch, hashing)

    def image(self, reference: str, layers: list[Blob], *, entrypoint: list[str] | None = None,
              command: list[str] | None = None, user: str = "", environment: dict[str, str] | None = None) -> None:
        """An image made of stored layers, under its full reference (`host/path:tag`)."""
        variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **(environment or {})}
        run = {"Env": [f"{k}={v}" for k, v in variables.items()], "Entrypoint": entrypoint, "Cmd": command,
               "User": user, "WorkingDir": "/"}
        config = self._json({
            "architecture": "amd64",
            "os": "linux",
            "config": {k: v for k, v in run.items() if v},
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        })
        manifest = self._json({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(CONFIG),
            "layers": [layer.descriptor(LAYER) for layer in layers],
        })
        # containerd reads the first annotation on import, skopeo the second.
        names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference}
        platform = {"architecture": "amd64", "os": "linux"}
        self._images.append(manifest.descriptor(MANIFEST, annotations=names, platform=platform))

    def close(self) -> None:
        """Writes the index."""
        (self.path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}\n')
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self._images}
        (self.path / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")

    def _json(self, document: dict) -> Blob:
        scratch = self.path / "blobs" / "document"
        with open(scratch, "wb") as file:
            hashing = HashingWriter(file)
            hashing.write(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
        return self._keep(scratch, hashing)

    def _keep(self, scratch: Path, written: HashingWriter) -> Blob:
        name = written.digest.hexdigest()
        os.replace(scratch, self.path / "blobs" / "sha256" / name)
        return Blob(f"sha256:{name}", written.size)


class HashingWriter:
    """Passes bytes on to a file, keeping their digest and number."""

    def __init__(self, file):
        self.file, self.digest, self.size = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        """As a file's."""
        self.digest.update(data)
        self.size += len(data)
        return self.file.write(data)

    def tell(self) -> int:
        """As a file's; tarfile asks for it."""
        return self.size


def references(layout: Path) -> list[str]:
    """Full references of the images in a layout."""
    index = json.loads((layout / "index.json").read_text())
    return [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in index["manifests"]]


def repository_path(reference: str) -> str:
    """A reference without its registry host: `registry.k8s.io/pause:3.10.2` → `pause:3.10.2`."""
    return reference.split("/", 1)[1]


def write_archive(layout: Path, file) -> None:
    """Writes a layout as an OCI archive (tar), as `ctr images import` takes it."""
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(p for p in layout.rglob("*") if p.is_file()):
            archive.add(path, arcname=str(path.relative_to(layout)), recursive=False)


if __name__ == "__main__":
    import sys

    write_archive(Path(sys.argv[1]), sys.stdout.buffer)
