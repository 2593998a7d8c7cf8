"""Settings of `posegrid app`."""

from dataclasses import dataclass
from pathlib import Path

from posegrid.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class AppSettings:
    """Settings of `posegrid app`."""

    folder: Path = Path("posegrid-app")
    """Where videos, results and the list of jobs are kept."""
    host: str | None = None
    """Address to listen on, such as 0.0.0.0 for other machines. They then need the address with the
    token that the app prints. Default: this machine only.
    """
    port: int = 8347
    """Port to listen on."""
    open: bool = True
    """Open the page in a browser."""
    max_mb: int = 2000
    """Largest video that is taken, MB."""
    max_frames: int = 18_000
    """Of a longer video only so many frames are used: ten minutes at 30 a second."""
    keep_days: float = 7.0
    """Videos, and pictures made of them, are deleted after so many days; motions stay."""
    threads: int = 1
    """Cores that the network may use."""

    def __post_init__(self) -> None:
        """Raises SettingsError for limits that let nothing through."""
        for name in ("max_mb", "max_frames", "keep_days", "threads"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"`{name}` {getattr(self, name):g}: expected more than 0.")
        if not 0 < self.port < 65536:
            raise SettingsError(f"`port` {self.port}: expected 1 to 65535.")
