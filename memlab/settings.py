"""The user's folders and settings. `MEMLAB_HOME` moves every folder; else platformdirs decides.

Nothing is created by asking where a folder is; `prepared` creates it and says why it cannot.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from memlab.atomic import write_atomically
from memlab.errors import SettingsError
from memlab.spelling import closest, did_you_mean

Environ = Mapping[str, str]
HOME_VARIABLE = "MEMLAB_HOME"


@dataclass(frozen=True)
class Settings:
    """What the user chose once: theme of the app, where datasets lie, the device to train on.

    `preset` is the one launched last, where the app starts.
    """

    theme: str = "memlab-dark"
    dataset_folders: tuple[str, ...] = ()
    device: str = "auto"
    confirm: bool = True
    preset: str = "noise-ladder"

    def dataset_folders_found(self) -> tuple[Path, ...]:
        """Those of the dataset folders that are there, `~` expanded."""
        folders = (Path(os.path.expanduser(folder)) for folder in self.dataset_folders)
        return tuple(folder for folder in folders if folder.is_dir())


def home(environ: Environ = os.environ) -> Path | None:
    """The folder that `MEMLAB_HOME` names, absolute; None where it is unset or empty.

    Raises:
        SettingsError: if it is something other than a folder.
    """
    value = environ.get(HOME_VARIABLE, "").strip()
    if not value:
        return None
    try:
        path = Path(os.path.abspath(os.path.expanduser(value)))
        if path.exists() and not path.is_dir():
            raise SettingsError(f"{HOME_VARIABLE}={value} is not a folder; name one, or unset it.")
    except (OSError, ValueError, RuntimeError) as error:
        raise SettingsError(f"{HOME_VARIABLE}={value} cannot be used: {error}.") from error
    return path


def data_folder(environ: Environ = os.environ) -> Path:
    """Where runs, datasets and the queue are."""
    moved = home(environ)
    if moved is not None:
        return moved
    from platformdirs import user_data_path

    return user_data_path("memlab", appauthor=False)


def config_folder(environ: Environ = os.environ) -> Path:
    """Where the settings and the user's own presets are."""
    moved = home(environ)
    if moved is not None:
        return moved
    from platformdirs import user_config_path

    return user_config_path("memlab", appauthor=False)


def runs_folder(environ: Environ = os.environ) -> Path:
    """One folder a run."""
    return data_folder(environ) / "runs"


def datasets_folder(environ: Environ = os.environ) -> Path:
    """What memlab downloaded."""
    return data_folder(environ) / "datasets"


def dataset_folders() -> list[Path]:
    """Where datasets are looked for; downloads go to the first. Raises SettingsError."""
    return [datasets_folder(), *load().dataset_folders_found()]


def presets_folder(environ: Environ = os.environ) -> Path:
    """The user's own presets."""
    return config_folder(environ) / "presets"


def settings_file(environ: Environ = os.environ) -> Path:
    """The settings, in TOML."""
    return config_folder(environ) / "settings.toml"


def prepared(folder: Path) -> Path:
    """The folder, created where it is missing and known to be writable.

    Raises:
        SettingsError: if it cannot be made or written, with the reason.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = (
            "something other than a folder is in the way"
            if isinstance(error, (FileExistsError, NotADirectoryError))
            else (error.strerror or str(error)).lower()
        )
        raise SettingsError(
            f"The folder {folder} cannot be made: {reason}. {HOME_VARIABLE} moves it."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(f"The folder {folder} is not writable. {HOME_VARIABLE} moves it.")
    return folder


def load(path: Path | None = None) -> Settings:
    """The settings in the file at `path`, else the user's; the defaults where there is none.

    Raises:
        SettingsError: if it cannot be read, with file and line.
    """
    import tomllib

    from memlab import bounded_toml

    path = settings_file() if path is None else path
    try:
        text = ""
        text = bounded_toml.read_text(path)
        document = bounded_toml.parse(text)
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}, line {line}: this is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_toml_sentence(path, text, str(error))) from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    return _checked(document, path, text)


def save(settings: Settings, path: Path | None = None) -> None:
    """Replaces the file at `path`, else the user's; readers see the old one or the new.

    Raises:
        SettingsError, StorageError: if it cannot be written.
    """
    import tomli_w

    path = settings_file() if path is None else path
    prepared(path.parent)
    document = asdict(settings) | {"dataset_folders": list(settings.dataset_folders)}
    write_atomically(path, tomli_w.dumps(document).encode())


def _toml_sentence(path: Path, text: str, message: str) -> str:
    found = re.search(r"\(at line (\d+), column (\d+)\)", message)
    line = int(found[1]) if found else text.count("\n") + 1
    reason = re.sub(r" \(at .*\)$", "", message)
    return f"{path}, line {line}: {reason[:1].lower() + reason[1:]}."


def _checked(document: Mapping[str, object], path: Path, text: str) -> Settings:
    known = [field.name for field in fields(Settings)]
    for key, value in document.items():
        where = f"{path}, line {_line_of(key, text)}"
        if key not in known:
            hint = did_you_mean(closest(key, known), f". Known: {', '.join(known)}.")
            raise SettingsError(f"{where}: there is no setting {key!r}{hint}")
        if key == "dataset_folders":
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise SettingsError(f'{where}: {key} is a list of folders, such as ["/data"].')
        elif key == "confirm":
            if not isinstance(value, bool):
                raise SettingsError(f"{where}: {key} is true or false.")
        elif not isinstance(value, str) or not value:
            raise SettingsError(f'{where}: {key} is a text, such as "auto".')
    folders = document.get("dataset_folders", [])
    assert isinstance(folders, list)
    return Settings(
        theme=str(document.get("theme", Settings.theme)),
        dataset_folders=tuple(str(folder) for folder in folders),
        device=str(document.get("device", Settings.device)),
        confirm=bool(document.get("confirm", Settings.confirm)),
        preset=str(document.get("preset", Settings.preset)),
    )


def _line_of(key: str, text: str) -> int:
    pattern = re.compile(rf"^\s*\[*\s*[\"']?{re.escape(key)}[\"']?\s*[\].=]")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            return number
    return 1
