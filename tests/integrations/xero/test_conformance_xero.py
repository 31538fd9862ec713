from integrations.testing import conformance_tests
from integrations.xero import PLUGIN

TestConformance = conformance_tests(PLUGIN)
