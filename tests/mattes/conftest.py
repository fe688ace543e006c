"""How the tests of mattes find their networks (from onnx_files import network)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
