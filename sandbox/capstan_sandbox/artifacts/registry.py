"""Puts the images of OCI layouts into a registry, or right into a registry's storage; blobs stay as they are."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from capstan_sandbox.artifacts.errors import ArtifactError
from capstan_sandbox.artifacts.image import references, repository_path

ADDRESS = "127.0.0.1:5000"
START_SECONDS = 30


def push(layout: Path, registry: str) -> list[str]:
    """Pushes all images to `registry` (`host:port`, plain HTTP), under their paths behind the upstream host."""

    def one(reference: str) -> str:
        target = f"{registry}/{repository_path(reference)}"
        # Without --preserve-digests skopeo compresses layers on the way.
        copy = ["skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false", "--insecure-policy",
                f"oci:{layout}:{reference}", f"docker://{target}"]
        result = subprocess.run(copy, capture_output=True, text=True)
        if result.returncode != 0:
            raise ArtifactError(f"failed to push {reference} to {registry}: {result.stderr.strip()}")
        return target

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, references(layout)))


def fill(storage: Path, layouts: list[Path]) -> None:
    """Puts images into the storage of Debian's docker-registry; one that serves it read-only meanwhile sees them at once.

    The registry that does it runs in a network namespace of its own: it needs no free port, and nobody else can
    reach it. It ends with us, whatever happens.
    """
    isolate = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    arguments = [str(storage.absolute()), *(str(layout.absolute()) for layout in layouts)]
    command = [*isolate, sys.executable, "-m", "capstan_sandbox.artifacts.registry", "--isolated", *arguments]
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise ArtifactError(f"failed to fill the registry storage {storage}:\n{result.stdout.strip()}")


def fill_isolated(storage: Path, layouts: list[Path]) -> None:
    """The part of `fill` that runs in its own namespaces."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as directory:
        configuration, log = Path(directory, "registry.yml"), Path(directory, "log")
        configuration.write_text(
            f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
            f"storage: {{filesystem: {{rootdirectory: {storage}}}}}\nhttp: {{addr: {ADDRESS}}}\n"
        )
        # Its log is noise (each blob that is not there yet is an "error") unless it ends early.
        with open(log, "wb") as output:
            server = subprocess.Popen(["docker-registry", "serve", configuration], stdout=output, stderr=output)
        try:
            wait_until_it_answers(server, log)
            for layout in layouts:
                push(layout, ADDRESS)
        finally:
            server.terminate()
            server.wait()


def wait_until_it_answers(server: subprocess.Popen, log: Path) -> None:
    """Returns when the registry answers; fails with its log when it ended."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://{ADDRESS}/v2/", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise ArtifactError(f"the registry does not answer:\n{log.read_text()}") from None
            time.sleep(0.05)


def main(arguments: list[str]) -> None:
    """`[--isolated] STORAGE LAYOUT…`"""
    run = fill_isolated if arguments[0] == "--isolated" else fill
    storage, *layouts = (Path(argument) for argument in arguments if argument != "--isolated")
    try:
        run(storage, layouts)
    except ArtifactError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
