// Where a tensor's elements live. The meta device has shapes and types but no elements; Cuda can be
// named and compared but holds no tensor in a build without it.
#pragma once
#include <cstdint>
#include <ostream>

namespace flambeau {

enum class DeviceType : uint8_t { Cpu, Meta, Cuda };

struct Device {
  DeviceType type = DeviceType::Cpu;
  int8_t index = -1;  // -1: not given
  bool is_meta() const { return type == DeviceType::Meta; }
  bool operator==(const Device& other) const { return type == other.type; }
};
inline constexpr Device kCpu{DeviceType::Cpu, -1};
inline constexpr Device kMeta{DeviceType::Meta, -1};

inline const char* name(DeviceType t) {
  return t == DeviceType::Cpu ? "cpu" : t == DeviceType::Meta ? "meta" : "cuda";
}
inline std::ostream& operator<<(std::ostream& out, Device d) {
  out << name(d.type);
  return d.index >= 0 ? out << ':' << static_cast<int>(d.index) : out;
}

}  // namespace flambeau
