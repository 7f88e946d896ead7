"""How MLflow's page of a study looks when it is opened by our link: its runs unfolded, the best first, with charts.

MLflow keeps a view that people share as a tag of the experiment, by which a link finds it; ours is such a view. A
version of MLflow that does not know of them shows its own.
"""

from __future__ import annotations

import json

from hpsearch.log.records import Header
from hpsearch.study.declared import Declaration
from hpsearch.tracking.spelling import key

KEY = "hpsearch"

TAG = f"mlflow.sharedViewState.{KEY}"

LONGEST = 5000
"""Characters that MLflow takes as a tag of an experiment."""

COLUMNS = 20
"""Most parameters that have columns of their own."""


def view(header: Header, run: str) -> str:
    """Return the view of a study's runs, as the text of MLflow's tag.

    Args:
        header: The study's.
        run: Id of the study's own run, which is unfolded.
    """
    declared = Declaration.of(header.declaration)
    metrics = [declared.metric] if isinstance(declared.metric, str) else list(declared.metric)
    direction = declared.direction if isinstance(declared.direction, str) else declared.direction[0]
    columns = ["attributes.`Created`", "attributes.`Duration`"]
    columns += [f"metrics.`{key(name)}`" for name in ("best_value", "best_epoch", *metrics)]
    columns += [f"params.`{key(name)}`" for name in list(declared.dimensions)[:COLUMNS]]
    columns += [f"tags.`{name}`" for name in ("state", "hpsearch.reason", "hpsearch.diagnosis")]
    text = _text(columns, run, ascending=direction == "minimize")
    while len(text) > LONGEST:  # names may be long: the last parameters go
        del columns[-4]
        text = _text(columns, run, ascending=direction == "minimize")
    return text


def _text(columns: list[str], run: str, *, ascending: bool) -> str:
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


def address(base: str, experiment: str) -> str:
    """Return the address of a study's runs: of its kind of page, as charts, in our view.

    Args:
        base: Where MLflow's interface is.
        experiment: The experiment's id.
    """
    page = f"{base}/#/experiments/{experiment}/runs"
    return f"{page}?workflowType=machine_learning&compareRunsMode=CHART&viewStateShareKey={KEY}"
