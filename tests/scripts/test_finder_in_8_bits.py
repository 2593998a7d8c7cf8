"""A finder's network in 8 bits answers nearly as before, and says the same of itself."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from posegrid.learning.finder_export import INPUTS, export_finder
from posegrid.learning.finder_network import FinderModule
from tests.learning.test_finder import SMALL, pictures
from tests.walkers.scenes.made_up_scenes import write_folders

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_answers_stay_near_and_facts_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    script = importlib.import_module("finder_in_8_bits")
    torch.manual_seed(0)
    network = FinderModule(SMALL)
    with torch.no_grad():
        for _ in range(3):
            network.train()(*pictures(4))
    before, after = tmp_path / "find.onnx", tmp_path / "smaller.onnx"
    export_finder(network.eval(), before, {"start": 0.45}, {"samples": 3})
    looks = [dict(zip(INPUTS, (p.numpy() for p in pictures(2)), strict=True)) for _ in range(4)]
    script.write_in_8_bits(before, after, looks)
    kinds = [node.op_type for node in onnx.load(after).graph.node]
    assert kinds.count("QuantizeLinear") > 4
    sessions = [onnxruntime.InferenceSession(path) for path in (before, after)]
    facts = [session.get_modelmeta().custom_metadata_map for session in sessions]
    assert facts[0] == facts[1] and "finder" in facts[0]["posegrid"]
    said = [session.run(["person", "centre", "seen"], looks[0]) for session in sessions]
    for one, other in zip(*said, strict=True):
        assert 0 < np.abs(one - other).max() < 0.1
        assert np.abs(one - other).mean() < 0.02


def test_what_is_no_finder_is_told_in_a_sentence(tmp_path: Path) -> None:
    write_folders(tmp_path)
    (tmp_path / "junk.onnx").write_text("junk")
    words = [str(tmp_path / "junk.onnx"), str(tmp_path / "people")]
    words += ["--backgrounds", str(tmp_path / "backgrounds"), "--out", str(tmp_path / "out.onnx")]
    command = [sys.executable, str(SCRIPTS / "finder_in_8_bits.py"), *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert "junk.onnx cannot be read as a finder's weights" in ended.stderr
    assert not (tmp_path / "out.onnx").exists()


def test_people_that_are_missing_are_told_in_a_sentence(tmp_path: Path) -> None:
    words = ["posegrid-find.onnx", str(tmp_path / "nobody"), "--backgrounds", str(tmp_path)]
    command = [sys.executable, str(SCRIPTS / "finder_in_8_bits.py"), *words]
    command += ["--out", str(tmp_path / "out.onnx")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert str(tmp_path) in ended.stderr and not (tmp_path / "out.onnx").exists()
