import os


def is_main_process():
    return os.environ.get("RANK", "0") == "0"
