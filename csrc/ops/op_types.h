// The types that appear in the signatures of operators.
#pragma once
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/generator.h"
#include "core/memory_format.h"
#include "core/tensor.h"
