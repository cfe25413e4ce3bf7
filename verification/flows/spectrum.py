"""Singular values of D along the orbits: the rank stays, the condition number moves.

The laws of the adapted flow hold as long as D[theta(s)] has rank QN. Singular values are those of D
itself (of D D^T, half of the digits would be lost), at theta on the orbits of both flows, at times that
are about evenly spaced; of each spectrum the data file keeps seven. An index is counted as part of the
rank when sigma_i / sigma_1 is above QN u, u the unit roundoff.
"""

from __future__ import annotations

import numpy as np

from geomdl import FLOAT64
from verification.flows.courses import END, FLOWS, chosen, course, drawn, real_scenes, title
from verification.precision.tables import Result, Settings, Value, aligned, counted

TIMES = np.linspace(0, END, 9)
SHARES = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1)


def run(settings: Settings) -> Result:
    """Compute spectra along both flows."""
    rows: list[tuple[Value, ...]] = []
    body: list[list[Value]] = []
    cases = [(scene, flow) for scene in real_scenes(settings) for flow in FLOWS]
    for scene, flow in counted(cases, settings, "spectrum: orbit"):
        at, found = drawn(scene, settings.seed), course(scene, flow, settings.seed)
        kept = chosen(found.times, TIMES)
        spectra = []
        for theta in found.orbit.thetas[kept]:
            jacobian = at.problem.linearize(theta).jacobian()
            spectra.append(np.linalg.svd(jacobian, compute_uv=False))
        sigma = np.array(spectra)
        size = sigma.shape[1]
        for time, spectrum in zip(found.times[kept], sigma, strict=True):
            for index in (round(share * (size - 1)) for share in SHARES):
                rows.append((title(scene), flow, float(time), index + 1, size, float(spectrum[index])))
        ranks = np.sum(sigma > size * FLOAT64.unit_roundoff * sigma[:, :1], axis=1)
        kappa = sigma[:, 0] / sigma[:, -1]
        numbers = (sigma[0, 0], sigma[0, -1], sigma[:, -1].min(), kappa[0], kappa.max(), kappa[-1])
        body.append([title(scene), flow, size, int(ranks.min()), *map(float, numbers)])
    columns = {
        "data": "set of scikit-learn",
        "flow": "adapted or standard",
        "time": "s / N",
        "index": "of the singular value, descending from 1",
        "QN": "number of singular values",
        "sigma": "singular value of D",
    }
    head = ["data", "flow", "QN", "least rank", "sigma_1", "sigma_QN", "least sigma_QN", "kappa",
            "largest kappa", "last kappa"]  # fmt: skip
    note = "sigma_1, sigma_QN, kappa at the start; least and largest over the times looked at"
    return Result(columns, rows, [note, "", *aligned(head, body), ""])
