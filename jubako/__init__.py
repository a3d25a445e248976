"""What ships in the Bento. Whatever is imported after this tells nobody that it was used, unless somebody says so."""

import os

# Importing ONNX Runtime is enough: since 1.29 it keeps an id of the machine in the home folder and sends events.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
