"""The engine `cuda`: PyTorch on an NVIDIA GPU, with sequences packed without padding."""
