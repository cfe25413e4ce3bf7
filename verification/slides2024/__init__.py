"""Claims of the slides of the AMS Sectional Meeting, UT San Antonio, 2024."""
