"""The command line: help, typos, missing libraries, exit codes."""

import os
import subprocess
import sys

import pytest

from posegrid import __version__, cli
from posegrid.errors import SourceError


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in cli.COMMANDS)


def test_an_unknown_command_is_refused_and_the_known_ones_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["predicct"]) == 2
    assert "predict" in capsys.readouterr().err


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_its_flags(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.run([*name.split(), "--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert f"posegrid {name}" in printed and "Example:" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("train data --target finder --run r", ("train --target finder", "data --run r")),
        ("train data --target bins", ("train", "data --target bins")),
        ("predict --target finder", ("predict", "--target finder")),
        ("train data --target", ("train", "data --target")),
        ("evaluate --target finder", ("evaluate --target finder", "")),
    ],
)
def test_what_is_trained_is_part_of_the_commands_name(
    arguments: str, expected: tuple[str, str]
) -> None:
    name, rest = cli.named(arguments.split())
    assert (name, " ".join(rest)) == expected


def test_an_error_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise SourceError("walk.mp4: no such file")

    monkeypatch.setattr(cli, "call", fail)
    assert cli.run(["predict", "walk.mp4"]) == 1
    assert capsys.readouterr().err == "posegrid predict: walk.mp4: no such file\n"


def test_too_little_memory_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("Unable to allocate 7 GiB")

    monkeypatch.setattr(cli, "call", fail)
    assert cli.run(["predict", "walk.mp4"]) == 1
    said = capsys.readouterr().err
    assert said == "posegrid predict: not enough memory (Unable to allocate 7 GiB)\n"


@pytest.mark.parametrize("name", cli.COMMANDS)
@pytest.mark.parametrize(
    ("word", "said"),
    [
        (
            "runs/" + 128 * "\u00e4" + "/walk.mp4",
            "256 bytes long, expected at most 255; rename it.",
        ),
        ("walk\udcff.mp4", "'walk\\udcff.mp4': is no UTF-8; rename the file."),
    ],
)
def test_what_no_file_can_be_called_is_told_before_the_work(
    name: str, word: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([*name.split(), word]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_a_path_that_the_system_refuses_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/closed/walk.mp4")

    monkeypatch.setattr(cli, "call", fail)
    assert cli.run(["predict", "/closed/walk.mp4"]) == 1
    assert capsys.readouterr().err == (
        "posegrid predict: /closed/walk.mp4: Permission denied; check the path, and that you may "
        "use it.\n"
    )


def test_an_error_of_the_system_about_no_file_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise OSError("a fault of ours")

    monkeypatch.setattr(cli, "call", fail)
    with pytest.raises(OSError, match="a fault of ours"):
        cli.run(["predict", "walk.mp4"])


def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(cli, "call", fail)
    assert cli.run(["train", "data"]) == 1
    assert 'pip install "posegrid[train]"' in capsys.readouterr().err


def test_the_extra_is_the_one_of_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'joblib'", name="joblib")

    monkeypatch.setattr(cli, "call", fail)
    for command, extra in (("prepare", "prepare"), ("synth", "synth"), ("train", "train")):
        assert cli.run([command]) == 1
        assert f'pip install "posegrid[{extra}]"' in capsys.readouterr().err


def test_a_missing_module_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'posegrid.nothing'", name="posegrid.nothing")

    monkeypatch.setattr(cli, "call", fail)
    with pytest.raises(ModuleNotFoundError):
        cli.run(["train", "data"])


def test_the_module_can_be_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "posegrid", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"posegrid {__version__}"


def test_a_reader_who_has_seen_enough_gets_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code = "import sys; from posegrid import cli; cli.call = lambda *_: print('rows'); sys.exit(cli.run(['gait']))"
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_help_of_predict_waits_for_no_library_of_numbers() -> None:
    code = (
        "import sys; from posegrid import cli\n"
        "try: cli.run(['predict', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(str({'numpy', 'scipy', 'av', 'onnxruntime'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "" and "posegrid predict" in done.stdout
