"""What a job made: its list comes back whole, and which files are whose."""

from pathlib import Path

from posegrid.app.results import NAME, PersonResult, Results, clip_name, downloads


def test_results_come_back_and_a_folder_without_them_is_unfinished(tmp_path: Path) -> None:
    assert Results.load(tmp_path) is None
    people = (PersonResult(2, 40, 50, ("far away", "tall")), PersonResult(1, 9, 50, (), "stands"))
    results = Results(people, ("an odd rate",))
    results.save(tmp_path)
    assert Results.load(tmp_path) == results
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_clip_is_called_by_its_video() -> None:
    assert clip_name("a walk.tar.mov") == "a walk.tar_clip.mp4"


def test_files_of_a_person_are_theirs_and_those_that_were_corrected(tmp_path: Path) -> None:
    own = ["person1.npz", "person1_gait.csv", "edits.json", "person12_corrected.npz"]
    for name in (*own, "person12.npz", "person2.npz", "video.mp4", "results.json"):
        (tmp_path / name).touch()
    (tmp_path / "person1_folder").mkdir()
    found = downloads(tmp_path, 1, "walk.mp4")
    assert found == {name: f"walk_{name}" for name in sorted(own)}
    assert set(downloads(tmp_path, 1, "").values()) == {f"video_{name}" for name in own}
