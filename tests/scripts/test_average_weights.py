"""The mean of two checkpoints, of pose networks and of finders."""

from pathlib import Path

import pytest
import torch
from average_weights import Settings, main
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from posegrid.learning.checkpoint import load_checkpoint, save_checkpoint
from posegrid.learning.finder_training import load_finder_module

WEIGHTS = Path(__file__).parents[2] / "posegrid" / "weights"


def test_the_mean_lies_between_the_two_by_its_share(tmp_path: Path):
    shipped = WEIGHTS / "posegrid-m.safetensors"
    changed = load_checkpoint(shipped)
    with torch.no_grad():
        for parameter in changed.network.parameters():
            parameter.add_(1.0)
    save_checkpoint(tmp_path / "changed.safetensors", changed.network, changed.facts)
    out = tmp_path / "mean.safetensors"
    main(Settings(shipped, tmp_path / "changed.safetensors", out, share=0.25))
    first = dict(load_checkpoint(shipped).network.named_parameters())
    mean = load_checkpoint(out)
    assert mean.facts == changed.facts
    for name, parameter in mean.network.named_parameters():
        torch.testing.assert_close(parameter, first[name] + 0.25, atol=1e-5, rtol=0)


def test_the_mean_of_a_finder_and_itself_is_it_and_an_onnx_file(tmp_path: Path):
    shipped, out = WEIGHTS / "posegrid-find.safetensors", tmp_path / "mean.safetensors"
    main(Settings(shipped, shipped, out, finder=True))
    first = load_finder_module(shipped).state_dict()
    for name, value in load_finder_module(out).state_dict().items():
        torch.testing.assert_close(value, first[name], atol=1e-6, rtol=1e-3)
    assert out.with_suffix(".onnx").stat().st_size > 2e6
    with safe_open(out, "pt") as file:
        assert "posegrid" in file.metadata()


def test_a_finder_that_does_not_say_how_it_was_made_is_refused(tmp_path: Path):
    save_file(load_file(WEIGHTS / "posegrid-find.safetensors"), tmp_path / "old.safetensors")
    with pytest.raises(SystemExit, match="does not say how it was made"):
        main(
            Settings(
                WEIGHTS / "posegrid-find.safetensors",
                tmp_path / "old.safetensors",
                tmp_path / "mean.safetensors",
                finder=True,
            )
        )
    assert not (tmp_path / "mean.onnx").exists()


def test_a_share_that_is_none_is_refused(tmp_path: Path):
    shipped = WEIGHTS / "posegrid-m.safetensors"
    with pytest.raises(SystemExit, match="share is 7; expected 0 to 1"):
        main(Settings(shipped, shipped, tmp_path / "mean.safetensors", share=7))
    assert not [*tmp_path.iterdir()]
