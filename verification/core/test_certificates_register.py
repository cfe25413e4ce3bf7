"""What the register calls proved is proved: each instance is certified anew."""

import pytest

from geomdl.arithmetic import missing_extra
from geomdl.certificates import cli
from verification.machinery.register import load_register

pytestmark = pytest.mark.skipif(missing_extra("arb50") is not None, reason="extra `rigorous` is absent")

INSTANCES = [
    (claim.full_id, *instance.rpartition(": ")[::2])
    for claim in load_register().claims
    for instance in claim.proved
]


@pytest.mark.parametrize(("claim", "arguments", "status"), INSTANCES)
def test_instances_of_claims_end_in_the_recorded_status(claim: str, arguments: str, status: str) -> None:
    assert cli.main([*arguments.split(), "--quiet"]) == cli.EXIT_CODES[status]
