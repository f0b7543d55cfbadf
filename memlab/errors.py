"""The errors that memlab shows to people.

One hierarchy, raised with what is wrong, where, and what would be right; caught once, at the
border of the command line and of the app. Programming errors are not among them.
"""

from __future__ import annotations

from collections.abc import Mapping


class MemlabError(Exception):
    """An error whose message is meant for the person at the terminal."""

    exit_code = 1


class BadInput(MemlabError):
    """What was asked cannot be done as it is asked: exit status 2."""

    exit_code = 2


class InvalidExperiment(BadInput):
    """An experiment, preset or setting that cannot be run as it is written.

    `fields` has a sentence for each field to mend, by its dotted name; that of what belongs to no
    single field stands under the empty name.
    """

    def __init__(
        self, message: str, field: str = "", fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.fields: Mapping[str, str] = {field: message} if fields is None else fields


class DatasetUnavailable(BadInput):
    """A dataset that is neither on disk nor to be downloaded."""


class InvalidDataset(BadInput):
    """A user's dataset whose arrays or files are not what training needs."""


class RunFolderError(BadInput):
    """A run that does not exist, is ambiguous, is of a newer version or is damaged."""


class DeviceUnavailable(BadInput):
    """A device that this machine does not have."""


class TooLarge(MemlabError):
    """Training that the device has not enough memory for, known before it begins."""


class SettingsError(BadInput):
    """A settings file or folder that cannot be used."""


class PackageMissing(BadInput, ImportError):
    """A Python package that memlab can do without, but not for what was asked."""


class ExportRefused(BadInput):
    """A file to write that the user named, but that is a folder, a device or a dead link."""


class FileIsThere(ExportRefused):
    """A file that would be replaced, which nobody has agreed to."""


class StorageError(MemlabError):
    """A disk that is full, a folder that is gone, a permission that is missing."""


class TrainingFailed(MemlabError):
    """A worker that could not go on."""


def reason_of(error: Exception) -> str:
    """What went wrong, for people: our own sentence, or the kind and text of anybody else's."""
    return str(error) if isinstance(error, MemlabError) else f"{type(error).__name__}: {error}"
