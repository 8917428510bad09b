"""What runs inside somebody else's program: it marks the program's stages, and changes nothing.

Everything here needs Python 3.8 and the standard library, and imports relatively, because it is
loaded under another name than ``monitor``.
"""
