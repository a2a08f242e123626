"""Writes tests/golden/official.safetensors: one tensor of every type that is written, by safetensors 0.8.0.

usage: gen_safetensors.py OUT.safetensors      (pip install safetensors==0.8.0 numpy)

Tensor `t_TYPE` holds the bytes 0, 1, 2, ... (for BOOL 0 and 1), so that a test can write the same file.
"""
import sys

import numpy as np
from safetensors import TensorSpec, serialize_file

SHAPES = {
    "bool": [2], "uint8": [3], "int8": [1, 5], "int16": [2], "float16": [3], "bfloat16": [2, 1], "int32": [1],
    "float32": [2, 2], "float64": [], "int64": [0, 4],
}
BYTES = {"bool": 1, "uint8": 1, "int8": 1, "int16": 2, "float16": 2, "bfloat16": 2, "int32": 4, "float32": 4,
         "float64": 8, "int64": 8}

arrays = {name: np.arange(BYTES[name] * int(np.prod(shape)), dtype=np.uint8) for name, shape in SHAPES.items()}
serialize_file(
    {f"t_{name}": TensorSpec(dtype=name, shape=SHAPES[name], data_ptr=array.ctypes.data, data_len=array.nbytes)
     for name, array in arrays.items()}
    | {"a second f32 \"\\\n\u00e9": TensorSpec(dtype="float32", shape=[1], data_ptr=arrays["float32"].ctypes.data,
                                               data_len=4)},
    sys.argv[1], {"format": "pt"})
