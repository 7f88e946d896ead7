"""The view of a study in MLflow's interface that our link opens: its runs unfolded, the best first, with charts.

MLflow stores a shared view as a tag of the experiment, and a link refers to it by the tag's name. A version of MLflow
that does not have shared views opens its own view.
"""

from __future__ import annotations

import json

from hpsearch.log.records import Header
from hpsearch.study.declared import Declaration
from hpsearch.tracking.spelling import key

KEY = "hpsearch"
"""The name of the view in a link."""

TAG = f"mlflow.sharedViewState.{KEY}"

MOST_CHARACTERS = 5000
"""Characters that a tag of an experiment may have in MLflow."""

MOST_PARAMS = 20
"""Parameters that have a column at most."""


def view_json(header: Header, run: str) -> str:
    """Return the view of a study's runs as JSON, the value of MLflow's tag.

    Args:
        header: The header of the study's log.
        run: Id of the study's own run, which is unfolded.
    """
    declared = Declaration.of(header.declaration)
    metrics = [declared.metric] if isinstance(declared.metric, str) else list(declared.metric)
    direction = declared.direction if isinstance(declared.direction, str) else declared.direction[0]
    columns = ["attributes.`Created`", "attributes.`Duration`"]
    columns += [f"metrics.`{key(name)}`" for name in ("best_value", "best_epoch", *metrics)]
    columns += [f"params.`{key(name)}`" for name in list(declared.dimensions)[:MOST_PARAMS]]
    columns += [f"tags.`{name}`" for name in ("state", "hpsearch.reason", "hpsearch.diagnosis")]
    view = _state_json(columns, run, ascending=direction == "minimize")
    while len(view) > MOST_CHARACTERS:  # names may be long: the last parameters go
        del columns[-4]
        view = _state_json(columns, run, ascending=direction == "minimize")
    return view


def _state_json(columns: list[str], run: str, *, ascending: bool) -> str:
    return json.dumps(
        {
            "searchFilter": "",
            "orderByKey": "metrics.`best_value`",
            "orderByAsc": ascending,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "modelVersionFilter": "All Runs",
            "datasetsFilter": [],
            "selectedColumns": columns,
            "columnOrder": [],
            "columnWidths": {},
            "runsExpanded": {run: True},
            "runsPinned": [],
            "runsHidden": [],
            "runsVisibilityMap": {},
            "runsHiddenMode": "FIRST_20_RUNS",
            "viewMaximized": False,
            "runListHidden": False,
            "isAccordionReordered": False,
            "useGroupedValuesInCharts": True,
            "hideEmptyCharts": True,
            "groupBy": None,
            "groupsExpanded": {},
            "autoRefreshEnabled": True,
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )


def runs_address(base: str, experiment: str) -> str:
    """Return the address of a study's runs in MLflow's interface, as charts, in our view.

    Args:
        base: The address of MLflow's interface.
        experiment: The experiment's id.
    """
    page = f"{base}/#/experiments/{experiment}/runs"
    return f"{page}?workflowType=machine_learning&compareRunsMode=CHART&viewStateShareKey={KEY}"
