"""MLServer with a custom runtime. Its adaptive batching merges requests; it is switched on by the settings.

Tables come as one FP32 tensor, with categories already encoded: less work than the other servers have. Texts come as
BYTES, pictures as base64, as its protocol has it.
"""

from __future__ import annotations

import numpy as np
from mlserver import MLModel, types
from mlserver.codecs import Base64Codec, NumpyCodec, StringCodec

from benchmarks.peers.served import CARD, MODEL, load, pictures
from jubako.batch import of_texts
from jubako.models import Batch


class Runtime(MLModel):
    async def load(self) -> bool:
        self.model = load()
        return True

    async def predict(self, payload: types.InferenceRequest) -> types.InferenceResponse:
        outputs = self.model.predict(self._batch(payload.inputs[0]))
        return types.InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output(name="outputs", payload=outputs)]
        )

    @staticmethod
    def _batch(tensor: types.RequestInput) -> Batch:
        if CARD.media == "files":
            return MODEL.encode(pictures(Base64Codec.decode_input(tensor)))
        if tensor.datatype == "BYTES":
            return of_texts(StringCodec.decode_input(tensor))
        return np.asarray(NumpyCodec.decode_input(tensor), dtype=np.float32)
