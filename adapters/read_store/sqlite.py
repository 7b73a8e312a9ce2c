"""Read models in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from depot_sim.adapters.read_store.sqlite_build import SqliteBuild, SqliteTransaction
from depot_sim.adapters.read_store.sqlite_shelf import FolderShelf, MemoryShelf, Shelf
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.read_models.schema import ReadModel, Table
from depot_sim.read_models.store import Mark, Overtaken, Stored


class SqliteReadStore:
    """A folder of files, or memory when there is no folder."""

    def __init__(self, models: Iterable[ReadModel], folder: Path | None) -> None:
        with translated_errors():
            self._models = {model.name: SqliteModelStore(model, _shelf(model, folder)) for model in models}

    def __getitem__(self, model: ReadModel) -> SqliteModelStore:
        return self._models[model.name]

    def close(self) -> None:
        for store in self._models.values():
            store.close()


class SqliteModelStore:
    """Which build is live is asked again for every use: another process may have swapped it."""

    def __init__(self, model: ReadModel, shelf: Shelf) -> None:
        self.model = model
        self._shelf = shelf
        if shelf.live() is None:
            self._create()

    def database(self) -> SqliteModelStore:
        return self

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        while True:
            build = self._live()
            try:
                self._check_version(build)
                rows = build.query(sql, parameters)
            except sqlite3.Error as error:
                if self._live() is build:
                    raise store_error(error) from error
            else:
                # The files of a build that was swapped away meanwhile may have gone under the query's feet.
                if self._live() is build:
                    return rows

    def stored(self) -> Stored:
        while True:
            build = self._live()
            try:
                return build.stored()
            except (sqlite3.Error, TypeError):
                if self._live() is build:
                    return Stored(0, Mark(0, 0), 0)

    @contextmanager
    def advance(self, position: int, to: Mark) -> Iterator[SqliteTransaction]:
        build = self._live()
        try:
            self._check_version(build)
            with build.advance(position, to) as transaction:
                if self._live() is not build:
                    raise Overtaken
                yield transaction
        except sqlite3.Error as error:
            raise (store_error(error) if self._live() is build else Overtaken()) from error

    def rows(self, table: Table) -> Iterator[Sequence[tuple[Any, ...]]]:
        with translated_errors():
            yield from self._live().rows(table)

    @contextmanager
    def shadow(self) -> Iterator[SqliteShadow]:
        with translated_errors(), self._shelf.locked(wait=False):
            build = self._shelf.blank()
            shadow = SqliteShadow(self.model, self._shelf, build)
            try:
                build.create(self.model)
                yield shadow
            finally:
                if not shadow.swapped:
                    self._shelf.discard(build)

    def close(self) -> None:
        self._shelf.close()

    def _live(self) -> SqliteBuild:
        live = self._shelf.live()
        if live is None:
            raise StoreError(f"read model {self.model.name} is gone", "open the store again")
        return live

    def _create(self) -> None:
        with self._shelf.locked(wait=True):
            if self._shelf.live() is None:
                build = self._shelf.blank()
                build.create(self.model)
                build.index(self.model)
                self._shelf.publish(build)

    def _check_version(self, build: SqliteBuild) -> None:
        if build.version != self.model.version:
            raise outdated(self.model)


class SqliteShadow:
    """A build that is not live yet."""

    def __init__(self, model: ReadModel, shelf: Shelf, build: SqliteBuild) -> None:
        self.swapped = False
        self._model = model
        self._shelf = shelf
        self._build = build

    def advance(self, position: int, to: Mark) -> AbstractContextManager[SqliteTransaction]:
        return self._build.advance(position, to)

    def rows(self, table: Table) -> Iterator[Sequence[tuple[Any, ...]]]:
        return self._build.rows(table)

    def finish(self) -> None:
        self._build.index(self._model)

    @contextmanager
    def hold_live(self) -> Iterator[Stored | None]:
        with ExitStack() as held:
            yield self._hold(held)

    def swap(self) -> None:
        self._shelf.publish(self._build)
        self.swapped = True

    def _hold(self, held: ExitStack) -> Stored | None:
        """A live build that cannot be read holds nobody back."""
        live = self._shelf.live()
        try:
            stored = held.enter_context(live.held()) if live is not None else None
        except (sqlite3.DatabaseError, TypeError):
            return None
        return stored if stored is not None and stored.version == self._model.version else None


@contextmanager
def translated_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(error) from error
    except OSError as error:
        raise StoreError(f"the read models cannot be reached: {error}", "check the folder beside the store") from error


def store_error(error: sqlite3.Error) -> StoreError:
    return StoreError(f"a read model failed: {error}", "see read-models status; a rebuild makes it anew from the log")


def outdated(model: ReadModel) -> StoreError:
    return StoreError(
        f"the tables of read model {model.name} are not of this version", "wait until the service has rebuilt them"
    )


def _shelf(model: ReadModel, folder: Path | None) -> Shelf:
    return MemoryShelf(model.name) if folder is None else FolderShelf(folder, model.name)
