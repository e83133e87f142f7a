"""Stage fetch: read the faces that params.yaml asks for."""

from sparsefaces.base.params import load_params
from sparsefaces.base.script import run
from sparsefaces.fetch.outputs import save_faces
from sparsefaces.fetch.sources import fetch_faces


def main() -> None:
    """Leave faces.npy, faces.png and provenance.json in stages/fetch."""
    params = load_params()
    save_faces(fetch_faces(params.fetch, params.machine))


if __name__ == "__main__":
    run(main, stage="fetch")
