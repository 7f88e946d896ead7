"""All runs and experiments of MLflow, which returns a thousand at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

PAGE = 1000
"""Runs or experiments in one answer."""


def runs_of(client: Any, experiments: Sequence[str], query: str, *, deleted: bool = False) -> Iterator[Any]:
    """Yield the runs of some experiments that match a filter; they are requested a page at a time.

    Args:
        client: An MlflowClient.
        experiments: Ids of experiments; none gives no run.
        query: The filter, in MLflow's syntax.
        deleted: Whether to yield deleted runs, too.
    """
    from mlflow.entities import ViewType

    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    token: str | None = None
    while experiments:
        page = client.search_runs(list(experiments), query, view, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def experiments_of(client: Any) -> list[str]:
    """Return the ids of all experiments that nobody has deleted."""
    ids: list[str] = []
    token: str | None = None
    while True:
        page = client.search_experiments(max_results=PAGE, page_token=token)
        ids += [experiment.experiment_id for experiment in page]
        token = page.token
        if not token:
            return ids
