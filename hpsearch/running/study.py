"""The study that people import: the declaration of :mod:`hpsearch.study.study`, composed with what runs it.

It stands at the top of the house, so that no room below knows how a study is run; what they take and return is the
declaration, and :func:`dataclasses.replace` keeps the class of what it is given.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.errors import UserError
from hpsearch.study import study as declaration

if TYPE_CHECKING:
    from typing import Unpack

    from hpsearch.log.history import Trial
    from hpsearch.objectives.user_trial import UserTrial
    from hpsearch.running.options import RunOptions
    from hpsearch.running.result import Result


class Study(declaration.Study):  # noqa: D101 - what it is stands where its fields do
    __doc__ = declaration.Study.__doc__

    def run(self, root: str | Path = "mlruns", **options: Unpack[RunOptions]) -> Result:
        """Run or resume the study, as ``hpsearch run`` does, and return its result.

        Args:
            root: Folder that holds logs, checkpoints and MLflow's store.
            **options: The options of :class:`hpsearch.running.options.RunOptions`, such as ``workers=4``,
                ``quiet=True``, ``until=0.98`` or ``register="digits"``.

        Returns:
            The result; ``interrupted`` is set where Ctrl-C ended the run early.

        Raises:
            UserError: The study, its data or the root do not allow it to run.
            StudyFailed: Every trial failed.

        Examples:
            >>> from hpsearch import Float, Study
            >>> def objective(trial):
            ...     for epoch in (1, 2, 3):
            ...         yield trial["x"] * epoch
            >>> study = Study("rising", objective=objective, space={"x": Float(0, 1)}, n_trials=8, pruner="median")
            >>> result = study.run(tracking=False, quiet=True)
            >>> result.interrupted, len(result.trials)
            (False, 8)
        """
        from hpsearch.running.api import run  # slow to import, and not needed to declare a study
        from hpsearch.running.spoken import in_python

        _quiet_bars()
        try:
            return run(self, root, **options)
        except UserError as error:
            if (message := in_python(str(error))) == str(error):
                raise
            raise UserError(message) from error

    def _repr_html_(self) -> str:
        from hpsearch.report.notebook import study_html

        return study_html(self)

    def stop(self) -> None:
        """End a run of this study that is under way in this process, once what trains now is done, as a timeout does.

        To be called from an objective, a callback or another thread. The trials that run wait: the same call of
        ``run`` goes on where this one ended.

        Raises:
            UserError: No run of it is under way in this process; a worker process runs none.

        Examples:
            >>> from hpsearch import Float, Study
            >>> def objective(trial):
            ...     if trial.number == 2:
            ...         study.stop()
            ...     return trial["x"]
            >>> study = Study("three_suffice", objective=objective, space={"x": Float(0, 1)}, n_trials=100, lanes=1)
            >>> result = study.run(tracking=False, quiet=True)
            >>> len(result.trials)
            3
        """
        from hpsearch.running import under_way

        under_way.stop(self)

    def ask(self, root: str | Path = "mlruns") -> UserTrial | None:
        """Begin a trial that is trained elsewhere, of a study with neither a model nor an objective.

        It is in the study's log before it is returned; several may be open at a time, and one that nobody told of is
        among the :meth:`open_trials` for ever. The same asks and tells, in the same order, give the same study.

        Args:
            root: Folder that holds logs and MLflow's store.

        Returns:
            The trial: ``trial["x"]`` reads a parameter, ``trial.report(value)`` says what an epoch brought. None where
            all trials have begun, or the study has reached what stops it.

        Raises:
            UserError: The study trains by itself, or its log is of another study.
            StudyFailed: All of its first trials failed.

        Examples:
            >>> from hpsearch import Float, Study
            >>> study = Study("elsewhere", space={"x": Float(0, 1, step=0.5)}, sampler="grid", direction="maximize")
            >>> trial = study.ask()
            >>> trial.number, trial["x"]
            (0, 0.0)
            >>> study.tell(trial, 0.25).state
            'COMPLETE'
        """
        from hpsearch.running.asking import session

        return session(self, root).ask()

    def tell(
        self,
        trial: UserTrial | int,
        value: Any = None,
        *,
        state: Any = "complete",
        reason: str | None = None,
        root: str | Path | None = None,
    ) -> Trial:
        """Tell how a trial that was asked for ended.

        A trial that the study has pruned meanwhile stays pruned, whatever is told of it.

        Args:
            trial: What :meth:`ask` returned, or its number.
            value: Its metrics: a number, a dict, or a tuple for several metrics; nothing where it has reported them.
            state: ``complete``, ``pruned`` (its point is not worth training) or ``failed``; or one of Optuna's states.
            reason: Why it failed or was pruned.
            root: Where the study is; by default where the trial was asked for, else ``mlruns``.

        Returns:
            The trial as the log has it, with its ``state`` and ``value``.

        Raises:
            UserError: There is no such trial, it has ended, or what is told is not what the study is after.

        Examples:
            >>> from hpsearch import Float, Study
            >>> study = Study("told", space={"x": Float(0, 1, step=0.5)}, sampler="grid")
            >>> ended = study.tell(study.ask(), state="failed", reason="the machine ran out of memory")
            >>> ended.state, ended.decision.reason
            ('FAILED', 'the machine ran out of memory')
        """
        from hpsearch.running import asking

        return asking.tell(self, trial, value, state, reason, root)

    def open_trials(self, root: str | Path = "mlruns") -> list[UserTrial]:
        """Return the trials that were asked for and not told of, by number: also those of a process that was killed.

        Args:
            root: Folder that holds logs and MLflow's store.

        Examples:
            >>> from hpsearch import Float, Study
            >>> study = Study("left_open", space={"x": Float(0, 1, step=0.5)}, sampler="grid")
            >>> first, second = study.ask(), study.ask()
            >>> told = study.tell(first, 1.0)
            >>> [trial.number for trial in study.open_trials()]
            [1]
        """
        from hpsearch.running.asking import session

        return session(self, root).open_trials()


def _quiet_bars() -> None:
    """Import tqdm before Optuna does: in a notebook without widgets it warns of bars that nothing here draws."""
    if "ipykernel" in sys.modules and find_spec("ipywidgets") is None and find_spec("tqdm") is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import_module("tqdm.auto")
