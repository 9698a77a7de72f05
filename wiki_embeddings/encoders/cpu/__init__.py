"""The engine `cpu`: ONNX Runtime, in int8 where the processor is fast at it, else in float32."""
