"""kubectl as the tests use it."""
import json
import subprocess


class Kubectl:
    """The stock client on one kubeconfig."""

    def __init__(self, binary, kubeconfig):
        self.argv = [str(binary), "--kubeconfig", str(kubeconfig), "--request-timeout=60s"]

    def __call__(self, *argv, **kwargs):
        done = subprocess.run([*self.argv, *argv], text=True, capture_output=True, timeout=400, **kwargs)
        assert done.returncode == 0, f"kubectl {' '.join(argv)}: {done.stderr}"
        return done.stdout

    def nodes(self):
        """Names of the nodes that say Ready, by role."""
        ready = {"control plane": [], "worker": []}
        for node in json.loads(self("get", "nodes", "-o", "json"))["items"]:
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"]):
                role = "control plane" if "node-role.kubernetes.io/control-plane" in node["metadata"]["labels"] else "worker"
                ready[role].append(node["metadata"]["name"])
        return ready
