"""Containers."""

from .._container import ModuleDict as ModuleDict
from .._container import ModuleList as ModuleList
from .._container import ParameterDict as ParameterDict
from .._container import ParameterList as ParameterList
from .._container import Sequential as Sequential
