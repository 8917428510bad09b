"""What every test shares."""

import os

from hypothesis import settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# How long an example takes is the machine's affair.
settings.register_profile("wattstage", deadline=None)
settings.load_profile("wattstage")
