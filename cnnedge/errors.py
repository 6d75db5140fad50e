"""Every error that a caller of cnnedge might catch.

CnnedgeError                exit code 1: it failed
├── UsageError              exit code 2: the request itself is wrong (unknown name, contradictory options)
├── DataError               a dataset cannot be had, or is not what it should be
│   └── ImageError          one image cannot be decoded
├── CameraError             a camera cannot be opened, or stopped
├── ModelError              a model file cannot be read or used
├── ConversionError         a model could not be converted to the format asked for
├── FileExistsRefusal       the output exists and --overwrite was not given
├── MissingPackageError     an optional package is not installed
└── GateError               exit code 3: it ran, and a limit that the user asked for was not met

A message is one line: what came, what was expected, what to do. ``ValueError`` stays for arguments that only a
programmer can get wrong.
"""


class CnnedgeError(Exception):
    exit_code = 1


class UsageError(CnnedgeError):
    exit_code = 2


class DataError(CnnedgeError):
    pass


class ImageError(DataError):
    pass


class CameraError(CnnedgeError):
    pass


class ModelError(CnnedgeError):
    pass


class ConversionError(CnnedgeError):
    pass


class FileExistsRefusal(CnnedgeError):
    pass


class MissingPackageError(CnnedgeError):
    """An optional package is absent. ``extra`` names the install extra that brings it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed, and this command needs it: pip install 'cnnedge[{extra}]'")
        self.package = package
        self.extra = extra


class GateError(CnnedgeError):
    exit_code = 3
