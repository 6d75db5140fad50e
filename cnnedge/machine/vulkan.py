"""The devices that Vulkan offers, by the Vulkan loader itself.

On Linux, WebGPU (LiteRT's GPU accelerator, ONNX Runtime's WebGPU provider) stands on Vulkan. A machine without a GPU
may have a driver that draws on the CPU (llvmpipe, SwiftShader): WebGPU takes it without a word, and its figures are
those of a CPU. Elsewhere (Metal, Direct3D) there is no such loader, and nothing is told.
"""

import ctypes
from dataclasses import dataclass

# Numbers of the Vulkan 1.0 headers.
_INSTANCE_CREATE_INFO = 1  # VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO
_TYPE_CPU = 4  # VK_PHYSICAL_DEVICE_TYPE_CPU
# VkPhysicalDeviceProperties: four uint32, the type at 16, 256 bytes of name at 20; 824 bytes in all on 64 bits.
_PROPERTIES_BYTES, _TYPE_AT, _NAME_AT, _NAME_BYTES = 824, 16, 20, 256


@dataclass(frozen=True)
class Adapter:
    """One device; ``software`` says that it is the CPU."""

    name: str
    software: bool


class _CreateInfo(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.c_void_p),
        ("layers", ctypes.c_uint32),
        ("layer_names", ctypes.c_void_p),
        ("extensions", ctypes.c_uint32),
        ("extension_names", ctypes.c_void_p),
    )


def adapters() -> list[Adapter]:
    """Every Vulkan device; none without a loader or a driver."""
    try:
        vulkan = ctypes.CDLL("libvulkan.so.1")
    except OSError:
        return []
    instance = ctypes.c_void_p()
    if vulkan.vkCreateInstance(ctypes.byref(_CreateInfo(type=_INSTANCE_CREATE_INFO)), None, ctypes.byref(instance)):
        return []
    try:
        return [_adapter(vulkan, device) for device in _devices(vulkan, instance)]
    finally:
        vulkan.vkDestroyInstance(instance, None)


def software_adapter() -> str | None:
    """The name of the device that WebGPU takes, if it can only be the CPU; None where there is a GPU, or nothing."""
    found = adapters()
    return found[0].name if found and all(adapter.software for adapter in found) else None


def _devices(vulkan: ctypes.CDLL, instance: ctypes.c_void_p) -> list[ctypes.c_void_p]:
    count = ctypes.c_uint32()
    vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None)
    handles = (ctypes.c_void_p * count.value)()
    vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), handles)
    return [ctypes.c_void_p(handle) for handle in handles[: count.value]]


def _adapter(vulkan: ctypes.CDLL, device: ctypes.c_void_p) -> Adapter:
    properties = ctypes.create_string_buffer(_PROPERTIES_BYTES)
    vulkan.vkGetPhysicalDeviceProperties(device, properties)
    kind = int.from_bytes(properties.raw[_TYPE_AT:_NAME_AT], "little")
    name = properties.raw[_NAME_AT : _NAME_AT + _NAME_BYTES].split(b"\0", 1)[0]
    return Adapter(name.decode(errors="replace"), kind == _TYPE_CPU)
