"""What networks cost: known counts of parameters and multiplications."""

from learning.test_export import MEAN_POSE, saved
from measure_cost import num_multiply_adds, num_parameters

from posegrid.learning.checkpoint import load_checkpoint
from posegrid.learning.export import ExportSettings, cpu_ms_per_crop, export
from posegrid.learning.pose_targets import PoseTarget


def test_costs_of_the_small_network_of_2015(tmp_path):
    """By hand, for crops of 64 px: maps of 60, 26 and 8 px before pooling, then 240 > 1024 > 2048 >
    51.
    """
    path = saved(tmp_path / "w.safetensors", "report2015_small", PoseTarget(MEAN_POSE))
    checkpoint = load_checkpoint(path)
    convolutions = (5 * 25, 10 * 5 * 25, 15 * 10 * 36)
    layers = (240 * 1024, 1024 * 2048, 2048 * 51)
    assert (
        num_parameters(checkpoint)
        == sum(convolutions) + 5 + 10 + 15 + sum(layers) + 1024 + 2048 + 51
    )
    steps = sum(weights * side**2 for weights, side in zip(convolutions, (60, 26, 8), strict=True))
    assert num_multiply_adds(checkpoint) == steps + sum(layers)
    assert 0 < cpu_ms_per_crop(export(ExportSettings(path))) < 100
