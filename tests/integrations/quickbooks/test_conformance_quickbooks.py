from integrations.quickbooks import PLUGIN
from integrations.testing import conformance_tests

TestConformance = conformance_tests(PLUGIN)
