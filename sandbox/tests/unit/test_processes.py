import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from capstan_sandbox import files, processes, proxy_caller


@pytest.fixture
def child():
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_a_reused_pid_is_another_process(child):
    found = processes.identify(child.pid)
    assert processes.alive(found)
    for other in (replace(found, start=found.start + 1), replace(found, boot="another")):
        assert not processes.alive(other)
        assert not processes.send(other, signal.SIGKILL)
    assert child.poll() is None


def test_a_zombie_is_dead(child):
    found = processes.identify(child.pid)
    child.kill()
    assert processes.until(lambda: not processes.alive(found), 5)


def test_end_kills_what_ignores_sigterm():
    script = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    stubborn = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    stubborn.stdout.readline()
    found = processes.identify(stubborn.pid)
    assert processes.end(lambda: [found] if processes.alive(found) else [], 0.2) == 1
    assert stubborn.wait() == -signal.SIGKILL


def test_a_lock_names_its_holder(tmp_path):
    with files.locked(tmp_path / "lock", 0, "it"):
        with pytest.raises(files.Busy, match=f"it is held by process {os.getpid()}"):
            with files.locked(tmp_path / "lock", 0, "it"):
                pass
    with files.locked(tmp_path / "lock", 0, "it"):
        pass


def test_finds_the_process_at_the_other_end():
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = f"import socket, sys; s = socket.create_connection({server.getsockname()!r}); sys.stdin.read()"
        caller = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
        accepted, peer = server.accept()
        with accepted:
            assert proxy_caller.find(peer, accepted.getsockname()).pid == caller.pid
        caller.stdin.close()
        caller.wait()


def test_reads_the_kernels_table():
    table = ("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
             "   0: 030012C6:A1B2 020012C6:1388 01 00000000:00000000 00:00000000 00000000  0  0 4711 1\n")
    assert proxy_caller.inode(table, ("198.18.0.3", 0xA1B2), ("198.18.0.2", 5000)) == 4711
    assert proxy_caller.inode(table, ("198.18.0.2", 5000), ("198.18.0.3", 0xA1B2)) is None
