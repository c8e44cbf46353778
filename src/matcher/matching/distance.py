"""Great-circle distances by the chord through the sphere.

The chord between unit vectors needs no latitude of reference, so that it is as exact across a
country as across a street. Distances are whole metres: every later comparison is exact.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["EARTH_RADIUS_M", "arc_m", "chord_limit", "sphere_xyz", "travel_min"]

EARTH_RADIUS_M = 6_371_008.8  # mean radius R1 of the WGS-84 ellipsoid


def sphere_xyz(latitude: ArrayLike, longitude: ArrayLike) -> NDArray[np.float64]:
    """Return points on the sphere, in metres from its centre.

    Parameters
    ----------
    latitude, longitude
        Degrees, shape (n,).

    Returns
    -------
    Shape (n, 3).
    """
    phi, lam = np.radians(np.asarray(latitude, float)), np.radians(np.asarray(longitude, float))
    ring = np.cos(phi)
    return EARTH_RADIUS_M * np.stack([ring * np.cos(lam), ring * np.sin(lam), np.sin(phi)], axis=-1)


def arc_m(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return great-circle distances in whole metres between points of ``sphere_xyz``, pair by pair."""
    chord = np.sqrt(((a - b) ** 2).sum(axis=-1))
    metres: NDArray[np.int64] = np.rint(
        2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, chord / (2 * EARTH_RADIUS_M)))
    ).astype(np.int64)
    return metres


def chord_limit(distance_m: ArrayLike) -> NDArray[np.float64]:
    """Return the chord in metres that no pair within ``distance_m`` (whole metres) exceeds."""
    half = (np.asarray(distance_m, float) + 1.0) / (2 * EARTH_RADIUS_M)
    return 2 * EARTH_RADIUS_M * np.sin(np.minimum(half, np.pi / 2))


def travel_min(distance_m: NDArray[np.int64] | np.int64, speed: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Return the whole minutes that ways take at ``speed`` metres an hour, rounded up."""
    return np.asarray(-(-distance_m * 60 // speed), np.int64)
