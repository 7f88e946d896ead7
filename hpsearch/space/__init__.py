"""What is searched: dimensions, the space that they form, and the constraints on its points."""

from __future__ import annotations

from hpsearch.space.space import (
    Choice as Choice,
)
from hpsearch.space.space import (
    Dimension as Dimension,
)
from hpsearch.space.space import (
    Float as Float,
)
from hpsearch.space.space import (
    Int as Int,
)
from hpsearch.space.space import (
    Space as Space,
)
from hpsearch.space.space import (
    SpaceFunction as SpaceFunction,
)
from hpsearch.space.space import (
    active as active,
)
from hpsearch.space.space import (
    behind as behind,
)
from hpsearch.space.space import (
    check_point as check_point,
)
from hpsearch.space.space import (
    check_space as check_space,
)
from hpsearch.space.space import (
    check_value as check_value,
)
from hpsearch.space.space import (
    from_json as from_json,
)
from hpsearch.space.space import (
    from_units as from_units,
)
from hpsearch.space.space import (
    is_active as is_active,
)
from hpsearch.space.space import (
    restore as restore,
)
from hpsearch.space.space import (
    to_json as to_json,
)
