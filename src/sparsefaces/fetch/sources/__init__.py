"""Where faces come from: one module per source, and the choice between them."""

from sparsefaces.base.params import FetchParams, MachineParams
from sparsefaces.fetch.sources.faces import Faces, UnreachableError

__all__ = ["Faces", "fetch_faces"]


def fetch_faces(params: FetchParams, machine: MachineParams) -> Faces:
    """Read the faces that the parameters ask for.

    If LFW cannot be reached and `params.fallback` is orl, the embedded ORL faces are read instead, whole
    (a crop belongs to the images of the wanted source), and the result says so.

    Args:
        params: Source, fallback, crop and size.
        machine: Where else LFW may be had, and how long a download may stay silent.

    Raises:
        UserError: The source is unreachable without a fallback, damaged or unfit.
    """
    # The sources need packages that are slow to import, and other stages only want the type `Faces`.
    from sparsefaces.fetch.sources import folder, orl  # noqa: PLC0415

    if params.source == "orl":
        return orl.read(params.crop, params.resize)
    if params.source == "folder":
        return folder.read(params.folder, params.crop, params.resize)
    from sparsefaces.fetch.sources import lfw  # noqa: PLC0415 - by scikit-learn, which takes a second

    try:
        return lfw.read(params.crop, params.resize, machine.lfw_mirror, machine.download_timeout)
    except UnreachableError:
        if params.fallback == "none":
            raise
        return orl.read(None, params.resize)._replace(requested="lfw", fallback_reason="LFW could not be downloaded")
