"""The viewer's page of whole Tracks: with their skeletons on the video, angles and sigma."""

from collections.abc import Mapping, Sequence

from posegrid.body.formats.viewer import ViewerFigure, ViewerScene, scene_page
from posegrid.body.track import Track
from posegrid.errors import SettingsError
from posegrid.motion.angles import joint_angles_deg
from posegrid.motion.edits import Edits, fingerprint


def motion_page(
    tracks: Sequence[Track],
    *,
    true: Sequence[Track] = (),
    pinned: bool = False,
    video: str = "",
    programs: str = "",
    numbers: Sequence[int] = (),
    edits: Edits | None = None,
    save: Mapping[str, str] | None = None,
) -> str:
    """The page's text of people of one video, `true` poses drawn thin beside them; the curves are
    those of the first. video: address of a video of the same frames, from the page. programs: as
    in `scene_page`. numbers: of the people, by default 1, 2, ... edits: made before. save: as in
    `ViewerScene`. Raises SettingsError where the Tracks are not of the same frames; OutputError
    where there is nobody.
    """
    first = tracks[0]
    if any(len(track) != len(first) for track in (*tracks, *true)):
        raise SettingsError("the tracks are not of the same frames: expected those of one video.")
    figures = [
        ViewerFigure(
            track.joints_and_feet_mm,
            track.root_mm,
            track.keypoints_and_feet_px,
            track.sigma_mm,
            joint_angles_deg(track.joints_and_feet_mm),
            number=number,
            fingerprint=fingerprint(track),
            contacts=track.contacts,
        )
        for number, track in zip(numbers or range(1, len(tracks) + 1), tracks, strict=True)
    ]
    figures += [
        ViewerFigure(
            track.joints_and_feet_mm, track.root_mm, track.keypoints_and_feet_px, is_true=True
        )
        for track in true
    ]
    scene = ViewerScene(
        tuple(figures),
        first.frame,
        first.time_s,
        first.source,
        pinned,
        video,
        first.camera.size_wh,
        edits.as_json() if edits else (),
        save,
    )
    return scene_page(scene, programs)
