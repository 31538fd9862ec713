import pytest

from integrations.testing import conformance_tests
from integrations.xero import PLUGIN

pytestmark = pytest.mark.every_python
TestConformance = conformance_tests(PLUGIN)
