"""What contracts over all optimizers need to know of them."""

from hpsearch.models.combinations import FULL_BATCH
from hpsearch.models.optimizers import OPTIMIZERS

FIRST_ORDER = [name for name, optimizer in OPTIMIZERS.items() if name != "hessian_free" and not optimizer.iterates]
"""Those whose step is a formula of one mini-batch's gradient."""


def going_along(params):
    """Return parameters without those that do not go with their optimizer."""
    if not OPTIMIZERS[params["optimizer"]].iterates:
        return params
    return {name: value for name, value in params.items() if name not in FULL_BATCH or FULL_BATCH[name][0](value)}
