"""A pool grows from nothing when a pod has no place, and is empty again when nobody needs it.

The cluster autoscaler's module cannot be had from the Go proxy, so `make test` has no program for this. Whoever has built it from
its repository (`go build -tags clusterapi`, in `cluster-autoscaler/` of kubernetes/autoscaler, at the tag of a release) says where:

    CAPSTAN_AUTOSCALERS=…/cluster-autoscaler-v1.35.2:…/cluster-autoscaler-v1.36.1 make test-full
"""
import json

import pytest
from kubectl import Kubectl
from project import difference, listing
from waiting import until

FILE = """\
KUBERNETES_VERSION: v1.35.4
RESTRICT_KUBEAPI: [{caller}]
controlPlane: {replicas: 1, flavor: m1.medium}
workers:
- {name: base, replicas: 1, flavor: m1.medium}
- name: elastic
  flavor: m1.medium
  autoscaling: {min: 0, max: 2, scaleDownAfterSeconds: 20}
  labels: {example.org/elastic: "yes"}
  taints: [{key: elastic, effect: NoSchedule}]
"""
NEEDY = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: needy}
spec:
  replicas: 1
  selector: {matchLabels: {app: needy}}
  template:
    metadata: {labels: {app: needy}}
    spec:
      nodeSelector: {example.org/elastic: "yes"}
      tolerations: [{key: elastic, operator: Exists}]
      terminationGracePeriodSeconds: 0
      containers:
      - {name: main, image: "registry.k8s.io/e2e-test-images/agnhost:2.63.0", args: [pause]}
"""


class TestAutoscaler:
    @pytest.fixture(scope="class")
    def story(self, bed, served):
        served.quota(instances=20, cores=60)
        before = listing(served.cloud)
        file = served.home / "elastic.yaml"
        file.write_text(FILE.replace("{caller}", bed.caller))
        served.capstan("cluster", "create", "elastic", "--file", file, "--watch", timeout=900)
        path = served.home / "elastic.kubeconfig"
        path.write_text(served.capstan("cluster", "kubeconfig", "elastic").stdout)
        way = json.loads(served.capstan("env", "clusterctl", "-o", "json").stdout)
        yield file, Kubectl(bed.kubectl, path), Kubectl(bed.kubectl, way["kubeconfig"])
        served.capstan("cluster", "delete", "elastic", "--yes", timeout=900)
        assert difference(before, listing(served.cloud)) == []
        assert Kubectl(bed.kubectl, way["kubeconfig"])("get", "deployments,serviceaccounts,rolebindings", "-l",
                                                       "capstan.dev/cluster=elastic", "-o", "name") == ""

    @staticmethod
    def size(management):
        pools = json.loads(management("get", "machinedeployments", "-l", "capstan.dev/pool=elastic", "-o", "json"))["items"]
        return pools[0]["spec"]["replicas"]

    def test_a_pool_of_none_is_as_wanted(self, story, served):
        _, kubectl, management = story
        assert self.size(management) == 0 and len(kubectl.nodes()["worker"]) == 1
        shown = served.capstan("cluster", "show", "elastic").stdout
        assert "Ready" in shown, shown

    def test_a_pod_without_a_place_gets_a_node(self, story, served):
        _, kubectl, management = story
        kubectl("apply", "-f", "-", input=NEEDY)
        kubectl("rollout", "status", "deployment/needy", "--timeout=300s")
        assert self.size(management) == 1 and len(kubectl.nodes()["worker"]) == 2
        assert until(lambda: json.loads(served.capstan("cluster", "show", "elastic", "-o", "json").stdout)["status"]["phase"]
                     == "Ready", 120)
        planned = served.capstan("cluster", "plan", "elastic", "-f", story[0])
        assert "nothing changes" in planned.stdout, "what the autoscaler wants is nobody's wish"

    def test_it_stands_still_while_the_cluster_is_paused(self, story):
        _, _, management = story

        def pause(paused):
            management("patch", "workloadcluster", "elastic", "--type=merge", "-p", json.dumps({"spec": {"paused": paused}}))
        pause(True)
        running = ("get", "pods", "-l", "app.kubernetes.io/component=cluster-autoscaler", "-o", "name")
        assert until(lambda: management(*running) == "", 90)
        pause(False)
        assert until(lambda: management(*running), 90)

    def test_a_node_that_nobody_needs_goes(self, story, served):
        _, kubectl, management = story
        kubectl("delete", "deployment", "needy")
        assert until(lambda: self.size(management) == 0, 240)
        assert until(lambda: len(kubectl.nodes()["worker"]) == 1, 120)

    def test_it_follows_the_cluster_to_another_minor(self, story, served):
        file, _, management = story
        file.write_text(file.read_text().replace("v1.35.4", "v1.36.3"))
        planned = served.capstan("cluster", "plan", "elastic", "-f", file).stdout
        assert "addon cluster-autoscaler is upgraded: v1.35.2 → v1.36.1" in planned, planned
        served.capstan("cluster", "apply", "elastic", "-f", file, "--yes", "--watch", timeout=900)
        shown = json.loads(served.capstan("cluster", "show", "elastic", "-o", "json").stdout)
        assert shown["status"]["version"] == "v1.36.3" and self.size(management) == 0
        deployment, = json.loads(management("get", "deployments", "-l", "capstan.dev/cluster=elastic", "-o", "json"))["items"]
        assert deployment["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":v1.36.1")

    def test_people_scale_again_when_the_bounds_are_taken_away(self, story, served):
        file, kubectl, management = story
        by_hand = served.home / "by-hand.yaml"
        by_hand.write_text(file.read_text().replace("autoscaling: {min: 0, max: 2, scaleDownAfterSeconds: 20}", "replicas: 0"))
        planned = served.capstan("cluster", "plan", "elastic", "-f", by_hand).stdout
        assert "addon cluster-autoscaler is removed" in planned, planned
        served.capstan("cluster", "apply", "elastic", "-f", by_hand, "--yes", "--watch", timeout=300)
        assert until(lambda: management("get", "deployments", "-l", "capstan.dev/cluster=elastic", "-o", "name") == "", 60)
