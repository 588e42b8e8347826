// Orders in which the elements of a tensor may lie.
#pragma once
#include <cstdint>

namespace flambeau {

enum class MemoryFormat : uint8_t { Contiguous, ChannelsLast, ChannelsLast3d, Preserve };

}  // namespace flambeau
