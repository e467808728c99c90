"""A control plane of three goes from one minor to the next while its API is written to all the time, and a pool that is pinned to
the older minor stays there until it may follow. Ten minutes of things that change seldom: part of `make test-full`."""
import json
import subprocess
import threading
import time

import pytest
from kubectl import Kubectl

OLD, NEW = "v1.35.4", "v1.36.3"
FILE = f"""\
KUBERNETES_VERSION: {OLD}
RESTRICT_KUBEAPI: [{{caller}}]
controlPlane: {{replicas: 3, flavor: m1.medium}}
workers:
- {{name: follows, replicas: 1, flavor: m1.medium}}
- {{name: pinned, replicas: 1, flavor: m1.medium, version: {OLD}}}
"""
#: Cluster API takes a member of etcd out before its machine goes, so there always is a majority; the API's address is away only
#: until the load balancer has noticed that a member no longer answers.
LONGEST = 15


class Writer(threading.Thread):
    """Writes to the API, over and over, and remembers when that did not work."""

    def __init__(self, kubectl):
        super().__init__(daemon=True)
        self.argv = [*kubectl.argv[:-1], "--request-timeout=5s"]
        self.ends = threading.Event()
        self.written = 0
        self.outages = []

    def run(self):
        lost = None
        while not self.ends.is_set():
            argv = [*self.argv, "annotate", "namespace", "default", "--overwrite", f"written={self.written}"]
            if subprocess.run(argv, capture_output=True, timeout=30).returncode == 0:
                self.written += 1
                if lost is not None:
                    self.outages.append(time.monotonic() - lost)
                lost = None
            elif lost is None:
                lost = time.monotonic()
            self.ends.wait(0.3)
        if lost is not None:
            self.outages.append(time.monotonic() - lost)


class TestMajority:
    @pytest.fixture(scope="class")
    def three(self, bed, served):
        served.quota(instances=20, cores=60)
        file, path = served.home / "three.yaml", served.home / "three.kubeconfig"
        file.write_text(FILE.replace("{caller}", bed.caller))
        served.capstan("cluster", "create", "three", "--file", file, "--watch", timeout=1200)
        path.write_text(served.capstan("cluster", "kubeconfig", "three").stdout)
        yield file, Kubectl(bed.kubectl, path)
        served.capstan("cluster", "delete", "three", "--yes", timeout=900)

    @staticmethod
    def versions(kubectl):
        """Versions of the kubelets by pool."""
        found = {}
        for node in json.loads(kubectl("get", "nodes", "-o", "json"))["items"]:
            pool = node["metadata"]["labels"].get("node.cluster.x-k8s.io/pool", "control plane")
            found.setdefault(pool, []).append(node["status"]["nodeInfo"]["kubeletVersion"])
        return found

    def test_made_of_the_older_minor(self, three):
        assert self.versions(three[1]) == {"control plane": [OLD] * 3, "follows": [OLD], "pinned": [OLD]}

    def test_upgraded_one_after_the_other_while_its_api_is_written_to(self, three, served):
        _, kubectl = three
        writer = Writer(kubectl)
        writer.start()
        served.capstan("cluster", "upgrade", "three", "--kubernetes-version", "v1.36", "--watch", timeout=1800)
        writer.ends.set()
        writer.join()
        print(f"{writer.written} writes; the API was away {len(writer.outages)} times, for "
              f"{', '.join(f'{seconds:.1f}' for seconds in writer.outages) or 'no'} s")
        assert self.versions(kubectl) == {"control plane": [NEW] * 3, "follows": [NEW], "pinned": [OLD]}
        assert writer.written > 100 and max(writer.outages, default=0) < LONGEST, writer.outages
        done = json.loads(served.capstan("cluster", "defragment", "three", "-o", "json").stdout)
        assert len(done["done"]) == 3, "etcd has three members, all of which answer"

    def test_the_pinned_pool_follows_when_it_may(self, three, served):
        file, kubectl = three
        file.write_text(file.read_text().replace(f", version: {OLD}", "").replace(OLD, NEW))
        planned = json.loads(served.capstan("cluster", "plan", "three", "-f", file, "-o", "json").stdout)
        effects = {part.get("name", part["part"]): part["effect"] for part in planned["parts"]}
        assert effects["pinned"] == "rolled" and effects["follows"] == "unchanged", effects
        served.capstan("cluster", "apply", "three", "-f", file, "--yes", "--watch", timeout=600)
        assert self.versions(kubectl) == {"control plane": [NEW] * 3, "follows": [NEW], "pinned": [NEW]}
