"""
The employees of the invented companies.

All dates follow from the calendar year of the emulator's day, so that figures of past months
do not change from one day to the next; only future events move with the day.
"""

from datetime import date
from decimal import Decimal

from integrations.contracts import add_months, month_start
from integrations.gusto.sandbox.people import Job, Pay, Person, Stint

ACME = "Acme Trading Inc (sandbox)"
HARBOR = "Harbor Coffee LLC (sandbox)"

_SALARIED = (
    ("Amara", "Okafor", "Sales", "Account Executive", 84000),
    ("Ben", "Lindqvist", "Sales", "Account Executive", 78000),
    ("Chloe", "Marchetti", "Sales", "Sales Manager", 114000),
    ("Dmitri", "Volkov", "Sales", "Sales Engineer", 102000),
    ("Elena", "Castillo", "Sales", "Account Executive", 81600),
    ("Farid", "Haddad", "Engineering", "Software Engineer", 138000),
    ("Grace", "Whitfield", "Engineering", "Software Engineer", 132000),
    ("Hiro", "Tanaka", "Engineering", "Staff Engineer", 168000),
    ("Ines", "Barbosa", "Engineering", "Engineering Manager", 174000),
    ("Jonas", "Keller", "Engineering", "Software Engineer", 126000),
    ("Keiko", "Mori", "Engineering", "Quality Engineer", 105600),
    ("Liam", "Gallagher-Reyes", "Engineering", "Software Engineer", 129600),
    ("Maya", "Rosenthal", "Engineering", "Designer", 111600),
    ("Noah", "Abernathy", "Finance", "Controller", 120000),
    ("Olivia", "Santoro", "Finance", "Accountant", 75600),
    ("Priya", "Raman", "Finance", "Analyst", 87600),
    ("Quentin", "Dubois", "Operations", "Operations Manager", 93600),
    ("Rosa", "Delgado", "Operations", "Buyer", 68400),
    ("Stefan", "Nowak", "Operations", "Logistics Planner", 64800),
    ("Tessa", "Van Houten", "Marketing", "Marketing Manager", 98400),
    ("Uma", "Pillai", "Marketing", "Content Writer", 66000),
    ("Victor", "Ó Briain", "Marketing", "Brand Designer", 72000),
)
"""Their yearly salaries are multiples of 1,200, so that a month is exact."""


def acme(today: date) -> list[Person]:
    """Return the 33 people of a trading company that pays every other week."""
    year = today.year
    founded = date(year - 3, 1, 1)
    people = [
        _person(
            first, last, department, Stint(date(year - 3, 1 + index % 6, 1)), title, str(salary)
        )
        for index, (first, last, department, title, salary) in enumerate(_SALARIED)
    ]
    soon, later = month_start(add_months(today, 2)), add_months(today, 1)
    people += [
        # Three rises, of which the last is agreed and still to come.
        Person(
            ACME, "Wanda", "Kowalczyk", "Engineering", (Stint(date(year - 3, 2, 14)),),
            (
                Job(
                    "Software Engineer",
                    date(year - 3, 2, 14),
                    (
                        Pay(date(year - 3, 2, 14), "96000.00", "Year", Decimal("8000.00")),
                        Pay(date(year - 2, 4, 1), "102000.00", "Year", Decimal("8500.00")),
                        Pay(date(year - 1, 7, 16), "111000.00", "Year", Decimal("9250.00")),
                        Pay(soon, "120000.00", "Year", Decimal("10000.00")),
                    ),
                ),
            ),
        ),
        # By the hour: 40 hours in 52 weeks, a twelfth of it. Pay agreed after the first day.
        Person(
            ACME, "Xavier", "Thibodeaux", "Operations", (Stint(date(year - 2, 9, 9)),),
            (
                Job(
                    "Warehouse Associate",
                    date(year - 2, 9, 9),
                    (
                        Pay(date(year - 2, 9, 16), "22.00", "Hour", Decimal("3813.33")),
                        Pay(date(year - 1, 10, 1), "23.75", "Hour", Decimal("4116.67")),
                    ),
                ),
            ),
        ),
        # By the week, with the rate that came out in two ways elsewhere.
        Person(
            ACME, "Yusuf", "Demir", "Operations", (Stint(date(year - 2, 1, 15)),),
            (_job("Driver", date(year - 2, 1, 15), "854.80", "Week", "3704.13"),),
        ),
        Person(
            ACME, "Zoe", "Fitzgerald", "Marketing", (Stint(date(year - 2, 5, 1)),),
            (_job("Photographer", date(year - 2, 5, 1), "5150.00", "Month", "5150.00"),),
        ),
        # The owner draws a paycheck: 26 of them a year.
        Person(
            ACME, "Adele", "Northcote", "Management", (Stint(founded),),
            (_job("Owner", founded, "3000.00", "Paycheck", "6500.00"),),
        ),
        # Left for good.
        Person(
            ACME, "Boris", "Hallström", "Sales", (Stint(date(year - 3, 3, 1), date(year - 1, 8, 15)),),
            (_job("Account Executive", date(year - 3, 3, 1), "90000.00", "Year", "7500.00"),),
        ),
        Person(
            ACME, "Carmen", "Iglesias", "Finance", (Stint(date(year - 3, 1, 10), date(year - 3, 11, 30)),),
            (_job("Bookkeeper", date(year - 3, 1, 10), "60000.00", "Year", "5000.00"),),
        ),
        # Left, came back at better pay, and is about to leave again.
        Person(
            ACME, "Dana", "Oyelaran", "Operations",
            (Stint(date(year - 3, 6, 1), date(year - 2, 12, 31)), Stint(date(year - 1, 3, 17), later)),
            (
                Job(
                    "Operations Analyst",
                    date(year - 3, 6, 1),
                    (
                        Pay(date(year - 3, 6, 1), "66000.00", "Year", Decimal("5500.00")),
                        Pay(date(year - 2, 6, 1), "69000.00", "Year", Decimal("5750.00")),
                        Pay(date(year - 1, 3, 17), "78000.00", "Year", Decimal("6500.00")),
                    ),
                ),
            ),
        ),
        # Two jobs at once for a year and a half.
        Person(
            ACME, "Emeka", "Nwosu", "Operations", (Stint(date(year - 2, 2, 1)),),
            (
                _job("Shift Lead", date(year - 2, 2, 1), "26.00", "Hour", "4506.67"),
                _job("Forklift Trainer", date(year - 1, 5, 5), "9.30", "Hour", "1612.00"),
            ),
        ),
        # Starts in the month after next.
        Person(
            ACME, "Freya", "Halvorsen", "Engineering", (Stint(soon),),
            (_job("Data Engineer", soon, "132000.00", "Year", "11000.00"),),
        ),
        # Invited, and without a job so far.
        Person(ACME, "Gabriel", "Moreau", "Sales", (Stint(soon),), (), onboarded=False),
    ]  # fmt: skip
    return people


def harbor(today: date) -> list[Person]:
    """Return the six people of a coffee bar that pays twice a month."""
    year = today.year
    opened = date(year - 2, 5, 1)
    return [
        Person(
            HARBOR, "Hana", "Sorensen", "Management", (Stint(opened),),
            (_job("Owner", opened, "2500.00", "Paycheck", "5000.00"),),
        ),
        Person(
            HARBOR, "Ivan", "Petrov", "Bar", (Stint(opened),),
            (_job("Head Barista", opened, "24.50", "Hour", "4246.67"),),
        ),
        Person(
            HARBOR, "Jade", "Whitmore", "Bar", (Stint(date(year - 1, 6, 3)),),
            (_job("Barista", date(year - 1, 6, 3), "18.25", "Hour", "3163.33"),),
        ),
        Person(
            HARBOR, "Kofi", "Mensah", "Bar",
            (Stint(date(year - 2, 6, 1), date(year - 2, 9, 30)), Stint(date(year - 1, 6, 2))),
            (_job("Barista", date(year - 2, 6, 1), "18.00", "Hour", "3120.00"),),
        ),
        Person(
            HARBOR, "Lena", "Brandt", "Kitchen", (Stint(date(year - 2, 11, 15)),),
            (_job("Baker", date(year - 2, 11, 15), "1100.00", "Week", "4766.67"),),
        ),
        Person(
            HARBOR, "Mateo", "Quispe", "Kitchen", (Stint(date(year - 2, 5, 20), date(year - 1, 2, 20)),),
            (_job("Kitchen Porter", date(year - 2, 5, 20), "17.00", "Hour", "2946.67"),),
        ),
    ]  # fmt: skip


def _job(title: str, since: date, rate: str, unit: str, monthly: str) -> Job:
    return Job(title, since, (Pay(since, rate, unit, Decimal(monthly)),))


def _person(
    first: str, last: str, department: str, stint: Stint, title: str, salary: str
) -> Person:
    monthly = str(Decimal(salary) / 12)
    job = _job(title, stint.start, f"{salary}.00", "Year", monthly)
    return Person(ACME, first, last, department, (stint,), (job,))
