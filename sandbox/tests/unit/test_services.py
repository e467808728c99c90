"""What a sandbox consists of."""
from pathlib import Path

from capstan_sandbox.endpoints import SNAPSHOT, Move
from capstan_sandbox.paths import Instance
from capstan_sandbox.services import Parts, cloud


def test_nothing_counts_as_ready_before_it_can_be_called(tmp_path, monkeypatch):
    """A volume that was asked for before cinder-volume listened stayed "creating" for ever."""
    monkeypatch.setenv("CAPSTAN_CACHE", str(tmp_path))
    instance = Instance("one")
    parts = Parts(tmp_path / "venv", coredns=Path("/coredns"))
    services = cloud(instance, SNAPSHOT, parts, Move(tmp_path, instance.root, SNAPSHOT, {}))
    assert [s.name for s in services if s.probe is None and not s.once] == []
    assert {"nova-all", "cinder-all", "dataplane"} <= {s.name for s in services}
