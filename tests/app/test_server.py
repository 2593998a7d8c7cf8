"""The app without a browser: whole jobs, bad uploads, other sites, and processes that end."""

import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motion.walks import walk_track
from starlette.testclient import TestClient

from posegrid.app import runner, upload
from posegrid.app.guard import Access
from posegrid.app.jobs import Job, Jobs
from posegrid.app.person_files import write_person
from posegrid.app.results import Results
from posegrid.app.runner import Runner
from posegrid.app.server import HERE, application
from posegrid.app.settings import AppSettings
from posegrid.app.upload import ending_of, shown_name
from posegrid.app.worker import work
from posegrid.body.formats.viewer import viewer_file
from posegrid.body.track import Track
from posegrid.errors import SettingsError
from posegrid.motion.edits import Edits, SetContact, Split, edited, fingerprint
from posegrid.motion.motion_track import MotionTrack

ACCESS = Access(token=None, form_token="form")
TOKEN = {"X-Posegrid-Token": "form"}
SAMPLE = Path(str(HERE)) / "sample.mp4"
SLOW = (sys.executable, "-c", "import sys; sys.stdin.read()")
"""A worker that works until it is ended, or the app is."""


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path / "app")


@pytest.fixture
def client(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(runner, "WORKER", SLOW)
    with client_of(jobs) as client:
        yield client


def client_of(jobs: Jobs, access: Access = ACCESS, **limits: int) -> TestClient:
    settings = AppSettings(folder=jobs.root, **limits)
    return TestClient(application(settings, jobs, access), "http://127.0.0.1:8347")


def sent(client: TestClient, content: bytes, name: str = "walk.mp4", **facts: str) -> str:
    """The id of an uploaded video's job."""
    answer = client.post("/upload", params={"name": name, **facts}, content=content, headers=TOKEN)
    assert answer.status_code == 201, answer.text
    return answer.json()["url"].removeprefix("/jobs/")


def until(is_so: Callable[[], object], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def state_of(jobs: Jobs, job_id: str) -> str | None:
    job = jobs.get(job_id)
    return job and job.state


def test_a_video_becomes_a_motion_with_its_downloads(jobs: Jobs) -> None:
    folder = jobs.folder(job_id := jobs.new_id())
    shutil.copyfile(SAMPLE, folder / "upload.mp4")
    jobs.add(Job(job_id, "Anna <b>.mp4", "upload.mp4", "waiting", 1.0, height_m=1.7))
    begun = jobs.begin_next()
    assert begun is not None
    work(jobs, begun, max_frames=40)
    job = jobs.get(job_id)
    assert job is not None and (job.state, job.error) == ("done", "")
    track = Track.load(folder / "results" / "person1.npz")
    assert len(track) == 40 and track.scale_known and track.source == "Anna <b>.mp4"
    with client_of(jobs) as client:
        page = client.get(f"/jobs/{job_id}").text
        assert "Anna &lt;b&gt;.mp4" in page and "only its beginning was used" in page
        names = ("video.mp4", "person1.bvh", "person1_viewer.html", "person1.npz")
        for name in names:
            answer = client.get(f"/jobs/{job_id}/files/{name}")
            assert answer.content == (folder / "results" / name).read_bytes()
        assert "Anna" in answer.headers["content-disposition"]
        assert client.get(f"/jobs/{job_id}/files/results.json").status_code == 404
        viewer = client.get(f"/jobs/{job_id}/viewer/1")
        assert "unsafe" not in viewer.headers["content-security-policy"]
        assert f"/jobs/{job_id}/files/video.mp4" in viewer.text and "<style" not in viewer.text
        assert "knee_flexion_deg" in viewer.text
        assert client.get("/viewer/viewer.js").text == viewer_file("viewer.js")
        assert client.get("/viewer/viewer.py").status_code == 404
        assert client.get(f"/jobs/{job_id}/viewer/2").status_code == 404
        assert client.get(f"/jobs/{job_id}/files/person1.jpg").content[:2] == b"\xff\xd8"
        first = Results.load(folder / "results")
        assert first is not None
        shutil.copyfile(folder / "results/person1.npz", folder / "results/person2.npz")
        Results((*first.people, replace(first.people[0], number=2))).save(folder / "results")
        page = client.get(f"/jobs/{job_id}?person=2").text
        assert "person2.jpg" in page and f"/jobs/{job_id}/viewer/2" in page and "--" not in page
        jobs.forget_videos(time.time() + 1)
        assert client.get(f"/jobs/{job_id}/files/person1.jpg").status_code == 404
        assert client.get(f"/jobs/{job_id}/files/video.mp4").status_code == 404
        assert not list(folder.glob("upload*")) and (folder / "results" / "person1.npz").is_file()
        client.post(f"/jobs/{job_id}/delete", headers=TOKEN)
        assert not folder.exists() and client.get(f"/jobs/{job_id}").status_code == 404


def test_corrections_are_kept_beside_the_tracks_with_the_corrected_files(
    jobs: Jobs, client: TestClient
) -> None:
    job_id = jobs.new_id()
    jobs.add(Job(job_id, "walk.mp4", "upload.mp4", "done", 1.0))
    folder = jobs.folder(job_id) / "results"
    folder.mkdir(parents=True)
    walk = walk_track(np.arange(0, 5, 0.04), noise_mm=2.0)
    walk = MotionTrack(**{name: getattr(walk, name) for name in walk.__dataclass_fields__})
    Results((write_person(walk, 1, folder, ()),)).save(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    mark = fingerprint(walk)
    made = (SetContact(1, 30, 45, "left", True), Split(1, 110, 2))
    address = f"/jobs/{job_id}/edits"
    assert client.post(address, content=Edits({1: mark}, made).text()).status_code == 403
    answer = client.post(address, content=Edits({1: mark}, made).text(), headers=TOKEN)
    assert answer.json() == {"saved": True}
    expected = edited({1: walk}, Edits({1: mark}, made))
    for number in (1, 2):
        found = Track.load(folder / f"person{number}_corrected.npz")
        np.testing.assert_array_equal(found.joints_mm, expected[number].joints_mm)
        assert found.contacts == expected[number].contacts
    assert {name: (folder / name).read_bytes() for name in before} == before
    page = client.get(f"/jobs/{job_id}").text
    assert "person1_corrected_gait.html?show" in page and "person2_corrected.bvh" in page
    assert (
        "Contacts set by hand"
        in client.get(f"{address[:-5]}files/person1_corrected_gait.html").text
    )
    assert '"kind":"split"' in client.get(f"/jobs/{job_id}/viewer/1").text
    for wrong in ("{}", Edits({1: "0" * 64}, made).text(), "x" * 2_000_001):
        refused = client.post(address, content=wrong, headers=TOKEN)
        assert refused.status_code in (413, 422) and "edits" in refused.json()["error"]
    assert client.post(address, content=Edits({}, ()).text(), headers=TOKEN).status_code == 200
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_what_is_no_video_fails_with_its_name_and_no_path_of_ours(jobs: Jobs) -> None:
    job_id = jobs.new_id()
    (jobs.folder(job_id) / "upload.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(600))
    job = Job(job_id, "mine.mp4", "upload.mp4", "running", 1.0)
    jobs.add(job)
    work(jobs, job, max_frames=40)
    failed = jobs.get(job_id)
    assert failed is not None and failed.state == "failed"
    assert failed.error.startswith("mine.mp4: ") and str(jobs.root) not in failed.error


@pytest.mark.parametrize("content", [b"", b"#EXTM3U\nfile:///etc/passwd\n" * 40, bytes(5000)])
def test_what_does_not_begin_as_a_video_is_refused(client, jobs: Jobs, content: bytes) -> None:
    answer = client.post("/upload?name=walk.mp4", content=content, headers=TOKEN)
    assert answer.status_code == 415 and "no video" in answer.json()["error"]
    assert jobs.all() == [] and not list((jobs.root / "jobs").iterdir())


def test_the_size_is_refused_as_told_and_as_counted(jobs: Jobs) -> None:
    start = b"\0\0\0\x18ftypisom" + bytes(10_000)
    with client_of(jobs, max_mb=1) as client:
        three_gb = {**TOKEN, "Content-Length": "3000000000"}
        assert client.post("/upload?name=a", content=start, headers=three_gb).status_code == 413
        parts = (start for _ in range(200))
        answer = client.post("/upload?name=a", content=parts, headers=TOKEN)
        assert answer.status_code == 413 and "1 MB" in answer.json()["error"]
        assert not list((jobs.root / "jobs").iterdir())


@pytest.mark.parametrize("number", ["nan", "-1", "180", "tall"])
def test_a_height_that_nobody_has_is_refused(client, number: str) -> None:
    answer = client.post(f"/upload?name=a&height_m={number}", content=b"x", headers=TOKEN)
    assert answer.status_code == 422 and "0.5 to 2.5" in answer.json()["error"]


def test_a_full_disk_is_told_before_and_during(client, jobs: Jobs, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(upload, "run_in_threadpool", full)
    assert client.post("/upload?name=a", content=bytes(9), headers=TOKEN).status_code == 507
    monkeypatch.setattr(upload.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))
    answer = client.post("/upload?name=a", content=bytes(9), headers=TOKEN)
    assert answer.status_code == 507 and "disk" in answer.json()["error"]
    assert not list((jobs.root / "jobs").iterdir())


def test_a_disk_that_is_full_for_a_while_loses_no_job(jobs: Jobs, monkeypatch) -> None:
    ended, refused = Jobs.end, []

    def full(self: Jobs, *said: str) -> None:
        if not refused:
            refused.append(said)
            raise sqlite3.OperationalError("database or disk is full")
        ended(self, *said)

    monkeypatch.setattr(Jobs, "end", full)
    monkeypatch.setattr(runner, "TRY_AGAIN_S", 0.01)
    monkeypatch.setattr(runner, "WORKER", (sys.executable, "-c", "1 / 0"))
    with client_of(jobs) as client:
        job_id = sent(client, SAMPLE.read_bytes())
        until(lambda: state_of(jobs, job_id) == "failed")
    assert len(refused) == 1


def test_a_full_disk_leaves_the_corrections_of_before(
    jobs: Jobs, client: TestClient, monkeypatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    jobs.add(Job(job_id := jobs.new_id(), "walk.mp4", "upload.mp4", "done", 1.0))
    folder = jobs.folder(job_id) / "results"
    folder.mkdir()
    walk = walk_track(np.arange(0, 3, 0.04), noise_mm=2.0)
    walk = MotionTrack(**{name: getattr(walk, name) for name in walk.__dataclass_fields__})
    Results((write_person(walk, 1, folder, ()),)).save(folder)
    for name in ("edits.json", "person1_corrected.npz"):
        (folder / name).write_text("of before")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    text = Edits({1: fingerprint(walk)}, (SetContact(1, 30, 45, "left", True),)).text()
    monkeypatch.setattr("posegrid.files.os.replace", full)
    answer = client.post(f"/jobs/{job_id}/edits", content=text, headers=TOKEN)
    assert answer.status_code == 422 and "No space left" in answer.json()["error"]
    assert str(jobs.root) not in answer.json()["error"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in jobs.folder(job_id).iterdir()] == ["results"]


def test_names_are_shown_and_never_paths(client, jobs: Jobs) -> None:
    assert shown_name("../../etc/passwd") == "passwd" and shown_name("C:\\x\\..\\a.mp4") == "a.mp4"
    assert shown_name("a\0\n<i>.mp4") == "ai.mp4" and shown_name("..") == "video"
    assert len(shown_name("x" * 5000)) == 80 and shown_name("Gang von Öz.mp4") == "Gang von Öz.mp4"
    job_id = sent(client, SAMPLE.read_bytes(), "../../../evil.mp4")
    assert [path.name for path in jobs.root.parent.rglob("*evil*")] == []
    for path in ("..%2Fjobs.sqlite", "..%2F..%2Fsecret", "%2Fetc%2Fpasswd", "upload.mp4"):
        assert client.get(f"/jobs/{job_id}/files/{path}").status_code == 404
        assert client.get(f"/static/{path}").status_code == 404
        assert client.get(f"/jobs/{path}").status_code == 404


def test_twenty_at_once_are_a_queue(client, jobs: Jobs) -> None:
    with ThreadPoolExecutor(20) as browsers:
        contents = [SAMPLE.read_bytes() + bytes([number]) for number in range(20)]
        ids = list(browsers.map(lambda content: sent(client, content), contents))
    assert len(set(ids)) == 20
    for job_id, content in zip(ids, contents, strict=True):
        assert (jobs.folder(job_id) / "upload.mp4").read_bytes() == content
    until(lambda: "running" in {state_of(jobs, job_id) for job_id in ids})
    assert sorted(str(state_of(jobs, job_id)) for job_id in ids) == ["running"] + ["waiting"] * 19
    assert client.get("/").text.count(">waiting<") == 19


def test_a_cancelled_job_ends_and_the_next_begins(client, jobs: Jobs) -> None:
    first, second = (sent(client, SAMPLE.read_bytes()) for _ in range(2))
    until(lambda: state_of(jobs, first) == "running")
    client.post(f"/jobs/{first}/cancel", headers=TOKEN)
    until(lambda: state_of(jobs, second) == "running")
    assert state_of(jobs, first) == "cancelled"
    client.post(f"/jobs/{second}/delete", headers=TOKEN)
    until(lambda: not jobs.folder(second).exists())


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("sys.exit(3)", "exit code 3"),
        ("raise MemoryError(9)", "MemoryError: 9"),
    ],
)
def test_a_worker_that_ends_fails_its_job_alone(
    jobs: Jobs, monkeypatch, code: str, why: str
) -> None:
    dying = (sys.executable, "-c", f"import os, signal, sys; {code}")
    monkeypatch.setattr(runner, "WORKER", dying)
    with client_of(jobs) as client:
        ids = [sent(client, SAMPLE.read_bytes()) for _ in range(2)]
        until(lambda: [state_of(jobs, job_id) for job_id in ids] == ["failed"] * 2)
        assert why in client.get(f"/jobs/{ids[0]}").text


def test_a_job_goes_on_after_the_app_ended_but_not_for_ever(jobs: Jobs, monkeypatch) -> None:
    monkeypatch.setattr(runner, "WORKER", SLOW)
    job_id = jobs.new_id()
    jobs.add(Job(job_id, "walk.mp4", "upload.mp4", "waiting", 1.0))
    for start in (1, 2, 3):
        with client_of(jobs):
            until(lambda start=start: getattr(jobs.get(job_id), "starts", 0) == start)
        assert state_of(jobs, job_id) == "running"
    (jobs.root / "jobs" / "broken-off").mkdir()
    with client_of(jobs):
        job = jobs.get(job_id)
        assert job is not None and job.state == "failed" and "ended 3 times" in job.error
        assert not (jobs.root / "jobs" / "broken-off").exists()


def test_a_job_goes_on_after_the_app_was_killed(jobs: Jobs, monkeypatch) -> None:
    """SIGKILL in the middle of a job, and of an upload: nothing is tidied up on the way."""
    code = (
        "import sys; from pathlib import Path; from posegrid.app import runner;"
        "from posegrid.app.jobs import Jobs; from posegrid.app.settings import AppSettings;"
        "runner.WORKER = (sys.executable, '-c', 'import sys; sys.stdin.read()');"
        "root = Path(sys.argv[1]);"
        "runner.Runner(AppSettings(folder=root), Jobs(root)).start(); sys.stdin.read()"
    )
    job_id = jobs.new_id()
    jobs.add(Job(job_id, "walk.mp4", "upload.mp4", "waiting", 1.0))
    app = subprocess.Popen([sys.executable, "-c", code, str(jobs.root)], stdin=subprocess.PIPE)
    until(lambda: state_of(jobs, job_id) == "running")
    app.kill()
    app.communicate()
    half = jobs.folder(jobs.new_id())
    (half / "upload.part").write_bytes(bytes(99))
    monkeypatch.setattr(runner, "WORKER", SLOW)
    with client_of(jobs):
        until(lambda: getattr(jobs.get(job_id), "starts", 0) == 2)
        assert state_of(jobs, job_id) == "running" and not half.exists()


def test_a_worker_ends_with_the_app(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import threading,"
        "time; from posegrid.app.worker import _end_with_input as e;"
        "threading.Thread(target=e).start(); print(1, flush=True); time.sleep(600)'],"
        "stdin=subprocess.PIPE, stdout=subprocess.PIPE); p.stdout.readline();"
        "print(p.pid, flush=True); sys.stdin.read()"
    )

    app = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert app.stdout and app.stdin
    worker = int(app.stdout.readline())
    app.kill()
    app.wait()
    app.stdin.close()
    app.stdout.close()
    until(lambda: not _lives(worker))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIG_DFL)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_two_apps_do_not_work_in_one_folder(client, jobs: Jobs) -> None:
    with pytest.raises(SettingsError, match="another posegrid app"):
        Runner(AppSettings(folder=jobs.root), jobs)


def test_other_sites_change_and_read_nothing(client, jobs: Jobs) -> None:
    ours = {"Origin": "http://127.0.0.1:8347", "Sec-Fetch-Site": "same-origin"}
    sample = {"url": "/sample", "data": {"token": "form"}, "follow_redirects": False}
    assert client.post(**sample, headers={"Origin": "http://127.0.0.1:1"}).status_code == 403
    assert client.post(**sample, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post("/sample", data={"token": "guess"}, headers=ours).status_code == 403
    assert client.post("/sample", headers=ours).status_code == 403
    assert client.get("/", headers={"Host": "127.0.0.1.evil.com:8347"}).status_code == 421
    assert jobs.all() == []
    assert client.post(**sample, headers=ours).status_code == 303
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy and "unsafe" not in policy


def test_other_machines_need_the_token(jobs: Jobs) -> None:
    with client_of(jobs, Access("secret", "form")) as client:
        assert client.get("/").status_code == 401
        assert client.get("/?token=guess").status_code == 401
        assert client.get("/static/app.css").status_code == 401
        assert client.post("/sample", headers=TOKEN).status_code == 401
        assert client.get("/?token=secret").status_code == 200
        assert client.get("/").status_code == 200


def test_kinds_are_told_by_content() -> None:
    starts = {
        ".mkv": b"\x1a\x45\xdf\xa3",
        ".avi": b"RIFF1234AVI ",
        ".ts": (b"G" + bytes(187)) * 2,
        ".mts": (bytes(4) + b"G" + bytes(187)) * 2,
        ".mp4": SAMPLE.read_bytes()[:512],
    }
    assert {ending_of(start): start for start in starts.values()} == starts
    assert ending_of(b"RIFF1234WAVE") is None and ending_of(b"%PDF-1.4") is None
