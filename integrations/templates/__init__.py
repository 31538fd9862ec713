"""
The templates of `zebbra new`: a plugin of each family, and the files of its package.

The files are Python that is formatted, linted and type-checked here as it is. The generator
replaces names only: `DemoBooks` and `DemoPay`, their lower and upper case forms, and the
packages `integrations.templates.accounting` and `.payroll`. So that what comes out is as well
formatted as what went in, whatever the name: a line that holds a name stays within 100 columns
for a name of 24 letters, and what is broken over lines would not fit on one, or ends with a
comma.

A place that the author must fill in begins with a comment `FILL IN:`. It says what is needed
there and where providers document it.
"""
