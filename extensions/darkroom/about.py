"""What both processes know of the schedule."""

COSINE = "Cosine"
EXPLAINED = "As a cosine in log sigma: many steps at both ends, few between"
