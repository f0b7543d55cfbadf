"""What a review makes of the data: a corrected copy, never in place.

Which labels are changed is said by a person (`memlab.runs.review`), or taken from the networks
where that is asked for. What the correction gains is `memlab.library.correction_gain`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from memlab import export
from memlab.errors import ExportRefused, InvalidDataset
from memlab.library import reviewing
from memlab.library.reviewing import Integers, Labelled, reviewed_labels
from memlab.numbers import count
from memlab.runs.review import Review, Verdict
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.text import plain

NOTHING = "Nothing of {id} is reviewed yet: `memlab suspects {id} --review` begins."


@dataclass(frozen=True, eq=False)
class Correction:
    """Labels `[rows]` of the data before and after, −1 for an example that goes.

    Before is what the run was given: where its experiment made noise, noise is in both, but for
    what was reviewed.
    `confirmed` labels were found to be right; `unseen` were taken from the networks without a
    person having looked.
    """

    labelled: Labelled
    before: Integers
    after: Integers
    confirmed: int
    unseen: int

    @property
    def dropped(self) -> int:
        """Examples that go."""
        return int((self.after < 0).sum())

    @property
    def changed(self) -> int:
        """Examples that stay and have another label."""
        return int(((self.after != self.before) & (self.after >= 0)).sum())

    def sentence(self) -> str:
        """What is changed, in words."""
        said = [f"{count(self.changed)} label{'' if self.changed == 1 else 's'} changed"]
        if self.dropped:
            said.append(f"{count(self.dropped)} example{'' if self.dropped == 1 else 's'} dropped")
        if self.confirmed:
            said.append(f"{count(self.confirmed)} confirmed")
        text = ", ".join(said)
        if self.unseen:
            text += f"; {count(self.unseen)} of them unseen, as the networks suggest"
        return text


def correction(run: Run, unreviewed: bool = False) -> Correction:
    """What the review of a run changes; `unreviewed` takes all suggestions nobody looked at, too.

    Only those of labels held for wrong are taken; a verdict that was given stands.

    Raises:
        InvalidDataset: if nothing is changed, in a sentence that says what to do.
        MemlabError: as `reviewing.opened`.
    """
    labelled = reviewing.opened(run)
    review = labelled.review
    taken = _suggestions(labelled) if unreviewed else {}
    if not review.judged and not taken:
        none = f"No label of {run.id} is held for wrong, and nothing is reviewed."
        raise InvalidDataset(none if unreviewed else NOTHING.format(id=run.id))
    whole = Review({**taken, **{i: v for i, v in review.verdicts.items() if v.decided}})
    made = Correction(
        labelled=replace(labelled, review=review),
        before=labelled.labels,
        after=reviewed_labels(labelled.labels, whole),
        confirmed=sum(verdict.kind == "right" for verdict in whole.verdicts.values()),
        unseen=len(taken),
    )
    if not made.changed and not made.dropped:
        one = made.confirmed == 1
        those = "The label" if one else f"All {count(made.confirmed)} labels"
        raise InvalidDataset(
            f"{those} reviewed in {run.id} {'is' if one else 'are'} right: there is nothing to "
            "correct."
        )
    return made


def _suggestions(labelled: Labelled) -> Mapping[int, Verdict]:
    listed, review = labelled.listed, labelled.review
    said = {index for index, verdict in review.verdicts.items() if verdict.decided}
    rows = np.flatnonzero(listed.issue & (listed.suggested >= 0))
    return {
        int(listed.index[at]): Verdict(int(listed.index[at]), "label", int(listed.suggested[at]))
        for at in rows
        if int(listed.index[at]) not in said
    }


def default_target(labelled: Labelled) -> Path:
    """Beside the data, `NAME-corrected`; in the working folder for what is no file."""
    kind, colon, path = _source(labelled)
    if not colon:
        return Path.cwd() / f"{kind}-corrected.npz"
    return path.with_name(f"{path.stem if path.is_file() else path.name}-corrected{path.suffix}")


def _source(labelled: Labelled) -> tuple[str, str, Path]:
    spec = reviewing.dataset_of(labelled.run, labelled.listed)
    kind, colon, text = spec.name.partition(":")
    return kind, colon, Path(os.path.expanduser(text))


def save(made: Correction, to: Path | None = None, replace: bool = False) -> tuple[Path, str]:
    """Writes the corrected copy; where it is, and what it is in words.

    Args:
        to: where; default: `default_target`. For a folder of pictures, a name that ends in `.csv`
            asks for the list of them instead of copies.
        replace: whether a file that is there may be replaced; a folder never is.

    Raises:
        FileIsThere, ExportRefused: if something is there.
        InvalidDataset, StorageError: if it cannot be read or written.
    """
    from memlab.data import corrected

    labelled = made.labelled
    kind, colon, source = _source(labelled)
    spec = reviewing.dataset_of(labelled.run, labelled.listed)
    target = Path(os.path.abspath(os.path.expanduser(to or default_target(labelled))))
    if colon and _within(target, source):
        raise ExportRefused(f"{target} is what was judged, or in it; a copy goes elsewhere.")
    raw, why = labelled.raw, ""
    if kind == "folder":
        listing = target.suffix.lower() == ".csv"
        why = "" if listing else corrected.why_not_copied(source, raw, target.parent)
        if not listing and not why:
            total = corrected.copy_folder(source, raw, made.after, target)
            return target, f"{count(total)} pictures"
        target = target if listing else target.with_name(f"{target.name}.csv")
        copy = corrected.folder_list(source, raw, made.after)
    elif kind == "npz":
        copy = corrected.of_npz(source, raw, made.after)
    elif kind == "csv":
        copy = corrected.of_csv(source, raw, made.after, spec.label)
    else:
        copy = corrected.of_arrays(raw, made.after)
    path = export.export(target, copy.data, replace=replace)
    told = f"{count(int((made.after >= 0).sum()))} examples"
    if why:
        told = f"A list of {count(len(made.after))} files and labels, because {plain(why)},"
    return path, told + "".join(f" (left out: {plain(each)})" for each in copy.left_out)


def _within(target: Path, source: Path) -> bool:
    """Whether the target is the source itself, or lies in it where that is a folder."""
    there, own = os.path.realpath(target), os.path.realpath(source)
    return there == own or there.startswith(own + os.sep)


def write_beside(folder: RunFolder) -> str:
    """Writes the corrected copy of a reviewed run to its default place; what was done, in words.

    Raises:
        MemlabError: as `correction` and `write`.
    """
    made = correction(Run(folder))
    path, what = save(made)
    return (
        f"{what} written to {path}: {made.sentence()}. What that gains is measured by: "
        f"memlab suspects {folder.id} --apply"
    )
