"""A rollout that is paused while its first node is being made: it stands still then, and goes on when it is resumed.

By itself this file makes a cluster; test_workload_cluster.py lends the one it has, at the place where it imports the story.
"""
import json

from test_adopted_cluster import existing_kubectl  # noqa: F401
from waiting import until


class TestRollout:
    def test_it_stands_still_after_one_node_and_goes_on_when_resumed(self, served, existing_kubectl):  # noqa: F811
        def line(pool="workers"):
            shown = served.capstan("cluster", "rollout", "status", "demo", "-o", "json").stdout
            return next(line for line in json.loads(shown) if line["pool"] == pool)

        def workers():
            return set(existing_kubectl.nodes()["worker"])
        before = workers()
        assert len(before) == 2 and line()["state"] == "complete", line()
        served.capstan("cluster", "rollout", "restart", "demo", "--pool", "workers", "--no-watch")
        assert until(lambda: line()["there"] == 3, 120)
        served.capstan("cluster", "rollout", "pause", "demo", "--pool", "workers")
        assert until(lambda: workers() - before, 240), "the node that was being made must become one"
        # What Cluster API does next it does within a second; paused, it does nothing of it.
        assert not until(lambda: not before <= workers(), 20), "it did not stand still"
        assert until(lambda: line()["asWanted"] == 1), line()
        assert (line()["state"], line()["there"]) == ("paused", 3)
        assert line("control-plane")["state"] == "complete"
        shown = served.capstan("cluster", "show", "demo").stdout
        assert "rollouts are paused: workers (1 of 2 as wanted)" in shown, shown
        served.capstan("cluster", "rollout", "resume", "demo", "--watch", timeout=400)
        now = workers()
        assert line()["state"] == "complete" and len(now) == 2 and not now & before, (before, now)
