from __future__ import annotations

import os
from pathlib import Path

import pytest

from memlab import settings
from memlab.errors import SettingsError
from memlab.settings import Settings


def test_memlab_home_moves_every_folder(tmp_path: Path) -> None:
    environ = {"MEMLAB_HOME": str(tmp_path / "lab")}
    folders = (
        settings.data_folder,
        settings.config_folder,
        settings.runs_folder,
        settings.datasets_folder,
        settings.presets_folder,
        settings.settings_file,
    )
    assert all(folder(environ).is_relative_to(tmp_path / "lab") for folder in folders)
    assert not (tmp_path / "lab").exists()


def test_without_it_the_platform_decides(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert settings.runs_folder({"MEMLAB_HOME": " "}) == tmp_path / "data" / "memlab" / "runs"
    assert settings.presets_folder({}) == tmp_path / "config" / "memlab" / "presets"


def test_a_home_that_is_no_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="is not a folder"):
        settings.data_folder({"MEMLAB_HOME": str(tmp_path / "file")})
    with pytest.raises(SettingsError, match="cannot be made"):
        settings.prepared(settings.runs_folder({"MEMLAB_HOME": str(tmp_path / "file" / "lab")}))


def test_an_unwritable_home_is_one_sentence(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(SettingsError, match="is not writable"):
        settings.prepared(tmp_path / "lab")


def test_settings_survive_a_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "config" / "settings.toml"
    assert settings.load(path) == Settings()
    mine = Settings("paper", ("/data", str(tmp_path)), "cuda:0", False)
    settings.save(mine, path)
    assert settings.load(path) == mine
    assert settings.load(path).dataset_folders_found() == (tmp_path,)
    assert os.listdir(path.parent) == ["settings.toml"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('theme = "x"\ndevice = \n', r"settings\.toml, line 2: "),
        ('theme = "x"\n\ndevice = 3\n', r"settings\.toml, line 3: device is a text"),
        ('theem = "x"\n', r"line 1: there is no setting 'theem'; did you mean 'theme'"),
        ("confirm = 1", r"line 1: confirm is true or false"),
        ('dataset_folders = "x"', r"line 1: dataset_folders is a list"),
        ('theme = "x', r"settings\.toml, line 1: "),
    ],
)
def test_a_broken_file_names_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=words):
        settings.load(path)
    path.write_bytes(b'theme = "x"\ndevice = "\xff"\n')
    with pytest.raises(SettingsError, match="line 2: this is not UTF-8"):
        settings.load(path)
