"""Stage fetch: read the faces that params.yaml asks for."""

from sparsefaces.outputs_of_fetch import save_faces
from sparsefaces.params import load_params
from sparsefaces.sources import fetch_faces
from sparsefaces.stage import run


def main() -> None:
    """Leave faces.npy, faces.png and provenance.json in stages/fetch."""
    params = load_params()
    save_faces(fetch_faces(params.fetch, params.machine))


if __name__ == "__main__":
    run(main, stage="fetch")
