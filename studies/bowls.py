"""Second order: what curvature is worth in bowls of two parameters.

The chapter looks beyond gradient descent at methods that know how a cost is curved. In a round bowl the gradient points
at the minimum and all methods are alike. In a narrow one, a hundred times as steep in one direction as in the other, it
points at the opposite wall: descent must take steps that suit the steep direction and creeps along the other. Momentum
rolls along. Newton's method divides by the curvature, H⁻¹∇C, and is there at once; conjugate gradients reach the
minimum of any bowl of two parameters in two steps without H⁻¹, as Hessian-free optimisation does in a million; L-BFGS
learns the curvature from the gradients that it has seen. The last bowl, Rosenbrock's, is bent like a banana: its
curvature is another at every place, so that no step is the last.

This study has no data and no network: what it runs is a generator that yields the cost after each step.
"""

import numpy as np

from hpsearch import Comparison, Curves, Study

STEEP = {"round": 1.0, "narrow": 100.0}
RATES = {"round": 0.1, "narrow": 0.015, "bent": 0.001}


def bowl(kind, p):
    """Return the cost at p, its gradient and its Hessian; the minimum is 0, at (0, 0)."""
    x, y = p
    if kind != "bent":
        steep = STEEP[kind]
        return (x * x + steep * y * y) / 2, np.array([x, steep * y]), np.diag([1.0, steep])
    u = x + 1
    bend = y + 1 - u * u
    gradient = np.array([2 * x - 400 * u * bend, 200 * bend])
    return x * x + 100 * bend * bend, gradient, np.array([[2 - 400 * bend + 800 * u * u, -400 * u], [-400 * u, 200.0]])


def search(kind, p, d):
    """Return p after a step along d: the whole of it, or to the parabola's minimum, or more or less of it."""
    cost, gradient, hessian = bowl(kind, p)
    curvature = d @ hessian @ d
    lowest = -(gradient @ d) / curvature if curvature > 0 else 1.0
    alpha = min((1.0, lowest), key=lambda a: bowl(kind, p + a * d)[0])
    while bowl(kind, p + 2 * alpha * d)[0] < bowl(kind, p + alpha * d)[0]:
        alpha *= 2
    while alpha > 1e-12 and bowl(kind, p + alpha * d)[0] > cost + 1e-4 * alpha * (gradient @ d):
        alpha /= 2
    return p + alpha * d


def remembered(pairs, gradient):
    """Return H⁻¹∇C as L-BFGS knows it from the last steps and the changes of the gradient (Nocedal 1980)."""
    q, alphas = gradient.copy(), []
    for s, y in reversed(pairs):
        alphas.append((s @ q) / (s @ y))
        q -= alphas[-1] * y
    if pairs:
        s, y = pairs[-1]
        q *= (s @ y) / (y @ y)
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        q += (alpha - (y @ q) / (s @ y)) * s
    return q


def descent(trial):
    """Walk into a bowl by one of the methods, and yield the cost after each step."""
    kind, method = trial["bowl"], trial["method"]
    p, v, d, before, pairs = np.array([-2.0, 1.0]), np.zeros(2), np.zeros(2), None, []
    while True:
        _, gradient, hessian = bowl(kind, p)
        here = p
        if method in ("descent", "momentum"):
            v = (0.8 if method == "momentum" else 0.0) * v - RATES[kind] * gradient
            p = p + v
        elif method == "newton":
            d = -np.linalg.solve(hessian, gradient)
            p = search(kind, p, d if gradient @ d < 0 else -gradient)
        elif method == "conjugate gradients":
            beta = 0.0 if before is None else max(0.0, gradient @ (gradient - before) / max(before @ before, 1e-300))
            d = -gradient + beta * d
            p = search(kind, p, d if gradient @ d < 0 else -gradient)
        else:
            p = search(kind, p, -remembered(pairs, gradient))
        before = gradient
        change = bowl(kind, p)[1] - gradient
        if (p - here) @ change > 1e-300:
            pairs = [*pairs[-4:], (p - here, change)]
        yield {"cost": bowl(kind, p)[0], "distance": float(np.hypot(*p))}


study = Study(
    name="bowls",
    objective=descent,
    space=[{"bowl": [*RATES], "method": ["descent", "momentum", "newton", "conjugate gradients", "l-bfgs"]}],
    metric="cost",
    direction="minimize",
    epochs=40,
    comparison=Comparison(["cost", "distance"], at="last", plots=[Curves("cost", log=True)]),
)
