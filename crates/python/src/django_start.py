"""Starts pytest for a Django project as its own runner would: with its settings, and a database for its tests.

Arguments: the folder of its modules, the module of its settings, and what pytest is given.
"""

import importlib.util
import os
import sys

folder, settings = sys.argv[1:3]
sys.path.insert(0, folder)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
if importlib.util.find_spec("django") and not importlib.util.find_spec("pytest_django"):
    import django
    from django.test import utils

    django.setup()
    if "--collect-only" not in sys.argv:
        utils.setup_test_environment()
        utils.setup_databases(verbosity=0, interactive=False)

import pytest

sys.exit(pytest.main(sys.argv[3:]))
