"""The toys that every broken one is made from pass all checks themselves."""

from support.conformance_toys import PAYROLL_PLUGIN, PLUGIN

from integrations.testing import conformance_tests

TestPocketbooks = conformance_tests(PLUGIN)
TestPocketpay = conformance_tests(PAYROLL_PLUGIN)
