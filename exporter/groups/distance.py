"""How far the members of a group are, together, from what is ordinary for them together."""

import numpy as np

from exporter.groups.moments import Floats


def distances(matrix: Floats, points: Floats) -> Floats:
    """Return squared Mahalanobis distances, (groups, points), for points (groups, members, points).

    `matrix` is (groups, members, members), positive definite.
    """
    solved = np.linalg.solve(matrix, points)
    result: Floats = np.maximum(np.einsum("gmp,gmp->gp", points, solved), 0)
    return result


def standard(squares: Floats, members: Floats) -> Floats:
    """Turn distances (groups, points) of (groups,) members into about normal variables.

    The cube root of a chi-squared variable is nearly normal (Wilson and Hilferty 1931), and for
    heavier tails than the normal distribution's it keeps the extremes in bounds.
    """
    spread = (2 / (9 * np.maximum(members, 1)))[:, None].astype(np.float32)
    roots: Floats = np.cbrt(squares / np.maximum(members, 1)[:, None])
    result: Floats = ((roots - (1 - spread)) / np.sqrt(spread)).astype(np.float32)
    return result


def contributions(matrix: Floats, points: Floats) -> Floats:
    """Return what each member gave to the distance of points (groups, members): parts of 1.

    d_i times (S^-1 d)_i adds up to the distance too, yet may be negative, which nobody can
    read. The squares of S^-1/2 d cannot: each is of the one whitened variable that is most
    correlated with its member (Garthwaite and Koch 2016; Kessy, Lewin and Strimmer 2018).
    """
    sizes, axes = np.linalg.eigh(matrix)
    along = np.einsum("gmk,gm->gk", axes, points) / np.sqrt(np.maximum(sizes, 1e-6))
    squares = np.einsum("gmk,gk->gm", axes, along) ** 2
    result: Floats = squares / np.maximum(squares.sum(1, keepdims=True), 1e-12)
    return result
