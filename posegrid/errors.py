"""Every error that posegrid raises on purpose.

    PosegridError           what a user can mend; the command line prints it and exits with 1
    ├── SourceError         a data set, video, mask or pose file that cannot be read as what it
    claims to be ├── ShardError          prepared crops that are damaged, or do not fit the question
    asked of them
    ├── CheckpointError     weights that are damaged, of another version, or do not fit the network
    ├── SettingsError       settings that contradict each other or the data
    └── OutputError         results that cannot be written

A message says what is wrong, where, what was expected and what to do, in one or two sentences.
"""


class PosegridError(Exception):
    """Base of every error raised on purpose."""


class SourceError(PosegridError):
    """A data set, video, mask or pose file cannot be read as what it claims to be."""


class ShardError(PosegridError):
    """Prepared crops are damaged or do not fit the question asked of them."""


class CheckpointError(PosegridError):
    """Weights are damaged, of another version, or do not fit the network."""


class SettingsError(PosegridError):
    """Settings contradict each other or the data."""


class OutputError(PosegridError):
    """Results cannot be written."""
