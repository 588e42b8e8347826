"""What was built."""

from . import __version__ as __version__

cuda = None
hip = None
debug = False
