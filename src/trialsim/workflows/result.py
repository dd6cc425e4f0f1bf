"""What the results of all commands can do: say how they came about, and be written into a results folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from trialsim.config import Scenario
from trialsim.config.calibrated.draw_tables import ParameterTable, write_table
from trialsim.config.calibrated.draws import table_of
from trialsim.config.source.yaml import dump_yaml
from trialsim.records.digest import configuration_digest
from trialsim.storage.formats import DEFAULT_FORMATS
from trialsim.storage.job_folder import locked_job_folder
from trialsim.storage.layouts import Layout, ResultFile
from trialsim.storage.manifest import Manifest
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.storage.results_folder import check_destination


@dataclass(frozen=True)
class CommandResult(ABC):
    """What a command gives, and how it was asked: the `configuration`, with its (first) `scenario`, and the `seed`.

    A command adds the attributes that its `layout` names, one for each file.
    """

    layout: ClassVar[Layout]

    configuration: Mapping[str, Any]
    scenario: Scenario
    seed: int
    workers: int
    seconds: float

    @property
    @abstractmethod
    def digest(self) -> str:
        """The digest of the results, equal for equal configuration and seed."""

    @property
    def yaml(self) -> str:
        """What was asked, resolved: a file that can be given to the command again."""
        return dump_yaml(self.configuration.get("study", self.configuration.get("scenario")))

    @property
    def user_draws(self) -> ParameterTable | None:
        """The draws of parameters in a file of the user's; None where the parameters are others."""
        return table_of(self.scenario) if self.scenario.parameters.draws is not None else None

    @abstractmethod
    def provenance(self) -> Mapping[str, Any]:
        """The entries of the manifest that only this command has."""

    @abstractmethod
    def draw(self, folder: Path, figures: Sequence[str]) -> None:
        """Draw the pictures of the results into a folder, in the formats `figures`."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The results as plain data for `--json`; what does not exist is null."""

    def manifest(self) -> Manifest:
        """Everything needed to run the command again."""
        what = "study" if "study" in self.configuration else "scenario"
        common = {
            f"{what}_digest": configuration_digest(self.configuration[what]),
            "seed": self.seed,
            "workers": self.workers,
            "seconds": round(self.seconds, 3),
            "results_digest": self.digest,
        }
        return Manifest.of(self.layout, {**common, **self.configuration, **self.provenance()})

    def save(self, destination: Path | str, overwrite: bool = False, figures: Sequence[str] = DEFAULT_FORMATS) -> Path:
        """Write the results folder, whole or not at all; an unfinished run beside it stays.

        Parameters
        ----------
        destination
            The folder: a new or empty one, or one that holds results to replace.
        overwrite
            Replace results of another configuration; they are refused otherwise.
        figures
            Formats of the pictures, out of png, svg, pdf; none draws no pictures.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        DestinationError
            For a folder that cannot be written or replaced, or that another process writes.
        """
        path = Path(destination)
        place = check_destination(path, self.configuration, overwrite)
        with (
            locked_job_folder(place, self.configuration, overwrite, leaves_checkpoint=True) as job,
            job.results() as folder,
        ):
            self.write(folder, figures)
        return path

    def write(self, folder: Path, figures: Sequence[str] = DEFAULT_FORMATS) -> None:
        """Write the files that the layout declares, the manifest and the pictures into an empty folder."""
        self.write_tables(folder)
        if figures:
            self.draw(folder, figures)

    def write_tables(self, folder: Path) -> None:
        """Write the files that the layout declares and the manifest into an empty folder."""
        for file in self.layout.files:
            content = getattr(self, file.attribute)
            if "*" in file.name:
                for key, item in content.items():
                    _write_file(folder, replace(file, name=file.name.replace("*", key)), item)
            else:
                _write_file(folder, file, content)
        self.manifest().write(folder)


def _write_file(
    folder: Path, file: ResultFile, content: pd.DataFrame | ReplicateStore | ParameterTable | str | None
) -> None:
    """Write one file of a results folder, unless it has no content."""
    path = folder / file.name
    match content:
        case str():
            path.write_text(content, encoding="utf-8")
        case ReplicateStore():
            content.write_parquet(path)
        case ParameterTable():
            write_table(path, content)
        case pd.DataFrame() if len(content) or file.is_written_empty:
            if path.suffix == ".csv":
                content.to_csv(path, index=False)
            else:
                content.to_parquet(path, index=False)
